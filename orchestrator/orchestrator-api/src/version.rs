//! The first field of every document.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `"version": 1`. Fields may be added within a version; anything else is a new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DocumentVersion;

const VERSION: u32 = 1;

impl utoipa::PartialSchema for DocumentVersion {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::Integer)
            .enum_values(Some([VERSION]))
            .into()
    }
}

impl utoipa::ToSchema for DocumentVersion {}

impl Serialize for DocumentVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(VERSION)
    }
}

impl<'de> Deserialize<'de> for DocumentVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            VERSION => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "documents of version {other} are not known here, only of version {VERSION}"
            ))),
        }
    }
}
