//! Traces of runs, as a collector gets them that reads them by OpenTelemetry's own protocol.
//!
//! Behind the features `servers` and `opentelemetry`: the protocol comes as a Python package.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::server::{Server, wait_for};
use crate::support::{Project, step, transcript};

const PIPELINE: &str = "name: traced\nsteps:\n  \
    a: { run: 'echo \"$TRACEPARENT\" > $OUTPUT_OUT', outputs: { out: Artifact } }\n  \
    b: { needs: [a], run: 'exit 3', retry: { attempts: 2, initial: 1ms } }\n";

/// A collector on loopback that keeps every message in a file.
fn collector(project: &Project) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it listens");
    let folder = project.folder().join("../collected");
    std::fs::create_dir_all(&folder).expect("a scratch folder can be written");
    thread::spawn(move || {
        let messages = listener.incoming().filter_map(Result::ok);
        for (number, mut stream) in messages.enumerate() {
            let mut reader = BufReader::new(stream.try_clone().expect("a handle can be copied"));
            let (mut head, mut length) = (String::new(), 0);
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {
                let line = head.lines().last().unwrap_or_default().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().unwrap_or(0);
                }
            }
            assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
            assert!(head.contains("application/x-protobuf"), "{head}");
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("the daemon writes");
            // Whole or not there.
            let file = folder.join(format!("{number}.part"));
            std::fs::write(&file, body).expect("a scratch folder can be written");
            std::fs::rename(&file, file.with_extension("otlp")).expect("it is there");
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream
                .write_all(answer.as_bytes())
                .expect("the daemon reads");
        }
    });
    format!("http://{address}")
}

/// The spans that the collector has, read by OpenTelemetry's own protocol.
fn spans(project: &Project) -> Vec<Value> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration-tests");
    let folder = project.folder().join("../collected");
    let entries = std::fs::read_dir(folder).expect("it is there").flatten();
    let files = entries.map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|is| is == "otlp"));
    let output = Command::new(tests.join("../examples/sklearn/.venv/bin/python"))
        .arg(tests.join("traces.py"))
        .args(files)
        .output()
        .expect("the virtual environment is there: see CONTRIBUTING.md");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", transcript(&output)))
}

#[test]
fn a_run_is_a_trace_and_an_attempt_a_span() {
    let project = Project::of("traced", PIPELINE);
    let url = collector(&project);
    project.write("ropewalk.yaml", &format!("traces: {url}\n"));
    let mut server = Server::start(&project);
    let run = project
        .ropewalk(&["run", "pipeline.yaml"])
        .env(
            "TRACEPARENT",
            "00-11111111111111111111111111111111-2222222222222222-01",
        )
        .output()
        .expect("the binary can be started");
    assert_eq!(run.status.code(), Some(1), "{}", transcript(&run));
    let status = project.json(&["status"]);
    // What an attempt is told is no part of what its result depends on.
    let again = project.run_to_end();
    assert_eq!(step(&again, "a")["state"], "reused");
    // A daemon that ends tells what is left.
    assert_eq!(server.terminate(), Some(0));
    let spans = spans(&project);
    let id = status["run_id"].as_str().expect("a run has an id");
    let trace = id.replace('-', "");
    let of_run: Vec<&Value> = spans
        .iter()
        .filter(|span| span["trace"] == *trace)
        .collect();
    assert_eq!(of_run.len(), 4, "{spans:#?}");
    let named = |name: &str| -> Vec<&Value> {
        let found = of_run.iter().filter(|span| span["name"] == name);
        found.copied().collect()
    };
    let root = named("RUN traced")[0];
    assert_eq!(
        (&root["parent"], &root["kind"]),
        (&"".into(), &"SPAN_KIND_SERVER".into())
    );
    assert_eq!(root["status"], "STATUS_CODE_ERROR");
    assert!(
        root["message"]
            .as_str()
            .is_some_and(|why| why.contains("`b` failed")),
        "{root}"
    );
    assert_eq!(root["resource"]["service.name"], "ropewalk");
    assert_eq!(root["scope"], "ropewalk");
    let attributes = &root["attributes"];
    assert_eq!(attributes["cicd.pipeline.name"], "traced");
    assert_eq!(attributes["cicd.pipeline.run.id"], id);
    assert_eq!(attributes["cicd.pipeline.result"], "failure");
    assert_eq!(attributes["ropewalk.plan_id"], status["plan_id"]);

    let good = named("RUN a")[0];
    assert_eq!(
        (&good["parent"], &good["status"]),
        (&root["span"], &"STATUS_CODE_OK".into())
    );
    assert_eq!(good["attributes"]["cicd.pipeline.task.name"], "a");
    assert_eq!(good["attributes"]["process.exit.code"], 0);
    let told = project.command(&["show", &format!("{id}/a.out"), "--path"]);
    let told = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    let told = std::fs::read_to_string(&told).expect("the step wrote it");
    let span = good["span"].as_str().expect("it is text");
    assert_eq!(told.trim(), format!("00-{trace}-{span}-01"));

    let mut bad = named("RUN b");
    bad.sort_by_key(|span| span["start"].as_u64());
    let ids: BTreeSet<String> = bad.iter().map(|span| span["span"].to_string()).collect();
    assert_eq!((bad.len(), ids.len()), (2, 2));
    for (number, span) in (1..).zip(&bad) {
        assert_eq!(span["status"], "STATUS_CODE_ERROR");
        assert_eq!(span["attributes"]["ropewalk.attempt"], number);
        assert_eq!(span["attributes"]["process.exit.code"], 3);
        assert_eq!(span["attributes"]["error.type"], "exit_status");
        let time = |field: &str| span[field].as_u64().expect("a time is a number");
        let root = |field: &str| root[field].as_u64().expect("a time is a number");
        assert!(root("start") <= time("start") && time("start") <= time("end"));
        assert!(time("end") <= root("end"));
    }
}

#[test]
fn a_collector_that_is_gone_costs_spans_and_no_run() {
    let project = Project::of(
        "no-collector",
        "name: p\nsteps: { a: { run: [\"true\"] } }\n",
    );
    // Nobody listens at a port that was free a moment ago.
    let gone = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = gone.local_addr().expect("it listens");
    drop(gone);
    project.write("ropewalk.yaml", &format!("traces: http://{address}\n"));
    let server = Server::start(&project);
    assert_eq!(project.run_to_end()["state"], "succeeded");
    wait_for("the spans to be dropped", || {
        let metrics = server.get("/metrics");
        let dropped = metrics.metric("ropewalk_trace_spans_dropped_total")?;
        (dropped >= 2.0).then_some(())
    });
    let sent = server
        .get("/metrics")
        .metric("ropewalk_trace_spans_sent_total");
    assert_eq!(sent, Some(0.0));
}
