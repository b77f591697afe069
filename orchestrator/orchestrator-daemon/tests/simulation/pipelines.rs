//! Random pipelines, and what their steps do.

use std::collections::{BTreeMap, BTreeSet};

use orchestrator_daemon::command::NewRun;
use pipeline_plan::{Condition, Foreach, Node, NodeId, Plan, Retry, Source};
use run_engine::event::CarriedItem;
use run_engine::state::RunState;
use serde_json::json;

use crate::chance::Chance;
use crate::support::executor::Act;
use crate::support::plans::{ask, command, component, input, output, param, run_of};

/// Steps of a pipeline.
const STEPS_MAX: usize = 8;

/// Needs of a step.
const NEEDS_MAX: usize = 3;

/// A file that is there; its content may change.
pub(crate) const FILE: &str = "data.csv";

/// A condition that is never met.
pub(crate) const NEVER: &str = "${{ 1 == 2 }}";

/// One that always is.
pub(crate) const ALWAYS: &str = "${{ 1 == 1 }}";

/// What is run in a world.
#[derive(Debug, Clone)]
pub(crate) struct Pipelines {
    plans: Vec<Vec<Node>>,
    /// What steps do, by id; what is not named succeeds.
    pub(crate) acts: BTreeMap<String, Act>,
}

impl Pipelines {
    /// One pipeline or two.
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let mut acts = BTreeMap::new();
        let plans = (0..=chance.below(2)).map(|number| {
            let steps = 1 + chance.below(STEPS_MAX);
            let mut nodes: Vec<Node> = Vec::new();
            for step in 0..steps {
                let id = format!("{}{step}", if number == 0 { "a" } else { "b" });
                let mut node = node(&id, &nodes, chance);
                // What follows all others stands behind them; none of them needs it.
                node.finally = step + 2 >= steps && step > 0 && chance.percent(15)
                    || nodes.last().is_some_and(|last| last.finally);
                nodes.push(node);
                if let Some(act) = act(chance) {
                    acts.insert(id, act);
                }
            }
            nodes
        });
        Self {
            plans: plans.collect(),
            acts,
        }
    }

    /// A run of one of them.
    pub(crate) fn ask(&self, chance: &mut Chance) -> NewRun {
        let mut nodes = chance.of(&self.plans).clone();
        for node in &mut nodes {
            // Few values, so that many steps are met again with the one that they had.
            if node.params.contains_key("n") && chance.percent(20) {
                node.params.insert("n".to_owned(), chance.below(2).into());
            }
        }
        let mut run = run_of(nodes);
        run.slots = 1 + chance.below(4) as u32;
        run.attach = chance.percent(30);
        if chance.percent(10) {
            let all = run.plan.node_ids();
            run.forced = all.filter(|_| chance.percent(40)).collect();
        }
        if chance.percent(15) {
            let selected = until(&run.plan, chance);
            run.forced.retain(|node| selected.contains(node));
            run.selected = Some(selected);
        }
        run
    }
}

/// A step and everything that it needs, with what follows all others, as in every selection.
fn until(plan: &Plan, chance: &mut Chance) -> BTreeSet<NodeId> {
    let last = NodeId(chance.below(plan.nodes.len()) as u32);
    let mut selected = BTreeSet::from([last]);
    // Needs stand before those that need them.
    let ids: Vec<NodeId> = plan.node_ids().collect();
    for id in ids.iter().rev() {
        if selected.contains(id) {
            selected.extend(&plan.node(*id).needs);
        }
    }
    selected.extend(ids.iter().filter(|id| plan.node(**id).finally));
    selected
}

/// A run that retries another one with everything that was good.
pub(crate) fn retry_of(state: &RunState, chance: &mut Chance) -> NewRun {
    // Those of `finally` follow every run.
    let nodes = state.plan().node_ids();
    let nodes = nodes.filter(|node| !state.plan().node(*node).finally);
    let nodes: Vec<NodeId> = nodes.collect();
    let good = |task: NodeId| {
        let step = state.step(task);
        step.execution.filter(|_| step.phase.is_good())
    };
    let items = nodes.iter().filter_map(|node| {
        let items = state.tasks.of_step(*node)?.tasks().filter_map(|task| {
            Some(CarriedItem {
                item: state.tasks.item(task)?,
                execution: good(task)?,
            })
        });
        Some((*node, items.collect()))
    });
    let carried_items = items.collect();
    let carried = nodes.iter().filter_map(|node| Some((*node, good(*node)?)));
    NewRun {
        plan: state.created.plan.clone(),
        plan_id: state.created.plan_id.clone(),
        retry_of: Some(state.id()),
        carried: carried.collect(),
        carried_items,
        slots: 1 + chance.below(4) as u32,
        ..run_of(Vec::new())
    }
}

