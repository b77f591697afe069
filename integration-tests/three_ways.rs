//! Every command gives the same document, whoever answers: no daemon, one in the background, a server.

use std::os::unix::process::CommandExt as _;

use serde_json::Value;

use crate::server::Server;
use crate::support::{Project, not_run, transcript};

const PIPELINE: &str = "name: ways\nsteps:\n  \
    a: { run: 'echo hello; mkdir $OUTPUT_OUT; echo x > $OUTPUT_OUT/x', outputs: { out: Artifact } }\n  \
    b: { needs: [a], run: 'exit 3' }\n";

/// A run that goes on until it is cancelled.
const WAITS: &str = "name: waits\nsteps: { a: { run: [sleep, \"600\"] } }\n";

/// A run that asks a person.
const ASKS: &str = "name: asks\nsteps: { gate: { approve: Go on? } }\n";

/// Commands that read.
const READING: [&[&str]; 12] = [
    &["runs"],
    &["runs", "--columns", "params.x,metrics.a.x", "--limit", "1"],
    &["runs", "--status", "failed", "--pipeline", "ways"],
    &["status"],
    &["status", "latest"],
    &["events"],
    &["events", "latest", "--after", "2"],
    &["logs", "latest", "a"],
    &["artifacts"],
    &["artifacts", "latest", "--type", "Artifact"],
    &["show", "a.out"],
    &["plan", "pipeline.yaml"],
];

/// Who answers.
enum Way {
    /// The command itself, or a daemon that it starts.
    Nobody,
    /// A daemon that another command started.
    Background,
    Server(Server),
}

impl Way {
    fn all(project: &Project) -> impl Iterator<Item = Self> + '_ {
        (0..3).map(|way| {
            project.stop();
            match way {
                0 => Self::Nobody,
                1 => {
                    // What is over is followed no more, but a daemon was started to look.
                    project.command(&["resume", "latest"]);
                    assert!(project.state_dir().join("daemon.json").exists());
                    Self::Background
                }
                _ => Self::Server(Server::start(project)),
            }
        })
    }

    /// What a command prints for people.
    fn text(&self, project: &Project, command: &[&str]) -> String {
        let mut arguments = command.to_vec();
        if let Self::Server(server) = self {
            arguments.extend(["--server", &server.url]);
        }
        let output = project.command(&arguments);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a command prints, as JSON lines.
    fn lines(&self, project: &Project, command: &[&str]) -> Vec<Value> {
        let mut arguments = [command, &["--format", "json"]].concat();
        if let Self::Server(server) = self {
            arguments.extend(["--server", &server.url]);
        }
        let output = project.command(&arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        let lines = lines.unwrap_or_default();
        assert!(!lines.is_empty(), "{command:?}: {}", transcript(&output));
        lines
    }
}

#[test]
fn reading_commands_say_the_same_three_ways() {
    let project = Project::of("reading", PIPELINE);
    project.run_to_end();
    project.run_with(&["--force-all"]);
    let said: Vec<Vec<Vec<Value>>> = Way::all(&project)
        .map(|way| {
            let commands = READING.iter();
            commands
                .map(|command| way.lines(&project, command))
                .collect()
        })
        .collect();
    for (index, command) in READING.iter().enumerate() {
        assert_eq!(
            said[0][index], said[1][index],
            "{command:?} in the background"
        );
        assert_eq!(said[0][index], said[2][index], "{command:?} at a server");
    }
}

#[test]
fn people_are_told_the_same_three_ways() {
    let project = Project::of("people", PIPELINE);
    project.run_to_end();
    let said: Vec<Vec<String>> = Way::all(&project)
        .map(|way| {
            let commands: [&[&str]; 3] = [&["show", "a.out"], &["status"], &["resume", "latest"]];
            let say = |command: &&[&str]| way.text(&project, command);
            commands.iter().map(say).collect()
        })
        .collect();
    assert!(
        said[0][0].contains("\nx  "),
        "the artifact's files are listed: {}",
        said[0][0]
    );
    assert_eq!(said[0], said[1], "in the background");
    assert_eq!(said[0], said[2], "at a server");
}

/// What artifacts hold comes from the server, not from a disk that the client may not have.
#[test]
fn artifacts_are_shown_to_whom_the_servers_disk_is_closed() {
    let project = Project::of(
        "closed-disk",
        "name: p\nsteps:\n  a: { run: 'echo \"{\\\"accuracy\\\": 0.5}\" > $OUTPUT_METRICS', outputs: { metrics: Metrics } }\n",
    );
    // SHA-256 of `judge`.
    project.write("ropewalk.yaml", "tokens: [{ name: judge, scope: read, sha256: 10e86c6514d40f2a3e861b31847340ee8c8ed181029a17b042f137121d28863e }]\n");
    let server = Server::start(&project);
    assert_eq!(project.run_to_end()["state"], "succeeded");
    let here = project.command(&["show", "a.metrics"]);
    let here = String::from_utf8_lossy(&here.stdout).into_owned();
    assert!(here.contains("\"accuracy\": 0.5"), "{here}");
    if !rustix::process::geteuid().is_root() {
        not_run("only the superuser can be another user");
        return;
    }
    let elsewhere = tempfile::tempdir().expect("a scratch folder can be made");
    let binary = elsewhere.path().join("ropewalk");
    std::fs::copy(env!("CARGO_BIN_EXE_ropewalk"), &binary).expect("it can be copied");
    let token = elsewhere.path().join("token");
    std::fs::write(&token, "judge").expect("a scratch folder can be written");
    for path in [elsewhere.path(), &binary, &token] {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).expect("root may");
    }
    let output = std::process::Command::new(&binary)
        .args(["show", "a.metrics", "--server", &server.url, "--token-file"])
        .arg(&token)
        .current_dir(elsewhere.path())
        .env_clear()
        .uid(65534)
        .output()
        .expect("the binary can be started");
    let said = transcript(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), here, "{said}");
}

