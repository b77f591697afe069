//! Attempts that follow one that failed: how many, and when.

use chrono::TimeDelta;
use pipeline_plan::{Node, Retry};
use run_engine::event::{Event, RunEnd, Timer};
use run_engine::retry::ASKED_ATTEMPTS_MAX;
use run_engine::state::StepPhase::{Backoff, Cancelled, Failed, Running, Succeeded};

use crate::support::executor::Act;
use crate::support::plans::{command, run_of};
use crate::support::world::World;

fn retrying(id: &str, attempts: u32) -> Node {
    let mut node = command(id, &[]);
    node.policy.retry = Some(Retry {
        attempts,
        initial_ms: 10_000,
        factor: 3.0,
        max_ms: 60_000,
    });
    node
}

/// A world in which the step `a` ends with this status until its attempt of that number.
fn world(status: i32, attempt: u32) -> World {
    let world = World::new(4);
    let act = Act::FailBefore { status, attempt };
    world.machine.state().acts.insert("a".to_owned(), act);
    world
}

/// The waits that were decided, in order.
fn waits(world: &World) -> Vec<Timer> {
    let events = world.events().into_iter();
    let waits = events.filter_map(|event| match event {
        Event::StepRetrying { next, .. } => Some(next),
        _ => None,
    });
    waits.collect()
}

#[test]
fn a_failed_attempt_is_followed_by_another() {
    let mut world = world(1, 3);
    let (run, end) = world.run_to_end(run_of(vec![retrying("a", 3), command("b", &[0])]));
    assert_eq!(end, RunEnd::Succeeded);
    assert_eq!(world.starts(run), [3, 1]);
    assert_eq!(
        world.journal(run),
        [
            "run_created",
            "step_started a",
            "step_retrying a",
            "step_started a",
            "step_retrying a",
            "step_started a",
            "step_succeeded a",
            "step_started b",
            "step_succeeded b",
            "run_succeeded"
        ]
    );
    let reason = "retried: attempt 2 failed: it ended with status 1";
    assert_eq!(world.reasons(run)[0], reason);
}

#[test]
fn after_the_last_attempt_the_step_fails() {
    let mut world = world(1, 9);
    let (run, end) = world.run_to_end(run_of(vec![retrying("a", 3)]));
    assert_eq!(end, RunEnd::Failed);
    assert_eq!(world.starts(run), [3]);
}

#[test]
fn each_wait_is_longer_within_its_bounds() {
    let mut world = world(1, 5);
    world.run_to_end(run_of(vec![retrying("a", 5)]));
    let waits = waits(&world);
    assert_eq!(waits.len(), 4);
    // Between half of it and all of it: 10 s, 30 s, then 60 s at most.
    for (wait, most) in waits.iter().zip([10_000, 30_000, 60_000, 60_000]) {
        let bounds = most / 2..=most;
        assert!(bounds.contains(&wait.duration_ms), "{wait:?} of {most}");
    }
}

#[test]
fn two_runs_do_not_wait_alike() {
    let mut world = world(1, 2);
    for _ in 0..2 {
        world.run_to_end(run_of(vec![retrying("a", 2)]));
    }
    let waits = waits(&world);
    assert_ne!(waits[0].duration_ms, waits[1].duration_ms);
}

#[test]
fn a_step_may_ask_for_attempts_beyond_its_policy_but_not_for_ever() {
    let enough = ASKED_ATTEMPTS_MAX as u32 + 1;
    let mut patient = world(75, enough);
    let (run, end) = patient.run_to_end(run_of(vec![command("a", &[])]));
    assert_eq!(end, RunEnd::Succeeded);
    assert_eq!(patient.starts(run), [enough as usize]);
    let mut hopeless = world(75, enough + 1);
    let (run, end) = hopeless.run_to_end(run_of(vec![command("a", &[])]));
    assert_eq!(end, RunEnd::Failed);
    assert_eq!(hopeless.starts(run), [enough as usize]);
}

#[test]
fn a_step_waits_as_long_as_it_takes_and_holds_no_slot() {
    let mut world = World::new(1);
    let act = Act::FailBefore {
        status: 1,
        attempt: 2,
    };
    world.machine.state().acts.insert("a".to_owned(), act);
    let run = world.run(run_of(vec![retrying("a", 2), command("b", &[])]));
    world.finish_one().unwrap();
    assert_eq!(world.phases(run), [Backoff, Running]);
    world.finish_one().unwrap();
    assert_eq!(world.phases(run), [Backoff, Succeeded]);
    world.clock.advance(TimeDelta::milliseconds(4_999));
    world.turn(Vec::new()).unwrap();
    assert_eq!(world.phases(run), [Backoff, Succeeded]);
    world.clock.advance(TimeDelta::milliseconds(5_001));
    world.turn(Vec::new()).unwrap();
    assert_eq!(world.phases(run), [Running, Succeeded]);
}

#[test]
fn a_new_daemon_waits_for_what_is_left() {
    let mut world = world(1, 2);
    let run = world.run(run_of(vec![retrying("a", 2)]));
    world.finish_one().unwrap();
    let wait = waits(&world)[0].duration_ms;
    world.kill();
    world.clock.advance(TimeDelta::milliseconds(1_000));
    world.start().unwrap();
    assert_eq!(world.wait_ms(), Some(wait - 1_000));
    // Whoever sets the machine's clock back does not make a run wait again for what it has waited.
    world.kill();
    world.clock.advance(TimeDelta::days(-1));
    world.start().unwrap();
    assert_eq!(world.wait_ms(), Some(wait - 1_000));
    world.kill();
    world.clock.advance(TimeDelta::days(2));
    world.start().unwrap();
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
}

#[test]
fn the_clock_of_the_wall_moves_no_timer() {
    let mut world = world(1, 2);
    let run = world.run(run_of(vec![retrying("a", 2)]));
    world.finish_one().unwrap();
    let before = world.wait_ms();
    world.clock.advance(TimeDelta::days(-1));
    world.turn(Vec::new()).unwrap();
    assert_eq!(world.wait_ms(), before);
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
}

#[test]
fn a_run_that_is_cancelled_waits_for_nothing() {
    let mut world = world(1, 2);
    let run = world.run(run_of(vec![retrying("a", 2)]));
    world.finish_one().unwrap();
    world.cancel(run).unwrap();
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    assert_eq!(world.phases(run), [Cancelled]);
    world.settle().unwrap();
    assert_eq!(world.starts(run), [1]);
}

#[test]
fn a_lost_attempt_is_no_failure() {
    let mut world = world(1, 3);
    let run = world.run(run_of(vec![retrying("a", 2)]));
    world.machine.kill_keeper_noticed();
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
    assert_eq!(world.phases(run), [Succeeded]);
    assert_eq!(world.starts(run), [3]);
    let failing = Act::FailBefore {
        status: 1,
        attempt: 9,
    };
    world.machine.state().acts.insert("a".to_owned(), failing);
    let (run, _) = world.run_to_end(run_of(vec![retrying("a", 2)]));
    assert_eq!(world.phases(run), [Failed]);
    assert_eq!(world.starts(run), [2]);
}
