//! What a success is remembered by beyond its run: its reuse key, a blessed model, a pushed one.

use std::sync::Arc;

use run_engine::artifact::{Artifact, Outputs};
use run_engine::event::{Event, StepEnded, StepStarted};
use run_engine::ids::RunId;
use run_engine::reason::Reason;
use run_engine::seams::{Blessed, Clock, Executor, Pushed, Reusable, Store};
use serde_json::Value;

use super::Bench;
use crate::resolve::PushTarget;

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
    })
}

fn text<'a>(artifact: &'a Artifact, property: &str) -> Option<&'a str> {
    artifact.properties.get(property)?.as_str()
}
