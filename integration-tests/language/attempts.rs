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
    let pipeline = r"name: grace
steps:
  deaf:
    run: |
      trap '' TERM
      echo ready
      while true; do sleep 600; done
    grace: 0s
";
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

/// Steps that count their attempts in a file of their own.
const RETRIES: &str = r#"name: retries
defaults: { retry: { attempts: 3, initial: 20ms } }
steps:
  third_time_lucky:
    run: &count |
      echo x >> "../$ROPEWALK_STEP"
      test "$(wc -l < "../$ROPEWALK_STEP")" -ge "$WANTED" || exit "$STATUS"
    env: { WANTED: 3, STATUS: 7 }
  hopeless: { run: *count, env: { WANTED: 9, STATUS: 7 } }
  asks: { run: *count, env: { WANTED: 5, STATUS: 75 }, retry: { attempts: 1 } }
  refuses: { run: *count, env: { WANTED: 9, STATUS: 65 } }
  missing: { run: [no-such-program] }
"#;

#[test]
fn failed_attempts_are_followed_by_others() {
    let project = Project::of("retries", RETRIES);
    let status = project.run_to_end();
    for (id, state, attempts) in [
        ("third_time_lucky", "succeeded", 3),
        ("hopeless", "failed", 3),
        ("asks", "succeeded", 5),
        ("refuses", "refused", 1),
        ("missing", "failed", 1),
    ] {
        let step = step(&status, id);
        assert_eq!(step["state"], state, "{step:#}");
        let made = step["attempts"].as_array().map_or(0, Vec::len);
        assert_eq!(made, attempts, "{step:#}");
    }
    let lucky = step(&status, "third_time_lucky");
    assert_eq!(lucky["attempts"][0]["state"], "failed");
    assert_eq!(lucky["attempts"][0]["exit_code"], 7);
    assert_eq!(lucky["reason"]["code"], "retried");
    let log = project.command(&["logs", "latest", "hopeless", "--attempt", "2"]);
    assert_eq!(log.status.code(), Some(0));
    let events = project.command(&["events", "latest", "--format", "json"]);
    let events = String::from_utf8_lossy(&events.stdout).into_owned();
    let retrying = events
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|event| event["type"] == "step_retrying");
    let retrying: Vec<_> = retrying.collect();
    assert_eq!(retrying.len(), 2 + 2 + 4);
    assert_eq!(retrying[0]["reason"]["code"], "retried");
    assert_eq!(retrying[0]["error"]["code"], "exit_status");
}

#[test]
fn a_step_that_waits_for_its_next_attempt_says_so_and_can_be_cancelled() {
    let pipeline = "name: waits\nsteps:\n  a:\n    run: exit 3\n    retry: { attempts: 2, initial: 1h, max: 1h }\n";
    let project = Project::of("waits", pipeline);
    project.json(&["run", "pipeline.yaml", "--detach"]);
    let mut events = project.ropewalk(&["events", "latest", "--follow", "--format", "json"]);
    let mut following = events
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    let told = following.stdout.take().expect("it is a pipe");
    let lines = std::io::BufRead::lines(std::io::BufReader::new(told));
    let waits = |line: &String| line.contains("step_retrying");
    assert!(lines.map_while(Result::ok).any(|line| waits(&line)));
    let status = project.json(&["status"]);
    let a = step(&status, "a");
    assert_eq!(a["state"], "backoff", "{status:#}");
    let reason = a["reason"]["text"].as_str().unwrap_or_default();
    let expected =
        "attempt 1 failed: its command ended with exit status 3; the next one follows at ";
    assert!(reason.starts_with(expected), "{reason}");
    following.kill().expect("it is ours");
    let _ = following.wait();
    // The daemon that comes after waits on.
    project.command(&["stop"]);
    project.command(&["cancel", "latest"]);
    let status = project.json(&["status"]);
    assert_eq!(status["state"], "cancelled", "{status:#}");
    assert_eq!(step(&status, "a")["state"], "cancelled");
}
