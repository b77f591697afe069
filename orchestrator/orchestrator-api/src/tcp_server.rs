//! The transport to a server over TCP, with TLS where its URL says so.
//!
//! Certificates are held against the system's roots, or those of the file that `SSL_CERT_FILE` names.

use std::fmt;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::http_call;
use crate::transport::{Answer, BoxFuture, Call, Transport, TransportError};

/// Why a server cannot be spoken to at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The URL is none of a server.
    #[error("`{url}` is no address of a server; give one like `http://127.0.0.1:7575`")]
    BadUrl {
        /// What was given.
        url: String,
    },
    /// The token holds what a header cannot.
    #[error("the token is no single line of visible ASCII characters")]
    BadToken,
    /// The HTTP client cannot be made, for want of root certificates, say.
    #[error("no connection can be made")]
    Client(#[source] reqwest::Error),
}

/// A transport to a server. Connections are made as requests need them.
pub struct TcpServer {
    http: reqwest::Client,
    base: String,
}

impl fmt::Debug for TcpServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds the token.
        formatter
            .debug_tuple("TcpServer")
            .field(&self.base)
            .finish()
    }
}

impl TcpServer {
    /// For the server at this URL, of which only scheme, host and port may be given.
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, ServerError> {
        let base = base(url).ok_or_else(|| ServerError::BadUrl {
            url: url.to_owned(),
        })?;
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value = value.map_err(|_| ServerError::BadToken)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = http_call::builder(base.starts_with("https:"))
            .default_headers(headers)
            .build()
            .map_err(ServerError::Client)?;
        Ok(Self { http, base })
    }
}

/// The URL without a final `/`, if it is one of a server.
fn base(url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let is_plain = ["http", "https"].contains(&parsed.scheme())
        && parsed.has_host()
        && parsed.path() == "/"
        && parsed.query().is_none()
        && parsed.fragment().is_none()
        && parsed.username().is_empty()
        && parsed.password().is_none();
    is_plain.then(|| parsed.as_str().trim_end_matches('/').to_owned())
}

impl Transport for TcpServer {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>> {
        http_call::send(&self.http, &self.base, call)
    }
}
