//! Daemons, keepers and machines that die.

use orchestrator_daemon::run_loop::LoopError;
use run_engine::decide::LOST_ATTEMPTS_MAX;
use run_engine::event::{Event, RunEnd};
use run_engine::ids::RunId;
use run_engine::seams::JournalEntry;
use run_engine::state::StepPhase::{Cancelled, Failed, Skipped, Succeeded};

use crate::support::plans::{command, component, run_of};
use crate::support::store::{Crash, Disk};
use crate::support::world::World;

/// A daemon dies and the next one takes over.
fn restart(world: &mut World) {
    world.kill();
    world.start().unwrap();
}

#[test]
fn a_live_attempt_is_adopted_by_the_next_daemon() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[0])]));
    world.report().unwrap();
    restart(&mut world);
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
    assert_eq!(world.starts(run), [1, 1]);
    assert_eq!(world.machine.state().launched.len(), 2);
    let journal = world.journal(run);
    assert_eq!(journal[2..4], ["run_resumed", "step_adopted a"]);
}

#[test]
fn an_intent_that_was_never_carried_out_is_carried_out() {
    let mut world = World::new(2);
    // The write lands, and the daemon dies before its effects leave it.
    world.disk.crash_at(Crash {
        after: 0,
        landed: true,
    });
    let (reply, _answer) = tokio::sync::oneshot::channel();
    let new = Box::new(run_of(vec![command("a", &[])]));
    let input = orchestrator_daemon::command::Command::Create {
        run: new,
        id: None,
        reply,
    };
    let input = orchestrator_daemon::run_loop::LoopInput::Command(input);
    assert!(world.turn(vec![input]).is_err());
    assert!(world.machine.state().launched.is_empty());

    restart(&mut world);
    world.settle().unwrap();
    let run = world.disk.rows().entries[0].run;
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
    assert_eq!(world.starts(run), [1]);
    assert!(!world.journal(run).contains(&"step_adopted a".to_owned()));
}

#[test]
fn an_end_that_nobody_saw_is_not_lost() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[0])]));
    world.report().unwrap();
    let attempt = world.machine.live()[0];
    world.kill();
    world.machine.finish(attempt);
    world.start().unwrap();
    world.settle().unwrap();
    assert_eq!(world.starts(run), [1, 1]);
    assert!(world.machine.unacknowledged().is_empty());
}

#[test]
fn attempts_that_went_with_their_keeper_run_again_from_what_was_recorded() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![component("a", &[]), component("b", &[0])]));
    world.finish_one().unwrap();
    world.report().unwrap();
    world.kill();
    world.machine.kill_keeper();
    world.start().unwrap();
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
    assert_eq!(world.starts(run), [1, 2]);
    let state = world.disk.run(run);
    let attempts = &state.steps.get(1).attempts;
    let (first, second) = (&attempts[0].started, &attempts[1].started);
    assert_eq!(first.execution, second.execution);
    assert_eq!((&first.inputs, &first.key), (&second.inputs, &second.key));
    assert_ne!(first.keeper, second.keeper);
}

#[test]
fn a_keeper_that_dies_under_a_live_daemon_costs_its_attempts_only() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[0])]));
    world.report().unwrap();
    world.machine.kill_keeper_noticed();
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
    assert_eq!(world.starts(run), [2, 1]);
}

#[test]
fn a_step_that_is_lost_too_often_fails() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[0])]));
    for _ in 0..LOST_ATTEMPTS_MAX {
        world.report().unwrap();
        assert_eq!(world.machine.live().len(), 1);
        world.machine.kill_keeper_noticed();
    }
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Failed);
    assert_eq!(world.phases(run), [Failed, Skipped]);
    assert_eq!(world.starts(run), [LOST_ATTEMPTS_MAX, 0]);
}

#[test]
fn a_kill_is_sent_again_after_a_crash() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[0])]));
    world.report().unwrap();
    world.disk.crash_at(Crash {
        after: 0,
        landed: true,
    });
    let (reply, _answer) = tokio::sync::oneshot::channel();
    let input = orchestrator_daemon::command::Command::Cancel {
        run,
        abandon: false,
        reply,
    };
    let input = orchestrator_daemon::run_loop::LoopInput::Command(input);
    assert!(world.turn(vec![input]).is_err());
    assert_eq!(world.machine.live().len(), 1);
    restart(&mut world);
    world.report().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Cancelled);
    assert_eq!(world.phases(run), [Cancelled, Cancelled]);
}

