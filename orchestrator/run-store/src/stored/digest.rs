//! Digests and addresses as rows hold them: 32 bytes, not 64 digits.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A digest in hex. What is not 64 lower-case digits is kept as the text that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest(pub(crate) String);

impl From<&String> for Digest {
    fn from(hex: &String) -> Self {
        Self(hex.clone())
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match blake3::Hash::from_hex(&self.0) {
            // Upper-case digits would come back in lower case.
            Ok(hash) if hash.to_hex().as_str() == self.0 => {
                serializer.serialize_bytes(hash.as_bytes())
            }
            _ => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DigestVisitor)
    }
}

struct DigestVisitor;

impl Visitor<'_> for DigestVisitor {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest: 32 bytes, or text")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Digest, E> {
        let bytes: [u8; 32] = bytes
            .try_into()
            .map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(Digest(blake3::Hash::from_bytes(bytes).to_hex().to_string()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
        Ok(Digest(text.to_owned()))
    }
}
