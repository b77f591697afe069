//! `ropewalk serve`: what it answers over TCP, and how it begins and ends.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::server::{Server, wait_for};
use crate::support::{Project, transcript};

const PIPELINE: &str = "name: p\nsteps: { a: { run: [echo, hello] } }\n";

#[test]
fn the_status_comes_as_text_as_a_page_and_as_json() {
    let project = Project::of("served", PIPELINE);
    let server = Server::start(&project);
    let run = project.run_to_end();
    let id = run["run_id"].as_str().expect("a run has an id");

    let text = server.get("/status");
    assert_eq!(text.status, 200);
    assert!(text.headers["content-type"].starts_with("text/plain"));
    assert!(
        text.text().contains(id) && text.text().contains("succeeded"),
        "{text:?}"
    );

    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = server.get_with("/status", &[("Accept", browser)]);
    assert!(page.headers["content-type"].starts_with("text/html"));
    assert!(page.text().contains(id));
    assert!(!page.text().contains("http://") && !page.text().contains("https://"));

    let document = server.get_with("/status", &[("Accept", "application/json")]);
    let document = document.json();
    assert_eq!(document["version"], 1);
    assert_eq!(document["latest"][0]["run_id"], id);
    assert_eq!(document["runs"], Value::Object(serde_json::Map::new()));
    assert_eq!(
        document["state_dir"],
        project.state_dir().display().to_string()
    );

    assert_eq!(server.get("/healthz").text(), "ok\n");
    assert_eq!(server.get("/readyz").text(), "ready\n");
    assert_eq!(server.get("/nothing").problem(), "unknown_route");
}

