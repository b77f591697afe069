//! Listeners of events in numbers, and those that do not read.

use std::fs;
use std::os::unix::net::UnixStream;

use crate::live::Listener;
use crate::server::{Server, wait_for};
use crate::support::Project;

/// As many as a few teams with dashboards have open.
const LISTENERS: usize = 200;

/// Listeners that do not read.
const STALLED: usize = 100;

/// A run that tells much and does nothing: more than kernel and daemon hold for a connection.
fn much_told() -> String {
    let name = "a-step-whose-name-is-long-".repeat(2);
    let steps =
        (0..6_000).map(|n| format!("  {name}{n}: {{ needs: [{name}x], run: [echo, never] }}\n"));
    format!(
        "name: much\nsteps:\n  {name}x: {{ if: '${{{{ 1 > 2 }}}}', run: [echo, never] }}\n{}",
        steps.collect::<String>()
    )
}

/// The greatest resident memory of a process since [`forget_peak`], in MiB.
fn peak_mib(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("the server lives");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kib.expect("Linux tells the peak") >> 10
}

/// Lets the peak begin anew (proc(5), `clear_refs`).
fn forget_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("the server is ours");
}

#[test]
fn two_hundred_listeners_hear_all_of_it() {
    let project = Project::of(
        "listeners",
        "name: p\nsteps: { a: { run: [echo, hello] } }\n",
    );
    let server = Server::start(&project);
    let mut listeners: Vec<Listener> = (0..LISTENERS)
        .map(|_| Listener::open(&server, "/api/v1/events", None))
        .collect();
    assert_eq!(project.run_to_end()["state"], "succeeded");
    let told: Vec<Vec<u64>> = listeners
        .iter_mut()
        .map(|listener| {
            let mut seqs = Vec::new();
            while let Some((seq, event)) = listener.next() {
                seqs.push(seq);
                if event["type"] == "run_succeeded" {
                    break;
                }
            }
            seqs
        })
        .collect();
    assert!(told[0].len() >= 4, "{told:?}");
    assert!(told.iter().all(|seqs| *seqs == told[0]));
    assert_eq!(server.get("/status").status, 200);
}

#[test]
fn listeners_that_do_not_read_are_dropped_and_come_again() {
    let project = Project::of("stalled", &much_told());
    project.write("ropewalk.yaml", "limits: { listener: 300ms }\n");
    let server = Server::start(&project);
    project.json(&["run", "pipeline.yaml", "--detach"]);
    wait_for("the run's end", || {
        let runs = server.get("/api/v1/runs?status=succeeded").json();
        (runs["runs"].as_array()?.len() == 1).then_some(())
    });
    let whole = server.get_with("/api/v1/events", &[("Accept", "application/x-ndjson")]);
    let all = whole.text().lines().count() as u64;
    // Over the owner's socket, for which the kernel holds no more than some 200 KB.
    let socket = project.state_dir().join("daemon.sock");
    forget_peak(server.pid());
    let before = peak_mib(server.pid());
    let stalled: Vec<Listener> = (0..STALLED)
        .map(|_| {
            let stream = UnixStream::connect(&socket).expect("the server listens");
            Listener::over(stream, "/api/v1/events", None)
        })
        .collect();
    let metrics = wait_for("all of them to be dropped", || {
        let metrics = server.get("/metrics");
        let dropped = metrics.metric("ropewalk_listeners_dropped_total")?;
        (dropped >= STALLED as f64).then_some(metrics)
    });
    let dropped = metrics.metric("ropewalk_listeners_dropped_total");
    assert_eq!(dropped, Some(STALLED as f64));
    // Held for all of them, what is told would be this much.
    let unbounded = (STALLED * whole.body.len()) as u64 >> 20;
    let grown = peak_mib(server.pid()).saturating_sub(before);
    assert!(
        grown < unbounded / 2,
        "{grown} MiB were taken, of {unbounded} that were not read"
    );

    // What one was told before, then the rest: nothing is missing, nothing told twice.
    let mut listener = stalled.into_iter().next().expect("there are some");
    let mut seqs = Vec::new();
    while let Some((seq, _)) = listener.next() {
        seqs.push(seq);
    }
    let cursor = *seqs.last().expect("it was told something");
    assert!(cursor < all, "it was told all {all} events without reading");
    let mut again = Listener::open(&server, "/api/v1/events", Some(cursor));
    while seqs.last() != Some(&all) {
        let (seq, _) = again.next().expect("the server goes on");
        seqs.push(seq);
    }
    assert_eq!(seqs, (1..=all).collect::<Vec<_>>());
}
