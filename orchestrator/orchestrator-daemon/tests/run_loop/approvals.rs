//! Steps that ask a person: what they wait for, who is heard, and when it is too late.

use chrono::TimeDelta;
use orchestrator_daemon::command::CommandError;
use pipeline_plan::{Node, NodeId};
use run_engine::event::RunEnd;
use run_engine::state::StepPhase::{AwaitingApproval, Cancelled, Refused, Skipped, Succeeded};

use crate::support::plans::{ask, command, run_of};
use crate::support::world::{World, answer};

const ASKED: NodeId = NodeId(1);

/// A step, one that asks, and one that follows it.
fn plan() -> Vec<Node> {
    vec![command("a", &[]), ask("asks", &[0]), command("b", &[1])]
}

fn expiring(ms: u64) -> Vec<Node> {
    let mut nodes = plan();
    nodes[1].policy.timeout_ms = Some(ms);
    nodes
}

/// A world with a run that waits for a person.
fn waiting(nodes: Vec<Node>) -> (World, run_engine::ids::RunId) {
    let mut world = World::new(4);
    let run = world.run(run_of(nodes));
    world.finish_one().unwrap();
    assert_eq!(world.phases(run)[1], AwaitingApproval);
    (world, run)
}

#[test]
fn a_run_goes_on_once_a_person_lets_it() {
    let (mut world, run) = waiting(plan());
    assert!(world.views.get(run).unwrap().view.waits);
    world.answer(run, ASKED, true).unwrap();
    assert!(!world.views.get(run).unwrap().view.waits);
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
    assert_eq!(world.reasons(run)[1], "forced: approved by ada: because");
    assert_eq!(
        world.journal(run),
        [
            "run_created",
            "step_started a",
            "step_succeeded a",
            "approval_requested asks",
            "run_waiting",
            "approved asks",
            "step_started b",
            "step_succeeded b",
            "run_succeeded",
        ]
    );
}

#[test]
fn a_rejection_is_a_refusal_that_is_passed_on() {
    let (mut world, run) = waiting(plan());
    world.answer(run, ASKED, false).unwrap();
    assert_eq!(world.end_of(run), RunEnd::Refused);
    assert_eq!(world.phases(run), [Succeeded, Refused, Skipped]);
    let reasons = world.reasons(run);
    assert_eq!(reasons[1], "rejected: rejected by ada: because");
    assert_eq!(
        reasons[2],
        "upstream_refused: `asks` refused: rejected by ada: because"
    );
}

#[test]
fn the_first_answer_counts() {
    let (mut world, run) = waiting(plan());
    let (yes, first) = answer(run, ASKED, true);
    let (no, second) = answer(run, ASKED, false);
    world.turn(vec![yes, no]).unwrap();
    assert_eq!(first.blocking_recv().unwrap(), Ok(()));
    let step = "asks".to_owned();
    let late = CommandError::NotAsked { run, step };
    assert_eq!(second.blocking_recv().unwrap(), Err(late.clone()));
    assert_eq!(world.phases(run)[1], Succeeded);
    assert_eq!(world.answer(run, ASKED, true), Err(late));
    assert!(
        world.answer(run, NodeId(0), true).is_err(),
        "it asks nothing"
    );
    assert!(
        world.answer(run, NodeId(9), true).is_err(),
        "it is not there"
    );
}

#[test]
fn a_question_that_nobody_answers_is_refused_in_time() {
    let (mut world, run) = waiting(expiring(60_000));
    assert_eq!(world.wait_ms(), Some(60_000));
    world.clock.advance(TimeDelta::milliseconds(59_999));
    world.turn(Vec::new()).unwrap();
    assert_eq!(world.phases(run)[1], AwaitingApproval);
    world.clock.advance(TimeDelta::milliseconds(1));
    // Whoever answers in that very turn is too late.
    assert!(world.answer(run, ASKED, true).is_err());
    assert_eq!(world.phases(run), [Succeeded, Refused, Skipped]);
    assert_eq!(world.reasons(run)[1], "expired: nobody decided in time");
    assert_eq!(world.end_of(run), RunEnd::Refused);
}

#[test]
fn an_answer_in_time_outlives_its_timer() {
    let (mut world, run) = waiting(expiring(60_000));
    world.answer(run, ASKED, true).unwrap();
    world.clock.advance(TimeDelta::minutes(2));
    world.turn(Vec::new()).unwrap();
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
}

#[test]
fn a_question_survives_the_daemon_and_its_time_goes_on() {
    let (mut world, run) = waiting(expiring(60_000));
    world.kill();
    world.clock.advance(TimeDelta::seconds(10));
    world.start().unwrap();
    assert_eq!(world.wait_ms(), Some(50_000));
    assert!(world.views.get(run).unwrap().view.waits);
    // What has passed has passed, though the machine's clock is set back.
    world.kill();
    world.clock.advance(TimeDelta::days(-1));
    world.start().unwrap();
    assert_eq!(world.wait_ms(), Some(50_000));
    world.kill();
    world.clock.advance(TimeDelta::days(2));
    world.start().unwrap();
    world.turn(Vec::new()).unwrap();
    assert_eq!(world.end_of(run), RunEnd::Refused);
}

#[test]
fn a_run_that_is_cancelled_asks_no_more() {
    let (mut world, run) = waiting(plan());
    world.cancel(run).unwrap();
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    assert_eq!(world.phases(run), [Succeeded, Cancelled, Cancelled]);
    assert!(world.answer(run, ASKED, true).is_err());
}

#[test]
fn it_waits_only_when_nothing_else_is_left() {
    let mut world = World::new(4);
    let run = world.run(run_of(vec![
        ask("one", &[]),
        command("a", &[]),
        ask("two", &[]),
    ]));
    assert!(!world.views.get(run).unwrap().view.waits, "a step runs");
    world.finish_one().unwrap();
    assert!(world.views.get(run).unwrap().view.waits);
    world.answer(run, NodeId(0), true).unwrap();
    assert!(world.views.get(run).unwrap().view.waits, "there is another");
    world.answer(run, NodeId(2), true).unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
    let waits = world.journal(run);
    let waits = waits.iter().filter(|event| *event == "run_waiting");
    assert_eq!(waits.count(), 2);
}
