//! Steps that ask a person: answered by command, in a terminal, too late, and by whom.

use std::process::Command;

use serde_json::Value;

use crate::support::{Project, kill_process, step, transcript};

const ASKS: &str = r#"name: asks
params: { auc: 0.8 }
steps:
  train:
    run: |
      mkdir "$OUTPUT_MODEL"
      echo '{"name": "m"}' > "$OUTPUT_MODEL/signature.json"
    outputs: { model: Model }
    files: []
  gate:
    approve: { message: "Push AUC ${{ params.auc }}?", model: train.model }
  push:
    run: cp "$INPUT_BLESSING/blessing.json" ../pushed.json
    inputs: { blessing: gate.blessing }
"#;

/// Runs the pipeline where nobody sits: the run is left open.
fn left_open(project: &Project) -> Value {
    let output = project.command(&["run", "pipeline.yaml", "--format", "json"]);
    assert_eq!(output.status.code(), Some(4), "{}", transcript(&output));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = lines.lines().last().unwrap_or_default();
    let status: Value = serde_json::from_str(last).expect("the last line is a document");
    assert_eq!(status["state"], "waiting", "{status:#}");
    status
}

/// Follows the newest run to its end; how it is then.
fn to_its_end(project: &Project) -> Value {
    project.command(&["status", "--watch"]);
    project.json(&["status"])
}

fn pushed(project: &Project) -> Option<Value> {
    let text = std::fs::read_to_string(project.folder().join("../pushed.json")).ok()?;
    Some(serde_json::from_str(&text).expect("a blessing is JSON"))
}

#[test]
fn what_a_person_approves_goes_on() {
    let project = Project::of("asks", ASKS);
    let status = left_open(&project);
    let gate = step(&status, "gate");
    assert_eq!(gate["state"], "awaiting_approval");
    assert_eq!(gate["approval"]["message"], "Push AUC 0.8?");
    assert_eq!(gate["approval"]["approved"], Value::Null);
    assert_eq!(step(&status, "push")["state"], "waiting");
    let approved = [
        "approve",
        "latest",
        "gate",
        "--reason",
        "better than last week's",
    ];
    let output = project.command(&approved);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let status = to_its_end(&project);
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let approval = &step(&status, "gate")["approval"];
    assert_eq!(approval["approved"], true);
    assert_eq!(approval["reason"], "better than last week's");
    assert!(approval["decided_at"].is_string() && approval["by"].is_string());
    let by = approval["by"].as_str().unwrap_or_default();
    let events = project.command(&["events", "latest"]);
    let told = format!("approved by {by}: better than last week's");
    assert!(
        transcript(&events).contains(&told),
        "{}",
        transcript(&events)
    );
    // The blessing is for that very model.
    let blessing = pushed(&project).expect("it went on");
    assert_eq!(blessing["kind"], "approval");
    assert_eq!(blessing["pass"], true);
    let digest = &step(&status, "train")["outputs"]["model"]["digest"];
    assert_eq!(&blessing["model_digest"], digest);
    // Who answers again is too late.
    let late = project.command(&["reject", "latest", "gate"]);
    assert_eq!(late.status.code(), Some(1), "{}", transcript(&late));
    assert!(transcript(&late).contains(&told), "{}", transcript(&late));
}

#[test]
fn the_same_model_is_approved_once_and_another_question_is_asked_again() {
    let project = Project::of("asks-once", ASKS);
    left_open(&project);
    project.command(&["approve", "latest", "gate"]);
    to_its_end(&project);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(step(&status, "gate")["state"], "reused");
    let output = project.command(&["run", "pipeline.yaml", "-p", "auc=0.7"]);
    assert_eq!(output.status.code(), Some(4), "{}", transcript(&output));
    let text = transcript(&output);
    assert!(text.contains("Push AUC 0.7?"), "{text}");
    assert!(text.contains("ropewalk approve"), "{text}");
    project.command(&["cancel", "latest"]);
    assert_eq!(to_its_end(&project)["state"], "cancelled");
    let output = project.command(&["run", "pipeline.yaml", "--force", "gate"]);
    assert_eq!(output.status.code(), Some(4), "{}", transcript(&output));
}

