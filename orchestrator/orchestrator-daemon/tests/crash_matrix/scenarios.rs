//! The scenarios: what is asked for, what steps do, what befalls the keeper and the user's mind.

use std::collections::BTreeMap;

use orchestrator_daemon::command::NewRun;
use pipeline_plan::{Condition, Foreach, Node, NodeId, Retry, Source};
use run_engine::ids::RunId;
use run_engine::reuse::KeyParts;
use run_engine::state::RunState;
use serde_json::json;

use crate::support::executor::Act;
use crate::support::plans::{ask, command, component, input, output, param, run_of};
use crate::support::world::World;

/// A story that is told again and again, with a death at another place each time.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// Its name.
    pub(crate) name: &'static str,
    /// The runs that are asked for, each once the one before it is over. The number is that of the run;
    /// what the world has to be told for it is told every time it is asked for.
    pub(crate) ask: fn(&World, usize) -> Option<NewRun>,
    /// The keeper dies under these steps while they are in one of so many first attempts.
    pub(crate) keeper_dies_under: &'static [(&'static str, usize)],
    /// No signal ends the attempts of these steps; the run is cancelled without them.
    pub(crate) deaf: &'static [&'static str],
    /// The first run is cancelled once this step has ended.
    pub(crate) cancelled_after: Option<&'static str>,
}

/// All of them.
pub(crate) const SCENARIOS: [Scenario; 20] = [
    plain("linear", |_, run| once(run, linear())),
    plain("diamond", |_, run| once(run, diamond())),
    plain("fan out", |_, run| once(run, fan_out())),
    plain("values", |_, run| once(run, values())),
    plain("failure", |world, run| {
        act(world, "b", Some(Act::Fail));
        once(run, fan_out())
    }),
    plain("refusal", |world, run| {
        act(world, "b", Some(Act::Refuse("no".to_owned())));
        once(run, fan_out())
    }),
    plain("failed attempts", |world, run| {
        let (status, attempt) = (1, 3);
        act(world, "b", Some(Act::FailBefore { status, attempt }));
        let (status, attempt) = (75, 2);
        act(world, "c", Some(Act::FailBefore { status, attempt }));
        act(world, "e", Some(Act::Fail));
        once(run, tried_again())
    }),
    plain("conditions", |world, run| {
        act(world, "a", Some(Act::Fail));
        once(run, conditions())
    }),
    plain("items", |world, run| {
        let (status, attempt) = (1, 2);
        act(world, "b[1]", Some(Act::FailBefore { status, attempt }));
        act(world, "d[0]", Some(Act::Fail));
        (run < 2).then(|| run_of(items()))
    }),
    plain("approvals", |_, run| once(run, approvals())),
    plain("finally", |world, run| {
        act(world, "b", Some(Act::Fail));
        once(run, with_finally())
    }),
    Scenario {
        cancelled_after: Some("a"),
        ..plain("cancel, finally", |_, run| once(run, with_finally()))
    },
    plain("missing file", |_, run| once(run, missing_file())),
    plain("reuse", reuse),
    plain("retry", retry),
    plain("push", push),
    Scenario {
        cancelled_after: Some("b"),
        ..plain("cancel", |_, run| once(run, fan_out()))
    },
    Scenario {
        deaf: &["c"],
        cancelled_after: Some("a"),
        ..plain("cancel, stuck, finally", |_, run| once(run, with_finally()))
    },
    Scenario {
        keeper_dies_under: &[("a", 1), ("c", 2)],
        ..plain("lost attempts", |_, run| once(run, diamond()))
    },
    Scenario {
        keeper_dies_under: &[("b", usize::MAX)],
        ..plain("lost too often", |_, run| once(run, diamond()))
    },
];

const fn plain(name: &'static str, ask: fn(&World, usize) -> Option<NewRun>) -> Scenario {
    Scenario {
        name,
        ask,
        keeper_dies_under: &[],
        deaf: &[],
        cancelled_after: None,
    }
}

