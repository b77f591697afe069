//! Reuse and its reasons, and the records that later runs look up.

use std::collections::BTreeMap;

use orchestrator_daemon::command::NewRun;
use pipeline_plan::{Node, NodeId, Source};
use run_engine::event::{Event, RunEnd};
use run_engine::state::StepPhase::{Refused, Reused, Skipped, Succeeded};
use serde_json::json;

use crate::support::executor::Act;
use crate::support::plans::{command, component, input, output, param, run_of};
use crate::support::world::World;

fn chain() -> Vec<Node> {
    vec![
        param(component("a", &[]), "n", 1),
        component("b", &[0]),
        component("c", &[1]),
    ]
}

#[test]
fn an_unchanged_run_reuses_every_step() {
    let mut world = World::new(4);
    let (first, _) = world.run_to_end(run_of(chain()));
    let (second, end) = world.run_to_end(run_of(chain()));
    assert_eq!(end, RunEnd::Succeeded);
    assert_eq!(world.phases(second), [Reused; 3]);
    assert_eq!(
        world.reasons(second)[0],
        "unchanged: nothing that it depends on changed"
    );
    let (first, second) = (world.disk.run(first), world.disk.run(second));
    assert_eq!(second.steps.get(2).outputs, first.steps.get(2).outputs);
    assert_eq!(second.steps.get(2).reused_from, Some(first.id()));
}

#[test]
fn first_runs_say_that_they_are_new() {
    let mut world = World::new(4);
    let (run, _) = world.run_to_end(run_of(chain()));
    assert_eq!(world.reasons(run)[0], "new: it has not run before");
}

#[test]
fn a_changed_parameter_runs_what_depends_on_it_and_nothing_else() {
    let mut world = World::new(4);
    let mut steps = chain();
    steps.push(component("other", &[]));
    world.run_to_end(run_of(steps.clone()));
    steps[0] = param(steps[0].clone(), "n", 2);
    let (run, _) = world.run_to_end(run_of(steps));
    assert_eq!(world.phases(run), [Succeeded, Succeeded, Succeeded, Reused]);
    let reasons = world.reasons(run);
    assert_eq!(
        reasons[0],
        "parameter_changed: parameter `n` changed from 1 to 2"
    );
    assert_eq!(
        reasons[1],
        "upstream_changed: step `a` gave another `out` than before"
    );
}

#[test]
fn what_gives_the_same_as_before_ends_the_change() {
    let mut world = World::new(4);
    // `b` takes a value of `a`, which does not follow from `a`'s own parameter.
    let a = |n| param(output(command("a", &[]), "value", "integer"), "n", n);
    let place = ("a".to_owned(), "value".to_owned());
    world.machine.state().values.insert(place, 7.into());
    let b = param(
        output(command("b", &[0]), "out", "Artifact"),
        "seven",
        "${{ steps.a.outputs.value }}",
    );
    world.run_to_end(run_of(vec![a(1), b.clone()]));
    let (run, _) = world.run_to_end(run_of(vec![a(2), b]));
    assert_eq!(world.phases(run), [Succeeded, Reused]);
}

fn with_file() -> Vec<Node> {
    let source = Source::Files(vec!["data.csv".to_owned()]);
    vec![
        input(component("a", &[]), "source", "Files", source),
        component("b", &[0]),
    ]
}

#[test]
fn a_changed_input_file_is_named() {
    let mut world = World::new(4);
    let file = |world: &World, content: &str| {
        let files = &mut world.machine.state().files;
        files.insert("data.csv".to_owned(), content.to_owned());
    };
    file(&world, "one");
    let (first, _) = world.run_to_end(run_of(with_file()));
    let (second, _) = world.run_to_end(run_of(with_file()));
    assert_eq!(world.phases(second), [Reused; 2]);
    file(&world, "two");
    let (third, _) = world.run_to_end(run_of(with_file()));
    assert_eq!(world.phases(third), [Succeeded; 2]);
    assert_eq!(
        world.reasons(third)[0],
        "input_changed: file `data.csv` of input `source` changed"
    );
    let state = world.disk.run(first);
    let started = &state.steps.get(0).attempts[0].started;
    let artifact = &started.inputs["source"][0];
    assert_eq!(artifact.path, format!("runs/{first}/a.1/inputs/source"));
    assert_eq!(artifact.properties["count"], json!(1));
}

