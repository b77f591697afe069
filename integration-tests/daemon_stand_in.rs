//! A stand-in for the daemon that answers from a table, so that clients can be shown what a real
//! daemon does rarely: refusals of every kind, another build, a connection that breaks.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

/// How a request is answered.
#[derive(Clone)]
pub(crate) enum Answer {
    /// With a status and a document.
    Document(u16, String),
    /// With these lines, then nothing more in good order.
    Lines(Vec<String>),
    /// With these lines, then the connection breaks.
    Broken(Vec<String>),
    /// Accepted; then its socket is gone.
    Last,
}

/// A daemon that is none.
pub(crate) struct StandIn {
    requests: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    /// Listens in a state folder. Each request takes the next of the answers to its line
    /// (`GET /api/v1/daemon`); the last one stays. Who it is, it says by itself.
    pub(crate) fn listen(state_dir: &Path, build: &str, answers: &[(&str, Answer)]) -> Self {
        fs::create_dir_all(state_dir).expect("a scratch folder can be written");
        let socket = state_dir.join("daemon.sock");
        let listener = UnixListener::bind(&socket).expect("a socket can be made");
        let mut table: HashMap<String, Vec<Answer>> = HashMap::new();
        let info = format!(
            r#"{{"version":1,"build":"{build}","pid":1,"state_dir":"/","started_at":"2026-01-02T03:04:05Z"}}"#
        );
        let info = ("GET /api/v1/daemon", Answer::Document(200, info));
        for (line, answer) in [&[info], answers].concat() {
            table.entry(line.to_owned()).or_default().push(answer);
        }
        let requests = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&requests);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (stream, answer) = choose(stream, &mut table, &told);
                if matches!(answer, Answer::Last) {
                    fs::remove_file(&socket).expect("it was made here");
                    give(stream, answer);
                    return;
                }
                give(stream, answer);
            }
        });
        Self { requests }
    }

    /// The first lines of the requests so far, but for those that ask who it is.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.requests.lock().expect("no test panicked here");
        requests
            .iter()
            .filter(|line| !line.ends_with("/daemon"))
            .cloned()
            .collect()
    }
}

/// Reads a request and finds its answer.
fn choose(
    stream: UnixStream,
    table: &mut HashMap<String, Vec<Answer>>,
    told: &Mutex<Vec<String>>,
) -> (UnixStream, Answer) {
    let line = request(&stream);
    told.lock()
        .expect("no test panicked here")
        .push(line.clone());
    let without_query = line.split('?').next().unwrap_or_default();
    let unknown = || Answer::Document(500, format!("the stand-in has no answer to {line}"));
    let answer = match table.get_mut(without_query) {
        Some(answers) if answers.len() > 1 => answers.remove(0),
        Some(answers) => answers[0].clone(),
        None => unknown(),
    };
    (stream, answer)
}

fn give(mut stream: UnixStream, answer: Answer) {
    let (status, body, is_whole) = match answer {
        Answer::Document(status, document) => (status, vec![document], true),
        Answer::Lines(lines) => (200, lines, true),
        Answer::Broken(lines) => (200, lines, false),
        Answer::Last => (202, Vec::new(), true),
    };
    let mut text =
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    for line in body {
        let line = format!("{line}\n");
        let _ = write!(text, "{:x}\r\n{line}\r\n", line.len());
    }
    if is_whole {
        text += "0\r\n\r\n";
    }
    // A client that has seen enough hangs up.
    let _ = stream.write_all(text.as_bytes());
}

/// Reads a request and gives its method and path.
fn request(stream: &UnixStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).expect("requests are text");
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("requests are text");
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length is a number");
        }
    }
    let mut body = vec![0; length];
    reader
        .read_exact(&mut body)
        .expect("a body is as long as it says");
    first.trim().trim_end_matches(" HTTP/1.1").to_owned()
}
