//! What bounds the attempts of a step.

use serde_json::json;

use crate::support::{Project, step};

/// Two steps that would never end; one of them does as it is asked, and says so.
const TIMEOUTS: &str = r#"name: timeouts
defaults: { timeout: 300ms, grace: 100ms }
steps:
  polite:
    run: |
      trap 'echo "asked to end"; exit 0' TERM
      sleep 600 & wait
    grace: 1m
  deaf:
    run: |
      trap '' TERM
      while true; do sleep 600; done
  patient: { run: sleep 1, timeout: 10m }
"#;

#[test]
fn an_attempt_that_takes_longer_than_its_timeout_is_ended() {
    let project = Project::of("timeouts", TIMEOUTS);
    let status = project.run_to_end();
    assert_eq!(status["state"], "failed", "{status:#}");
    let (polite, deaf) = (step(&status, "polite"), step(&status, "deaf"));
    for timed_out in [polite, deaf] {
        assert_eq!(timed_out["state"], "failed", "{status:#}");
        assert_eq!(timed_out["reason"]["code"], "timed_out");
        assert_eq!(timed_out["attempts"][0]["state"], "timed_out");
    }
    assert_eq!(polite["attempts"][0]["exit_code"], 0);
    assert_eq!(deaf["attempts"][0]["signal"], 9);
    assert_eq!(step(&status, "patient")["state"], "succeeded");
    let log = project.command(&["logs", "latest", "polite"]);
    assert_eq!(log.stdout, b"asked to end\n");
}

#[test]
fn a_cancelled_attempt_has_its_own_grace() {
    let pipeline = r#"name: grace
steps:
  deaf:
    run: |
      trap '' TERM
      echo ready
      while true; do sleep 600; done
    grace: 0s
"#;
    let project = Project::of("grace", pipeline);
    project.json(&["run", "pipeline.yaml", "--detach"]);
    let mut log = project.ropewalk(&["logs", "latest", "deaf", "--follow"]);
    let mut following = log
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    let mut line = String::new();
    let told = following.stdout.take().expect("it is a pipe");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(told), &mut line)
        .expect("a log is text");
    assert_eq!(line, "ready\n");
    project.command(&["cancel", "latest"]);
    project.command(&["resume", "latest"]);
    let _ = following.wait();
    let status = project.json(&["status"]);
    assert_eq!(status["state"], "cancelled", "{status:#}");
    assert_eq!(
        step(&status, "deaf")["attempts"][0]["signal"],
        json!(9),
        "{status:#}"
    );
}
