//! The client against transports that answer from a table, and against a socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};

use orchestrator_api::{
    Answer, AnswerBody, BoxFuture, Call, Client, ClientError, EventType, EventsQuery, LogQuery,
    RetryRequest, Transport, TransportError, WholeBody,
};

/// Answers everything alike and remembers what it was asked.
struct Fixed {
    status: u16,
    chunks: Vec<&'static str>,
    breaks: bool,
    calls: Arc<Mutex<Vec<Call>>>,
}

struct Chunks(Vec<&'static str>, bool);

impl AnswerBody for Chunks {
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>> {
        let next = match (self.0.is_empty(), self.1) {
            (true, true) => Err("the connection broke".into()),
            (true, false) => Ok(None),
            (false, _) => Ok(Some(self.0.remove(0).as_bytes().to_vec())),
        };
        Box::pin(async { next })
    }
}

impl Transport for Fixed {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>> {
        self.calls.lock().unwrap().push(call);
        let body = Box::new(Chunks(self.chunks.clone(), self.breaks));
        let answer = Answer {
            status: self.status,
            body,
        };
        Box::pin(async { Ok(answer) })
    }
}

fn fixed(status: u16, chunks: &[&'static str], breaks: bool) -> (Client, Arc<Mutex<Vec<Call>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let transport = Fixed {
        status,
        chunks: chunks.to_vec(),
        breaks,
        calls: Arc::clone(&calls),
    };
    (Client::new(transport), calls)
}

const EVENT: &str = r#"{"version":1,"seq":7,"at":"2026-01-02T03:04:05.000006Z",
"run_id":"01890000-0000-7000-8000-000000000001","type":"step_started","step":"a","item_index":null,
"attempt":1,"reason":null,"error":null}"#;

#[tokio::test]
async fn segments_and_values_are_encoded() {
    let (client, calls) = fixed(404, &[], false);
    let query = LogQuery {
        attempt: Some(2),
        tail: None,
        follow: true,
    };
    client
        .log("latest", "child/id[3]", &query)
        .await
        .err()
        .unwrap();
    client.artifact("0189/a b.c").await.unwrap_err();
    client
        .retry(
            "x",
            &RetryRequest {
                step: Some("é".to_owned()),
            },
        )
        .await
        .unwrap_err();
    let calls = calls.lock().unwrap();
    let paths: Vec<&str> = calls.iter().map(|c| c.path_and_query.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/api/v1/runs/latest/steps/child%2Fid%5B3%5D/log?attempt=2&follow=true",
            "/api/v1/artifacts/0189%2Fa%20b.c",
            "/api/v1/runs/x/retry",
        ]
    );
    assert_eq!(
        calls[2].body.as_deref(),
        Some("{\"step\":\"é\"}".as_bytes())
    );
}

#[tokio::test]
async fn a_problem_is_the_daemons_own_sentence() {
    let problem = r#"{"type":"about:blank","title":"Not Found","status":404,
        "detail":"there is no run `abcd`","code":"unknown_run"}"#;
    let (client, _) = fixed(404, &[problem], false);
    let error = client.status("abcd").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no run `abcd`");
    assert_eq!(error.problem().unwrap().code, "unknown_run");
    assert!(!error.is_disconnect());
}

#[tokio::test]
async fn an_answer_in_another_form_is_told_as_it_is() {
    let (client, _) = fixed(502, &["<html>bad gateway</html>"], false);
    let error = client.status("abcd").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "asking for the run's status: status 502 and <html>bad gateway</html>"
    );
    let (client, _) = fixed(200, &["{\"version\":2}"], false);
    let error = client.status("abcd").await.unwrap_err();
    assert!(matches!(error, ClientError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn events_are_put_together_from_chunks() {
    let line = EVENT.replace('\n', "");
    let (a, b) = line.split_at(40);
    let chunks: Vec<&'static str> = [
        a.to_owned(),
        format!("{b}\n\n{line}\n{a}"),
        format!("{b}\n"),
    ]
    .into_iter()
    .map(|s| &*s.leak())
    .collect();
    let (client, calls) = fixed(200, &chunks, false);
    let query = EventsQuery {
        after: Some(6),
        follow: true,
    };
    let mut events = client.events(None, &query).await.unwrap();
    for _ in 0..3 {
        let event = events.next().await.unwrap().unwrap();
        assert_eq!((event.seq, event.event_type), (7, EventType::StepStarted));
    }
    assert_eq!(events.next().await.unwrap(), None);
    assert_eq!(
        calls.lock().unwrap()[0].path_and_query,
        "/api/v1/events?after=6&follow=true"
    );
}

#[tokio::test]
async fn a_stream_that_ends_within_a_line_is_a_broken_connection() {
    for breaks in [true, false] {
        let (client, _) = fixed(200, &["{\"version\""], breaks);
        let query = EventsQuery::default();
        let mut events = client.events(Some("latest"), &query).await.unwrap();
        assert!(events.next().await.unwrap_err().is_disconnect());
    }
}

#[tokio::test]
async fn a_whole_body_ends_after_its_bytes() {
    let mut body = WholeBody::new("x");
    assert_eq!(body.chunk().await.unwrap(), Some(b"x".to_vec()));
    assert_eq!(body.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_socket_with_a_long_path_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    // Bound through a short path, as the address of a socket is short.
    let short = folder.path().join("s");
    std::os::unix::fs::symlink(&deep, &short).unwrap();
    let listener = UnixListener::bind(short.join("daemon.sock")).unwrap();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = String::new();
        BufReader::new(stream.try_clone().unwrap())
            .read_line(&mut first)
            .unwrap();
        let body = r#"{"version":1,"build":"b","pid":1,"state_dir":"/s","started_at":"2026-01-02T03:04:05Z"}"#;
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        first
    });
    let client = Client::over_unix_socket(&deep.join("daemon.sock")).unwrap();
    assert_eq!(client.daemon().await.unwrap().build, "b");
    assert_eq!(answering.join().unwrap(), "GET /api/v1/daemon HTTP/1.1\r\n");
}

#[tokio::test]
async fn nobody_at_the_socket_is_a_disconnect() {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::over_unix_socket(&folder.path().join("daemon.sock")).unwrap();
    assert!(client.daemon().await.unwrap_err().is_disconnect());
}