#[test]
fn a_changed_program_file_is_named() {
    let mut world = World::new(4);
    let steps = || vec![output(command("a", &[]), "out", "Artifact")];
    world.run_to_end(run_of(steps()));
    world.machine.state().project = "another".to_owned();
    let (run, _) = world.run_to_end(run_of(steps()));
    assert_eq!(world.reasons(run), ["file_changed: file `step.py` changed"]);
}

#[test]
fn what_is_never_reused_says_why() {
    let mut world = World::new(4);
    let mut declared = component("b", &[]);
    declared.cache = false;
    let steps = || vec![command("a", &[]), declared.clone()];
    world.run_to_end(run_of(steps()));
    let (run, _) = world.run_to_end(run_of(steps()));
    assert_eq!(world.phases(run), [Succeeded; 2]);
    assert_eq!(
        world.reasons(run),
        [
            "cache_off: a command without outputs always runs",
            "cache_off: it is declared never to be reused"
        ]
    );
}

#[test]
fn a_forced_step_runs_and_is_reused_by_the_next_run() {
    let mut world = World::new(4);
    world.run_to_end(run_of(chain()));
    let mut forced = run_of(chain());
    forced.forced.insert(NodeId(0));
    let (run, _) = world.run_to_end(forced);
    assert_eq!(world.phases(run), [Succeeded, Reused, Reused]);
    assert_eq!(world.reasons(run)[0], "forced: its run was asked for");
    let (last, _) = world.run_to_end(run_of(chain()));
    assert_eq!(world.disk.run(last).steps.get(0).reused_from, Some(run));
}

#[test]
fn what_is_gone_is_made_again_and_its_key_forgotten() {
    let mut world = World::new(4);
    let (first, _) = world.run_to_end(run_of(chain()));
    let outputs = world.disk.run(first).steps.get(1).outputs.clone().unwrap();
    let gone = outputs.artifacts["out"].id;
    world.machine.state().gone.insert(gone);
    let (run, _) = world.run_to_end(run_of(chain()));
    assert_eq!(world.phases(run), [Reused, Succeeded, Reused]);
    assert!(world.reasons(run)[1].starts_with("output_missing: "));
    let (last, _) = world.run_to_end(run_of(chain()));
    assert_eq!(world.phases(last), [Reused; 3]);
}

#[test]
fn a_reused_refusal_is_refused_again() {
    let mut world = World::new(4);
    let refuse = Act::Refuse("too few rows".to_owned());
    world.machine.state().acts.insert("a".to_owned(), refuse);
    let (first, _) = world.run_to_end(run_of(chain()));
    let (run, end) = world.run_to_end(run_of(chain()));
    assert_eq!(end, RunEnd::Refused);
    assert_eq!(world.phases(run), [Refused, Skipped, Skipped]);
    assert_eq!(world.starts(run), [0, 0, 0]);
    let state = world.disk.run(run);
    assert_eq!(state.steps.get(0).reused_from, Some(first));
    assert_eq!(world.reasons(run)[0], "rejected: too few rows");
}

#[test]
fn a_step_that_waits_for_a_slot_is_reused_if_another_did_the_same_meanwhile() {
    let mut world = World::new(1);
    // The same component with the same parameters, twice.
    let mut twin = component("a", &[]);
    twin.id = "twin".to_owned();
    let (run, _) = world.run_to_end(run_of(vec![component("a", &[]), twin]));
    assert_eq!(world.phases(run), [Succeeded, Reused]);
}