#[test]
fn a_clock_that_was_set_back_between_two_daemons_does_not_go_back_in_a_journal() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[]), command("b", &[0])]));
    world.report().unwrap();
    world.kill();
    world.clock.set_wall(chrono::TimeDelta::hours(-1));
    world.start().unwrap();
    world.settle().unwrap();
    assert_eq!(world.end_of(run), RunEnd::Succeeded);
    let times: Vec<_> = world.events().iter().map(Event::at).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_journal_that_cannot_be_is_a_sentence() {
    let mut world = World::new(2);
    let run = world.run(run_of(vec![command("a", &[])]));
    let now = world.events()[0].at();
    let seq = world.disk.last_seq() + 1;
    world.disk.rows().entries.push(JournalEntry {
        run,
        seq,
        event: Event::StepLost {
            node: pipeline_plan::NodeId(0),
            attempt: 7,
            proof: String::new(),
            at: now,
        },
    });
    world.kill();
    let error = world.start().unwrap_err();
    assert!(matches!(error, LoopError::Journal { run: named, .. } if named == run));
}

/// What must be the same whatever died: how the run ended, where its steps stand, what they gave.
fn outcome(world: &World, run: RunId) -> Vec<String> {
    let state = world.disk.run(run);
    let mut lines = vec![format!("{:?}", world.end_of(run))];
    for step in state.steps.iter() {
        let outputs = step.outputs.iter().flat_map(|o| o.artifacts.values());
        let digests: Vec<&str> = outputs.map(|artifact| artifact.digest.as_str()).collect();
        lines.push(format!("{:?} {digests:?}", step.phase));
    }
    lines
}

fn diamond() -> orchestrator_daemon::command::NewRun {
    let mut run = run_of(vec![
        component("a", &[]),
        component("b", &[0]),
        component("c", &[0]),
        component("d", &[1, 2]),
    ]);
    // Whoever asks again after a crash means the same run.
    run.attach = true;
    run
}

/// The run as a client makes it: after every crash the daemon is started again, and asked again.
fn run_through(world: &mut World, keeper_dies: bool) -> RunId {
    loop {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let run = Box::new(diamond());
        let input = orchestrator_daemon::command::Command::Create {
            run,
            id: None,
            reply,
        };
        let input = orchestrator_daemon::run_loop::LoopInput::Command(input);
        let result = world.turn(vec![input]).and_then(|()| world.settle());
        if let (Ok(()), Ok(Ok(created))) = (result, answer.blocking_recv()) {
            return created.run;
        }
        if keeper_dies {
            world.machine.kill_keeper();
        }
        restart(world);
    }
}

#[test]
fn a_crash_at_any_write_changes_nothing_of_the_outcome() {
    let mut undisturbed = World::new(2);
    let run = run_through(&mut undisturbed, false);
    let expected = outcome(&undisturbed, run);
    assert_eq!(undisturbed.phases(run), [Succeeded; 4]);
    let writes = undisturbed.disk.rows().commits.len();
    for after in 0..writes {
        for (landed, keeper_dies) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut world = World::new(2);
            world.disk.crash_at(Crash { after, landed });
            let run = run_through(&mut world, keeper_dies);
            let case = format!("write {after}, landed {landed}, keeper dies {keeper_dies}");
            if world.phases(run).iter().all(|phase| *phase == Succeeded) {
                assert_eq!(outcome(&world, run), expected, "{case}");
            } else {
                // The last write of the first run landed: the second run reuses all of it.
                assert!(
                    landed && after + 1 == writes,
                    "{case}: {:?}",
                    world.journal(run)
                );
            }
            let launched = world.machine.state().launched.len();
            let recorded: usize = world
                .events()
                .iter()
                .filter(|event| matches!(event, Event::StepStarted(_)))
                .count();
            assert!(
                launched <= recorded,
                "{case}: an attempt without its intent"
            );
            assert!(
                world.machine.unacknowledged().is_empty() || landed,
                "{case}"
            );
        }
    }
}
#[test]
fn every_prefix_of_a_journal_can_be_taken_up_and_finished() {
    let mut world = World::new(2);
    let run = world.run(diamond());
    world.report().unwrap();
    world.machine.kill_keeper_noticed();
    world.finish_one().unwrap();
    restart(&mut world);
    world.settle().unwrap();
    let expected = outcome(&world, run);
    let (journal, clock) = (world.disk.rows().entries.clone(), world.clock.clone());
    for length in 1..=journal.len() {
        for keeper_is_another in [false, true] {
            let mut world = World::new(2);
            world.kill();
            world.disk = Disk::with(&journal[..length]);
            world.clock = clock.clone();
            if keeper_is_another {
                world.machine.kill_keeper();
            }
            // The first keeper of the journal died in it.
            world.machine.kill_keeper();
            world.start().unwrap();
            world.settle().unwrap();
            assert_eq!(outcome(&world, run), expected, "the first {length} events");
        }
    }
}
