//! The connection to the keeper, made or made again, and what the keeper holds at that moment.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use attempt_keeper::{Answer, KeeperClient, KeeperError, KeeperMessage, Request};

use super::dispatcher::Message;
use crate::limits::LIST_WAIT_MAX;

/// A connection, by a number that is never given twice.
pub(super) type ConnectionId = u64;

/// A connected keeper.
pub(super) struct Link {
    pub(super) client: KeeperClient,
    /// Names of the attempts that it held when it was connected to.
    pub(super) held: BTreeSet<String>,
}

/// Connects to the keeper or starts one. Its answers become messages that name this connection.
pub(super) fn connect(
    state_dir: &Path,
    keeper_argv: &[String],
    connection: ConnectionId,
    messages: Sender<Message>,
) -> Result<Link, KeeperError> {
    let (list_sender, list) = channel();
    let mut list_sender = Some(list_sender);
    let on_answer = move |message| {
        let list = match message {
            KeeperMessage::Answer(Answer::Held { attempts }) if list_sender.is_some() => attempts,
            // An older keeper: launches tell the same, one by one.
            KeeperMessage::Answer(Answer::Unsupported { .. }) if list_sender.is_some() => {
                Vec::new()
            }
            message => {
                if message == KeeperMessage::Disconnected {
                    list_sender = None;
                }
                // The dispatcher is gone when the executor is.
                let _ = messages.send(Message::Keeper {
                    connection,
                    message,
                });
                return;
            }
        };
        if let Some(sender) = list_sender.take() {
            let _ = sender.send(list);
        }
    };
    let client = KeeperClient::connect_or_start(state_dir, keeper_argv, Box::new(on_answer))?;
    client.send(&Request::List)?;
    let held = list
        .recv_timeout(LIST_WAIT_MAX)
        .map_err(|_| KeeperError::Silent {
            state_dir: state_dir.to_path_buf(),
            pid: Some(client.greeting().pid),
        })?;
    Ok(Link {
        client,
        held: held.into_iter().collect(),
    })
}