fn node(id: &str, earlier: &[Node], chance: &mut Chance) -> Node {
    let mut needs: Vec<u32> = (0..chance.below(NEEDS_MAX + 1))
        .filter(|_| !earlier.is_empty())
        .map(|_| chance.below(earlier.len()) as u32)
        .collect();
    needs.sort_unstable();
    needs.dedup();
    // What can enter is what has an artifact to give.
    let (given, bare): (Vec<u32>, Vec<u32>) = needs
        .into_iter()
        .partition(|need| earlier[*need as usize].outputs.contains_key("out"));
    if chance.percent(6) {
        let mut node = ask(id, &[&given[..], &bare[..]].concat());
        node.policy.timeout_ms = chance.percent(50).then(|| 1 + chance.below(20_000) as u64);
        return node;
    }
    let lists: Vec<u32> = given
        .iter()
        .copied()
        .filter(|need| earlier[*need as usize].foreach.is_some())
        .collect();
    let mut node = match chance.below(6) {
        0 => command(id, &[&given[..], &bare[..]].concat()),
        1 => output(
            command(id, &[&given[..], &bare[..]].concat()),
            "value",
            "integer",
        ),
        2 => {
            let node = command(id, &[&given[..], &bare[..]].concat());
            param(output(node, "out", "Artifact"), "n", 0)
        }
        _ => {
            let mut node = param(component(id, &given), "n", 0);
            node.needs.extend(bare.into_iter().map(NodeId));
            node.needs.sort_unstable();
            node
        }
    };
    for need in lists {
        if let Some(input) = node.inputs.get_mut(&format!("in{need}")) {
            input.many = true;
        }
    }
    if chance.percent(10) {
        let missing = chance.percent(20);
        let name = if missing { "missing.csv" } else { FILE };
        node = input(
            node,
            "source",
            "Files",
            Source::Files(vec![name.to_owned()]),
        );
    }
    node.cache = !chance.percent(10);
    node.allow_failure = chance.percent(10);
    let entering = |need: &NodeId| given.contains(&need.0);
    let allowed = |need: &NodeId| earlier[need.0 as usize].allow_failure && !entering(need);
    node.tolerates = node.needs.iter().copied().filter(allowed).collect();
    if chance.percent(15) {
        let needs: Vec<&str> = node
            .needs
            .iter()
            .map(|need| earlier[need.0 as usize].id.as_str())
            .collect();
        node.condition = Some(condition(&needs, chance));
    }
    if chance.percent(12) {
        let items = (0..chance.below(4)).map(|_| json!(chance.below(3)));
        node.foreach = Some(Foreach {
            items: items.collect(),
            max_parallel: chance.percent(50).then(|| 1 + chance.below(2) as u32),
        });
    }
    if chance.percent(25) {
        node.policy.retry = Some(Retry {
            attempts: 1 + chance.below(3) as u32,
            ..Retry::default()
        });
    }
    node
}

/// The conditions that there are: [`NEVER`], [`ALWAYS`], or that a need has failed.
fn condition(needs: &[&str], chance: &mut Chance) -> Condition {
    let constant = *chance.of(&[NEVER, ALWAYS]);
    if needs.is_empty() || chance.percent(50) {
        return Condition {
            expression: constant.to_owned(),
            asks_status: false,
        };
    }
    let need = chance.of(needs);
    Condition {
        expression: format!("${{{{ steps.{need}.state == 'failed' }}}}"),
        asks_status: true,
    }
}

fn act(chance: &mut Chance) -> Option<Act> {
    match chance.below(20) {
        0 => Some(Act::Fail),
        1 => Some(Act::Refuse("no".to_owned())),
        2 | 3 => Some(Act::FailBefore {
            status: *chance.of(&[1, 75]),
            attempt: 2 + chance.below(3) as u32,
        }),
        _ => None,
    }
}
