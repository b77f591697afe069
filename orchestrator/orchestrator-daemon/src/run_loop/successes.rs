//! What a success is remembered by beyond its run: its reuse key, what it gave, a blessed model, a
//! pushed one.

use std::sync::Arc;

use run_engine::artifact::{Artifact, Outputs};
use run_engine::event::{Event, StepEnded, StepStarted};
use run_engine::ids::RunId;
use run_engine::reason::Reason;
use run_engine::seams::{Blessed, Clock, Executor, Pushed, RefusedSpan, Reusable, Store};
use serde_json::Value;

use super::Bench;
use super::active_run::ActiveRun;
use crate::resolve::{PushTarget, refused_by};

/// The kind of blessing that makes a model a baseline.
const EVALUATION: &str = "evaluation";

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
    /// Adds to the turn what the end of an attempt is remembered by.
    pub(super) fn note_success(&mut self, run: RunId, event: &Event, started: &StepStarted) {
        match event {
            Event::StepSucceeded(ended) => {
                self.note_reusable(run, ended, None);
                let turn = &mut self.draft.turn;
                turn.blessings.extend(blessed(started, &ended.outputs));
                turn.pushes.extend(pushed(started, &ended.outputs));
            }
            Event::StepRefused { ended, reason } => {
                self.note_reusable(run, ended, Some(reason.clone()));
            }
            _ => {}
        }
    }

    /// Adds to the turn what an event that has happened to a run tells of what it gave.
    pub(super) fn note_given(&mut self, run: &ActiveRun, event: &Event) {
        let (node, outputs, is_refused) = match event {
            Event::StepSucceeded(ended) => (ended.node, &ended.outputs, false),
            Event::StepRefused { ended, .. } => (ended.node, &ended.outputs, true),
            Event::StepReused(reused) => (reused.node, &reused.outputs, reused.refused.is_some()),
            _ => return,
        };
        let plan = run.state.plan();
        if !is_refused {
            let step = &run.state.planned(node).id;
            self.draft.note_given(&plan.name, step, outputs);
            return;
        }
        for (giver, artifact) in refused_by(&run.state, node) {
            if let Some(span) = artifact.span() {
                self.draft.note_refused(RefusedSpan {
                    seq: self.seq,
                    pipeline: plan.name.clone(),
                    step: plan.node(giver).id.clone(),
                    span,
                    execution: artifact.id.execution(),
                });
            }
        }
    }

    fn note_reusable(&mut self, run: RunId, ended: &StepEnded, refused: Option<Reason>) {
        let Some(key) = &ended.reuse_key else {
            return;
        };
        let found = Reusable {
            execution: ended.execution,
            run,
            outputs: Arc::clone(&ended.outputs),
            refused,
        };
        self.draft.remember(key, found);
    }
}

/// The models that an evaluation lets pass: those of its inputs that its blessing names by digest.
fn blessed<'a>(
    started: &'a StepStarted,
    outputs: &'a Outputs,
) -> impl Iterator<Item = Blessed> + 'a {
    let blessings = outputs.artifacts.values().filter(|artifact| {
        artifact.type_name == "Blessing"
            && artifact.properties.get("pass") == Some(&Value::Bool(true))
            && text(artifact, "kind") == Some(EVALUATION)
    });
    blessings.filter_map(|blessing| {
        let digest = text(blessing, "model_digest")?;
        let mut inputs = started.inputs.values().flatten();
        let model = inputs.find(|input| input.type_name == "Model" && input.digest == digest)?;
        Some(Blessed {
            model: text(model, "name")?.to_owned(),
            artifact: Arc::clone(model),
        })
    })
}

/// What a push published. A version that was there already is told by the push itself.
fn pushed(started: &StepStarted, outputs: &Outputs) -> Option<Pushed> {
    let mut artifacts = outputs.artifacts.values();
    let artifact = artifacts.find(|artifact| artifact.type_name == "PushedModel")?;
    let told = artifact.properties.get("version").and_then(Value::as_i64);
    let version = told.or(started.push_version)?;
    let mut inputs = started.inputs.values().flatten();
    let target = PushTarget::of(started).or_else(|| {
        Some(PushTarget {
            destination: text(artifact, "destination")?.to_owned(),
            model: text(artifact, "name")?.to_owned(),
        })
    })?;
    Some(Pushed {
        destination: target.destination,
        model: target.model,
        version,
        artifact: inputs.find(|input| input.type_name == "Model").cloned(),
    })
}

fn text<'a>(artifact: &'a Artifact, property: &str) -> Option<&'a str> {
    artifact.properties.get(property)?.as_str()
}
