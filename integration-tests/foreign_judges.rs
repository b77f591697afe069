//! The HTTP side before judges that are not ours: promtool and schemathesis.
//!
//! Behind the feature `servers`: it needs Debian's `prometheus` and schemathesis in the virtual
//! environment of examples/sklearn, both of which `.ci/run` provides.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::server::Server;
use crate::support::{Project, transcript};

const PIPELINE: &str = "name: judged\nparams: { n: { type: integer, default: 1 } }\nsteps:\n  \
    a: { run: 'mkdir $OUTPUT_OUT; echo x > $OUTPUT_OUT/x', outputs: { out: Artifact } }\n  \
    b: { needs: [a], run: 'exit 3' }\n";

/// SHA-256 of `judge`.
const TOKEN: &str = "tokens: [{ name: judge, scope: operator, sha256: 10e86c6514d40f2a3e861b31847340ee8c8ed181029a17b042f137121d28863e }]\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration-tests")
}

/// A server with a few runs, finished and unfinished.
fn judged(name: &str) -> (Project, Server) {
    let project = Project::of(name, PIPELINE);
    project.write("ropewalk.yaml", TOKEN);
    project.write(
        "waits.yaml",
        "name: waits\nsteps: { a: { run: 'echo begun; sleep 600' } }\n",
    );
    let server = Server::start(&project);
    project.json(&["run", "waits.yaml", "--detach"]);
    project.run_with(&["-p", "n=2"]);
    assert_eq!(project.run_to_end()["state"], "failed");
    (project, server)
}

#[test]
fn promtool_finds_nothing_wrong_with_the_metrics() {
    let (project, server) = judged("promtool");
    let metrics = server.get_with("/metrics", &[("Authorization", "Bearer judge")]);
    assert_eq!(metrics.status, 200);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: apt-get install prometheus");
    let mut stdin = promtool.stdin.take().expect("it is piped");
    stdin.write_all(&metrics.body).expect("promtool reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = transcript(&output);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{said}"
    );
    project.command(&["stop", "--cancel"]);
}

#[test]
fn schemathesis_finds_nothing_wrong_with_the_api() {
    let (project, server) = judged("schemathesis");
    let schemathesis = folder().join("../examples/sklearn/.venv/bin/schemathesis");
    let output = Command::new(&schemathesis)
        // It leaves files where it runs.
        .current_dir(project.folder())
        .arg("--config-file")
        .arg(folder().join("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", server.url)])
        .args(["--checks", "all", "--max-examples", "20", "--seed", "1"])
        .arg("--generation-deterministic")
        .args([
            "--header",
            "Authorization: Bearer judge",
            "--header",
            "Prefer: wait=0",
        ])
        .args(["--no-color", "--request-timeout", "60"])
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", schemathesis.display()));
    assert!(output.status.success(), "{}", transcript(&output));
    project.command(&["stop", "--cancel"]);
}
