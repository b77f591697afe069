//! How a daemon ends: asked, unneeded, without its folder, and never two at once.

use std::fs;

use orchestrator_api::EventsQuery;

use crate::support::{Project, follow, wait_until};

const HELD: &str = "name: held\nsteps: { a: { run: 'while [ ! -e go ]; do sleep 0.01; done' } }\n";

#[tokio::test]
async fn a_daemon_that_is_asked_to_end_ends_its_streams_and_not_its_runs() {
    let project = Project::new();
    let mut daemon = project.daemon().await;
    let run = daemon.start(&project, HELD).await;
    let id = run.run_id.to_string();
    let query = EventsQuery {
        after: None,
        follow: true,
    };
    let mut stream = daemon.client.events(Some(&id), &query).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().seq, 1);
    daemon.client.stop().await.unwrap();
    // The stream ends, but not with the run's end.
    while let Some(event) = stream.next().await.unwrap() {
        assert!(!event.event_type.ends_run());
    }
    assert_eq!(daemon.process.ended().await, "exit code 0");
    assert!(!project.state("daemon.sock").exists());
    assert!(!project.state("daemon.json").exists());
    project.write("go", "");
    let daemon = project.daemon().await;
    let events = follow(&daemon.client, &id, run.status.seq).await;
    assert!(events.last().unwrap().event_type.ends_run(), "{events:?}");
}

#[tokio::test]
async fn signals_end_it_as_well() {
    for number in [2, 15] {
        let project = Project::new();
        let mut daemon = project.daemon().await;
        daemon.process.signal(number);
        assert_eq!(daemon.process.ended().await, "exit code 0");
    }
}

#[tokio::test]
async fn a_daemon_that_nobody_needs_ends() {
    let project = Project::new();
    project.idle_end(3_000);
    let mut daemon = project.daemon().await;
    let run = daemon.start(&project, HELD).await.run_id;
    // No client is left, but a run.
    drop(daemon.client);
    project.write("go", "");
    assert_eq!(daemon.process.ended().await, "exit code 0");
    let status = project
        .offline()
        .await
        .status(&run.to_string())
        .await
        .unwrap();
    assert!(status.state.is_ended(), "{status:?}");
}

#[tokio::test]
async fn a_daemon_whose_folder_was_removed_ends() {
    let project = Project::new();
    let mut daemon = project.daemon().await;
    fs::remove_file(project.state("daemon.lock")).unwrap();
    assert_eq!(daemon.process.ended().await, "exit code 0");
}

#[tokio::test]
async fn one_process_holds_a_state_folder() {
    let project = Project::new();
    let mut daemon = project.daemon().await;
    let error = project.open_offline().err().unwrap();
    assert!(error.is_held());
    let holder = format!("the daemon with process id {}", daemon.process.pid());
    assert!(error.to_string().contains(&holder), "{error}");
    daemon.client.stop().await.unwrap();
    daemon.process.ended().await;

    let offline = project.open_offline().unwrap();
    let error = project.open_offline().err().unwrap();
    assert!(error.is_held(), "{error}");
    // A daemon waits for a command that reads.
    let starting = project.start_daemon();
    wait_until("the daemon's try", || {
        starting.has_open("daemon.lock").then_some(())
    })
    .await;
    drop(offline);
    project.reach(starting).await;
}
