//! Numbers in statistics files: zero is absent, and what JSON cannot say is a text.

#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls these with references"
)]

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(crate) fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

pub(crate) fn is_none(value: &u64) -> bool {
    *value == 0
}

pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_nan() {
        serializer.serialize_str("NaN")
    } else if *value == f64::INFINITY {
        serializer.serialize_str("Infinity")
    } else if *value == f64::NEG_INFINITY {
        serializer.serialize_str("-Infinity")
    } else {
        serializer.serialize_f64(*value)
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum NumberOrText {
        Number(f64),
        Text(String),
    }
    match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(value) => Ok(value),
        NumberOrText::Text(text) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(D::Error::custom(format!(
                "`{text}` is not a number; besides numbers, NaN, Infinity and -Infinity are"
            ))),
        },
    }
}
