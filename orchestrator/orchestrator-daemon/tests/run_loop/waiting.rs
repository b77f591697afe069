//! While nothing can be launched: steps wait with the reason, nothing is started, what runs goes on.

use orchestrator_daemon::run_loop::LoopInput;
use run_engine::event::RunEnd;
use run_engine::ids::{AttemptId, RunId};
use run_engine::reason::{Reason, ReasonCode};
use run_engine::seams::Report;

use crate::support::plans::{command, run_of};
use crate::support::world::World;

/// The executor tells that nothing can be launched, or that it can again.
fn hinder(world: &mut World, text: Option<&str>) {
    let why = text.map(|text| Reason::new(ReasonCode::Disk, text, ""));
    let report = LoopInput::Report(Report::Hindered { why });
    world.turn(vec![report]).unwrap();
}

/// The steps that wait, and why.
fn waiting(world: &World, run: RunId) -> Option<(Vec<u32>, String)> {
    let live = world.views.get(run).unwrap();
    let waiting = live.waiting.first()?;
    let steps = waiting.steps.iter().map(|node| node.0).collect();
    Some((steps, waiting.why.text.clone()))
}

#[test]
fn nothing_starts_and_it_is_told_why_until_it_can() {
    let mut world = World::new(4);
    let steps = vec![command("a", &[]), command("b", &[0]), command("c", &[])];
    let first = world.run(run_of(steps));
    world.report().unwrap();
    assert_eq!(waiting(&world, first), None);
    hinder(&mut world, Some("little room"));
    // What runs goes on and ends.
    assert_eq!(
        waiting(&world, first),
        Some((vec![], "little room".to_owned()))
    );
    world.finish_one().unwrap();
    assert_eq!(
        waiting(&world, first),
        Some((vec![1], "little room".to_owned()))
    );
    // A run that is made meanwhile waits as well.
    let second = world.run(run_of(vec![command("d", &[])]));
    assert_eq!(
        waiting(&world, second),
        Some((vec![0], "little room".to_owned()))
    );
    world.settle().unwrap();
    assert_eq!(world.starts(first), [1, 0, 1]);
    assert_eq!(world.starts(second), [0]);

    hinder(&mut world, None);
    assert_eq!(waiting(&world, first), None);
    world.settle().unwrap();
    for run in [first, second] {
        assert_eq!(world.end_of(run), RunEnd::Succeeded);
    }
}

/// The intent is durable, and the disk filled up before the executor could follow it.
#[test]
fn a_step_that_was_started_and_could_not_be_launched_waits_too() {
    let mut world = World::new(4);
    let run = world.run(run_of(vec![command("a", &[])]));
    // Its launch is not reported.
    hinder(&mut world, Some("little room"));
    assert_eq!(
        waiting(&world, run),
        Some((vec![0], "little room".to_owned()))
    );
    world.report().unwrap();
    assert_eq!(
        waiting(&world, run),
        Some((vec![], "little room".to_owned()))
    );
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
}

#[test]
fn a_step_that_cannot_be_launched_yet_tells_what_it_waits_for() {
    let mut world = World::new(4);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[])]));
    let attempt = world.machine.live()[0];
    let waits = |number| {
        LoopInput::Report(Report::Waits {
            attempt: AttemptId { number, ..attempt },
            why: Reason::new(ReasonCode::Secret, "it waits for the secret `A`", "A"),
        })
    };
    let held_up = |world: &World| {
        let live = world.views.get(run).unwrap();
        let waiting = live.waiting.iter().flat_map(|waiting| &waiting.steps);
        waiting.map(|node| node.0).collect::<Vec<_>>()
    };
    // Of an attempt that does not live it says nothing.
    world.turn(vec![waits(2)]).unwrap();
    assert_eq!(held_up(&world), [0; 0]);
    world.turn(vec![waits(1)]).unwrap();
    assert_eq!(held_up(&world), [0]);
    // It is launched at last.
    world.report().unwrap();
    assert_eq!(held_up(&world), [0; 0]);
    world.turn(vec![waits(1)]).unwrap();
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
}

#[test]
fn a_run_that_waits_can_be_cancelled() {
    let mut world = World::new(4);
    hinder(&mut world, Some("little room"));
    let run = world.run(run_of(vec![command("a", &[])]));
    world.cancel(run).unwrap();
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    hinder(&mut world, None);
    assert!(world.machine.state().launched.is_empty());
}
