//! The header that every value begins with, and the one codec behind it.

use run_engine::seams::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::failed;

/// `MessagePack`, structs as maps with names.
pub(crate) const NAMED: u8 = 1;
/// The address of an object that holds the value.
pub(crate) const ELSEWHERE: u8 = 2;
/// A folded journal; objects alone.
pub(crate) const FOLDED: u8 = 3;

/// Bytes of the header: codec, version.
pub(crate) const HEADER_BYTES: usize = 2;
/// Bytes of an address.
pub(crate) const ADDRESS_BYTES: usize = 32;

/// A kind of value.
pub(crate) trait Stored: Serialize + DeserializeOwned {
    /// What it is, for errors.
    const WHAT: &'static str;
    /// The version that is written; older ones are read too.
    const VERSION: u8 = 1;
}

/// The bytes of a value, header included.
pub(crate) fn encode<T: Stored>(value: &T) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![NAMED, T::VERSION];
    rmp_serde::encode::write_named(&mut bytes, value)
        .map_err(|error| failed(format!("writing {} failed", T::WHAT), error))?;
    Ok(bytes)
}

/// The bytes of a value that lies in an object.
pub(crate) fn elsewhere<T: Stored>(address: &[u8; ADDRESS_BYTES]) -> Vec<u8> {
    let mut bytes = vec![ELSEWHERE, T::VERSION];
    bytes.extend_from_slice(address);
    bytes
}

/// What a value's bytes are.
pub(crate) enum Content<'a> {
    /// The value.
    Here(&'a [u8]),
    /// The address of the object that holds the value.
    Elsewhere([u8; ADDRESS_BYTES]),
}

/// Looks at a value's header.
pub(crate) fn open<T: Stored>(bytes: &[u8]) -> Result<Content<'_>, StoreError> {
    let Some(([codec, version], content)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(damaged(T::WHAT, "it is shorter than its header"));
    };
    if *version > T::VERSION {
        let problem = format!("it has version {version}, which only a newer ropewalk reads");
        return Err(damaged(T::WHAT, &problem));
    }
    match (*codec, <[u8; ADDRESS_BYTES]>::try_from(content)) {
        (NAMED, _) => Ok(Content::Here(content)),
        (ELSEWHERE, Ok(address)) => Ok(Content::Elsewhere(address)),
        (ELSEWHERE, Err(_)) => Err(damaged(T::WHAT, "the address in it is not 32 bytes")),
        (other, _) => Err(damaged(
            T::WHAT,
            &format!("it has the unknown codec {other}"),
        )),
    }
}

/// A value out of what follows its header.
pub(crate) fn decode<T: Stored>(content: &[u8]) -> Result<T, StoreError> {
    rmp_serde::from_slice(content)
        .map_err(|error| failed(format!("{} in the store cannot be read", T::WHAT), error))
}

/// The sentence for bytes that say something impossible.
pub(crate) fn damaged(what: &str, problem: &str) -> StoreError {
    StoreError {
        message: format!("{what} in the store cannot be read: {problem}"),
        source: None,
    }
}
