//! What lives beyond the executor, and what does not outlive the keeper.

use std::sync::mpsc::channel;

use attempt_keeper::{Answer, KeeperClient, KeeperMessage, Request};
use run_engine::decide::AttemptOutcome;
use run_engine::seams::{Effect, Executor};

use crate::support::{PATIENCE, World, first_line, is_alive, kill, wait_until};

#[test]
fn an_attempt_is_adopted_by_the_next_executor_with_its_outputs() {
    let mut world = World::new();
    let text = "echo $$ > pid; until [ -e go ]; do sleep 0.01; done; echo 5 > \"$OUTPUT_N\"";
    let step = world.shell(text).output("n", "integer");
    world.launch(&step);
    let (pid, adopted) = world.launched(&step);
    assert!(!adopted);
    assert_eq!(first_line(&world.project().join("pid")), pid.to_string());

    world.start();
    world.launch(&step);
    assert_eq!(world.launched(&step), (pid, true));
    world.write("go", "");
    match world.ended(&step).outcome {
        AttemptOutcome::Succeeded(outputs) => assert_eq!(outputs.parameters["n"], 5),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_end_that_nobody_was_there_to_see_is_told() {
    let mut world = World::new();
    let text = "echo $$ > pid; until [ -e go ]; do sleep 0.01; done; exit 4";
    let step = world.shell(text);
    world.launch(&step);
    let (pid, _) = world.launched(&step);
    world.stop();
    world.write("go", "");
    wait_until("the end of the step", || (!is_alive(pid)).then_some(()));
    world.start();
    world.launch(&step);
    assert_eq!(world.ended(&step).exit.unwrap().code, Some(4));
    // Until it is acknowledged, it is told to every daemon that asks.
    world.start();
    world.launch(&step);
    assert_eq!(world.ended(&step).exit.unwrap().code, Some(4));
}

#[test]
fn an_attempt_that_was_started_but_never_launched_is_launched() {
    let mut world = World::new();
    let step = world.shell("echo once");
    // The intent is of the daemon before.
    world.start();
    world.outputs(&step);
    assert_eq!(step.log(), "once\n");
}

#[test]
fn what_no_journal_knows_as_live_is_forgotten_by_the_keeper() {
    let mut world = World::new();
    let over = world.shell("exit 3");
    let live = world.shell("echo $$ > live; exec sleep 600");
    let stray = world.shell("echo $$ > stray; exec sleep 600");
    for step in [&over, &live, &stray] {
        world.launch(step);
    }
    world.ended(&over);
    let stray_pid = world.launched(&stray).0;
    world.launched(&live);
    // Its end was recorded, but the daemon died before it acknowledged.
    world.start();
    let others = world.executor().held().iter().copied();
    let others: Vec<_> = others
        .filter(|held| *held != live.task().attempt())
        .collect();
    assert_eq!(others.len(), 2);
    for attempt in others {
        world.submit(Effect::Kill(attempt));
        world.submit(Effect::Acknowledge(attempt));
    }
    wait_until("the end of the stray step", || {
        (!is_alive(stray_pid)).then_some(())
    });
    wait_until("the keeper to forget", || {
        let held = held(&world);
        (held.len() == 1 && held[0].starts_with(&live.run.to_string())).then_some(())
    });
}

/// The attempts that the keeper names when it is asked beside the executor.
fn held(world: &World) -> Vec<String> {
    let (sender, answers) = channel();
    let on_answer = Box::new(move |message| drop(sender.send(message)));
    let client = KeeperClient::connect(&world.state_dir(), on_answer).unwrap();
    client.send(&Request::List).unwrap();
    match answers.recv_timeout(PATIENCE).unwrap() {
        KeeperMessage::Answer(Answer::Held { attempts }) => attempts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn with_its_keeper_an_attempt_is_lost_and_nothing_of_it_lives() {
    let mut world = World::new();
    let text = "sleep 600 & echo $! > child; setsid sleep 600 & echo $! > away; \
                echo $$ > pid; exec sleep 600";
    let step = world.shell(text).output("data", "Artifact");
    world.launch(&step);
    let (pid, _) = world.launched(&step);
    first_line(&world.project().join("pid"));
    let file = |name: &str| {
        first_line(&world.project().join(name))
            .parse::<u32>()
            .unwrap()
    };
    let pids = [pid, file("child"), file("away")];
    assert!(pids.into_iter().all(is_alive));

    let before = world.executor().keeper();
    kill(world.keeper_pid());
    let proof = world.lost(&step);
    assert!(!proof.is_empty());
    assert!(!pids.into_iter().any(is_alive), "{proof}");

    // The next attempt is the new keeper's.
    let mut again = world
        .shell("echo > \"$OUTPUT_DATA\"")
        .output("data", "Artifact");
    assert_ne!(again.keeper, before);
    (again.run, again.attempt) = (step.run, 2);
    let outputs = world.outputs(&again);
    assert!(
        outputs.artifacts["data"]
            .path
            .ends_with("train.2/outputs/data")
    );
}

#[test]
fn an_attempt_of_a_keeper_that_died_unseen_is_lost_too() {
    let mut world = World::new();
    let step = world.shell("echo $$ > pid; exec sleep 600");
    world.launch(&step);
    let (pid, _) = world.launched(&step);
    world.stop();
    kill(world.keeper_pid());
    world.start();
    world.launch(&step);
    world.lost(&step);
    assert!(!is_alive(pid));
}

#[test]
fn an_end_that_is_known_is_no_loss() {
    let mut world = World::new();
    let step = world.shell("exit 6");
    world.launch(&step);
    let report = world.ended(&step);
    assert_eq!(report.exit.unwrap().code, Some(6));
    let before = world.executor().keeper();
    kill(world.keeper_pid());
    wait_until("another keeper", || {
        (world.executor().keeper() != before).then_some(())
    });
    world.submit(Effect::Acknowledge(step.task().attempt()));
    let step = world.shell("true");
    world.outputs(&step);
}

#[test]
fn many_steps_at_once_all_end() {
    let mut world = World::new();
    let steps: Vec<_> = (0..200)
        .map(|n| world.shell(&format!("exit {}", n % 5)))
        .collect();
    let effects = steps
        .iter()
        .map(|step| Effect::Launch(step.task()))
        .collect();
    world.executor().submit(effects);
    for (n, step) in steps.iter().enumerate() {
        let code = world.ended(step).exit.unwrap().code;
        assert_eq!(code, Some(i32::try_from(n % 5).unwrap()));
    }
}
