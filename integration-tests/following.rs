//! What a client does when the daemon answers rarely-seen things: refusals, another build, a
//! connection that breaks.

use serde_json::{Value, json};

use crate::daemon_stand_in::{Answer, StandIn};
use crate::support::{Project, transcript};

const RUN: &str = "01890000-0000-7000-8000-000000000001";

/// The build of the binary that is tested: what clients compare a daemon's with.
fn build() -> String {
    let executable = std::fs::read(env!("CARGO_BIN_EXE_ropewalk")).expect("it is built");
    let digest = blake3::hash(&executable).to_hex();
    format!("{}+{}", env!("CARGO_PKG_VERSION"), &digest[..16])
}

fn status(state: &str, step_state: &str, seq: u64) -> Value {
    json!({
        "version": 1, "run_id": RUN, "pipeline": "p", "pipeline_file": "/p.yaml", "plan_id": "aa",
        "state": state, "reason": null, "trigger": { "kind": "manual", "detail": null },
        "params": {}, "created_at": "2026-01-02T03:04:05Z", "started_at": null, "ended_at": null,
        "duration_ms": null, "retry_of": null, "parent": null, "seq": seq,
        "steps": [{
            "id": "a", "item": null, "item_index": null, "state": step_state, "reason": null,
            "needs": [], "reused_from": null, "outputs": {}, "metrics": {}, "attempts": [],
            "started_at": null, "ended_at": null, "duration_ms": null,
        }],
    })
}

fn event(seq: u64, event_type: &str, step: Option<&str>) -> String {
    json!({
        "version": 1, "seq": seq, "at": format!("2026-01-02T03:04:{:02}Z", seq + 5),
        "run_id": RUN, "type": event_type, "step": step, "item_index": null,
        "attempt": step.map(|_| 1), "reason": null, "error": null,
    })
    .to_string()
}

fn problem(status: u16, code: &str) -> Answer {
    let problem = json!({
        "type": "about:blank", "title": "X", "status": status, "code": code,
        "detail": "that cannot be done", "hint": "do something else",
    });
    Answer::Document(status, problem.to_string())
}

#[test]
fn every_event_is_told_once_however_often_the_connection_breaks() {
    let project = Project::new("broken");
    let status_line = format!("GET /api/v1/runs/{RUN}");
    let resume_line = format!("POST /api/v1/runs/{RUN}/resume");
    let events_line = format!("GET /api/v1/runs/{RUN}/events");
    let running = Answer::Document(200, status("running", "waiting", 1).to_string());
    let succeeded = Answer::Document(200, status("succeeded", "succeeded", 4).to_string());
    let stand_in = StandIn::listen(
        &project.state_dir(),
        &build(),
        &[
            (&status_line, running.clone()),
            (&status_line, succeeded),
            (&resume_line, running),
            (
                &events_line,
                Answer::Broken(vec![event(2, "step_started", Some("a"))]),
            ),
            (&events_line, Answer::Broken(vec![])),
            (
                &events_line,
                Answer::Broken(vec![event(3, "step_succeeded", Some("a"))]),
            ),
            (
                &events_line,
                Answer::Lines(vec![event(4, "run_succeeded", None)]),
            ),
        ],
    );
    let output = project.command(&["resume", RUN, "--format", "json"]);
    assert!(output.status.success(), "{}", transcript(&output));
    let lines = String::from_utf8(output.stdout).expect("JSON is text");
    let lines: Vec<Value> = lines
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    let types: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["type"].as_str())
        .collect();
    assert_eq!(types, ["step_started", "step_succeeded", "run_succeeded"]);
    assert_eq!(lines.last().expect("there is one")["state"], "succeeded");
    let asked = stand_in.requests();
    let asked: Vec<&str> = asked
        .iter()
        .filter(|line| line.contains("/events"))
        .map(String::as_str)
        .collect();
    let after = |seq: u64| format!("{events_line}?after={seq}&follow=true");
    assert_eq!(asked, [after(1), after(2), after(2), after(3)]);
}

#[test]
fn what_happens_is_told_in_plain_lines_and_summed_up() {
    let project = Project::new("lines");
    let status_line = format!("GET /api/v1/runs/{RUN}");
    let running = Answer::Document(200, status("running", "waiting", 1).to_string());
    let mut over = status("succeeded", "succeeded", 4);
    over["duration_ms"] = json!(61_400);
    over["steps"][0]["duration_ms"] = json!(1_400);
    over["steps"][0]["metrics"] = json!({ "accuracy": 0.975, "rows": 344 });
    let over = Answer::Document(200, over.to_string());
    let events = Answer::Lines(vec![
        event(2, "step_started", Some("a")),
        event(3, "step_succeeded", Some("a")),
        event(4, "run_succeeded", None),
    ]);
    let _stand_in = StandIn::listen(
        &project.state_dir(),
        &build(),
        &[
            (&status_line, running.clone()),
            (&status_line, over),
            (&format!("POST /api/v1/runs/{RUN}/resume"), running),
            (&format!("GET /api/v1/runs/{RUN}/events"), events),
        ],
    );
    let output = project.command(&["resume", RUN]);
    insta::assert_snapshot!(transcript(&output));
}

#[test]
fn the_exit_status_follows_from_the_kind_of_the_refusal() {
    let cases = [
        (404, "unknown_run", 2),
        (400, "unknown_type", 2),
        (422, "invalid_pipeline", 1),
        (409, "run_ended", 1),
        (500, "store", 3),
        (503, "no_daemon", 3),
    ];
    for (status, code, expected) in cases {
        let project = Project::new("refused");
        let line = "GET /api/v1/runs/latest";
        let answers = [(line, problem(status, code))];
        let _stand_in = StandIn::listen(&project.state_dir(), "another build", &answers);
        let output = project.command(&["status"]);
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{status}: {}",
            transcript(&output)
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            said,
            "error: that cannot be done\nhint: do something else\n"
        );
    }
}

#[test]
fn a_daemon_of_another_build_serves_readers_and_is_replaced_for_the_rest() {
    let project = Project::of("replaced", "name: p\nsteps: { a: { run: [\"true\"] } }\n");
    let answers = [
        (
            "GET /api/v1/runs",
            Answer::Document(
                200,
                json!({ "version": 1, "runs": [], "next_cursor": null }).to_string(),
            ),
        ),
        ("POST /api/v1/daemon/stop", Answer::Last),
    ];
    let stand_in = StandIn::listen(&project.state_dir(), "another build", &answers);
    let read = project.json(&["runs"]);
    assert_eq!(read["runs"], json!([]));
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(
        stand_in.requests(),
        ["GET /api/v1/runs?limit=20", "POST /api/v1/daemon/stop"]
    );
}
