//! A turn as rows.
//!
//! It does not know how they become durable.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use run_engine::artifact::Artifact;
use run_engine::event::{Event, RunCreated, StepStarted};
use run_engine::ids::RunId;
use run_engine::seams::{JournalEntry, StoreError, Turn};

use crate::batch::{RowBatch, Spill};
use crate::given::{Gift, GivenRows};
use crate::journals::{Journals, clear_earlier};
use crate::keys;
use crate::live::{LiveRun, Over};
use crate::reader::StoreReader;
use crate::reader::rows::read_failed;
use crate::stored::block::Reuse;
use crate::stored::event::{StoredEvent, impossible};
use crate::stored::execution::StoredExecution;
use crate::stored::index::{
    StoredBlessing, StoredMember, StoredPush, StoredPushed, StoredReuse, StoredStart,
};
use crate::stored::run::StoredRun;

/// A turn that is being written.
pub(crate) struct TurnRows<'a> {
    reader: &'a StoreReader,
    spill: &'a mut Spill,
    live: &'a mut BTreeMap<RunId, LiveRun>,
    batch: RowBatch,
    journals: Journals,
    given: GivenRows,
}

impl<'a> TurnRows<'a> {
    /// The rows of a turn, none yet.
    pub(crate) fn new(
        reader: &'a StoreReader,
        spill: &'a mut Spill,
        live: &'a mut BTreeMap<RunId, LiveRun>,
    ) -> Self {
        Self {
            reader,
            spill,
            live,
            batch: RowBatch::default(),
            journals: Journals::default(),
            given: GivenRows::default(),
        }
    }

    /// Gathers all rows of a turn; `last_seq` is the number of the last event before it.
    pub(crate) fn gather(mut self, turn: &Turn, last_seq: u64) -> Result<RowBatch, StoreError> {
        let mut seq = last_seq;
        let mut refused = turn.refused_spans.iter().peekable();
        for entry in &turn.entries {
            if entry.seq <= seq {
                let problem = format!("number {} comes after number {seq}", entry.seq);
                return Err(impossible(&problem));
            }
            seq = entry.seq;
            self.entry(entry)?;
            while let Some(span) = refused.next_if(|span| span.seq <= seq) {
                self.given
                    .refuse(&self.reader.rows, self.spill, &mut self.batch, span)?;
            }
        }
        self.blessings(turn, seq)?;
        self.pushed_models(turn, seq)?;
        for push in &turn.pushes {
            let row = StoredPush {
                destination: push.destination.clone(),
                model: push.model.clone(),
                version: push.version,
            };
            let key = keys::of_push(&push.destination, &push.model);
            self.batch.put(key, self.spill.value(&row)?);
        }
        for key in &turn.forgotten_keys {
            self.batch.remove(keys::of_reuse(key));
        }
        let rows = &self.reader.rows;
        self.journals
            .write(rows, self.spill, self.live, &mut self.batch)?;
        clear_earlier(rows, &mut self.batch)?;
        Ok(self.batch)
    }

    fn entry(&mut self, entry: &JournalEntry) -> Result<(), StoreError> {
        let JournalEntry { run, seq, event } = entry;
        if let Event::RunCreated(created) = event {
            self.created(created, *seq)?;
        }
        for over in self.live_run(*run)?.observe(*seq, event)? {
            self.execution(&over)?;
        }
        self.given(*run, *seq, event)?;
        match event {
            Event::StepReused(reused) => {
                let reuse = Reuse {
                    seq: *seq,
                    node: reused.node,
                    source: reused.source,
                    carried: reused.carried,
                    refused: reused.refused.is_some(),
                    at: reused.at,
                };
                return self.journals.reuse(self.spill, *run, &reuse);
            }
            Event::StepStarted(started) => self.start(*run, *seq, started)?,
            Event::ApprovalRequested(request) => self.start(*run, *seq, &request.intent)?,
            Event::RunEnded { end, at } => self.journals.end(*run, *end, *at),
            _ => {}
        }
        let stored = StoredEvent::new(event, |started| self.spill.started(started))?;
        self.journals.event(self.spill, *run, *seq, &stored)
    }

    /// What an event has a step give, and reuses count as well as successes.
    fn given(&mut self, run: RunId, seq: u64, event: &Event) -> Result<(), StoreError> {
        let (node, execution, outputs) = match event {
            Event::StepSucceeded(ended) => (ended.node, ended.execution, &ended.outputs),
            Event::StepReused(reused) if reused.refused.is_none() => {
                (reused.node, reused.source, &reused.outputs)
            }
            Event::ApprovalDecided {
                node,
                execution,
                outputs,
                ..
            } => (*node, *execution, outputs),
            _ => return Ok(()),
        };
        if outputs.artifacts.is_empty() {
            return Ok(());
        }
        let reader = self.reader;
        let live = self.live_run(run)?;
        let gift = Gift {
            pipeline: live.pipeline().to_owned(),
            step: live.step(node).to_owned(),
            seq,
            execution,
        };
        let (spill, batch) = (&*self.spill, &mut self.batch);
        self.given.give(&reader.rows, spill, batch, &gift, outputs)
    }