#[test]
fn an_expression_without_a_value_fails_its_step_with_a_sentence() {
    let mut world = World::new(4);
    let step = param(component("a", &[]), "x", "${{ params.nothing }}");
    let (run, end) = world.run_to_end(run_of(vec![step]));
    assert_eq!(end, RunEnd::Failed);
    let reason = &world.reasons(run)[0];
    assert!(reason.contains("`with.x` of step `a`"), "{reason}");
}

#[test]
fn expressions_speak_of_what_steps_gave() {
    let mut world = World::new(4);
    let place = ("first-step".to_owned(), "out".to_owned());
    let properties = BTreeMap::from([("auc".to_owned(), json!(0.9))]);
    world.machine.state().properties.insert(place, properties);
    let mut b = command("b", &[0]);
    b.env.insert(
        "AUC".to_owned(),
        "auc ${{ steps.first_step.outputs.out.auc }}, ${{ steps.first_step.state }}".to_owned(),
    );
    let b = param(b, "auc", "${{ steps.first_step.outputs.out.auc }}");
    let (run, end) = world.run_to_end(run_of(vec![component("first-step", &[]), b]));
    assert_eq!(end, RunEnd::Succeeded);
    let state = world.disk.run(run);
    let key = &state.steps.get(1).attempts[0].started.key;
    assert_eq!(key.params["auc"], json!(0.9));
    assert_eq!(key.env["AUC"], "auc 0.9, succeeded");
}

/// What trains, evaluates against the newest blessed model of the name, and pushes.
fn training() -> NewRun {
    let train = output(component("train", &[]), "model", "Model");
    let model = |port: &str| Source::Output {
        node: NodeId(0),
        port: port.to_owned(),
    };
    let evaluate = output(component("evaluate", &[]), "blessing", "Blessing");
    let evaluate = input(evaluate, "model", "Model", model("model"));
    let blessed = Source::LatestBlessed("tips".to_owned());
    let evaluate = input(evaluate, "baseline", "Model", blessed);
    let push = output(component("push", &[1]), "pushed", "PushedModel");
    let mut push = param(push, "destination", "serving");
    push.cache = false;
    let push = input(push, "model", "Model", model("model"));
    run_of(vec![param(train, "seed", 1), evaluate, push])
}

fn seeded(seed: i64) -> NewRun {
    let mut run = training();
    let plan = std::sync::Arc::make_mut(&mut run.plan);
    plan.nodes[0].params.insert("seed".to_owned(), seed.into());
    run.plan_id = plan.id();
    run
}

/// Tells the machine what the outputs say of themselves, once the model's digest is known.
fn describe(world: &World, run: &NewRun) {
    let plan = &run.plan;
    let key = run_engine::reuse::KeyParts {
        component: "train 1".to_owned(),
        params: plan.nodes[0].params.clone(),
        outputs: BTreeMap::from([
            ("model".to_owned(), "Model".to_owned()),
            ("out".to_owned(), "Artifact".to_owned()),
        ]),
        ..run_engine::reuse::KeyParts::default()
    };
    let digest = format!("model of {}", key.digest());
    let mut state = world.machine.state();
    let mut tell = |step: &str, port: &str, properties: serde_json::Value| {
        let properties = serde_json::from_value(properties).unwrap();
        let place = (step.to_owned(), port.to_owned());
        state.properties.insert(place, properties);
    };
    tell("train", "model", json!({ "name": "tips" }));
    tell(
        "evaluate",
        "blessing",
        json!({ "kind": "evaluation", "pass": true, "model_digest": digest }),
    );
    tell(
        "push",
        "pushed",
        json!({ "name": "tips", "destination": "serving" }),
    );
}

