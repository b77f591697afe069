//! What steps do on a machine in memory: what they find, how they end, what they give.

use std::sync::Arc;

use chrono::DateTime;
use component_api::files::{ExternalFile, FileEntry, FilesManifest};
use pipeline_plan::OutputKind;
use run_engine::artifact::{Artifact, FileState, Outputs};
use run_engine::decide::{AttemptOutcome, AttemptReport};
use run_engine::event::Exit;
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;
use run_engine::reuse::FileSet;
use run_engine::seams::{KeyFiles, LaunchTask, PrepareTask, Prepared, VerifyTask};

use super::{Act, State};

impl State {
    pub(super) fn outcome(&self, task: &LaunchTask) -> AttemptReport {
        let own = self.acts.get(&task.name());
        let act = own.or_else(|| self.acts.get(&task.node().id));
        let outputs = || Arc::new(self.outputs(task));
        let (status, outcome) = match act.unwrap_or(&Act::Succeed) {
            Act::Succeed => (0, AttemptOutcome::Succeeded(outputs())),
            Act::Refuse(reason) => (
                65,
                AttemptOutcome::Refused {
                    outputs: outputs(),
                    reason: reason.clone(),
                },
            ),
            Act::FailBefore { attempt, .. } if task.started.attempt >= *attempt => {
                (0, AttemptOutcome::Succeeded(outputs()))
            }
            Act::FailBefore { status, .. } => {
                let failure = Failure::new(
                    FailureCode::ExitStatus,
                    format!("it ended with status {status}"),
                );
                (*status, AttemptOutcome::Failed(failure))
            }
            Act::Fail => {
                let failure = Failure::new(FailureCode::ExitStatus, "it ended with status 1");
                (1, AttemptOutcome::Failed(failure))
            }
        };
        AttemptReport {
            exit: Some(exit(Some(status), None)),
            outcome,
        }
    }

    fn outputs(&self, task: &LaunchTask) -> Outputs {
        let (node, started, attempt) = (task.node(), &task.started, task.attempt());
        let mut outputs = Outputs::default();
        let mut number = 0;
        for (port, output) in &node.outputs {
            let place = (node.id.clone(), port.clone());
            if output.kind == OutputKind::Parameter {
                let value = self.values.get(&place).cloned().unwrap_or_default();
                outputs.parameters.insert(port.clone(), value);
                continue;
            }
            number += 1;
            let artifact = Artifact {
                id: started.execution.artifact(number),
                type_name: output.type_name.clone(),
                type_version: 1,
                step: node.id.clone(),
                item_index: task.item.as_ref().map(|of| of.item.index),
                port: port.clone(),
                run: attempt.run,
                path: format!(
                    "runs/{}/{}.{}/outputs/{port}",
                    attempt.run,
                    task.name(),
                    attempt.number
                ),
                digest: format!("{port} of {}", started.key.digest()),
                size_bytes: 1,
                files: Vec::new(),
                properties: self.properties.get(&place).cloned().unwrap_or_default(),
                created_at: started.at,
            };
            outputs.artifacts.insert(port.clone(), Arc::new(artifact));
        }
        outputs
    }

    /// What a step's files are found to be; also for tests of planning.
    pub fn prepare(&self, task: &PrepareTask) -> Result<Prepared, Failure> {
        let mut prepared = Prepared {
            program: task.program.as_ref().map(|name| format!("/bin/{name}")),
            ..Prepared::default()
        };
        if task.key_files != KeyFiles::None {
            let file = FileEntry {
                path: "step.py".to_owned(),
                size_bytes: 1,
                digest: self.project.clone(),
            };
            prepared.key_files = Some(Arc::new(FileSet::new(vec![file])));
        }
        for (port, globs) in &task.files {
            let mut files = Vec::new();
            for name in globs {
                let Some(content) = self.files.get(name) else {
                    let message = format!("no file matches `{name}`");
                    return Err(Failure::new(FailureCode::NoMatch, message));
                };
                files.push(ExternalFile {
                    path: format!("/project/{name}"),
                    name: name.clone(),
                    size_bytes: content.len() as u64,
                    digest: content.clone(),
                });
            }
            let state = FileState {
                size_bytes: 1,
                mtime_ns: 0,
                ctime_ns: 0,
                inode: 1,
            };
            let states = vec![state; files.len()];
            let manifest = FilesManifest {
                format_version: 1,
                span: None,
                version: None,
                files,
            };
            prepared.files.insert(port.clone(), (manifest, states));
        }
        Ok(prepared)
    }

    /// What of recorded outputs is gone; also for tests of planning.
    pub fn verify(&self, task: &VerifyTask) -> Option<String> {
        let mut artifacts = task.outputs.artifacts.values();
        let gone = artifacts.find(|artifact| self.gone.contains(&artifact.id))?;
        Some(format!("`{}` is gone", gone.path))
    }
}

/// The end of a process.
pub(super) fn exit(code: Option<i32>, signal: Option<i32>) -> Exit {
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
    Exit {
        code,
        signal,
        timed_out: false,
        started_at: at,
        ended_at: at,
        cpu_ms: 0,
        memory_max_bytes: 0,
    }
}
