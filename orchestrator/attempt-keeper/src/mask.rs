//! Taking secrets out of a stream: each is replaced by `***`, wherever the stream was cut into pieces.
//!
//! Of a value with several lines each line is a secret too: programs print such values line by line.

use std::collections::BTreeSet;

use crate::limits::MASKED_LINE_BYTES_MIN;

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// Takes these secrets out of one stream.
#[derive(Clone)]
pub struct Masker {
    /// The longest first.
    secrets: Vec<Vec<u8>>,
    /// The end of what was read, which a secret may begin with.
    held: Vec<u8>,
}

impl Masker {
    /// For these secrets. Empty ones are none.
    pub fn new<Secret: AsRef<str>>(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut all = BTreeSet::new();
        for secret in secrets {
            let secret = secret.as_ref();
            let lines = secret.lines().map(str::trim);
            all.extend(
                lines
                    .filter(|line| line.len() >= MASKED_LINE_BYTES_MIN)
                    .map(str::to_owned),
            );
            all.insert(secret.to_owned());
            all.insert(secret.trim().to_owned());
        }
        all.remove("");
        let mut secrets: Vec<Vec<u8>> = all.into_iter().map(String::into_bytes).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self {
            secrets,
            held: Vec::new(),
        }
    }

    /// The next piece of the stream, without secrets. Its end may be held until more of it is known.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.take(true)
    }

    /// What was held, at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        self.take(false)
    }

    /// A whole text without secrets.
    pub fn text(&self, text: &str) -> String {
        let mut whole = Self {
            secrets: self.secrets.clone(),
            held: text.as_bytes().to_vec(),
        };
        // Whole secrets are taken out of a text, and what is left is text.
        String::from_utf8_lossy(&whole.take(false)).into_owned()
    }

    fn take(&mut self, more_may_follow: bool) -> Vec<u8> {
        let mut clean = Vec::with_capacity(self.held.len());
        let mut at = 0;
        while at < self.held.len() {
            let rest = &self.held[at..];
            let may_begin =
                |secret: &Vec<u8>| secret.len() > rest.len() && secret.starts_with(rest);
            if more_may_follow && self.secrets.iter().any(may_begin) {
                break;
            }
            let found = self.secrets.iter().find(|secret| rest.starts_with(secret));
            clean.extend_from_slice(found.map_or(&rest[..1], |_| MASK.as_bytes()));
            at += found.map_or(1, Vec::len);
        }
        self.held.drain(..at);
        clean
    }
}

/// Never shows what it takes out.
impl std::fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secrets = self.secrets.len();
        write!(formatter, "Masker of {secrets} secrets")
    }
}
