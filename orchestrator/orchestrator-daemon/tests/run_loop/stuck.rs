//! What cannot be ended: it is told, keeps its slot, and is left behind only if that is asked for.

use orchestrator_daemon::command::CommandError;
use run_engine::event::RunEnd;
use run_engine::state::{AttemptEndKind, StepPhase};

use crate::support::plans::{command, run_of};
use crate::support::world::World;

#[test]
fn a_stuck_attempt_keeps_its_slot_until_its_run_is_ended_without_it() {
    let mut world = World::new(1);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[])]));
    world.report().unwrap();
    let attempt = world.machine.live()[0];
    world.machine.deafen(attempt);
    world.cancel(run).unwrap();
    world.report().unwrap();
    assert_eq!(world.phases(run), [StepPhase::Stuck, StepPhase::Ready]);
    let other = world.run(run_of(vec![command("c", &[])]));
    assert_eq!(world.starts(other), [0], "there is no slot");

    world.cancel_and(run, true).unwrap();
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    let end = world.disk.run(run).step(attempt.node).attempts[0]
        .end
        .clone();
    assert_eq!(end.unwrap().kind, AttemptEndKind::Abandoned);
    assert_eq!(world.starts(other), [1], "the slot is free");
    // Nothing is run beside what may live.
    let mut retry = run_of(vec![command("a", &[]), command("b", &[])]);
    retry.retry_of = Some(run);
    let refused = world.create(retry.clone()).unwrap_err();
    let step = "a".to_owned();
    assert_eq!(refused, CommandError::Abandoned { run, step });

    // Its end is told at last: that changes nothing but for the keeper, which may forget it.
    let events = world.events().len();
    world.machine.undeafen();
    world.report().unwrap();
    assert_eq!(world.events().len(), events);
    assert!(!world.machine.held().contains(&attempt));
    assert!(world.create(retry).is_ok());
}

#[test]
fn the_next_daemon_knows_what_is_stuck_and_what_was_left_behind() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[])]));
    world.report().unwrap();
    let attempt = world.machine.live()[0];
    world.machine.deafen(attempt);
    world.cancel(run).unwrap();
    world.report().unwrap();
    world.start().unwrap();
    world.report().unwrap();
    assert_eq!(world.phases(run), [StepPhase::Stuck]);
    assert!(!world.journal(run).contains(&"step_adopted a".to_owned()));

    world.cancel_and(run, true).unwrap();
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    world.start().unwrap();
    world.report().unwrap();
    let mut retry = run_of(vec![command("a", &[])]);
    retry.retry_of = Some(run);
    let refused = world.create(retry.clone()).unwrap_err();
    assert!(matches!(refused, CommandError::Abandoned { .. }));
    world.machine.undeafen();
    world.report().unwrap();
    assert!(world.machine.held().is_empty());
    assert!(world.create(retry).is_ok());
}

#[test]
fn a_run_that_is_to_end_without_what_is_stuck_waits_for_what_is_not() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[])]));
    world.report().unwrap();
    world.machine.deafen(world.machine.live()[0]);
    world.cancel_and(run, true).unwrap();
    world.report().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    let journal = world.journal(run);
    let abandoned = journal.iter().position(|event| event == "step_abandoned a");
    let stuck = journal.iter().position(|event| event == "step_stuck a");
    assert!(stuck < abandoned && stuck.is_some(), "{journal:?}");
    assert!(journal.contains(&"step_cancelled b".to_owned()));
}
