//! Runs without a crash: order, slots, ends, cancelling, attaching.

use chrono::Duration;
use orchestrator_daemon::command::CommandError;
use orchestrator_daemon::run_loop::{LoopError, limits};
use run_engine::event::RunEnd;
use run_engine::ids::RunId;
use run_engine::state::StepPhase::{Cancelled, Failed, Refused, Skipped, Succeeded};

use crate::support::executor::Act;
use crate::support::plans::{command, component, param, run_of};
use crate::support::store::Crash;
use crate::support::world::World;

#[test]
fn steps_run_in_order_and_their_run_succeeds() {
    let mut world = World::new(4);
    let steps = vec![command("a", &[]), command("b", &[0]), command("c", &[1])];
    let (run, end) = world.run_to_end(run_of(steps));
    assert_eq!(end, RunEnd::Succeeded);
    let expected = [
        "run_created",
        "step_started a",
        "step_succeeded a",
        "step_started b",
        "step_succeeded b",
        "step_started c",
        "step_succeeded c",
        "run_succeeded",
    ];
    assert_eq!(world.journal(run), expected);
}

#[test]
fn the_end_of_one_step_and_the_start_of_the_next_are_one_write() {
    let mut world = World::new(4);
    let steps = vec![command("a", &[]), command("b", &[0])];
    world.run_to_end(run_of(steps));
    // Created and started; ended and started; ended and over.
    assert_eq!(world.disk.rows().commits, [2, 2, 2]);
}

#[test]
fn commands_without_outputs_need_no_look_at_files() {
    let mut world = World::new(4);
    let steps = vec![command("a", &[]), command("b", &[0])];
    world.run_to_end(run_of(steps));
    let expected = [
        "launch 0.1",
        "acknowledge 0.1",
        "launch 1.1",
        "acknowledge 1.1",
    ];
    let effects = world.machine.state().effects.clone();
    assert_eq!(effects, expected);
}

#[test]
fn both_arms_of_a_diamond_run_at_once() {
    let mut world = World::new(4);
    let steps = vec![
        component("a", &[]),
        component("b", &[0]),
        component("c", &[0]),
        component("d", &[1, 2]),
    ];
    let (run, end) = world.run_to_end(run_of(steps));
    assert_eq!(end, RunEnd::Succeeded);
    assert_eq!(world.live_max, 2);
    let state = world.disk.run(run);
    let last = &state.steps.get(3).attempts[0].started;
    assert_eq!(last.inputs["in1"][0].step, "b");
    assert_eq!(last.inputs["in2"][0].step, "c");
}

#[test]
fn a_failure_skips_what_needs_it_and_nothing_else() {
    let mut world = World::new(4);
    let acts = &mut world.machine.state().acts.clone();
    acts.insert("a".to_owned(), Act::Fail);
    world.machine.state().acts.clone_from(acts);
    let steps = vec![
        command("a", &[]),
        command("b", &[0]),
        command("c", &[1]),
        command("d", &[]),
    ];
    let (run, end) = world.run_to_end(run_of(steps));
    assert_eq!(end, RunEnd::Failed);
    assert_eq!(world.phases(run), [Failed, Skipped, Skipped, Succeeded]);
    let reasons = world.reasons(run);
    assert_eq!(reasons[1], "upstream_failed: `a` failed");
    assert_eq!(reasons[2], "upstream_skipped: skipped with `b`: `a` failed");
}

#[test]
fn a_refusal_is_no_failure_and_is_passed_on_with_its_reason() {
    let mut world = World::new(4);
    let refuse = Act::Refuse("auc 0.61 is below 0.75".to_owned());
    world.machine.state().acts.insert("a".to_owned(), refuse);
    let (run, end) = world.run_to_end(run_of(vec![component("a", &[]), component("b", &[0])]));
    assert_eq!(end, RunEnd::Refused);
    assert_eq!(world.phases(run), [Refused, Skipped]);
    let expected = "upstream_refused: `a` refused: auc 0.61 is below 0.75";
    assert_eq!(world.reasons(run)[1], expected);
    assert!(world.disk.run(run).steps.get(0).outputs.is_some());
}

#[test]
fn a_step_whose_files_are_not_there_fails_without_an_attempt() {
    let mut world = World::new(4);
    let source = pipeline_plan::Source::Files(vec!["missing.csv".to_owned()]);
    let step = crate::support::plans::input(component("a", &[]), "source", "Files", source);
    let (run, end) = world.run_to_end(run_of(vec![step, component("b", &[0])]));
    assert_eq!(end, RunEnd::Failed);
    assert_eq!(world.phases(run), [Failed, Skipped]);
    assert_eq!(world.starts(run), [0, 0]);
    assert!(world.reasons(run)[0].contains("no file matches `missing.csv`"));
}

#[test]
fn a_run_takes_no_more_slots_than_it_may() {
    let mut world = World::new(64);
    let steps: Vec<_> = (0..20).map(|n| command(&format!("s{n}"), &[])).collect();
    let mut run = run_of(steps);
    run.slots = 3;
    let (_, end) = world.run_to_end(run);
    assert_eq!((end, world.live_max), (RunEnd::Succeeded, 3));
}

