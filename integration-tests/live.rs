//! What is followed, ranged, downloaded and asked for twice, over TCP.

use std::io::{BufRead as _, BufReader, Read, Write};

use serde_json::{Value, json};

use crate::server::Server;
use crate::support::Project;

/// Enough steps, one after the other, that a run outlives a few connections.
fn chain(steps: usize) -> String {
    let steps: Vec<String> = (0..steps)
        .map(|n| {
            let needs = if n == 0 {
                String::new()
            } else {
                format!("needs: [s{}], ", n - 1)
            };
            format!("  s{n}: {{ {needs}run: [sleep, \"0.02\"] }}\n")
        })
        .collect();
    format!("name: chain\nsteps:\n{}", steps.concat())
}

/// A listener to server-sent events.
pub(crate) struct Listener {
    lines: BufReader<Box<dyn Read>>,
}

impl Listener {
    /// Asks for the events after a number, as a browser does that comes again.
    pub(crate) fn open(server: &Server, path: &str, last: Option<u64>) -> Self {
        Self::over(server.connect(), path, last)
    }

    /// The same over a connection that is there.
    pub(crate) fn over(
        mut stream: impl Read + Write + 'static,
        path: &str,
        last: Option<u64>,
    ) -> Self {
        let again = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{again}\r\n"
        );
        stream
            .write_all(request.as_bytes())
            .expect("the server reads");
        Self {
            lines: BufReader::new(Box::new(stream)),
        }
    }

    /// The next whole event: its id and document. None where the stream ends, however it does.
    pub(crate) fn next(&mut self) -> Option<(u64, Value)> {
        let mut id = None;
        let mut data = None;
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).ok()? == 0 {
                return None;
            }
            // The lines between, of the chunks that carry it, begin with neither.
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.trim_end().parse().ok();
            } else if let Some(text) = line.strip_prefix("data: ") {
                data = serde_json::from_str(text).ok();
            } else if line == "\n"
                && let (Some(id), Some(data)) = (id, data.take())
            {
                return Some((id, data));
            } else if line == "0\r\n" {
                return None;
            }
        }
    }
}

