//! Tokens: who has one may read, or do everything.
//!
//! The daemon knows only their digests, which are read anew when the file that holds them changes.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use axum::http::{HeaderMap, header};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::http::chain;
use crate::limits::RELOAD_PAUSE;
use crate::serve_config::ServeConfig;

/// What a token is good for; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Looking.
    Read,
    /// Everything: starting what pipelines say, as the daemon's user.
    Operator,
}

impl Scope {
    /// As the configuration writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operator => "operator",
        }
    }
}

/// A token, of which only the digest is known.
#[derive(Debug, Clone)]
pub struct Token {
    /// What people call it.
    pub name: String,
    /// What it is good for.
    pub scope: Scope,
    digest: blake3::Hash,
}

impl Token {
    /// The token whose SHA-256 digest is `sha256` in hexadecimal digits.
    pub fn new(name: &str, scope: Scope, sha256: &str) -> Result<Self, String> {
        let bad = || "`sha256` is the digest of the token in 64 hexadecimal digits: `printf %s TOKEN | sha256sum`";
        // Another algorithm's type, for its comparison in constant time.
        let digest = blake3::Hash::from_hex(sha256).map_err(|_| bad())?;
        Ok(Self {
            name: name.to_owned(),
            scope,
            digest,
        })
    }
}

/// The tokens that are good now. Clones are the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    tokens: Arc<RwLock<Vec<Token>>>,
    /// Whether there were tokens at the start: a file that loses them must not open the door.
    needed: bool,
}

impl Keys {
    pub(crate) fn new(tokens: Vec<Token>) -> Self {
        Self {
            needed: !tokens.is_empty(),
            tokens: Arc::new(RwLock::new(tokens)),
        }
    }

    /// Whether whoever comes must have one.
    pub(super) fn are_there(&self) -> bool {
        self.needed || !self.read().is_empty()
    }

    /// What the token is good for that comes with a request; none if there is none that is known.
    pub(super) fn scope_of(&self, headers: &HeaderMap) -> Option<Scope> {
        let digest = blake3::Hash::from_bytes(Sha256::digest(given(headers)?).into());
        let tokens = self.read();
        let good = tokens.iter().filter(|token| token.digest == digest);
        good.map(|token| token.scope).max()
    }

    /// Reads them anew whenever the file changes, for ever. A file that cannot be read changes nothing.
    pub(crate) async fn follow(self, file: PathBuf) {
        let mut seen = mark(&file);
        loop {
            tokio::time::sleep(RELOAD_PAUSE).await;
            let now = mark(&file);
            if now == seen {
                continue;
            }
            seen = now;
            match ServeConfig::read(&file) {
                Ok(config) => {
                    tracing::info!("{} tokens are good from now on", config.tokens.len());
                    *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = config.tokens;
                }
                Err(error) => tracing::error!("the tokens stay as they are: {}", chain(&error)),
            }
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Token>> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What changes when a file does.
fn mark(file: &PathBuf) -> Option<(SystemTime, u64, u64)> {
    let data = fs::metadata(file).ok()?;
    let inode = std::os::unix::fs::MetadataExt::ino(&data);
    Some((data.modified().ok()?, data.len(), inode))
}

/// The token that comes with a request: as `Bearer`, or as the password that a browser asked for.
fn given(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = base64(rest)?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        return Some(decoded[colon + 1..].to_vec());
    }
    None
}

/// The bytes that a text in base64 stands for (RFC 4648, section 4).
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}
