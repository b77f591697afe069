//! The loop on its thread: it takes commands, and ends when it is asked to or cannot go on.

use std::sync::Arc;

use orchestrator_daemon::command::Command;
use orchestrator_daemon::planning::ResolveSettings;
use orchestrator_daemon::run_loop::{
    self, LoopError, LoopHandle, LoopSender, LoopSettings, RunLoop,
};
use orchestrator_daemon::views::Views;
use run_engine::launch::Capacity;
use tokio::sync::oneshot;

use crate::support::clock::ManualClock;
use crate::support::executor::Machine;
use crate::support::plans::{command, run_of};
use crate::support::store::{Crash, Disk};

fn start(disk: &Disk, machine: &Machine) -> (LoopSender, LoopHandle) {
    let settings = LoopSettings {
        resolve: ResolveSettings::default(),
        capacity: Capacity::of_slots(4),
        ropewalk_version: "0.0.1".to_owned(),
        host: "here".to_owned(),
    };
    let run_loop = RunLoop::new(
        disk.open(),
        machine.executor(),
        ManualClock::default(),
        Arc::new(Views::new(0)),
        disk.last_seq(),
        settings,
    );
    let (sender, receiver) = run_loop::channel();
    let handle = run_loop::start(run_loop, disk.unfinished(), receiver).unwrap();
    (sender, handle)
}

fn create() -> (Command, oneshot::Receiver<impl Sized>) {
    let (reply, answer) = oneshot::channel();
    let run = Box::new(run_of(vec![command("a", &[])]));
    (
        Command::Create {
            run,
            id: None,
            reply,
        },
        answer,
    )
}

#[tokio::test]
async fn a_command_is_answered_and_a_stop_ends_the_loop() {
    let (disk, machine) = (Disk::default(), Machine::default());
    let (sender, handle) = start(&disk, &machine);
    let (command, answer) = create();
    sender.command(command).await.unwrap();
    assert!(answer.await.is_ok());
    assert_eq!(disk.unfinished().len(), 1);
    sender.command(Command::Stop).await.unwrap();
    assert!(handle.ended.await.unwrap().is_ok());
    assert!(sender.command(Command::Stop).await.is_err());
}

#[tokio::test]
async fn a_failed_write_ends_the_loop_and_says_why() {
    let (disk, machine) = (Disk::default(), Machine::default());
    disk.crash_at(Crash {
        after: 0,
        landed: false,
    });
    let (sender, handle) = start(&disk, &machine);
    let (command, answer) = create();
    sender.command(command).await.unwrap();
    assert!(
        answer.await.is_err(),
        "nobody is told of what is not durable"
    );
    let ended = handle.ended.await.unwrap();
    assert!(matches!(ended, Err(LoopError::Store(_))));
}

#[tokio::test]
async fn the_loop_ends_when_nobody_can_ask_it_any_more() {
    let (disk, machine) = (Disk::default(), Machine::default());
    let (sender, handle) = start(&disk, &machine);
    drop(sender);
    assert!(handle.ended.await.unwrap().is_ok());
}
