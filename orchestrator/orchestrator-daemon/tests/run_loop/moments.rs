//! The whole store, at moments that have a name.

use chrono::TimeDelta;
use orchestrator_daemon::command::NewRun;
use pipeline_plan::{Node, NodeId, Retry, Source};
use run_engine::ids::RunId;
use serde_json::json;

use crate::support::executor::Act;
use crate::support::plans::{command, component, input, output, param, run_of};
use crate::support::rendering::render;
use crate::support::world::World;

/// The disk of a world looks so at this moment.
macro_rules! moment {
    ($name:literal, $world:expr) => {
        insta::assert_snapshot!($name, render(&$world.disk));
    };
}

/// A component with a parameter, a command without outputs, and a component that takes from both.
fn steps() -> Vec<Node> {
    vec![
        param(component("prepare", &[]), "n", 1),
        command("check", &[0]),
        component("train", &[0]),
    ]
}

fn act(world: &World, step: &str, act: Act) {
    let acts = &mut world.machine.state().acts;
    acts.insert(step.to_owned(), act);
}

#[test]
fn a_run_from_its_creation_to_its_end() {
    let mut world = World::new(2);
    world.run(run_of(steps()));
    world.report().unwrap();
    moment!("a_run_began", world);
    world.finish_one().unwrap();
    moment!("its_first_step_succeeded", world);
    world.kill();
    world.start().unwrap();
    world.report().unwrap();
    moment!("a_new_daemon_adopted_its_attempts", world);
    world.kill();
    world.machine.kill_keeper();
    world.start().unwrap();
    world.report().unwrap();
    moment!("the_keeper_was_lost", world);
    world.settle().unwrap();
    moment!("the_run_succeeded", world);
}

#[test]
fn a_run_that_reuses_and_one_that_is_carried_over() {
    let mut world = World::new(2);
    world.run_to_end(run_of(steps()));
    world.run_to_end(run_of(steps()));
    moment!("an_unchanged_run_was_reused", world);
    let mut changed = steps();
    changed[0] = param(changed[0].clone(), "n", 2);
    act(&world, "train", Act::Fail);
    let (failed, _) = world.run_to_end(run_of(changed.clone()));
    world.machine.state().acts.clear();
    world.run_to_end(retry_of(&world, failed, changed));
    moment!("a_failed_run_was_retried", world);
}

fn retry_of(world: &World, run: RunId, steps: Vec<Node>) -> NewRun {
    let state = world.disk.run(run);
    let good = state.plan().node_ids().filter_map(|node| {
        let step = state.step(node);
        Some((node, step.execution.filter(|_| step.phase.is_good())?))
    });
    NewRun {
        retry_of: Some(run),
        carried: good.collect(),
        ..run_of(steps)
    }
}

#[test]
fn runs_that_end_badly() {
    let mut world = World::new(2);
    act(
        &world,
        "prepare",
        Act::Refuse("auc 0.61 is below 0.75".to_owned()),
    );
    world.run_to_end(run_of(steps()));
    world.run_to_end(run_of(steps()));
    moment!("a_run_was_refused_and_its_refusal_reused", world);

    let mut world = World::new(2);
    act(&world, "check", Act::Fail);
    let mut again = steps();
    again[1].policy.retry = Some(Retry {
        attempts: 2,
        ..Retry::default()
    });
    let run = world.run(run_of(again));
    world.finish_one().unwrap();
    world.finish_one().unwrap();
    moment!("an_attempt_failed_and_another_is_due", world);
    world.clock.advance(TimeDelta::seconds(1));
    world.cancel(run).unwrap();
    moment!("the_run_is_being_cancelled", world);
    world.settle().unwrap();
    moment!("the_run_was_cancelled", world);
}

#[test]
fn a_model_that_is_blessed_and_pushed() {
    let mut world = World::new(2);
    let model = || Source::Output {
        node: NodeId(0),
        port: "model".to_owned(),
    };
    let train = output(component("train", &[]), "model", "Model");
    let evaluate = output(component("evaluate", &[]), "blessing", "Blessing");
    let evaluate = input(evaluate, "model", "Model", model());
    let blessed = Source::LatestBlessed("tips".to_owned());
    let evaluate = input(evaluate, "baseline", "Model", blessed);
    let push = output(component("push", &[1]), "pushed", "PushedModel");
    let mut push = param(push, "destination", "serving");
    push.cache = false;
    let push = input(push, "model", "Model", model());
    let new = run_of(vec![train, evaluate, push]);
    tell(&world, "train", "model", &json!({ "name": "tips" }));
    let run = world.run(new);
    world.finish_one().unwrap();
    let state = world.disk.run(run);
    let outputs = state.steps.get(0).outputs.as_ref().unwrap();
    let digest = outputs.artifacts["model"].digest.clone();
    let blessing = json!({ "kind": "evaluation", "pass": true, "model_digest": digest });
    tell(&world, "evaluate", "blessing", &blessing);
    let pushed = json!({ "name": "tips", "destination": "serving" });
    tell(&world, "push", "pushed", &pushed);
    world.settle().unwrap();
    moment!("a_model_was_pushed", world);
}

/// Tells the machine what an output says of itself.
fn tell(world: &World, step: &str, port: &str, properties: &serde_json::Value) {
    let properties = serde_json::from_value(properties.clone()).unwrap();
    let place = (step.to_owned(), port.to_owned());
    world.machine.state().properties.insert(place, properties);
}
