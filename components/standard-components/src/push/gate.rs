//! Whether a model may be published: every blessing must be for this very model, and for it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Source;
use crate::blessing;
use crate::invocation::Failure;

/// What a push reads of a blessing; other components may say more.
#[derive(Debug, Deserialize)]
struct Blessing {
    #[serde(default)]
    kind: String,
    model_digest: String,
    pass: bool,
    #[serde(default)]
    reason: String,
}

/// Reads all blessings; the inner error is the reason for a refusal.
pub(super) fn check(
    blessings: &[PathBuf],
    model: &Source,
    note: impl Fn(&str),
) -> Result<Result<(), String>, Failure> {
    if blessings.is_empty() {
        return Ok(Err(format!(
            "`{}` was not pushed: no blessing was given; connect `blessings: [evaluate.blessing]`",
            model.name
        )));
    }
    let mut refusals = Vec::new();
    for path in blessings {
        let blessing = read(path)?;
        let kind = match blessing.kind.as_str() {
            "" => "unnamed",
            kind => kind,
        };
        let refusal = refusal(&blessing, kind, model);
        if refusal.is_none() {
            note(&format!("{kind}: blessed: {}", blessing.reason));
        }
        refusals.extend(refusal);
    }
    if refusals.is_empty() {
        return Ok(Ok(()));
    }
    Ok(Err(format!(
        "`{}` was not pushed: {}",
        model.name,
        refusals.join("; ")
    )))
}

fn refusal(blessing: &Blessing, kind: &str, model: &Source) -> Option<String> {
    if blessing.model_digest != model.digest {
        return Some(format!(
            "its `{kind}` blessing is for another model: for {}, not for {}",
            start(&blessing.model_digest),
            start(&model.digest)
        ));
    }
    if blessing.pass {
        return None;
    }
    let reason = match blessing.reason.as_str() {
        "" => "it gives no reason",
        reason => reason,
    };
    Some(format!("its `{kind}` blessing is against it: {reason}"))
}

fn read(path: &Path) -> Result<Blessing, Failure> {
    let file = if path.is_dir() {
        path.join(blessing::FILE)
    } else {
        path.to_owned()
    };
    let text = fs::read(&file)
        .map_err(|e| Failure::new(format!("cannot read {}: {e}", file.display())))?;
    serde_json::from_slice(&text)
        .map_err(|e| Failure::new(format!("{} is no blessing: {e}", file.display())))
}

/// Digits of a digest that people compare.
const DIGITS_SHOWN: usize = 12;

/// The beginning of a digest.
pub(super) fn start(digest: &str) -> &str {
    digest.get(..DIGITS_SHOWN).unwrap_or(digest)
}