#[test]
fn all_runs_together_take_no_more_slots_than_there_are() {
    let mut world = World::new(5);
    let runs: Vec<RunId> = (0..3)
        .map(|n| {
            let steps: Vec<_> = (0..10)
                .map(|s| command(&format!("s{n}x{s}"), &[]))
                .collect();
            world.run(run_of(steps))
        })
        .collect();
    world.settle().unwrap();
    assert_eq!(world.live_max, 5);
    for run in runs {
        assert_eq!(world.end_of(run), RunEnd::Succeeded);
    }
}

#[test]
fn a_cancelled_run_ends_with_its_last_attempt_and_starts_nothing() {
    let mut world = World::new(2);
    let steps = vec![
        command("a", &[]),
        command("b", &[]),
        command("c", &[]),
        command("d", &[0]),
    ];
    let run = world.run(run_of(steps));
    world.finish_one().unwrap();
    assert_eq!(world.cancel(run), Ok(()));
    world.report().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    assert_eq!(
        world.phases(run),
        [Succeeded, Cancelled, Cancelled, Cancelled]
    );
    assert!(world.machine.unacknowledged().is_empty());
    assert_eq!(world.cancel(run), Err(CommandError::Ended(run)));
}

#[test]
fn an_end_that_crosses_a_cancellation_is_recorded_as_it_was() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[0])]));
    world.report().unwrap();
    let attempt = world.machine.live()[0];
    world.machine.finish(attempt);
    assert_eq!(world.cancel(run), Ok(()));
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    assert_eq!(world.phases(run), [Succeeded, Cancelled]);
}

#[test]
fn the_same_run_is_attached_to_while_it_is_unfinished() {
    let mut world = World::new(2);
    let mut asked = run_of(vec![command("a", &[])]);
    asked.attach = true;
    let first = world.create(asked.clone()).unwrap();
    let second = world.create(asked.clone()).unwrap();
    assert_eq!((first.attached, second.attached), (false, true));
    assert_eq!(first.run, second.run);

    let mut other = asked.clone();
    other.params.insert("n".to_owned(), 1.into());
    assert_ne!(world.create(other).unwrap().run, first.run);
    let mut forced = asked.clone();
    forced.forced.insert(pipeline_plan::NodeId(0));
    assert_ne!(world.create(forced).unwrap().run, first.run);
    let mut new = asked.clone();
    new.attach = false;
    assert_ne!(world.create(new).unwrap().run, first.run);

    world.settle().unwrap();
    assert!(!world.create(asked).unwrap().attached);
}

#[test]
fn a_run_that_is_being_cancelled_is_not_attached_to() {
    let mut world = World::new(2);
    let mut asked = run_of(vec![command("a", &[])]);
    asked.attach = true;
    let first = world.create(asked.clone()).unwrap().run;
    world.cancel(first).unwrap();
    let second = world.create(asked).unwrap();
    assert!(!second.attached);
    assert_ne!(second.run, first);
}

#[test]
fn readers_see_a_run_before_its_creation_is_answered() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[])]));
    let live = world.views.get(run).unwrap();
    assert_eq!(live.seq, 2);
    world.report().unwrap();
    let live = world.views.get(run).unwrap();
    assert_eq!(live.pids.values().copied().collect::<Vec<_>>(), [1]);
    world.settle().unwrap();
    assert!(world.views.get(run).is_none());
    assert_eq!(world.views.seq(), world.disk.last_seq());
}

#[test]
fn after_a_failed_write_nothing_leaves_the_loop() {
    let mut world = World::new(2);
    world.disk.crash_at(Crash {
        after: 0,
        landed: false,
    });
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    let run = Box::new(run_of(vec![command("a", &[])]));
    let input = orchestrator_daemon::command::Command::Create {
        run,
        id: None,
        reply,
    };
    let input = orchestrator_daemon::run_loop::LoopInput::Command(input);
    let error = world.turn(vec![input]).unwrap_err();
    assert!(matches!(error, LoopError::Store(_)));
    assert!(answer.try_recv().is_err());
    assert!(world.machine.state().effects.is_empty());
    assert!(world.views.all().is_empty());
}

#[test]
fn time_that_goes_back_does_not_go_back_in_a_journal() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[])]));
    world.clock.advance(Duration::hours(-1));
    world.settle().unwrap();
    let times: Vec<_> = world
        .events()
        .iter()
        .map(run_engine::event::Event::at)
        .collect();
    assert!(times.is_sorted());
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
}

#[test]
fn no_write_is_larger_than_a_turn_may_be() {
    let mut world = World::new(4);
    let steps = || (0..10_000).map(|n| param(component(&format!("s{n}"), &[]), "n", n));
    let mut first = run_of(steps().collect());
    first.slots = 10_000;
    let mut world_of_many = World::new(10_000);
    let (_, end) = world_of_many.run_to_end(first);
    assert_eq!(end, RunEnd::Succeeded);
    let largest = world_of_many.disk.rows().commits.iter().copied().max();
    assert_eq!(largest, Some(limits::TURN_EVENTS_MAX));

    // A failure skips ten thousand steps at once.
    world
        .machine
        .state()
        .acts
        .insert("first".to_owned(), Act::Fail);
    let mut skipped = vec![command("first", &[])];
    skipped.extend((0..10_000).map(|n| command(&format!("s{n}"), &[0])));
    let (_, end) = world.run_to_end(run_of(skipped));
    assert_eq!(end, RunEnd::Failed);
    let largest = world.disk.rows().commits.iter().copied().max();
    assert_eq!(largest, Some(limits::TURN_EVENTS_MAX));
}
