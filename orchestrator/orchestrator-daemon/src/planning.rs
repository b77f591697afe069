//! What a run would do if it were made now: which steps run, which are reused, and why.
//!
//! It resolves steps with the loop's own functions, on a run that nobody stores: a step that would be
//! reused is reused in it, so that what is behind it can be told as well. What is behind a step that
//! would run is not known before that step has run. It starts and writes nothing.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pipeline_plan::{Node, NodeId};
use run_engine::decide::follow;
use run_engine::event::{Carried, Event, RunCreated, StepReused, expanded};
use run_engine::ids::RunId;
use run_engine::reason::{Failure, Reason, ReasonCode};
use run_engine::reuse::KeyParts;
use run_engine::seams::{Lookups, PrepareTask, Prepared, Reusable, StoreError, VerifyTask};
use run_engine::state::{RunState, StepPhase};
use serde_json::Value;
use uuid::Uuid;

use crate::command::NewRun;
use crate::resolve::{
    Resolved, RunContext, Unresolved, forced, gone, items, items_standing_in, never_reused,
    prepare_task, resolve, unmet_condition, why_it_runs,
};

pub use crate::resolve::ResolveSettings;

/// What would happen to a step, or to an item of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStep {
    /// The step.
    pub node: NodeId,
    /// The item, from 0, if it is one.
    pub item_index: Option<u32>,
    /// What would be done.
    pub action: PlannedAction,
    /// Why.
    pub reason: Reason,
    /// The run whose execution would stand in.
    pub reused_from: Option<RunId>,
    /// What its result depends on, as far as that is known before the steps before it have run. The
    /// decision read the same.
    pub key: Option<Arc<KeyParts>>,
}

/// What would be done with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedAction {
    /// It runs.
    Run,
    /// An earlier execution stands in.
    Reuse,
    /// It cannot run.
    Skip,
    /// That depends on what a step before it gives.
    Unknown,
}

/// How files are looked at; without a daemon the caller does it itself.
pub struct Files<'a> {
    /// Looks at what a step depends on.
    pub prepare: &'a dyn Fn(&PrepareTask) -> Result<Prepared, Failure>,
    /// Tells what of an execution's outputs is not as it was recorded.
    pub verify: &'a dyn Fn(&VerifyTask) -> Option<String>,
}

/// Tells for every step, in topological order, what the run would do with it.
pub fn plan(
    run: &NewRun,
    settings: &Arc<ResolveSettings>,
    lookups: &impl Lookups,
    files: &Files<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<PlannedStep>, StoreError> {
    let created = Arc::new(imagined(run, now));
    let context = RunContext::new(Arc::clone(&created), Arc::clone(settings));
    let mut planning = Planning {
        context: &context,
        state: RunState::new(Arc::clone(&created)),
        steps: Vec::with_capacity(created.plan.nodes.len()),
        lookups,
        files,
        now,
    };
    planning.begin()?;
    for node in created.plan.node_ids() {
        let step = planning.step(node)?;
        let expanded = planning.state.tasks.of_step(node).cloned();
        match expanded.filter(|expansion| !expansion.items.is_empty()) {
            None => planning.steps.push(step),
            Some(expansion) => {
                for task in expansion.tasks() {
                    let step = planning.step(task)?;
                    planning.steps.push(step);
                }
            }
        }
    }
    let Planning { steps, state, .. } = planning;
    let named = steps.into_iter().map(|step| PlannedStep {
        node: state.tasks.step(step.node),
        item_index: state.tasks.item_index(step.node),
        ..step
    });
    Ok(named.collect())
}

/// The run as it would be made.
fn imagined(run: &NewRun, now: DateTime<Utc>) -> RunCreated {
    RunCreated {
        run: RunId(Uuid::nil()),
        plan: Arc::clone(&run.plan),
        plan_id: run.plan_id.clone(),
        pipeline_file: run.pipeline_file.clone(),
        params: run.params.clone(),
        trigger: run.trigger.clone(),
        retry_of: run.retry_of,
        carried: run.carried.clone(),
        carried_items: run.carried_items.clone(),
        forced: run.forced.clone(),
        selected: run.selected.clone(),
        slots: run.slots,
        environment: run.environment.clone(),
        git: run.git.clone(),
        ropewalk_version: String::new(),
        host: String::new(),
        at: now,
    }
}

struct Planning<'a, L> {
    context: &'a RunContext,
    state: RunState,
    /// What is told so far, by number of the step.
    steps: Vec<PlannedStep>,
    lookups: &'a L,
    files: &'a Files<'a>,
    now: DateTime<Utc>,
}

