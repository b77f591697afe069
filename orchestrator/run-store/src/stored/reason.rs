//! Reasons and failures as rows hold them.

use run_engine::reason::{Failure, Reason, ReasonCode};
use run_engine::seams::StoreError;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};

use super::codec::damaged;

/// Why something was decided about a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredReason {
    /// A word of the command line's documents.
    code: String,
    text: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    detail: String,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredFailure {
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    hint: String,
}

impl From<&Reason> for StoredReason {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.word().to_owned(),
            text: reason.text.clone(),
            detail: reason.detail.clone(),
        }
    }
}

impl TryFrom<StoredReason> for Reason {
    type Error = StoreError;

    fn try_from(stored: StoredReason) -> Result<Self, StoreError> {
        let word: StrDeserializer<'_, Error> = stored.code.as_str().into_deserializer();
        let code = ReasonCode::deserialize(word).map_err(|_| {
            damaged(
                "a reason",
                &format!("`{}` is no code of a reason", stored.code),
            )
        })?;
        Ok(Self {
            code,
            text: stored.text,
            detail: stored.detail,
        })
    }
}

impl From<&Failure> for StoredFailure {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code.clone(),
            message: failure.message.clone(),
            hint: failure.hint.clone(),
        }
    }
}

impl From<StoredFailure> for Failure {
    fn from(stored: StoredFailure) -> Self {
        Self {
            code: stored.code,
            message: stored.message,
            hint: stored.hint,
        }
    }
}
