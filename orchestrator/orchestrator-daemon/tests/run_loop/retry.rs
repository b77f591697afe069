//! Retries: what succeeded is carried over, the rest runs.

use std::collections::BTreeMap;

use orchestrator_daemon::command::{CommandError, NewRun};
use pipeline_plan::{Node, NodeId};
use run_engine::event::RunEnd;
use run_engine::ids::{ExecutionId, RunId};
use run_engine::state::StepPhase::{Failed, Reused, Succeeded};
use uuid::Uuid;

use crate::support::executor::Act;
use crate::support::plans::{command, component, run_of};
use crate::support::store::Crash;
use crate::support::world::World;

/// The second step is a command without outputs, which no key would ever let be reused.
fn steps() -> Vec<Node> {
    vec![component("a", &[]), command("b", &[0]), command("c", &[1])]
}

fn failed(world: &mut World) -> RunId {
    world.machine.state().acts.insert("c".to_owned(), Act::Fail);
    let (run, end) = world.run_to_end(run_of(steps()));
    assert_eq!(end, RunEnd::Failed);
    assert_eq!(world.phases(run), [Succeeded, Succeeded, Failed]);
    world.machine.state().acts.clear();
    run
}

fn retry_of(world: &World, run: RunId) -> NewRun {
    let state = world.disk.run(run);
    let good = state.plan().node_ids().filter_map(|node| {
        let step = state.step(node);
        Some((node, step.execution.filter(|_| step.phase.is_good())?))
    });
    NewRun {
        retry_of: Some(run),
        carried: good.collect(),
        ..run_of(steps())
    }
}

#[test]
fn what_succeeded_is_carried_over_and_the_rest_runs() {
    let mut world = World::new(4);
    let first = failed(&mut world);
    let new = retry_of(&world, first);
    let (run, end) = world.run_to_end(new);
    assert_eq!(end, RunEnd::Succeeded);
    assert_eq!(world.phases(run), [Reused, Reused, Succeeded]);
    assert_eq!(
        world.reasons(run)[1],
        "unchanged: carried over from the run that this one retries"
    );
}

#[test]
fn a_retry_of_a_retry_carries_over_the_first_execution() {
    let mut world = World::new(4);
    let first = failed(&mut world);
    world.machine.state().acts.insert("c".to_owned(), Act::Fail);
    let (second, _) = world.run_to_end(retry_of(&world, first));
    world.machine.state().acts.clear();
    let (third, end) = world.run_to_end(retry_of(&world, second));
    assert_eq!(end, RunEnd::Succeeded);
    let state = world.disk.run(third);
    assert_eq!(state.steps.get(0).reused_from, Some(first));
}

#[test]
fn what_is_gone_from_the_disk_is_an_ordinary_step() {
    let mut world = World::new(4);
    let first = failed(&mut world);
    let outputs = world.disk.run(first).steps.get(0).outputs.clone().unwrap();
    let gone = outputs.artifacts["out"].id;
    world.machine.state().gone.insert(gone);
    let (run, end) = world.run_to_end(retry_of(&world, first));
    assert_eq!(end, RunEnd::Succeeded);
    assert_eq!(world.phases(run), [Succeeded, Reused, Succeeded]);
    assert!(world.reasons(run)[0].starts_with("output_missing: "));
}

#[test]
fn what_was_never_recorded_refuses_the_retry() {
    let mut world = World::new(4);
    let first = failed(&mut world);
    let mut new = retry_of(&world, first);
    new.carried = BTreeMap::from([(NodeId(1), ExecutionId(Uuid::nil()))]);
    let runs = world.disk.rows().entries.len();
    let expected = CommandError::Gone {
        run: first,
        step: "b".to_owned(),
    };
    assert_eq!(world.create(new), Err(expected));
    assert_eq!(world.disk.rows().entries.len(), runs);
}

#[test]
fn a_run_that_is_not_over_is_not_retried() {
    let mut world = World::new(4);
    let run = world.run(run_of(steps()));
    let mut new = run_of(steps());
    new.retry_of = Some(run);
    assert_eq!(world.create(new), Err(CommandError::StillLive(run)));
}

#[test]
fn a_retry_survives_a_crash_at_any_write() {
    let mut undisturbed = World::new(4);
    let first = failed(&mut undisturbed);
    let before = undisturbed.disk.rows().commits.len();
    let new = retry_of(&undisturbed, first);
    undisturbed.run_to_end(new);
    let writes = undisturbed.disk.rows().commits.len() - before;
    for after in 1..writes {
        for landed in [false, true] {
            let mut world = World::new(4);
            let first = failed(&mut world);
            let new = retry_of(&world, first);
            world.disk.crash_at(Crash { after, landed });
            let run = world.run(new);
            assert!(world.settle().is_err());
            world.start().unwrap();
            world.settle().unwrap();
            assert_eq!(world.end_of(run), RunEnd::Succeeded);
            assert_eq!(world.phases(run), [Reused, Reused, Succeeded]);
        }
    }
}
