//! Persisted events and executions to the engine's: what a row refers to is read and put in.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipeline_plan::NodeId;
use run_engine::artifact::{Artifact, Outputs};
use run_engine::event::{ApprovalRequest, Event, RunCreated, StepEnded, StepReused, StepStarted};
use run_engine::ids::{ArtifactId, ExecutionId, RunId};
use run_engine::reason::Reason;
use run_engine::seams::StoreError;
use uuid::Uuid;

use super::rows::Rows;
use crate::keys;
use crate::stored::approval::{StoredAnswered, StoredAsked};
use crate::stored::block::Reuse;
use crate::stored::event::{StoredEnded, StoredEvent, impossible};
use crate::stored::execution::{StoredExecution, StoredStarted};
use crate::stored::run::StoredRun;

/// Reads what rows refer to, each execution once.
pub(crate) struct Resolver<'a> {
    rows: &'a Rows,
    executions: BTreeMap<ExecutionId, Arc<Gave>>,
}

/// What an execution has of interest to others.
#[derive(Debug)]
pub(crate) struct Gave {
    pub(crate) run: RunId,
    pub(crate) outputs: Arc<Outputs>,
    /// External files that it read.
    pub(crate) files: Vec<Arc<Artifact>>,
    pub(crate) refused: Option<Reason>,
    reuse_key: Option<String>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(rows: &'a Rows) -> Self {
        Self {
            rows,
            executions: BTreeMap::new(),
        }
    }

    /// What an execution that is over gave.
    pub(crate) fn gave(&mut self, execution: ExecutionId) -> Result<Arc<Gave>, StoreError> {
        if let Some(gave) = self.executions.get(&execution) {
            return Ok(Arc::clone(gave));
        }
        let row: Option<StoredExecution> = self.rows.get(&keys::of_execution(execution))?;
        let row = row.ok_or_else(|| impossible(&format!("execution {execution} is missing")))?;
        let gave = Arc::new(Gave::try_from(row)?);
        self.executions.insert(execution, Arc::clone(&gave));
        Ok(gave)
    }

    /// How a run was made.
    pub(crate) fn created(&self, run: RunId) -> Result<RunCreated, StoreError> {
        let row: Option<StoredRun> = self.rows.get(&keys::of_run(keys::RUN, run))?;
        let row = row.ok_or_else(|| impossible(&format!("run {run} has no row of its own")))?;
        let plan = self.rows.plan(&row.plan)?;
        row.with_plan(run, plan)
    }

    /// An event of this run; a block of reuses is none.
    #[expect(clippy::too_many_lines, reason = "an arm for each kind of event")]
    pub(crate) fn event(&mut self, run: RunId, stored: StoredEvent) -> Result<Event, StoreError> {
        Ok(match stored {
            StoredEvent::Created {} => Event::RunCreated(Arc::new(self.created(run)?)),
            StoredEvent::Resumed { at } => Event::RunResumed { at: at.try_into()? },
            StoredEvent::Started(started) => Event::StepStarted(Arc::new(self.started(*started)?)),
            StoredEvent::Adopted { node, attempt, at } => Event::StepAdopted {
                node: NodeId(node),
                attempt,
                at: at.try_into()?,
            },
            StoredEvent::Succeeded(ended) => Event::StepSucceeded(self.ended(&ended)?.0),
            StoredEvent::Refused(ended) => {
                let (ended, reason) = self.ended(&ended)?;
                let reason = reason.ok_or_else(|| impossible("a refusal without a reason"))?;
                Event::StepRefused { ended, reason }
            }
            StoredEvent::Reused(_) => {
                return Err(impossible("a block of reuses inside of another"));
            }
            StoredEvent::Failed {
                node,
                attempt,
                failure,
                exit,
                at,
            } => Event::StepFailed {
                node: NodeId(node),
                attempt,
                failure: failure.into(),
                exit: exit.map(TryInto::try_into).transpose()?,
                at: at.try_into()?,
            },
            StoredEvent::Retrying {
                node,
                attempt,
                failure,
                exit,
                next,
                at,
            } => Event::StepRetrying {
                node: NodeId(node),
                attempt,
                failure: failure.into(),
                exit: exit.map(TryInto::try_into).transpose()?,
                next: next.try_into()?,
                at: at.try_into()?,
            },
            StoredEvent::Lost {
                node,
                attempt,
                proof,
                at,
            } => Event::StepLost {
                node: NodeId(node),
                attempt,
                proof,
                at: at.try_into()?,
            },
            StoredEvent::Stuck {
                node,
                attempt,
                pids,
                at,
            } => Event::StepStuck {
                node: NodeId(node),
                attempt,
                pids,
                at: at.try_into()?,
            },
            StoredEvent::Skipped { node, reason, at } => Event::StepSkipped {
                node: NodeId(node),
                reason: reason.try_into()?,
                at: at.try_into()?,
            },
            StoredEvent::Cancelled {
                node,
                attempt,
                exit,
                at,
            } => Event::StepCancelled {
                node: NodeId(node),
                attempt,
                exit: exit.map(TryInto::try_into).transpose()?,
                at: at.try_into()?,
            },
            StoredEvent::Expanded { node, items, at } => Event::StepExpanded {
                node: NodeId(node),
                items: Arc::new(items),
                at: at.try_into()?,
            },
            StoredEvent::Asked(asked) => self.asked(*asked)?,
            StoredEvent::Answered(answered) => self.answered(answered)?,
            StoredEvent::Waiting { at } => Event::RunWaiting { at: at.try_into()? },
            StoredEvent::Abandoned { node, attempt, at } => Event::StepAbandoned {
                node: NodeId(node),
                attempt,
                at: at.try_into()?,
            },
            StoredEvent::Cancelling { abandon, at } => Event::RunCancelling {
                abandon,
                at: at.try_into()?,
            },
            StoredEvent::Ended { end, at } => Event::RunEnded {
                end: end.into(),
                at: at.try_into()?,
            },
        })
    }

