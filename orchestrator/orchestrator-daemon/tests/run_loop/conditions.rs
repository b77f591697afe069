//! What follows from an end: conditions, failures that are allowed, and what is passed on.

use pipeline_plan::{Condition, Node, NodeId};
use run_engine::event::RunEnd;
use run_engine::state::StepPhase::{Failed, Refused, Skipped, Succeeded};

use crate::support::executor::Act;
use crate::support::plans::{command, component, output, run_of};
use crate::support::world::World;

fn only_if(mut node: Node, expression: &str) -> Node {
    node.condition = Some(Condition {
        expression: format!("${{{{ {expression} }}}}"),
        asks_status: expression.contains(".state"),
    });
    node
}

fn world_where(step: &str, act: Act) -> World {
    let world = World::new(4);
    world.machine.state().acts.insert(step.to_owned(), act);
    world
}

/// A command that gives the number 3.
fn three(id: &str) -> Node {
    output(command(id, &[]), "n", "integer")
}

fn world_of_three() -> World {
    let world = World::new(4);
    let port = ("a".to_owned(), "n".to_owned());
    world.machine.state().values.insert(port, 3.into());
    world
}

#[test]
fn a_step_whose_condition_is_false_is_skipped_and_so_is_what_needs_it() {
    let mut world = world_of_three();
    let b = only_if(command("b", &[0]), "steps.a.outputs.n > 3");
    let (run, end) = world.run_to_end(run_of(vec![three("a"), b, command("c", &[1])]));
    assert_eq!(end, RunEnd::Succeeded);
    assert_eq!(world.phases(run), [Succeeded, Skipped, Skipped]);
    let told = "its `if` is false: steps.a.outputs.n > 3";
    assert_eq!(
        world.reasons(run)[1..],
        [
            format!("condition_false: {told}"),
            format!("upstream_skipped: skipped with `b`: {told}"),
        ]
    );
}

#[test]
fn a_step_whose_condition_is_true_runs() {
    let mut world = world_of_three();
    let b = only_if(command("b", &[0]), "steps.a.outputs.n == 3");
    let (run, end) = world.run_to_end(run_of(vec![three("a"), b]));
    assert_eq!(end, RunEnd::Succeeded);
    assert_eq!(world.phases(run), [Succeeded, Succeeded]);
}

#[test]
fn a_condition_that_is_no_truth_fails_its_step() {
    let mut world = world_of_three();
    let b = only_if(command("b", &[0]), "steps.a.outputs.n");
    let (run, end) = world.run_to_end(run_of(vec![three("a"), b]));
    assert_eq!(end, RunEnd::Failed);
    assert_eq!(world.phases(run), [Succeeded, Failed]);
    let reason = &world.reasons(run)[1];
    assert!(
        reason.contains("gives 3, which is neither true nor false"),
        "{reason}"
    );
}

#[test]
fn a_condition_does_not_outweigh_a_need_that_ended_badly() {
    let mut world = world_where("a", Act::Fail);
    let b = only_if(command("b", &[0]), "true");
    let (run, _) = world.run_to_end(run_of(vec![command("a", &[]), b]));
    assert_eq!(world.phases(run), [Failed, Skipped]);
    assert_eq!(world.reasons(run)[1], "upstream_failed: `a` failed");
}

#[test]
fn a_condition_that_asks_for_a_state_decides_alone() {
    for (act, state) in [
        (Act::Fail, "failed"),
        (Act::Refuse("no".to_owned()), "refused"),
        (Act::Succeed, "succeeded"),
    ] {
        let mut world = world_where("a", act);
        let asked = format!("steps.a.state == \"{state}\"");
        let b = only_if(command("b", &[0]), &asked);
        let c = only_if(command("c", &[0]), "steps.a.state == \"skipped\"");
        let (run, _) = world.run_to_end(run_of(vec![command("a", &[]), b, c]));
        assert_eq!(world.phases(run)[1..], [Succeeded, Skipped], "{state}");
        let told = "condition_false: its `if` is false: steps.a.state == \"skipped\"";
        assert_eq!(world.reasons(run)[2], told);
    }
}

#[test]
fn a_step_that_handles_a_skip_hears_of_it() {
    let mut world = world_where("a", Act::Fail);
    let c = only_if(command("c", &[1]), "steps.b.state == \"skipped\"");
    let (run, end) = world.run_to_end(run_of(vec![command("a", &[]), command("b", &[0]), c]));
    assert_eq!(world.phases(run), [Failed, Skipped, Succeeded]);
    assert_eq!(end, RunEnd::Failed);
}

#[test]
fn what_is_missing_skips_a_step_whatever_it_asks() {
    let mut world = world_where("a", Act::Fail);
    let b = only_if(component("b", &[0]), "steps.a.state == \"failed\"");
    let (run, _) = world.run_to_end(run_of(vec![component("a", &[]), b]));
    assert_eq!(world.phases(run), [Failed, Skipped]);
    assert_eq!(world.reasons(run)[1], "upstream_failed: `a` failed");
}

#[test]
fn what_a_refusal_gave_may_be_looked_at() {
    let mut world = world_where("a", Act::Refuse("bad rows".to_owned()));
    let b = only_if(component("b", &[0]), "steps.a.state == \"refused\"");
    let (run, end) = world.run_to_end(run_of(vec![component("a", &[]), b]));
    assert_eq!(world.phases(run), [Refused, Succeeded]);
    assert_eq!(end, RunEnd::Refused);
}

#[test]
fn after_a_failure_that_is_allowed_order_holds_and_data_does_not() {
    let mut world = world_where("a", Act::Fail);
    let mut a = component("a", &[]);
    a.allow_failure = true;
    let mut b = command("b", &[0]);
    b.tolerates = vec![NodeId(0)];
    let (run, end) = world.run_to_end(run_of(vec![a, b, component("c", &[0])]));
    assert_eq!(world.phases(run), [Failed, Succeeded, Skipped]);
    assert_eq!(end, RunEnd::Succeeded);
}

#[test]
fn a_refusal_is_no_failure_that_could_be_allowed() {
    let mut world = world_where("a", Act::Refuse("no".to_owned()));
    let mut a = command("a", &[]);
    a.allow_failure = true;
    let mut b = command("b", &[0]);
    b.tolerates = vec![NodeId(0)];
    let (run, end) = world.run_to_end(run_of(vec![a, b]));
    assert_eq!(world.phases(run), [Refused, Skipped]);
    assert_eq!(end, RunEnd::Refused);
}