#[test]
fn the_newest_other_blessed_model_is_the_baseline() {
    let mut world = World::new(4);
    describe(&world, &seeded(1));
    let (first, end) = world.run_to_end(seeded(1));
    assert_eq!(end, RunEnd::Succeeded);
    // An unchanged rerun does not meet itself.
    let (again, _) = world.run_to_end(seeded(1));
    assert_eq!(world.phases(again), [Reused, Reused, Succeeded]);
    describe(&world, &seeded(2));
    let (second, _) = world.run_to_end(seeded(2));
    let state = world.disk.run(second);
    let inputs = &state.steps.get(1).attempts[0].started.inputs;
    assert_eq!(inputs["baseline"][0].run, first);
    assert_ne!(inputs["baseline"][0].digest, inputs["model"][0].digest);
}

#[test]
fn versions_of_a_push_only_grow() {
    let mut world = World::new(4);
    describe(&world, &seeded(1));
    let mut versions = Vec::new();
    for _ in 0..3 {
        let (run, _) = world.run_to_end(seeded(1));
        let state = world.disk.run(run);
        let started = &state.steps.get(2).attempts[0].started;
        versions.push(started.push_version.unwrap());
    }
    // The clock stands still, so that only the record of the last push lets them grow.
    assert_eq!(versions[0], 1_700_000_000);
    assert_eq!(versions[1..], [versions[0] + 1, versions[0] + 2]);
}

#[test]
fn two_pushes_at_once_have_two_versions() {
    let mut world = World::new(4);
    describe(&world, &seeded(1));
    world.run_to_end(seeded(1));
    let runs = [world.run(seeded(1)), world.run(seeded(1))];
    world.report().unwrap();
    assert_eq!(world.machine.live().len(), 2);
    let version = |run| {
        let state = world.disk.run(run);
        state.steps.get(2).attempts[0].started.push_version
    };
    assert_ne!(version(runs[0]), version(runs[1]));
}

#[test]
fn a_lost_push_is_tried_again_under_its_version() {
    let mut world = World::new(4);
    describe(&world, &seeded(1));
    world.run_to_end(seeded(1));
    let run = world.run(seeded(1));
    world.report().unwrap();
    world.machine.kill_keeper_noticed();
    world.settle().unwrap();
    let state = world.disk.run(run);
    let attempts = &state.steps.get(2).attempts;
    assert_eq!(attempts.len(), 2);
    assert_eq!(
        attempts[0].started.push_version,
        attempts[1].started.push_version
    );
}

#[test]
fn a_push_keeps_its_version_from_others_when_a_new_daemon_adopts_it() {
    let mut world = World::new(4);
    describe(&world, &seeded(1));
    world.run_to_end(seeded(1));
    let first = world.run(seeded(1));
    world.report().unwrap();
    world.kill();
    world.start().unwrap();
    let second = world.run(seeded(1));
    world.report().unwrap();
    assert_eq!(world.machine.live().len(), 2);
    let version = |run| {
        let state = world.disk.run(run);
        state.steps.get(2).attempts[0].started.push_version
    };
    assert_ne!(version(first), version(second));
}

#[test]
fn reuse_takes_one_write_for_a_whole_run_of_values() {
    let mut world = World::new(4);
    let mut steps = vec![output(component("a", &[]), "n", "integer")];
    steps[0].outputs.remove("out");
    for index in 1..100 {
        let mut node = output(component(&format!("s{index}"), &[]), "n", "integer");
        node.outputs.remove("out");
        node.needs = vec![NodeId(index - 1)];
        steps.push(node);
    }
    world.run_to_end(run_of(steps.clone()));
    let before = world.disk.rows().commits.len();
    let (run, _) = world.run_to_end(run_of(steps));
    assert_eq!(world.disk.rows().commits.len(), before + 1);
    let journal = world.events();
    let reused = journal
        .iter()
        .filter(|event| matches!(event, Event::StepReused(_)))
        .count();
    assert_eq!(reused, 100);
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
}