fn once(run: usize, nodes: Vec<Node>) -> Option<NewRun> {
    (run == 0).then(|| run_of(nodes))
}

fn act(world: &World, step: &str, act: Option<Act>) {
    let acts = &mut world.machine.state().acts;
    match act {
        Some(act) => acts.insert(step.to_owned(), act),
        None => acts.remove(step),
    };
}

fn linear() -> Vec<Node> {
    vec![
        component("a", &[]),
        component("b", &[0]),
        component("c", &[1]),
    ]
}

fn diamond() -> Vec<Node> {
    vec![
        component("a", &[]),
        component("b", &[0]),
        component("c", &[0]),
        component("d", &[1, 2]),
    ]
}

/// Four steps at once, one of which is a command without outputs, and one behind each of three.
fn fan_out() -> Vec<Node> {
    vec![
        component("a", &[]),
        component("b", &[0]),
        component("c", &[0]),
        command("d", &[0]),
        output(command("e", &[0]), "out", "Artifact"),
        component("f", &[1]),
        component("g", &[2, 4]),
    ]
}

/// As [`fan_out`], with steps that are tried up to three times.
fn tried_again() -> Vec<Node> {
    let mut nodes = fan_out();
    for node in [1, 4] {
        nodes[node].policy.retry = Some(Retry {
            attempts: 3,
            ..Retry::default()
        });
    }
    nodes
}

/// A step that may fail, one that runs although it did, one that runs because it did, one that does not.
fn conditions() -> Vec<Node> {
    let mut nodes = vec![
        command("a", &[]),
        command("b", &[0]),
        command("c", &[0]),
        command("d", &[1]),
        command("e", &[3]),
    ];
    nodes[0].allow_failure = true;
    nodes[1].tolerates = vec![NodeId(0)];
    nodes[2].condition = Some(Condition {
        expression: "${{ steps.a.state == 'failed' }}".to_owned(),
        asks_status: true,
    });
    nodes[3].condition = Some(Condition {
        expression: "${{ 1 == 2 }}".to_owned(),
        asks_status: false,
    });
    nodes
}

/// A list that a step gives, steps for each of its items, some of which are reused, and what takes
/// all that they gave.
fn items() -> Vec<Node> {
    let list = |value: serde_json::Value, max_parallel| {
        Some(Foreach {
            items: value,
            max_parallel,
        })
    };
    let mut nodes = vec![
        output(command("a", &[]), "list", "list"),
        component("b", &[]),
        component("c", &[1]),
        command("d", &[0]),
        command("e", &[3]),
        command("nothing", &[2]),
    ];
    nodes[1].foreach = list(json!([1, "two", { "three": 3 }]), Some(2));
    nodes[1].policy.retry = Some(Retry {
        attempts: 2,
        ..Retry::default()
    });
    if let Some(input) = nodes[2].inputs.get_mut("in1") {
        input.many = true;
    }
    nodes[3].foreach = list(json!([0, 1]), None);
    nodes[5].foreach = list(json!([]), None);
    nodes
}

/// Steps that ask; nobody answers `unheard`.
fn approvals() -> Vec<Node> {
    let mut nodes = vec![
        command("a", &[]),
        ask("b", &[0]),
        command("c", &[1]),
        ask("unheard", &[0]),
        command("d", &[3]),
        ask("refused", &[2]),
    ];
    nodes[3].policy.timeout_ms = Some(1_000);
    nodes
}

/// A diamond, and two steps that follow it whatever becomes of it.
fn with_finally() -> Vec<Node> {
    let mut nodes = diamond();
    nodes.push(command("y", &[]));
    nodes.push(command("z", &[4]));
    for node in &mut nodes[4..] {
        node.finally = true;
    }
    nodes
}

/// Steps that give values, which stand in for themselves without a look at a file.
fn values() -> Vec<Node> {
    let value = |id: &str, needs: &[u32]| output(command(id, needs), "n", "integer");
    let taken = param(value("b", &[0]), "n", "${{ steps.a.outputs.n }}");
    vec![value("a", &[]), taken, command("c", &[1])]
}

