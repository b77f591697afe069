//! Secrets: given to the step that names them, found in none of what is kept, told by none of the commands.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Project, step, transcript};

/// How long anything may take before the test fails; never a measure of how long it should take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Unlike anything else that is written.
const SECRET: &str = "kE7-planted-Zq9/secret+value";
const OTHER: &str = "second-planted-v4lue";

/// Tells its secrets by every way that a step has, whole and in halves.
const TELLS: &str = r#"#!/bin/sh
set -eu
test "$TOKEN" = "$(cat expected)"
echo "the token is $TOKEN, and $AUTH"
echo "on standard error: $TOKEN" >&2
half=$(printf %s "$TOKEN" | cut -c1-9); rest=$(printf %s "$TOKEN" | cut -c10-)
printf %s "in halves: $half"; sleep 0.2; printf '%s.\n' "$rest"
printf 'said=%s\n' "it is $TOKEN" >> "$ROPEWALK_OUTPUT"
printf '{"reason": "no: %s"}' "$AUTH" > "$ROPEWALK_EXECUTOR_OUTPUT_FILE"
test "$END" = 0 || exit "$END"
"#;

/// A parameter that looks like an expression, and is none.
const USER: &str = "user=ada ${{ secrets.TOKEN }}";

fn pipeline(end: u8) -> String {
    format!(
        "name: secrets\nparams: {{ user: {{ type: string }} }}\nsteps:\n\
         \x20 tells:\n    run: [./tells.sh]\n    outputs: {{ said: string }}\n    env:\n\
         \x20     TOKEN: '${{{{ secrets.TOKEN }}}}'\n\
         \x20     AUTH: 'Basic ${{{{ params.user }}}}:${{{{ secrets.PASSWORD }}}}'\n\
         \x20     END: '{end}'\n\
         \x20 after: {{ run: [echo, \"${{{{ steps.tells.outputs.said }}}}\"] }}\n"
    )
}

fn project(end: u8) -> Project {
    let project = Project::of("secrets", &pipeline(end));
    // Where its answer goes is told by the contract's JSON alone.
    let script = TELLS.replace(
        "$ROPEWALK_EXECUTOR_OUTPUT_FILE",
        "$(python3 -c 'import json, os; print(json.load(open(os.environ[\"ROPEWALK_EXECUTOR_INPUT\"]))[\"outputs\"][\"outputFile\"])')",
    );
    project.write("tells.sh", &script);
    let mut permissions = fs::metadata(project.folder().join("tells.sh"))
        .expect("it was written")
        .permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(project.folder().join("tells.sh"), permissions).expect("it is ours");
    // Outside of what the test searches, and of no key.
    fs::write(project.folder().join("expected"), SECRET).expect("a scratch folder can be written");
    project.write(".gitignore", "expected\n");
    project
}

/// Fails if a secret stands anywhere in the state folder or in what the commands say.
fn nothing_tells(project: &Project, texts: &[String]) {
    let mut found = Vec::new();
    search(&project.state_dir(), &mut found);
    assert!(found.is_empty(), "a secret stands in {found:?}");
    for text in texts {
        let tells = text.contains(SECRET) || text.contains(OTHER);
        assert!(!tells, "a command tells a secret:\n{text}");
    }
}

fn search(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder)
        .expect("a state folder can be read")
        .flatten()
    {
        let path = entry.path();
        let kind = entry.file_type().expect("an entry has a type");
        if kind.is_dir() {
            search(&path, found);
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            let has = |secret: &str| {
                let secret = secret.as_bytes();
                bytes.windows(secret.len()).any(|window| window == secret)
            };
            if has(SECRET) || has(OTHER) {
                found.push(path.display().to_string());
            }
        }
    }
}

/// What every command that tells something says.
fn said_by_all(project: &Project) -> Vec<String> {
    let commands: [&[&str]; 8] = [
        &["status", "latest"],
        &["status", "latest", "--format", "json"],
        &["events", "latest", "--format", "json"],
        &["logs", "latest", "tells"],
        &["runs", "--format", "json", "--columns", "params.user"],
        &["artifacts", "--format", "json"],
        &["plan", "pipeline.yaml", "-p", USER],
        &["plan", "pipeline.yaml", "-p", USER, "--format", "json"],
    ];
    commands
        .iter()
        .map(|words| transcript(&project.command(words)))
        .collect()
}

