//! Idempotency keys: who asks twice with the same key is told of the same run.
//!
//! The run's identity is chosen and written down before the run is asked for; so whatever dies in
//! between, the second request finds the identity, and then the run or that there is none yet.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use axum::http::HeaderMap;
use run_engine::ids::RunId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::problem::Refusal;
use crate::limits::{KEY_CHARACTERS_MAX, KEYS_KEPT};

/// The header, after the draft of the IETF's HTTPAPI group.
const HEADER: &str = "idempotency-key";

/// The folder of the keys in the state folder.
const FOLDER: &str = "requests";

/// A key that came with a request.
#[derive(Debug, Clone)]
pub(super) struct Key {
    file: PathBuf,
    /// Of what was asked for.
    digest: String,
}

/// What is known of a key.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    run_id: Uuid,
    request: String,
}

impl Key {
    /// The key that comes with this request, if one does.
    pub(super) fn of(
        headers: &HeaderMap,
        state_dir: &Path,
        request: &impl Serialize,
    ) -> Result<Option<Self>, Refusal> {
        let Some(key) = headers.get(HEADER) else {
            return Ok(None);
        };
        let key = key.to_str().unwrap_or_default();
        let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > KEY_CHARACTERS_MAX || !is_visible {
            let detail =
                format!("an idempotency key is 1 to {KEY_CHARACTERS_MAX} visible ASCII characters");
            return Err(Refusal::bad_request("bad_idempotency_key", detail));
        }
        let request = serde_json::to_vec(request)
            .map_err(|error| Refusal::internal(format!("a request cannot be written: {error}")))?;
        let name = blake3::hash(key.as_bytes()).to_hex();
        Ok(Some(Self {
            file: state_dir.join(FOLDER).join(name.as_str()),
            digest: blake3::hash(&request).to_hex().to_string(),
        }))
    }

    /// The identity that the run has or is to have.
    pub(super) fn run(&self) -> Result<RunId, Refusal> {
        match fs::read(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let run = RunId(Uuid::now_v7());
                self.keep(run)?;
                Ok(run)
            }
            Err(error) => Err(Refusal::reading(&error)),
            Ok(text) => {
                let kept: Kept = serde_json::from_slice(&text)
                    .map_err(|error| Refusal::reading(&error.into()))?;
                if kept.request == self.digest {
                    return Ok(RunId(kept.run_id));
                }
                let detail = "this idempotency key came with another request before";
                Err(Refusal::unprocessable("idempotency_key_reused", detail)
                    .hint("take a new key for what is not the same request"))
            }
        }
    }

    /// Writes down which run the key stands for.
    pub(super) fn keep(&self, run: RunId) -> Result<(), Refusal> {
        let kept = Kept {
            run_id: run.0,
            request: self.digest.clone(),
        };
        let text = serde_json::to_vec(&kept).map_err(|error| Refusal::reading(&error.into()))?;
        write(&self.file, &text).map_err(|error| {
            Refusal::internal(format!("an idempotency key cannot be kept: {error}"))
        })
    }
}

/// Aside, synced, then in place; the folder is synced too.
fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let aside = file.with_extension("new");
    let mut new = File::create(&aside)?;
    new.write_all(text)?;
    new.sync_all()?;
    fs::rename(&aside, file)?;
    File::open(folder)?.sync_all()
}

/// Forgets keys that are older than anybody asks again. What cannot be removed stays.
pub(crate) fn forget_old(state_dir: &Path) {
    let entries = fs::read_dir(state_dir.join(FOLDER)).into_iter().flatten();
    for entry in entries.flatten() {
        let written = entry.metadata().and_then(|data| data.modified());
        let age = written
            .ok()
            .and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > KEYS_KEPT) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