fn missing_file() -> Vec<Node> {
    let source = Source::Files(vec!["missing.csv".to_owned()]);
    vec![
        input(component("a", &[]), "source", "Files", source),
        component("b", &[0]),
        component("c", &[]),
    ]
}

/// The same again; then after something of it is gone; then with another parameter in the middle.
fn reuse(world: &World, run: usize) -> Option<NewRun> {
    let mut nodes = diamond();
    match run {
        0 | 1 => {}
        2 => {
            let gone = first_of(world, 0).steps.get(1).outputs.clone();
            let gone = gone.iter().flat_map(|outputs| outputs.artifacts.values());
            let ids: Vec<_> = gone.map(|artifact| artifact.id).collect();
            world.machine.state().gone.extend(ids);
        }
        3 => nodes[1] = param(nodes[1].clone(), "n", 2),
        _ => return None,
    }
    Some(run_of(nodes))
}

/// A run that fails half-way, and one that retries it with everything that was good.
fn retry(world: &World, run: usize) -> Option<NewRun> {
    match run {
        0 => {
            act(world, "f", Some(Act::Fail));
            Some(run_of(fan_out()))
        }
        1 => {
            act(world, "f", None);
            let state = first_of(world, 0);
            let good = state.plan().node_ids().filter_map(|node| {
                let step = state.step(node);
                Some((node, step.execution.filter(|_| step.phase.is_good())?))
            });
            Some(NewRun {
                retry_of: Some(state.id()),
                carried: good.collect(),
                ..run_of(fan_out())
            })
        }
        _ => None,
    }
}

/// What trains, evaluates and pushes, twice: with a baseline the second time.
fn push(world: &World, run: usize) -> Option<NewRun> {
    if run > 1 {
        return None;
    }
    let model = |port: &str| Source::Output {
        node: NodeId(0),
        port: port.to_owned(),
    };
    let train = param(
        output(component("train", &[]), "model", "Model"),
        "seed",
        run,
    );
    let evaluate = output(component("evaluate", &[]), "blessing", "Blessing");
    let evaluate = input(evaluate, "model", "Model", model("model"));
    let blessed = Source::LatestBlessed("tips".to_owned());
    let evaluate = input(evaluate, "baseline", "Model", blessed);
    let push = output(component("push", &[1]), "pushed", "PushedModel");
    let mut push = input(push, "model", "Model", model("model"));
    push = param(push, "destination", "serving");
    push.cache = false;
    describe(world, &train);
    Some(run_of(vec![train, evaluate, push]))
}

/// Tells the machine what the outputs of such a run say of themselves.
fn describe(world: &World, train: &Node) {
    let key = KeyParts {
        component: "train 1".to_owned(),
        params: train.params.clone(),
        outputs: BTreeMap::from([
            ("model".to_owned(), "Model".to_owned()),
            ("out".to_owned(), "Artifact".to_owned()),
        ]),
        ..KeyParts::default()
    };
    let digest = format!("model of {}", key.digest());
    let blessing = json!({ "kind": "evaluation", "pass": true, "model_digest": digest });
    let pushed = json!({ "name": "tips", "destination": "serving" });
    for (step, port, properties) in [
        ("train", "model", json!({ "name": "tips" })),
        ("evaluate", "blessing", blessing),
        ("push", "pushed", pushed),
    ] {
        let properties = serde_json::from_value(properties).unwrap();
        let place = (step.to_owned(), port.to_owned());
        world.machine.state().properties.insert(place, properties);
    }
}

fn first_of(world: &World, number: usize) -> RunState {
    world.disk.run(runs(world)[number])
}

/// All runs, the oldest first.
pub(crate) fn runs(world: &World) -> Vec<RunId> {
    let rows = world.disk.rows();
    let created = rows
        .entries
        .iter()
        .filter(|entry| matches!(entry.event, run_engine::event::Event::RunCreated(_)));
    created.map(|entry| entry.run).collect()
}