#[test]
fn it_ends_in_good_order_and_another_one_takes_its_place() {
    let project = Project::of("restarted", PIPELINE);
    let mut server = Server::start(&project);
    let second = project.command(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(3), "{}", transcript(&second));
    // A stream is open while it ends.
    let mut stream = server.connect();
    std::io::Write::write_all(
        &mut stream,
        b"GET /api/v1/events?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    .expect("the server reads");
    assert_eq!(server.terminate(), Some(0));
    assert!(!project.state_dir().join("daemon.json").exists());
    let server = Server::start(&project);
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn the_configuration_is_read_and_shown() {
    let project = Project::of("configured", PIPELINE);
    project.write(
        "ropewalk.yaml",
        "listen: localhost:0\nslots: 3\nlog: warn\n",
    );
    let shown = project.json(&["serve", "--print-config"]);
    assert_eq!(shown["listen"], "localhost:0");
    assert_eq!(shown["slots"], 3);
    let over = project.json(&["serve", "--print-config", "--listen", "127.0.0.1:1"]);
    assert_eq!(over["listen"], "127.0.0.1:1");

    project.write("other.yaml", "listen: 127.0.0.1:0\nlisten_at: x\n");
    let wrong = project.command(&["serve", "--config", "other.yaml"]);
    let said = transcript(&wrong);
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    assert!(
        said.contains("listen_at") && said.contains("other.yaml"),
        "{said}"
    );
}

#[test]
fn a_client_speaks_to_a_server_by_its_url() {
    let project = Project::of("by-url", PIPELINE);
    let server = Server::start(&project);
    let elsewhere = Project::of("elsewhere", PIPELINE);
    let run = elsewhere.run_with(&["--server", &server.url]);
    assert_eq!(run["state"], "succeeded");
    assert!(!elsewhere.state_dir().exists());
    let status = elsewhere.json(&["status", "--server", &server.url]);
    assert_eq!(status, project.json(&["status"]));

    let nobody = elsewhere.command(&["runs", "--server", "http://127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(3), "{}", transcript(&nobody));
    let no_url = elsewhere.command(&["runs", "--server", "127.0.0.1:1"]);
    assert_eq!(no_url.status.code(), Some(2), "{}", transcript(&no_url));
}

#[test]
fn metrics_count_what_happened() {
    let project = Project::of(
        "metrics",
        "name: p\nsteps: { a: { run: [\"true\"] }, b: { run: [\"false\"] } }\n",
    );
    let server = Server::start(&project);
    assert_eq!(project.run_to_end()["state"], "failed");
    let text = wait_for("the run's end to be counted", || {
        let text = server.get("/metrics").text();
        text.contains("ropewalk_runs_finished_total{")
            .then_some(text)
    });
    for line in [
        "# TYPE ropewalk_runs_finished_total counter",
        "ropewalk_runs_finished_total{pipeline=\"p\",state=\"failed\"} 1",
        "ropewalk_steps_finished_total{pipeline=\"p\",state=\"succeeded\"} 1",
        "ropewalk_steps_finished_total{pipeline=\"p\",state=\"failed\"} 1",
        "ropewalk_run_duration_seconds_count{pipeline=\"p\"} 1",
        "ropewalk_step_duration_seconds_count{pipeline=\"p\"} 2",
        "ropewalk_queued_steps 0",
        "ropewalk_launching 1",
        "ropewalk_keeper_up 1",
        "ropewalk_keeper_replacements_total 0",
    ] {
        assert!(text.lines().any(|is| is == line), "no `{line}` in {text}");
    }
    assert!(text.contains("ropewalk_store_commit_duration_seconds_bucket"));
    // No run is a label, and nothing stays of a run that is over.
    assert!(!text.contains("run_id") && !text.contains("ropewalk_runs{"));
}

/// The keeper's process.
fn keeper_of(project: &Project) -> Pid {
    let record = project.read(".ropewalk/keeper.lock");
    let record = record.lines().next().map(serde_json::from_str::<Value>);
    let pid = record.and_then(|record| record.ok()?["pid"].as_i64());
    let pid = pid.and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
    pid.expect("the lock names its holder")
}

#[test]
fn metrics_tell_how_the_keeper_does() {
    let project = Project::of("keeper-health", PIPELINE);
    let server = Server::start(&project);
    assert_eq!(project.run_to_end()["state"], "succeeded");
    let first = server.get("/metrics");
    assert_eq!(first.metric("ropewalk_keeper_up"), Some(1.0));
    let since = first.metric("ropewalk_keeper_connection_start_time_seconds");
    assert!(since.is_some_and(|since| since > 1.7e9), "{since:?}");
    // One that is there and does not answer.
    let keeper = keeper_of(&project);
    let signal = |signal| kill_process(keeper, signal).expect("it is ours");
    signal(Signal::STOP);
    let silent = server.get("/metrics");
    signal(Signal::CONT);
    assert_eq!(silent.metric("ropewalk_keeper_up"), Some(0.0));
    // One that is gone, and the next.
    signal(Signal::KILL);
    wait_for("the next keeper", || {
        let metrics = server.get("/metrics");
        let replaced = metrics.metric("ropewalk_keeper_replacements_total")?;
        let is_up = metrics.metric("ropewalk_keeper_up") == Some(1.0);
        (replaced >= 1.0 && is_up).then_some(())
    });
    assert_ne!(keeper_of(&project), keeper);
}

#[test]
fn the_api_describes_itself() {
    let project = Project::of("described", PIPELINE);
    let server = Server::start(&project);
    let description = server.get("/openapi.json").json();
    assert_eq!(description["info"]["title"], "Ropewalk");
    let run = &description["paths"]["/api/v1/runs/{run}"]["get"];
    let answer = &run["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(answer, "#/components/schemas/Status");
    // Whatever is described is routed.
    for (path, methods) in description["paths"].as_object().expect("there are paths") {
        for method in methods.as_object().expect("they have methods").keys() {
            let path = path.replace(['{', '}'], "");
            let wait = [("Prefer", "wait=0")];
            let response = server.request(&method.to_uppercase(), &path, &wait, "");
            let is_routed =
                response.status != 405 && !response.text().contains("\"unknown_route\"");
            assert!(is_routed, "{method} {path}: {response:?}");
        }
    }
    let page = server.get("/docs").text();
    assert!(page.contains("/api/v1/runs/{run}") && page.contains("RunSummary"));
    for outside in ["href=\"http", "src=", "<link", "@import", "<script"] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
}