#[test]
fn a_secret_reaches_its_step_and_nothing_that_is_kept_or_said() {
    let project = project(0);
    let output = project
        .ropewalk(&["run", "pipeline.yaml", "-p", USER])
        .env("TOKEN", SECRET)
        .env("PASSWORD_FILE", project.folder().join("password"))
        .env_remove("PASSWORD")
        .output();
    // The file is not there yet: it is said which one, and nothing was started.
    let said = transcript(&output.expect("the binary can be started"));
    assert!(said.contains("PASSWORD_FILE"), "{said}");

    fs::write(project.folder().join("password"), format!("{OTHER}\n")).expect("it can be written");
    let output = project
        .ropewalk(&["run", "pipeline.yaml", "-p", USER])
        .env("TOKEN", SECRET)
        .env("PASSWORD_FILE", project.folder().join("password"))
        .output()
        .expect("the binary can be started");
    let said = transcript(&output);
    assert!(output.status.success(), "{said}");
    let log = project.command(&["logs", "latest", "tells"]);
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    let expected = "the token is ***, and Basic ada ${{ secrets.TOKEN }}:***\n";
    assert!(log.contains(expected), "{log}");
    assert!(log.contains("on standard error: ***\n"), "{log}");
    assert!(log.contains("in halves: ***.\n"), "{log}");
    let status = project.json(&["status", "latest"]);
    assert_eq!(step(&status, "tells")["outputs"]["said"], "it is ***");
    let mut texts = said_by_all(&project);
    texts.push(said);
    nothing_tells(&project, &texts);
    // It is reused without its secrets.
    let again = project.command(&["plan", "pipeline.yaml", "-p", USER, "--format", "json"]);
    let plan: Value = serde_json::from_slice(&again.stdout).expect("a plan is a document");
    assert_eq!(step(&plan, "tells")["action"], "reuse", "{plan:#}");
}

#[test]
fn what_a_step_says_of_its_failure_is_masked_too() {
    for end in [3, 65] {
        let project = project(end);
        let dotenv = format!("# beside the pipeline\nexport TOKEN='{SECRET}'\nPASSWORD={OTHER}\n");
        project.write(".env", &dotenv);
        let output = project.command(&["run", "pipeline.yaml", "-p", USER]);
        let said = transcript(&output);
        assert!(!output.status.success(), "{said}");
        assert!(
            said.contains("no: Basic ada ${{ secrets.TOKEN }}:***"),
            "{said}"
        );
        let mut texts = said_by_all(&project);
        texts.push(said);
        nothing_tells(&project, &texts);
    }
}

#[test]
fn a_step_waits_for_a_secret_that_is_missing() {
    let project = project(0);
    project.write(".env", &format!("PASSWORD={OTHER}\n"));
    project.command(&["run", "pipeline.yaml", "-p", USER, "--detach"]);
    wait_until("the step to wait", || {
        let status = project.json(&["status", "latest"]);
        let tells = step(&status, "tells");
        tells["state"] == "waiting" && tells["reason"]["code"] == "secret"
    });
    let status = project.json(&["status", "latest"]);
    assert_eq!(step(&status, "tells")["reason"]["detail"], "TOKEN");
    assert_eq!(status["reason"]["code"], "secret");
    // Nobody is here who could give it: the run is left open, and the way on is shown.
    let resumed = project.command(&["resume", "latest"]);
    let said = transcript(&resumed);
    assert_eq!(resumed.status.code(), Some(4), "{said}");
    assert!(said.contains("next  ropewalk resume "), "{said}");
    assert!(said.contains("TOKEN"), "{said}");
    // Handed over by somebody who has it.
    let resumed = project
        .ropewalk(&["resume", "latest"])
        .env("TOKEN", SECRET)
        .output()
        .expect("the binary can be started");
    let said = transcript(&resumed);
    assert!(resumed.status.success(), "{said}");

    // Written beside the pipeline, it is found by itself.
    let project = self::project(0);
    project.write(".env", &format!("PASSWORD={OTHER}\n"));
    project.command(&["run", "pipeline.yaml", "-p", USER, "--detach"]);
    let mut dotenv = fs::OpenOptions::new()
        .append(true)
        .open(project.folder().join(".env"))
        .expect("it is there");
    writeln!(dotenv, "TOKEN=\"{SECRET}\"").expect("it can be written");
    wait_until("the run's end", || {
        project.json(&["status", "latest"])["state"] == "succeeded"
    });
    nothing_tells(&project, &said_by_all(&project));
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