/// Every event of a run, as the command tells them.
fn told(project: &Project, run: &str) -> Vec<u64> {
    let output = project.command(&["events", run, "--format", "json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let seqs =
        lines.filter_map(|line: Value| line["type"].is_string().then(|| line["seq"].as_u64()));
    seqs.flatten().collect()
}

#[test]
fn no_event_is_lost_or_doubled_over_reconnects_and_a_restart() {
    let project = Project::of("reconnects", &chain(40));
    let mut server = Server::start(&project);
    let run = project.json(&["run", "pipeline.yaml", "--detach"]);
    let run = run["run_id"].as_str().expect("a run has an id").to_owned();
    let mut all = Vec::new();
    let mut one = Vec::new();
    let mut over = false;
    let mut connections = 0;
    while !over {
        connections += 1;
        if connections == 4 {
            server.kill();
            server = Server::start(&project);
        }
        let path = format!("/api/v1/runs/{run}/events");
        let mut of_run = Listener::open(&server, &path, one.last().copied());
        let mut of_all = Listener::open(&server, "/api/v1/events", all.last().copied());
        // Ever more of them per connection, so that each is cut elsewhere.
        for _ in 0..connections {
            let Some((id, event)) = of_run.next() else {
                break;
            };
            assert_eq!(event["seq"], id);
            assert_eq!(event["run_id"], run.as_str());
            one.push(id);
            all.extend(of_all.next().map(|(id, _)| id));
            over |= event["type"] == "run_succeeded";
        }
    }
    assert!(connections > 4, "the run was over before the restart");
    let told = told(&project, &run);
    assert_eq!(one, told);
    let mut of_all = Listener::open(&server, "/api/v1/events", all.last().copied());
    while all.len() < told.len() {
        all.push(of_all.next().expect("the stream goes on").0);
    }
    assert_eq!(all, told);
    // There is nothing left; a browser is told not to come again.
    let last = told.last().map(u64::to_string).unwrap_or_default();
    let headers = [("Accept", "text/event-stream"), ("Last-Event-ID", &*last)];
    let path = format!("/api/v1/runs/{run}/events");
    assert_eq!(server.get_with(&path, &headers).status, 204);
    let headers = [("Last-Event-ID", "x")];
    assert_eq!(
        server.get_with(&path, &headers).problem(),
        "bad_last_event_id"
    );
}

#[test]
fn what_is_followed_ends_after_the_wait_that_is_preferred() {
    let project = Project::of(
        "waits",
        "name: p\nsteps: { a: { run: 'echo begun; sleep 600' } }\n",
    );
    let server = Server::start(&project);
    project.json(&["run", "pipeline.yaml", "--detach"]);
    let wait = [("Prefer", "wait=1"), ("Accept", "application/x-ndjson")];
    let events = server.get_with("/api/v1/events?follow=true", &wait);
    assert!(events.text().starts_with('{'), "{events:?}");
    let log = server.get_with("/api/v1/runs/latest/steps/a/log?follow=true", &wait);
    assert_eq!((log.status, log.text().as_str()), (200, "begun\n"));
    project.command(&["stop", "--cancel"]);
}

#[test]
fn a_request_with_a_key_makes_one_run() {
    let project = Project::of("keys", "name: p\nsteps: { a: { run: [\"true\"] } }\n");
    let mut server = Server::start(&project);
    let body = |new: bool| {
        json!({
            "pipeline_file": project.folder().join("pipeline.yaml"),
            "text": project.read("pipeline.yaml"), "new": new,
        })
        .to_string()
    };
    let ask = |server: &Server, key: &str, new: bool| {
        server.request(
            "POST",
            "/api/v1/runs",
            &[("Idempotency-Key", key)],
            &body(new),
        )
    };
    // Both at once.
    let twice: Vec<Value> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| ask(&server, "one", true).json()["run_id"].clone()))
            .collect();
        asking
            .into_iter()
            .map(|asked| asked.join().expect("it was answered"))
            .collect()
    });
    assert_eq!(twice[0], twice[1]);
    server.kill();
    let server = Server::start(&project);
    let again = ask(&server, "one", true).json();
    assert_eq!(
        (&again["run_id"], &again["attached"]),
        (&twice[0], &Value::Bool(true))
    );
    let other = ask(&server, "one", false);
    assert_eq!(
        (other.status, &*other.problem()),
        (422, "idempotency_key_reused")
    );
    assert_ne!(ask(&server, "two", true).json()["run_id"], twice[0]);
    let long = "x".repeat(300);
    assert_eq!(ask(&server, &long, true).problem(), "bad_idempotency_key");
    assert_eq!(
        project.json(&["runs"])["runs"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn files_are_downloaded_whole_in_part_or_not_again() {
    let project = Project::of(
        "downloads",
        "name: p\nsteps:\n  a:\n    run: |\n      mkdir -p \"$OUTPUT_THING/below\"\n      \
         printf 0123456789 > \"$OUTPUT_THING/below/digits\"; printf x > \"$OUTPUT_THING/x\"; echo 0123456789\n    \
         outputs: { thing: Artifact }\n",
    );
    let server = Server::start(&project);
    assert_eq!(project.run_to_end()["state"], "succeeded");
    let files = server.get("/api/v1/artifacts/a.thing/files").json();
    assert_eq!(
        files["files"],
        json!([{"path": "below/digits", "size_bytes": 10}, {"path": "x", "size_bytes": 1}])
    );
    let first = server.get("/api/v1/artifacts/a.thing/files?limit=1").json();
    assert_eq!(first["next_cursor"], "below/digits");
    let second = server.get("/api/v1/artifacts/a.thing/files?limit=1&cursor=below%2Fdigits");
    assert_eq!(second.json()["files"][0]["path"], "x");

    let file = "/api/v1/artifacts/a.thing/files/below/digits";
    let log = "/api/v1/runs/latest/steps/a/log";
    for path in [file, log] {
        let whole = server.get(path);
        assert_eq!(whole.text().trim_end(), "0123456789", "{whole:?}");
        assert_eq!(whole.headers["content-disposition"], "attachment");
        let tag = whole.headers["etag"].clone();
        let range = |range: &str| server.get_with(path, &[("Range", range)]);
        let part = range("bytes=2-4");
        assert_eq!((part.status, part.text().as_str()), (206, "234"));
        let length = whole.body.len();
        assert_eq!(part.headers["content-range"], format!("bytes 2-4/{length}"));
        assert_eq!(range("bytes=8-").text().trim_end(), "89");
        assert_eq!(range("bytes=-2").body.len(), 2);
        assert_eq!(range("bytes=4-2").status, 200);
        assert_eq!(range("bytes=99-").problem(), "bad_range");
        assert_eq!(
            server.get_with(path, &[("If-None-Match", &tag)]).status,
            304
        );
        let changed = [("Range", "bytes=2-4"), ("If-Range", "\"other\"")];
        assert_eq!(server.get_with(path, &changed).status, 200);
    }
    for path in ["/api/v1/artifacts/a.thing", "/api/v1/runs/latest"] {
        let tag = server.get(path).headers["etag"].clone();
        let again = server.get_with(path, &[("If-None-Match", &tag)]);
        assert_eq!((again.status, again.body.len()), (304, 0));
    }
    let missing = server.get("/api/v1/artifacts/a.thing/files/nothing");
    assert_eq!(missing.problem(), "unknown_file");
}