#[test]
fn changing_commands_say_the_same_three_ways() {
    let project = Project::of("changing", PIPELINE);
    project.write("waits.yaml", WAITS);
    project.write("asks.yaml", ASKS);
    project.run_to_end();
    let changing: [&[&str]; 12] = [
        &["run", "pipeline.yaml", "--force-all"],
        &["retry", "latest"],
        &["resume", "latest"],
        &["run", "waits.yaml", "--detach"],
        &["cancel", "latest"],
        &["resume", "latest"],
        &["run", "asks.yaml", "--force-all"],
        &["approve", "latest", "gate", "--reason", "it is good"],
        &["resume", "latest"],
        &["run", "asks.yaml", "--force-all"],
        &["reject", "latest", "gate"],
        &["resume", "latest"],
    ];
    let said: Vec<Vec<Value>> = Way::all(&project)
        .map(|way| {
            let last = |command: &[&str]| {
                let mut document = way.lines(&project, command).pop().expect("it is not empty");
                blank(&mut document);
                // How far these are by now is chance.
                let chance = ["--detach", "cancel", "approve", "reject"];
                if command.iter().any(|word| chance.contains(word)) {
                    for field in ["state", "reason", "steps"] {
                        document[field] = Value::Null;
                    }
                }
                document
            };
            let documents = changing.iter().map(|command| last(command)).collect();
            if let Way::Server(server) = &way {
                // That is its owner's affair, over the socket.
                let refused = project.command(&["stop", "--server", &server.url]);
                let said = transcript(&refused);
                assert_eq!(refused.status.code(), Some(3), "{said}");
                assert!(said.contains("its owner"), "{said}");
            }
            let stopped = project.command(&["stop"]);
            assert_eq!(stopped.status.code(), Some(0), "{}", transcript(&stopped));
            assert!(!project.state_dir().join("daemon.json").exists());
            documents
        })
        .collect();
    for (index, command) in changing.iter().enumerate() {
        assert_eq!(
            said[0][index], said[1][index],
            "{command:?} in the background"
        );
        assert_eq!(said[0][index], said[2][index], "{command:?} at a server");
    }
}

/// Takes out what differs from run to run.
fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let differs = name.ends_with("_at")
                    || name.ends_with("_ms")
                    || name.ends_with("_id")
                    || name.ends_with("_bytes")
                    || [
                        "pid", "path", "log_path", "seq", "retry_of", "detail", "text",
                    ]
                    .contains(&name.as_str());
                if differs {
                    *value = Value::Null;
                } else {
                    blank(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(blank),
        _ => {}
    }
}
