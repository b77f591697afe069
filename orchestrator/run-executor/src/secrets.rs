//! Secrets: where they are found when an attempt is launched, and how they are kept out of everything else.
//!
//! They are never stored. A client may hand some over, which are held in memory; the others are looked
//! for in the environment of this process and in a `.env` beside the pipeline file. A name is looked for as the
//! variable of that name, then as the file that `NAME_FILE` names.

mod dotenv;

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use attempt_keeper::Masker;
use run_engine::plan::Node;
use run_engine::plan::expression::{reveal, secrets_of, secrets_of_node};
use run_engine::reason::{Reason, ReasonCode};
use run_engine::reuse::KeyParts;

use crate::limits::SECRET_BYTES_MAX;

/// The file beside a pipeline file in which secrets may stand.
pub(crate) const DOTENV: &str = ".env";

/// The secrets that clients handed over, by the pipeline file that they are for.
#[derive(Default)]
pub struct Secrets {
    held: Mutex<BTreeMap<PathBuf, BTreeMap<String, String>>>,
}

/// What an attempt is given that is recorded nowhere: the variables that speak of secrets, with these
/// in them, and its place in the run's trace.
#[derive(Default)]
pub(crate) struct Given {
    /// Values by name.
    pub(crate) variables: BTreeMap<String, String>,
    /// What must not be written down anywhere.
    pub(crate) masks: Vec<String>,
    /// Its place in the run's trace, if that is told to anybody.
    pub(crate) trace: Option<String>,
}

impl Secrets {
    /// Holds what a client has for the runs of a pipeline, beside what was handed over before.
    pub fn hold(&self, pipeline_file: &Path, secrets: BTreeMap<String, String>) {
        if secrets.is_empty() {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let of_file = held.entry(pipeline_file.to_path_buf()).or_default();
        of_file.extend(secrets.into_iter().filter(|(_, secret)| !secret.is_empty()));
    }

    /// The variables of a step that speak of secrets; what it waits for if one is missing.
    pub(crate) fn of(
        &self,
        node: &Node,
        key: &KeyParts,
        pipeline_file: &Path,
    ) -> Result<Given, Reason> {
        let mut secrets = BTreeMap::new();
        for name in secrets_of_node(node) {
            match self.find(&name, pipeline_file) {
                Ok(Some(secret)) => secrets.insert(name, secret),
                Ok(None) => return Err(missing(&name)),
                Err(error) => {
                    let text = format!("it waits for the secret `{name}`: {error}");
                    return Err(Reason::new(ReasonCode::Secret, text, name));
                }
            };
        }
        let mut given = Given::default();
        for (name, text) in &key.env {
            // What a value happens to hold is no expression; the plan says where there are some.
            let speaks = node
                .env
                .get(name)
                .is_some_and(|text| !secrets_of(text).is_empty());
            if !speaks {
                continue;
            }
            let revealed = reveal(text, &secrets).map_err(|error| {
                let masker = Masker::new(secrets.values());
                let text = format!("`env.{name}`: {}", masker.text(&error.to_string()));
                Reason::new(ReasonCode::Secret, text, name)
            })?;
            given.variables.insert(name.clone(), revealed.text);
            given.masks.extend(revealed.parts);
        }
        given.masks.extend(secrets.into_values());
        Ok(given)
    }

    fn find(&self, name: &str, pipeline_file: &Path) -> io::Result<Option<String>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = held
            .get(pipeline_file)
            .and_then(|of_file| of_file.get(name))
        {
            return Ok(Some(secret.clone()));
        }
        drop(held);
        if let Some(secret) = of_environment(name)? {
            return Ok(Some(secret));
        }
        let path = pipeline_file.with_file_name(DOTENV);
        let text = match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        Ok(dotenv::find(&text, name).filter(|secret| !secret.is_empty()))
    }
}

/// A secret in the environment of this process: the variable, or the file that `NAME_FILE` names,
/// without the line's end that editors add. An empty one is none.
pub fn of_environment(name: &str) -> io::Result<Option<String>> {
    if let Ok(secret) = env::var(name)
        && !secret.is_empty()
    {
        return Ok(Some(secret));
    }
    let Some(path) = env::var_os(format!("{name}_FILE")) else {
        return Ok(None);
    };
    let text = read(Path::new(&path))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    Ok(Some(secret.to_owned()).filter(|secret| !secret.is_empty()))
}

fn read(path: &Path) -> io::Result<String> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(named)?;
    let length = file
        .take(SECRET_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(named)?;
    if length as u64 > SECRET_BYTES_MAX {
        let text = format!("{} has more than {SECRET_BYTES_MAX} bytes", path.display());
        return Err(io::Error::other(text));
    }
    Ok(text)
}

fn missing(name: &str) -> Reason {
    let text = format!(
        "it waits for the secret `{name}`: write it to {DOTENV} beside the pipeline file, or set `{name}` (or \
         `{name}_FILE`, a file that holds it) and `ropewalk resume` the run"
    );
    Reason::new(ReasonCode::Secret, text, name)
}

/// Never shows a secret.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Secrets").finish_non_exhaustive()
    }
}
