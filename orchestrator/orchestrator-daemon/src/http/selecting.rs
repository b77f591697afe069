//! Runs that are made of some steps only: which, and what stands in for what these take of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use orchestrator_api as api;
use pipeline_plan::selection::{Selection, SelectionError};
use pipeline_plan::{Node, NodeId, Plan, Source};
use run_engine::ids::{ExecutionId, RunId};
use run_engine::seams::VerifyTask;
use run_executor::DigestMemo;
use run_store::RunFilter;

use super::Api;
use super::problem::Refusal;
use crate::documents::Snapshot;
use crate::limits::STAND_IN_RUNS_MAX;

/// The steps that are asked for; none for all.
pub(super) fn selected(
    plan: &Plan,
    asked: &api::Selection,
) -> Result<Option<BTreeSet<NodeId>>, Refusal> {
    let selection = Selection {
        from: asked.from.as_deref(),
        until: asked.until.as_deref(),
        only: asked.only.as_deref(),
    };
    selection.of(plan).map_err(|error| match error {
        SelectionError::UnknownStep(id) => match super::find::step(plan, &id) {
            Err(refusal) => refusal,
            Ok(_) => Refusal::bad_request("bad_selection", format!("there is no step `{id}`")),
        },
        error => Refusal::bad_request("bad_selection", error.to_string()),
    })
}

impl Api {
    /// What stands in for the steps that are not selected and give something to one that is: of each
    /// the newest execution that did what it promised and whose outputs are there.
    pub(super) fn standing_in(
        &self,
        plan: &Plan,
        selected: &BTreeSet<NodeId>,
    ) -> Result<BTreeMap<NodeId, ExecutionId>, Refusal> {
        let mut wanted = wanted(plan, selected);
        let mut found = BTreeMap::new();
        let filter = RunFilter {
            pipeline: Some(plan.name.clone()),
            ..RunFilter::default()
        };
        let memo = DigestMemo::new(&self.state_dir);
        let mut before = None;
        for _ in 0..STAND_IN_RUNS_MAX {
            if wanted.is_empty() {
                break;
            }
            let Some(run) = self.reader.runs(&filter, before, 1)?.pop() else {
                break;
            };
            before = Some(run.run);
            let snapshot = self.snapshot(run.run)?;
            wanted.retain(|node, _| {
                match stands_in(&snapshot, run.run, plan.node(*node), *node, &memo) {
                    Some(execution) => {
                        found.insert(*node, execution);
                        false
                    }
                    None => true,
                }
            });
        }
        let missing = wanted.into_iter().find_map(|(node, by)| Some((node, by?)));
        match missing {
            Some((node, by)) => Err(nothing_stands_in(plan, node, by)),
            None => Ok(found),
        }
    }
}

/// The steps that are not selected and give something, each with the selected step that cannot do
/// without it, if there is one. Steps of `finally:` take what this run gave.
fn wanted(plan: &Plan, selected: &BTreeSet<NodeId>) -> BTreeMap<NodeId, Option<NodeId>> {
    let mut wanted = BTreeMap::new();
    for node in selected.iter().filter(|node| !plan.node(**node).finally) {
        let step = plan.node(*node);
        let needs = step.needs.iter();
        for need in needs.filter(|need| !selected.contains(need)) {
            if plan.node(*need).outputs.is_empty() {
                continue;
            }
            let taker = wanted.entry(*need).or_insert(None);
            if taker.is_none() && takes(step, *need) {
                *taker = Some(*node);
            }
        }
    }
    wanted
}

/// Whether a step cannot run without something of another.
fn takes(step: &Node, other: NodeId) -> bool {
    let inputs = step.inputs.values().filter(|input| !input.optional);
    let mut sources = inputs.flat_map(|input| &input.sources);
    sources.any(|source| matches!(source, Source::Output { node, .. } if *node == other))
}

/// The execution of this step in an earlier run, if it still stands for it.
fn stands_in(
    snapshot: &Snapshot,
    run: RunId,
    planned: &Node,
    number: NodeId,
    memo: &DigestMemo,
) -> Option<ExecutionId> {
    let view = &snapshot.run.view;
    let node = view.created.plan.find(&planned.id)?;
    let step = view.steps.get(node.0 as usize);
    if !step.phase.is_good() || view.created.plan.node(node).outputs != planned.outputs {
        return None;
    }
    let task = VerifyTask {
        run,
        node: number,
        outputs: Arc::clone(step.outputs.as_ref()?),
    };
    match run_executor::verify(&task, memo) {
        None => step.execution,
        Some(_) => None,
    }
}

fn nothing_stands_in(plan: &Plan, node: NodeId, by: NodeId) -> Refusal {
    let (id, by) = (&plan.node(node).id, &plan.node(by).id);
    let detail = format!(
        "step `{by}` takes what `{id}` gives, which is not selected and has given nothing that is still there"
    );
    let hint = format!("begin further up: `--from {id}`, or run the whole pipeline");
    Refusal::bad_request("nothing_stands_in", detail).hint(hint)
}