    /// Notes the newest intent of a step.
    fn start(&mut self, run: RunId, seq: u64, started: &StepStarted) -> Result<(), StoreError> {
        let live = self.live_run(run)?;
        let key = keys::of_start(live.pipeline(), &live.name(started.node));
        let row = StoredStart {
            execution: started.execution.0,
            run: run.0,
            seq,
        };
        self.batch.put(key, self.spill.value(&row)?);
        Ok(())
    }

    fn created(&mut self, created: &RunCreated, seq: u64) -> Result<(), StoreError> {
        let plan = self.spill.plan(&created.plan)?;
        let row = StoredRun::new(created, plan, seq);
        let key = keys::of_run(keys::RUN, created.run);
        self.batch.put(key, self.spill.value(&row)?);
        let key = keys::of_pipeline(&created.plan.name, created.run);
        self.batch.put(key, self.spill.value(&StoredMember {})?);
        self.live.insert(created.run, LiveRun::new(created, seq));
        Ok(())
    }

    /// An unfinished run as it is within this turn; read back if it is from before a restart.
    fn live_run(&mut self, run: RunId) -> Result<&mut LiveRun, StoreError> {
        match self.live.entry(run) {
            Entry::Occupied(live) => Ok(live.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(read_back(self.reader, run)?)),
        }
    }

    /// Writes an execution that is over, and its place in the cache.
    fn execution(&mut self, over: &Over) -> Result<(), StoreError> {
        let outputs = over.outputs.as_deref();
        let row = StoredExecution {
            run: over.run.0,
            step: over.step.clone(),
            item_index: over.item_index,
            state: over.state,
            started: self.spill.started(&over.started)?,
            attempts: over.attempts.clone(),
            outputs: outputs.map(Into::into).unwrap_or_default(),
            reuse_key: over.reuse_key.as_ref().map(Into::into),
            reason: over.refused.as_ref().map(Into::into),
            answer: over.answer.as_deref().map(Into::into),
            ended_at: over.ended_at.into(),
        };
        let execution = over.started.execution;
        self.batch
            .put(keys::of_execution(execution), self.spill.value(&row)?);
        if let Some(reuse_key) = &over.reuse_key {
            let row = StoredReuse {
                execution: execution.0,
            };
            self.batch
                .put(keys::of_reuse(reuse_key), self.spill.value(&row)?);
        }
        Ok(())
    }

    fn blessings(&mut self, turn: &Turn, seq: u64) -> Result<(), StoreError> {
        let tree = &self.reader.rows.tree;
        let mut index = 0;
        for blessed in &turn.blessings {
            let row = StoredBlessing {
                model: blessed.model.clone(),
                artifact: blessed.artifact.as_ref().into(),
            };
            let mut key = keys::of_blessing(&blessed.model, seq, index);
            // A turn without events of its own has the number of the turn before.
            while tree.contains_key(&key).map_err(read_failed)? {
                index += 1;
                key = keys::of_blessing(&blessed.model, seq, index);
            }
            self.batch.put(key, self.spill.value(&row)?);
            index += 1;
        }
        Ok(())
    }
}

impl TurnRows<'_> {
    /// A model that is pushed again and again, as a run without news does, is one row.
    fn pushed_models(&mut self, turn: &Turn, seq: u64) -> Result<(), StoreError> {
        let rows = &self.reader.rows;
        let mut index = 0;
        for push in &turn.pushes {
            let Some(artifact) = &push.artifact else {
                continue;
            };
            let prefix = keys::of_pushed_models(&push.model);
            if let Some(last) = rows.tree.scan_prefix(&prefix).next_back() {
                let row: StoredPushed = rows.value(&last.map_err(read_failed)?.1)?;
                if Artifact::try_from(row.artifact)?.digest == artifact.digest {
                    continue;
                }
            }
            let row = StoredPushed {
                model: push.model.clone(),
                artifact: artifact.as_ref().into(),
            };
            let mut key = keys::of_pushed_model(&push.model, seq, index);
            while rows.tree.contains_key(&key).map_err(read_failed)? {
                index += 1;
                key = keys::of_pushed_model(&push.model, seq, index);
            }
            self.batch.put(key, self.spill.value(&row)?);
            index += 1;
        }
        Ok(())
    }
}

fn read_back(reader: &StoreReader, run: RunId) -> Result<LiveRun, StoreError> {
    let journal = reader.journal(run)?;
    let entries = journal.map(|journal| journal.entries).unwrap_or_default();
    let Some((first, created)) = entries.first().and_then(|first| match &first.event {
        Event::RunCreated(created) => Some((first.seq, created)),
        _ => None,
    }) else {
        return Err(impossible(&format!(
            "it is about run {run}, which is not there"
        )));
    };
    let mut live = LiveRun::new(created, first);
    for entry in &entries {
        live.observe(entry.seq, &entry.event)?;
        if matches!(entry.event, Event::RunEnded { .. }) {
            return Err(impossible(&format!("it is about run {run}, which is over")));
        }
    }
    Ok(live)
}
