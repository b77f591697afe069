//! Runs that are made of some steps only: which, and what stands in for what these take of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use orchestrator_api as api;
use pipeline_plan::selection::{Selection, SelectionError};
use pipeline_plan::{Node, NodeId, Plan, Source};
use run_engine::event::CarriedItem;
use run_engine::ids::ExecutionId;
use run_engine::seams::VerifyTask;
use run_engine::state::RunView;
use run_executor::DigestMemo;
use run_store::RunFilter;

use super::Api;
use super::problem::Refusal;
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

/// What stands in for steps that are not selected.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    /// Executions, by step.
    pub(super) steps: BTreeMap<NodeId, ExecutionId>,
    /// Those of items, by step.
    pub(super) items: BTreeMap<NodeId, Vec<CarriedItem>>,
}

impl Api {
    /// What stands in for the steps that are not selected and give something to one that is: of each
    /// the newest execution that did what it promised and whose outputs are there.
    pub(super) fn standing_in(
        &self,
        plan: &Plan,
        selected: &BTreeSet<NodeId>,
    ) -> Result<StandIns, Refusal> {
        let mut wanted = wanted(plan, selected);
        let mut found = StandIns::default();
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
            let view = &snapshot.run.view;
            wanted.retain(|node, _| {
                let earlier = earlier(view, plan.node(*node));
                earlier.is_none_or(|earlier| !found.take(view, *node, earlier, &memo))
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

/// The step of an earlier run that did what it promised and promised the same.
fn earlier(view: &RunView, planned: &Node) -> Option<NodeId> {
    let node = view.created.plan.find(&planned.id)?;
    let then = view.created.plan.node(node);
    let is_same =
        then.outputs == planned.outputs && then.foreach.is_some() == planned.foreach.is_some();
    (is_same && view.steps.get(node.0 as usize).phase.is_good()).then_some(node)
}

impl StandIns {
    /// Takes what a step of an earlier run gave for a step of the new one; false if it is not all there.
    fn take(&mut self, view: &RunView, node: NodeId, earlier: NodeId, memo: &DigestMemo) -> bool {
        let execution = |task: NodeId| {
            let step = view.steps.get(task.0 as usize);
            let verify = VerifyTask {
                run: view.created.run,
                node: task,
                outputs: Arc::clone(step.outputs.as_ref()?),
            };
            let missing = run_executor::verify(&verify, memo);
            step.execution.filter(|_| missing.is_none())
        };
        let Some(expansion) = view.tasks.of_step(earlier) else {
            let found = execution(earlier);
            self.steps.extend(found.map(|found| (node, found)));
            return found.is_some();
        };
        let items = expansion.tasks().map(|task| {
            Some(CarriedItem {
                item: view.tasks.item(task)?,
                execution: execution(task)?,
            })
        });
        let items: Option<Vec<CarriedItem>> = items.collect();
        let is_found = items.is_some();
        self.items.extend(items.map(|items| (node, items)));
        is_found
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
