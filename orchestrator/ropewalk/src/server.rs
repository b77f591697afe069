//! A server that is spoken to over TCP, as `--server` names it.
//!
//! Nothing is started and nothing is read from this machine but the token.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use orchestrator_api::{Client, ClientError};
use tokio::time::timeout;

use crate::context::Place;
use crate::error::CliError;
use crate::limits::{GREETING_MAX, TOKEN_FILE_BYTES_MAX};
use crate::reaching::Pause;

/// A server.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    token_file: Option<PathBuf>,
}

impl Server {
    /// The server that the command line names, if it names one.
    pub(crate) fn of(place: &Place) -> Option<Self> {
        Some(Self {
            url: place.server.clone()?,
            token_file: place.token_file.clone(),
        })
    }

    /// A client of it. One that is not there yet, or that is started anew, is waited for a while.
    pub(crate) async fn reach(&self) -> Result<Client, CliError> {
        let client = self.client()?;
        let mut pause = Pause::new();
        loop {
            match timeout(GREETING_MAX, client.daemon()).await {
                Ok(Ok(_)) => return Ok(client),
                Ok(Err(error)) if error.is_disconnect() && pause.wait().await => {}
                Ok(Err(error)) if error.is_disconnect() => return Err(self.unreachable(error)),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => {
                    let message = format!("{} takes connections and does not answer", self.url);
                    return Err(CliError::unusable(message));
                }
            }
        }
    }

    /// A client of it, if it answers now.
    pub(crate) async fn present(&self) -> Result<Option<Client>, CliError> {
        let client = self.client()?;
        match client.daemon().await {
            Ok(_) => Ok(Some(client)),
            Err(error) if error.is_disconnect() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn client(&self) -> Result<Client, CliError> {
        let token = self.token_file.as_deref().map(token).transpose()?;
        Client::over_tcp(&self.url, token.as_deref()).map_err(|e| {
            CliError::usage(format!("the server `{}` cannot be spoken to", self.url)).because(e)
        })
    }

    fn unreachable(&self, error: ClientError) -> CliError {
        CliError::unusable(format!("no server answers at {}", self.url))
            .because(error)
            .hint("`ropewalk serve` starts one")
    }
}

/// The token that a file holds, without the line's end.
fn token(file: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = File::open(file)
        .and_then(|opened| opened.take(TOKEN_FILE_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|e| {
        CliError::usage(format!("the token in {} cannot be read", file.display())).because(e)
    })?;
    Ok(text.trim().to_owned())
}
