//! A turn in the making: what is to be written, and what is to be done once that is durable.
//!
//! Lookups within a turn see it before the store, for its rows are as good as committed: if the
//! commit fails, nothing of them leaves the process.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use run_engine::artifact::{Artifact, Outputs};
use run_engine::event::StepStarted;
use run_engine::ids::{ExecutionId, RunId};
use run_engine::seams::{Effect, Lookups, PortName, RefusedSpan, Reusable, StoreError, Turn};
use tokio::sync::oneshot;

use super::given::GivenInTurn;
use crate::command::{CommandError, Created};

/// What one turn is going to do.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// What is to be written.
    pub(super) turn: Turn,
    /// What is to be done afterwards, in order.
    pub(super) effects: Vec<Effect>,
    /// Who is to be told afterwards.
    pub(super) replies: Vec<Reply>,
    /// Runs that readers are to see anew.
    pub(super) changed: BTreeSet<RunId>,
    /// Runs that ended.
    pub(super) ended: Vec<RunId>,
    /// Successes of this turn by reuse key.
    reusable: HashMap<String, Reusable>,
    /// Keys that nothing is found by any more.
    forgotten: HashSet<String>,
    /// What steps gave in this turn, and what was refused of it.
    given: GivenInTurn,
}

/// An answer that waits for the commit.
#[derive(Debug)]
pub(super) enum Reply {
    /// To [`crate::command::Command::Create`].
    Created(
        oneshot::Sender<Result<Created, CommandError>>,
        Result<Created, CommandError>,
    ),
    /// To [`crate::command::Command::Cancel`] and [`crate::command::Command::Answer`].
    Done(
        oneshot::Sender<Result<(), CommandError>>,
        Result<(), CommandError>,
    ),
}

impl Reply {
    /// Sends it. Who asked may have gone away meanwhile.
    pub(super) fn send(self) {
        match self {
            Self::Created(to, answer) => drop(to.send(answer)),
            Self::Done(to, answer) => drop(to.send(answer)),
        }
    }
}

impl Draft {
    /// Whether there is anything to write.
    pub(super) fn writes(&self) -> bool {
        let turn = &self.turn;
        !(turn.entries.is_empty()
            && turn.blessings.is_empty()
            && turn.pushes.is_empty()
            && turn.forgotten_keys.is_empty())
    }

    /// A success of this turn: it may be reused at once.
    pub(super) fn remember(&mut self, key: &str, found: Reusable) {
        if self.forgotten.remove(key) {
            self.turn
                .forgotten_keys
                .retain(|forgotten| forgotten != key);
        }
        self.reusable.insert(key.to_owned(), found);
    }

    /// A step gave this: the newest at its ports.
    pub(super) fn note_given(&mut self, pipeline: &str, step: &str, outputs: &Arc<Outputs>) {
        self.given.give(pipeline, step, outputs);
    }

    /// What was given of a span was refused.
    pub(super) fn note_refused(&mut self, refused: RefusedSpan) {
        self.given.refuse(&refused);
        self.turn.refused_spans.push(refused);
    }

    /// What an earlier execution gave is gone: nothing finds it by its key any more.
    pub(super) fn forget_key(&mut self, key: &str) {
        self.reusable.remove(key);
        if self.forgotten.insert(key.to_owned()) {
            self.turn.forgotten_keys.push(key.to_owned());
        }
    }
}

/// Lookups over a turn in the making and the store below it.
pub(super) struct TurnLookups<'a, S> {
    /// The turn.
    pub(super) draft: &'a Draft,
    /// What is committed.
    pub(super) store: &'a S,
}

impl<S: Lookups> Lookups for TurnLookups<'_, S> {
    fn reusable(&self, key: &str) -> Result<Option<Reusable>, StoreError> {
        if let Some(found) = self.draft.reusable.get(key) {
            return Ok(Some(found.clone()));
        }
        if self.draft.forgotten.contains(key) {
            return Ok(None);
        }
        self.store.reusable(key)
    }

    fn execution(&self, execution: ExecutionId) -> Result<Option<Reusable>, StoreError> {
        self.store.execution(execution)
    }

    fn newest_start(
        &self,
        pipeline: &str,
        step: &str,
    ) -> Result<Option<Arc<StepStarted>>, StoreError> {
        self.store.newest_start(pipeline, step)
    }

    fn latest_blessed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError> {
        let own = self.draft.turn.blessings.iter().rev().find(|blessed| {
            blessed.model == model && !other_than.contains(&blessed.artifact.digest)
        });
        match own {
            Some(blessed) => Ok(Some(Arc::clone(&blessed.artifact))),
            None => self.store.latest_blessed(model, other_than),
        }
    }

    fn latest_pushed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError> {
        let pushes = self.draft.turn.pushes.iter().rev();
        let mut models = pushes.filter(|push| push.model == model);
        let own = models.find_map(|push| {
            let artifact = push.artifact.as_ref();
            artifact.filter(|artifact| !other_than.contains(&artifact.digest))
        });
        match own {
            Some(artifact) => Ok(Some(Arc::clone(artifact))),
            None => self.store.latest_pushed(model, other_than),
        }
    }

    fn latest(&self, port: &PortName) -> Result<Option<Arc<Artifact>>, StoreError> {
        match self.draft.given.latest(port) {
            Some(artifact) => Ok(Some(artifact)),
            None => self.store.latest(port),
        }
    }

    fn spans(
        &self,
        port: &PortName,
        before: Option<i64>,
        count: usize,
    ) -> Result<Vec<Arc<Artifact>>, StoreError> {
        let overlay = self.draft.given.spans(port);
        let found = self.store.spans(port, before, count + overlay.len())?;
        Ok(overlay.over(found, before, count))
    }

    fn newest_push(&self, destination: &str, model: &str) -> Result<Option<i64>, StoreError> {
        let own = self.draft.turn.pushes.iter();
        let own = own
            .filter(|push| push.destination == destination && push.model == model)
            .map(|push| push.version)
            .max();
        Ok(own.max(self.store.newest_push(destination, model)?))
    }
}