#[test]
fn what_a_person_rejects_is_refused() {
    let project = Project::of("rejects", ASKS);
    left_open(&project);
    let output = project.command(&["reject", "latest", "gate", "--reason", "too low"]);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let status = to_its_end(&project);
    assert_eq!(status["state"], "refused", "{status:#}");
    let reason = &step(&status, "gate")["reason"];
    assert_eq!(reason["code"], "rejected");
    let skipped = step(&status, "push")["reason"]["text"].as_str();
    assert!(
        skipped.is_some_and(|text| text.contains("too low")),
        "{status:#}"
    );
    assert_eq!(pushed(&project), None);
    // Who tries again is asked again.
    let output = project.command(&["retry", "latest"]);
    assert_eq!(output.status.code(), Some(4), "{}", transcript(&output));
    assert_eq!(step(&project.json(&["status"]), "train")["state"], "reused");
}

#[test]
fn what_nobody_answers_in_time_is_refused() {
    let pipeline = "name: late\nsteps:\n  gate: { approve: Go on?, timeout: 300ms }\n";
    let project = Project::of("late", pipeline);
    project.command(&["run", "pipeline.yaml"]);
    let status = to_its_end(&project);
    assert_eq!(status["state"], "refused", "{status:#}");
    assert_eq!(step(&status, "gate")["reason"]["code"], "expired");
    let late = project.command(&["approve", "latest", "gate"]);
    assert_eq!(late.status.code(), Some(1), "{}", transcript(&late));
}

#[test]
fn a_question_outlives_its_daemon() {
    let project = Project::of("outlives", ASKS);
    left_open(&project);
    let record: Value = serde_json::from_str(&project.read(".ropewalk/daemon.json")).expect("JSON");
    let pid = record["pid"]
        .as_u64()
        .and_then(|pid| u32::try_from(pid).ok());
    assert!(kill_process(pid.expect("a daemon has a pid")));
    // Nobody holds the run, and yet it is not interrupted: it waits.
    let status = project.json(&["status"]);
    assert_eq!(status["state"], "waiting", "{status:#}");
    let output = project.command(&["approve", "latest", "gate"]);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    assert_eq!(to_its_end(&project)["state"], "succeeded");
    assert!(pushed(&project).is_some());
}

#[test]
fn a_daemon_with_nothing_but_questions_ends() {
    let project = Project::of("ends", ASKS);
    left_open(&project);
    let record = project.state_dir().join("daemon.json");
    let began = std::time::Instant::now();
    while record.exists() {
        assert!(began.elapsed().as_secs() < 120, "the daemon does not end");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(project.json(&["runs"])["runs"][0]["state"], "waiting");
}

#[test]
fn an_approval_names_a_step_that_asks() {
    let project = Project::of("names", ASKS);
    left_open(&project);
    for (step, code) in [("train", 1), ("push", 1), ("nothing", 2)] {
        let output = project.command(&["approve", "latest", step]);
        assert_eq!(output.status.code(), Some(code), "{}", transcript(&output));
    }
}

/// Runs the pipeline in a terminal of its own and types each line once the text before it is shown.
const TERMINAL: &str = r#"
import os, pty, sys
command, talk = sys.argv[1:4], sys.argv[4:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown = b""
while True:
    try:
        read = os.read(terminal, 4096)
    except OSError:
        break
    if not read:
        break
    shown += read
    while len(talk) > 1 and talk[0].encode() in shown:
        shown = shown.split(talk[0].encode(), 1)[1]
        os.write(terminal, talk[1].encode() + b"\n")
        talk = talk[2:]
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(shown)
sys.exit(status)
"#;

fn in_a_terminal(project: &Project, talk: &[&str]) -> std::process::Output {
    let binary = env!("CARGO_BIN_EXE_ropewalk");
    Command::new("python3")
        .args(["-c", TERMINAL, binary, "run", "pipeline.yaml"])
        .args(talk)
        .current_dir(project.folder())
        .env("TERM", "dumb")
        .output()
        .expect("python3 is there")
}

#[test]
fn who_sits_at_a_terminal_is_asked_there() {
    let project = Project::of("terminal", ASKS);
    let talk = ["approve? [y/n", "what?", "approve? [y/n", "y looks good"];
    let output = in_a_terminal(&project, &talk);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let status = project.json(&["status"]);
    let approval = &step(&status, "gate")["approval"];
    assert_eq!(approval["approved"], true);
    assert_eq!(approval["reason"], "looks good");
    let project = Project::of("terminal-no", ASKS);
    let output = in_a_terminal(&project, &["approve? [y/n", "n"]);
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    assert_eq!(project.json(&["status"])["state"], "refused");
}