impl<L: Lookups> Planning<'_, L> {
    /// Lets what is carried over stand in, and leaves out what was not selected.
    fn begin(&mut self) -> Result<(), StoreError> {
        let created = Arc::clone(&self.context.created);
        for (node, execution) in &created.carried {
            if let Some(found) = self.lookups.execution(*execution)? {
                self.reuse(*node, found, created.carries(*node));
            }
        }
        self.skip_doomed();
        Ok(())
    }

    fn step(&mut self, node: NodeId) -> Result<PlannedStep, StoreError> {
        let context = self.context;
        let planned = context.created.plan.node(self.state.tasks.step(node));
        if let Some(step) = self.before_its_needs(node, planned) {
            return Ok(step);
        }
        if let Some(items) = items_standing_in(&self.state, node) {
            return Ok(self.expanded(node, items));
        }
        if let Some(found) = self.carried_item(node)? {
            let why = context.created.carries(self.state.tasks.step(node));
            return Ok(self.reuse(node, found, why));
        }
        match unmet_condition(context, &self.state, node) {
            Ok(None) => {}
            Ok(Some(reason)) => return Ok(self.skipped(node, reason)),
            Err(failure) => return Ok(self.failed(node, failure)),
        }
        match items(context, &self.state, node) {
            Ok(None) => {}
            Ok(Some(items)) => return Ok(self.expanded(node, items)),
            Err(failure) => return Ok(self.failed(node, failure)),
        }
        let prepared = match prepare_task(context, &self.state, node) {
            Some(task) => (self.files.prepare)(&task),
            None => Ok(Prepared::default()),
        };
        let resolved = prepared
            .map_err(Unresolved::from)
            .and_then(|prepared| resolve(context, &self.state, node, &prepared, self.lookups));
        match resolved {
            Ok(resolved) => Ok(PlannedStep {
                key: Some(Arc::clone(&resolved.key)),
                ..self.resolved(node, planned, &resolved)?
            }),
            Err(Unresolved::Store(error)) => Err(error),
            Err(Unresolved::Skip(reason)) => Ok(self.skipped(node, reason)),
            Err(Unresolved::Step(failure)) => Ok(self.failed(node, failure)),
        }
    }

    /// What is carried over for an item.
    fn carried_item(&self, task: NodeId) -> Result<Option<Reusable>, StoreError> {
        let Some(item) = self.state.tasks.item(task) else {
            return Ok(None);
        };
        let step = self.state.tasks.step(task);
        let carried = self.context.created.carried_items.get(&step);
        let mut carried = carried.into_iter().flatten();
        match carried.find(|carried| carried.item == item) {
            Some(carried) => self.lookups.execution(carried.execution),
            None => Ok(None),
        }
    }

    /// A step that would be done for each of these items.
    fn expanded(&mut self, node: NodeId, items: Vec<Value>) -> PlannedStep {
        let (items, at) = (Arc::new(items), self.now);
        let reason = expanded(items.len());
        self.imagine(&Event::StepExpanded { node, items, at });
        told(node, PlannedAction::Run, reason)
    }

    /// A step that would fail before it has an attempt.
    fn failed(&mut self, node: NodeId, failure: Failure) -> PlannedStep {
        let reason = failure.reason(None);
        self.imagine(&Event::StepFailed {
            node,
            attempt: None,
            failure,
            exit: None,
            at: self.now,
        });
        told(node, PlannedAction::Run, reason)
    }

    /// A step that would be skipped when it is its turn.
    fn skipped(&mut self, node: NodeId, reason: Reason) -> PlannedStep {
        self.imagine(&Event::StepSkipped {
            node,
            reason: reason.clone(),
            at: self.now,
        });
        told(node, PlannedAction::Skip, reason)
    }

    /// What is known of a step while something that it waits for has not ended in the imagined run.
    fn before_its_needs(&self, node: NodeId, planned: &Node) -> Option<PlannedStep> {
        let step = self.state.step(node);
        // An item that would have to wait for others is told of as if it had not to.
        if self.state.tasks.item_index(node).is_some() {
            return None;
        }
        if step.phase == StepPhase::Skipped {
            let reason = step.reason.clone()?;
            return Some(told(node, PlannedAction::Skip, reason));
        }
        if step.phase == StepPhase::Reused {
            let told = told(node, PlannedAction::Reuse, step.reason.clone()?);
            let reused_from = step.reused_from;
            return Some(PlannedStep {
                reused_from,
                ..told
            });
        }
        if step.phase == StepPhase::Ready {
            return None;
        }
        // Whatever the needed step gives, such a step runs.
        let certain = planned.condition.is_none();
        if let Some(reason) = never_reused(planned).filter(|_| certain) {
            return Some(told(node, PlannedAction::Run, reason));
        }
        if certain && self.context.created.forced.contains(&node) {
            return Some(told(node, PlannedAction::Run, forced()));
        }
        let plan = &self.context.created.plan;
        let mut needs = planned.needs.iter();
        let open = needs.find(|need| !self.state.step(**need).phase.is_ended());
        let reason = if let Some(id) = open.map(|need| &plan.node(*need).id) {
            let text = format!("it depends on what `{id}` gives");
            Reason::new(ReasonCode::UpstreamRuns, text, id)
        } else {
            let text = "it follows when all other steps have ended";
            Reason::new(ReasonCode::UpstreamRuns, text, "")
        };
        Some(told(node, PlannedAction::Unknown, reason))
    }

    /// Lets an event happen to the imagined run, and the skips that follow from it.
    fn imagine(&mut self, event: &Event) {
        let waits = |(task, _)| {
            self.state.tasks.item_index(task).is_some()
                && self.state.step(task).phase == StepPhase::Waiting
        };
        if event.step().is_some_and(waits) {
            // Nothing follows from an item that waits for others before they have ended.
            return;
        }
        // The step is ready, for all that it needs ended well in the imagined run.
        let applied = self.state.apply(event);
        debug_assert_eq!(applied, Ok(()));
        self.skip_doomed();
    }

    /// Skips what never can run in the imagined run.
    fn skip_doomed(&mut self) {
        loop {
            let mut events = follow(&self.state, self.now);
            events.retain(|event| matches!(event, Event::StepSkipped { .. }));
            if events.is_empty() {
                return;
            }
            for event in &events {
                let applied = self.state.apply(event);
                debug_assert_eq!(applied, Ok(()));
            }
        }
    }

    fn resolved(
        &mut self,
        node: NodeId,
        planned: &Node,
        resolved: &Resolved,
    ) -> Result<PlannedStep, StoreError> {
        if let Some(key) = resolved.reuse.looked_up()
            && let Some(found) = self.lookups.reusable(key)?
        {
            return Ok(match self.missing(node, &found) {
                Some(missing) => told(node, PlannedAction::Run, gone(&missing)),
                None => self.reuse(node, found, None),
            });
        }
        let name = self.state.name(node);
        let reason = why_it_runs(self.context, (planned, &name), resolved, self.lookups)?;
        Ok(told(node, PlannedAction::Run, reason))
    }

    /// What of an execution's outputs is not as it was recorded.
    fn missing(&self, node: NodeId, found: &Reusable) -> Option<String> {
        if found.outputs.artifacts.is_empty() {
            return None;
        }
        (self.files.verify)(&VerifyTask {
            run: self.state.id(),
            node,
            outputs: Arc::clone(&found.outputs),
        })
    }

    fn reuse(&mut self, node: NodeId, found: Reusable, carried: Option<Carried>) -> PlannedStep {
        let run = found.run;
        let reused = Arc::new(StepReused {
            node,
            source: found.execution,
            source_run: run,
            outputs: found.outputs,
            refused: found.refused,
            carried,
            at: self.now,
        });
        let reason = reused.reason();
        self.imagine(&Event::StepReused(reused));
        PlannedStep {
            reused_from: Some(run),
            ..told(node, PlannedAction::Reuse, reason)
        }
    }
}

fn told(node: NodeId, action: PlannedAction, reason: Reason) -> PlannedStep {
    PlannedStep {
        node,
        item_index: None,
        action,
        reason,
        reused_from: None,
        key: None,
    }
}
