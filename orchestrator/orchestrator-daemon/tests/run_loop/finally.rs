//! Steps that follow all others, whatever became of them.

use pipeline_plan::{Action, Condition, Node};
use run_engine::event::{Event, RunEnd};
use run_engine::state::StepPhase::{
    Cancelled, Failed, Ready, Running, Skipped, Succeeded, Waiting,
};

use crate::support::executor::Act;
use crate::support::plans::{command, component, run_of};
use crate::support::store::Crash;
use crate::support::world::World;

/// A step of `finally:` that is told how the run is about to end.
fn last(id: &str, needs: &[u32]) -> Node {
    let mut node = command(id, needs);
    let word = "${{ run.state }}".to_owned();
    node.action = Action::Command(vec!["tell".to_owned(), word]);
    node.finally = true;
    node
}

fn world_where(step: &str, act: Act) -> World {
    let world = World::new(4);
    world.machine.state().acts.insert(step.to_owned(), act);
    world
}

/// What the step of this number was told.
fn told(world: &World, number: u32) -> String {
    let events = world.events();
    let mut commands = events.iter().filter_map(|event| match event {
        Event::StepStarted(started) if started.node.0 == number => started.key.command.get(1),
        _ => None,
    });
    commands.next().cloned().unwrap_or_default()
}

#[test]
fn it_follows_whatever_happened_and_is_told_of_it() {
    for (act, end, word) in [
        (Act::Succeed, RunEnd::Succeeded, "succeeded"),
        (Act::Fail, RunEnd::Failed, "failed"),
        (Act::Refuse("no".to_owned()), RunEnd::Refused, "refused"),
    ] {
        let mut world = world_where("a", act);
        let steps = vec![command("a", &[]), command("b", &[0]), last("z", &[])];
        let (run, ended) = world.run_to_end(run_of(steps));
        assert_eq!(ended, end);
        assert_eq!(world.phases(run)[2], Succeeded);
        assert_eq!(told(&world, 2), word);
    }
}

#[test]
fn it_waits_until_all_others_have_ended() {
    let mut world = World::new(4);
    let run = world.run(run_of(vec![
        command("a", &[]),
        command("b", &[]),
        last("z", &[]),
    ]));
    world.finish_one().unwrap();
    assert_eq!(world.phases(run), [Succeeded, Running, Waiting]);
    world.finish_one().unwrap();
    assert_eq!(world.phases(run), [Succeeded, Succeeded, Running]);
}

#[test]
fn its_failure_is_the_runs() {
    let mut world = world_where("z", Act::Fail);
    let (run, end) = world.run_to_end(run_of(vec![command("a", &[]), last("z", &[])]));
    assert_eq!(world.phases(run), [Succeeded, Failed]);
    assert_eq!(end, RunEnd::Failed);
}

#[test]
fn its_steps_need_each_other_as_others_do() {
    let mut world = world_where("y", Act::Fail);
    let steps = vec![command("a", &[]), last("y", &[0]), last("z", &[1])];
    let (run, _) = world.run_to_end(run_of(steps));
    assert_eq!(world.phases(run), [Succeeded, Failed, Skipped]);
    assert_eq!(world.reasons(run)[2], "upstream_failed: `y` failed");
}

#[test]
fn what_it_takes_may_be_missing() {
    let mut world = world_where("a", Act::Fail);
    let mut z = component("z", &[0]);
    z.finally = true;
    let (run, _) = world.run_to_end(run_of(vec![component("a", &[]), z]));
    assert_eq!(world.phases(run), [Failed, Skipped]);
    assert_eq!(world.reasons(run)[1], "upstream_failed: `a` failed");
}

#[test]
fn it_may_ask_how_a_step_ended() {
    let mut world = world_where("a", Act::Fail);
    let if_failed = |mut node: Node, word: &str| {
        node.condition = Some(Condition {
            expression: format!("${{{{ run.state == \"{word}\" }}}}"),
            asks_status: false,
        });
        node
    };
    let (y, z) = (last("y", &[]), last("z", &[]));
    let steps = vec![
        command("a", &[]),
        if_failed(y, "failed"),
        if_failed(z, "succeeded"),
    ];
    let (run, _) = world.run_to_end(run_of(steps));
    assert_eq!(world.phases(run), [Failed, Succeeded, Skipped]);
}

#[test]
fn a_cancelled_run_has_its_last_steps_but_no_others() {
    let mut world = World::new(4);
    let steps = vec![command("a", &[]), command("b", &[0]), last("z", &[])];
    let run = world.run(run_of(steps));
    world.cancel(run).unwrap();
    world.report().unwrap();
    assert_eq!(world.phases(run), [Cancelled, Cancelled, Running]);
    world.settle().unwrap();
    assert_eq!(world.phases(run), [Cancelled, Cancelled, Succeeded]);
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    assert_eq!(told(&world, 2), "cancelled");
}

#[test]
fn a_second_cancel_skips_the_last_steps_too() {
    let mut world = World::new(4);
    let run = world.run(run_of(vec![command("a", &[]), last("z", &[])]));
    world.cancel(run).unwrap();
    world.report().unwrap();
    assert_eq!(world.phases(run), [Cancelled, Running]);
    world.cancel(run).unwrap();
    world.report().unwrap();
    assert_eq!(world.phases(run), [Cancelled, Cancelled]);
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
}

#[test]
fn cancelled_twice_before_anything_ended_the_run_ends_without_them() {
    let mut world = World::new(4);
    let run = world.run(run_of(vec![command("a", &[]), last("z", &[])]));
    world.cancel(run).unwrap();
    world.cancel(run).unwrap();
    world.settle().unwrap();
    assert_eq!(world.phases(run), [Cancelled, Cancelled]);
}

#[test]
fn a_run_that_is_cancelled_while_it_finishes_was_cancelled() {
    let mut world = World::new(4);
    let run = world.run(run_of(vec![command("a", &[]), last("z", &[])]));
    world.finish_one().unwrap();
    world.cancel(run).unwrap();
    world.settle().unwrap();
    assert_eq!(world.phases(run), [Succeeded, Cancelled]);
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
}

#[test]
fn it_survives_a_crash_at_any_write() {
    let steps = || {
        vec![
            command("a", &[]),
            command("b", &[0]),
            last("y", &[]),
            last("z", &[2]),
        ]
    };
    let mut undisturbed = world_where("a", Act::Fail);
    undisturbed.run_to_end(run_of(steps()));
    let writes = undisturbed.disk.rows().commits.len();
    for after in 1..writes {
        for landed in [false, true] {
            let mut world = world_where("a", Act::Fail);
            world.disk.crash_at(Crash { after, landed });
            let run = world.run(run_of(steps()));
            assert!(world.settle().is_err());
            world.start().unwrap();
            assert_ne!(world.phases(run)[3], Ready);
            world.settle().unwrap();
            assert_eq!(world.phases(run), [Failed, Skipped, Succeeded, Succeeded]);
            assert_eq!(world.end_of(run), RunEnd::Failed);
        }
    }
}
