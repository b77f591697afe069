//! What an attempt left: read, checked, digested, synced and made read-only.
//!
//! Everything here is done before the end of the attempt is reported, so that what is recorded is
//! complete and survives a loss of power. Doing it again, after a crash, gives the same.

mod artifact;
mod blessing;
pub(crate) mod layout_check;
pub(crate) mod masking;
mod parameters;
pub(crate) mod properties;
pub(crate) mod tree;

pub(crate) use artifact::digest;

pub use blessing::bless;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use attempt_keeper::ExitStatus;
use chrono::{DateTime, Utc};
use component_api::contract::{EXIT_REFUSED, ExecutorOutput};
use run_engine::artifact::Outputs;
use run_engine::decide::{AttemptOutcome, AttemptReport};
use run_engine::event::Exit;
use run_engine::failure_code::FailureCode;
use run_engine::plan::OutputKind;
use run_engine::reason::Failure;

use crate::failures;
use crate::launch::Attempt;
use crate::limits::ANSWER_BYTES_MAX;
use crate::memo::{DigestMemo, file_state};

/// How an attempt ended and what it left, after its process and all that this one started are gone.
pub(crate) fn look(attempt: &Attempt<'_>, status: &ExitStatus, memo: &DigestMemo) -> AttemptReport {
    let answer = read_answer(&attempt.path(&attempt.layout.executor_output()));
    let is_good = !status.timed_out && matches!(status.code, Some(0 | EXIT_REFUSED));
    let outcome = match answer {
        Ok(answer) if is_good => collect(attempt, status, &answer.unwrap_or_default(), memo),
        Err(failure) if is_good => Err(failure),
        // Why it failed matters more than that it also left garbage.
        answer => Err(failures::end(status, answer.ok().flatten().as_ref())),
    };
    AttemptReport {
        exit: Some(exit(status)),
        outcome: outcome.unwrap_or_else(AttemptOutcome::Failed),
    }
}

fn collect(
    attempt: &Attempt<'_>,
    status: &ExitStatus,
    answer: &ExecutorOutput,
    memo: &DigestMemo,
) -> Result<AttemptOutcome, Failure> {
    check_inputs(attempt)?;
    let mut outputs = Outputs {
        parameters: parameters::read(attempt, answer)?,
        ..Outputs::default()
    };
    let created_at = time(status.ended_at_us);
    let artifacts = attempt.node.outputs.iter();
    let artifacts = artifacts.filter(|(_, plan)| plan.kind == OutputKind::Artifact);
    for ((port, plan), number) in artifacts.zip(1_u16..) {
        let port = artifact::Port {
            name: port,
            plan,
            number,
            metadata: answer
                .artifacts
                .get(port)
                .and_then(|list| list.artifacts.first()),
        };
        if let Some(found) = artifact::record(attempt, &port, created_at, memo)? {
            outputs.artifacts.insert(port.name.clone(), Arc::new(found));
        }
    }
    if !outputs.artifacts.is_empty() {
        tree::sync_ancestors(&attempt.layout, attempt.state_dir)?;
    }
    let outputs = Arc::new(outputs);
    if status.code != Some(EXIT_REFUSED) {
        return Ok(AttemptOutcome::Succeeded(outputs));
    }
    let reason = if answer.reason.is_empty() {
        format!("it ended with exit status {EXIT_REFUSED}, which says no; its log may say why")
    } else {
        failures::sentence(&answer.reason)
    };
    Ok(AttemptOutcome::Refused { outputs, reason })
}

/// External files and imports must be what they were when they were fingerprinted, or what was made of them is
/// not what its record says.
fn check_inputs(attempt: &Attempt<'_>) -> Result<(), Failure> {
    for (port, artifact) in attempt.external_inputs() {
        for file in &artifact.files {
            // The path of an import is absolute, and so are those of the files of Files.
            let root = Path::new(&artifact.path);
            let path = &match file.path.as_str() {
                "." => root.to_path_buf(),
                path => root.join(path),
            };
            let what = match std::fs::metadata(path) {
                Ok(now) if file_state(&now) == file.state => continue,
                Ok(_) => "was changed",
                Err(error) if error.kind() == io::ErrorKind::NotFound => "was removed",
                Err(error) => {
                    return Err(failures::io(
                        FailureCode::InputChanged,
                        "looking at",
                        path,
                        &error,
                    ));
                }
            };
            let message = format!(
                "input `{port}`: {} {what} while the step ran",
                path.display()
            );
            let hint = "run it again when nobody writes there any more";
            return Err(Failure::new(FailureCode::InputChanged, message).hint(hint));
        }
    }
    Ok(())
}

/// The `ExecutorOutput`, if the attempt wrote one.
fn read_answer(path: &Path) -> Result<Option<ExecutorOutput>, Failure> {
    let Some(text) = read_small(path)? else {
        return Ok(None);
    };
    match serde_json::from_str(&text) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => {
            let message = format!(
                "what it wrote to {} is no ExecutorOutput: {error}",
                path.display()
            );
            let hint = "write Kubeflow's ExecutorOutput, or nothing: the file is optional";
            Err(Failure::new(FailureCode::OutputInvalid, message).hint(hint))
        }
    }
}

/// The text of a file that the attempt may have written; `None` if it did not.
fn read_small(path: &Path) -> Result<Option<String>, Failure> {
    let unreadable =
        |error: &io::Error| failures::io(FailureCode::OutputInvalid, "reading", path, error);
    let invalid = |what: &str| {
        Failure::new(
            FailureCode::OutputInvalid,
            format!("{} {what}", path.display()),
        )
    };
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => {}
        // A fifo would be waited for, a link could lead to one.
        Ok(_) => return Err(invalid("is no plain file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    file.take(ANSWER_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > ANSWER_BYTES_MAX {
        let what = format!(
            "is larger than {} MiB; larger data is an artifact",
            ANSWER_BYTES_MAX >> 20
        );
        return Err(invalid(&what));
    }
    let text = String::from_utf8(bytes).map_err(|_| invalid("is no UTF-8 text"))?;
    Ok(Some(text))
}

fn exit(status: &ExitStatus) -> Exit {
    Exit {
        code: status.code,
        signal: status.signal,
        timed_out: status.timed_out,
        started_at: time(status.started_at_us),
        ended_at: time(status.ended_at_us),
        cpu_ms: status.cpu_ms,
        memory_max_bytes: status.memory_max_bytes,
    }
}

fn time(microseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(microseconds).unwrap_or_default()
}