    /// A question to a person.
    fn asked(&mut self, stored: StoredAsked) -> Result<Event, StoreError> {
        Ok(Event::ApprovalRequested(Arc::new(ApprovalRequest {
            intent: Arc::new(self.started(stored.intent)?),
            message: stored.message,
            expires: stored.expires.map(TryInto::try_into).transpose()?,
        })))
    }

    /// The answer to it.
    fn answered(&mut self, stored: StoredAnswered) -> Result<Event, StoreError> {
        let execution = ExecutionId(stored.execution);
        Ok(Event::ApprovalDecided {
            node: NodeId(stored.node),
            execution,
            decision: Arc::new(stored.answer.try_into()?),
            outputs: Arc::clone(&self.gave(execution)?.outputs),
        })
    }

    /// A reuse out of a block.
    pub(crate) fn reused(&mut self, reuse: &Reuse) -> Result<Event, StoreError> {
        let gave = self.gave(reuse.source)?;
        if reuse.refused && gave.refused.is_none() {
            return Err(impossible("a reused refusal whose source did not refuse"));
        }
        Ok(Event::StepReused(Arc::new(StepReused {
            node: reuse.node,
            source: reuse.source,
            source_run: gave.run,
            outputs: Arc::clone(&gave.outputs),
            refused: gave.refused.clone().filter(|_| reuse.refused),
            carried: reuse.carried,
            at: reuse.at,
        })))
    }

    /// An intent.
    pub(crate) fn started(&mut self, stored: StoredStarted) -> Result<StepStarted, StoreError> {
        let execution = stored.execution();
        let own = shared(stored.files)?;
        let mut inputs = BTreeMap::new();
        for (port, ids) in stored.inputs {
            let artifacts = ids.into_iter().map(|id| self.input(id, execution, &own));
            inputs.insert(port, artifacts.collect::<Result<_, StoreError>>()?);
        }
        let mut key = stored.key;
        let files = self.rows.key_files(key.files.take())?;
        Ok(StepStarted {
            node: NodeId(stored.node),
            attempt: stored.attempt,
            execution,
            keeper: stored.keeper,
            inputs,
            key: Arc::new(key.with_files(files)),
            reuse_key: stored.reuse_key.map(String::from),
            push_version: stored.push_version,
            gpus: stored.gpus,
            reason: stored.reason.try_into()?,
            at: stored.at.try_into()?,
        })
    }

    fn input(
        &mut self,
        id: Uuid,
        reader: ExecutionId,
        own: &[Arc<Artifact>],
    ) -> Result<Arc<Artifact>, StoreError> {
        let id = ArtifactId(id);
        let found = if id.execution() == reader {
            own.iter().find(|artifact| artifact.id == id).cloned()
        } else {
            self.gave(id.execution())?.artifact(id)
        };
        found.ok_or_else(|| impossible(&format!("artifact {id} is missing")))
    }

    fn ended(
        &mut self,
        stored: &StoredEnded,
    ) -> Result<(Arc<StepEnded>, Option<Reason>), StoreError> {
        let gave = self.gave(ExecutionId(stored.execution))?;
        let ended = StepEnded {
            node: NodeId(stored.node),
            attempt: stored.attempt,
            execution: ExecutionId(stored.execution),
            reuse_key: gave.reuse_key.clone(),
            outputs: Arc::clone(&gave.outputs),
            exit: stored.exit.try_into()?,
            at: stored.at.try_into()?,
        };
        Ok((Arc::new(ended), gave.refused.clone()))
    }
}

impl Gave {
    /// All of its artifacts, with the external files that it read, by id.
    pub(crate) fn artifacts(&self) -> Vec<Arc<Artifact>> {
        let outputs = self.outputs.artifacts.values();
        let mut artifacts: Vec<_> = outputs.chain(&self.files).cloned().collect();
        artifacts.sort_by_key(|artifact| artifact.id);
        artifacts
    }

    fn artifact(&self, id: ArtifactId) -> Option<Arc<Artifact>> {
        let mut artifacts = self.outputs.artifacts.values().chain(&self.files);
        artifacts.find(|artifact| artifact.id == id).cloned()
    }
}

impl TryFrom<StoredExecution> for Gave {
    type Error = StoreError;

    fn try_from(row: StoredExecution) -> Result<Self, StoreError> {
        Ok(Self {
            run: RunId(row.run),
            outputs: Arc::new(row.outputs.try_into()?),
            files: shared(row.started.files)?,
            refused: row.reason.map(TryInto::try_into).transpose()?,
            reuse_key: row.reuse_key.map(String::from),
        })
    }
}

fn shared(
    files: Vec<crate::stored::artifact::StoredArtifact>,
) -> Result<Vec<Arc<Artifact>>, StoreError> {
    let files = files.into_iter();
    files
        .map(|file| Ok(Arc::new(file.try_into()?)))
        .collect::<Result<_, StoreError>>()
}
