//! `ropewalk serve` in the foreground, and requests to it as they go over the wire.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::Project;

/// How long anything may take before a test fails; never a measure of how long it should take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A server that ends with the test.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.text();
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(is, _)| *is == name);
        found.and_then(|(_, value)| value.parse().ok())
    }

    /// The code of the problem that it tells.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.headers.get("content-type").map(String::as_str),
            Some("application/problem+json"),
            "{self:?}"
        );
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Server {
    /// Serves a project's state folder on a free port.
    pub(crate) fn start(project: &Project) -> Self {
        Self::listen_at(project, "127.0.0.1:0")
    }

    /// The same at an address.
    pub(crate) fn listen_at(project: &Project, address: &str) -> Self {
        let log = std::fs::File::create(project.folder().join("../serve.log"));
        let mut child = project
            .ropewalk(&["serve", "--listen", address])
            .stdout(Stdio::null())
            .stderr(log.expect("a scratch folder can be written"))
            .spawn()
            .expect("the binary can be started");
        let url = wait_for("the server's address", || {
            if let Some(status) = child.try_wait().expect("it is a child") {
                panic!("it ended with {status}: {}", project.read("../serve.log"));
            }
            announced(project, child.id())
        });
        Self { child, url }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.split_once("//").map_or("", |(_, rest)| rest)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.authority()).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket has timeouts");
        stream
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], "")
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.request("GET", path, headers, "")
    }

    /// One request over a connection of its own. A header of the same name replaces what is usual.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let mut stream = self.connect();
        let length = body.len().to_string();
        let usual = [
            ("Host", self.authority()),
            ("Connection", "close"),
            ("Content-Type", "application/json"),
            ("Content-Length", &length),
        ];
        let usual = usual.into_iter().filter(|(name, _)| {
            let is_given = headers
                .iter()
                .any(|(given, _)| given.eq_ignore_ascii_case(name));
            !is_given && (!name.starts_with("Content") || !body.is_empty())
        });
        let lines = usual.chain(headers.iter().copied());
        let lines: String = lines
            .map(|(name, value)| [name, ": ", value, "\r\n"].concat())
            .collect();
        let text = format!("{method} {path} HTTP/1.1\r\n{lines}\r\n{body}");
        stream.write_all(text.as_bytes()).expect("the server reads");
        let mut bytes = Vec::new();
        // A server that cuts the connection has said all before.
        let _ = stream.read_to_end(&mut bytes);
        parse(&bytes)
    }

    /// Asks it to end as a service manager does, and waits until it has.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        let status = self.child.wait().expect("it is a child");
        status.code()
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().expect("it is a child");
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It may have ended by itself.
        let _ = kill_process(pid.expect("a child has a pid"), signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.terminate();
    }
}

/// The TCP address that the server of this pid announces.
fn announced(project: &Project, pid: u32) -> Option<String> {
    let file = project.state_dir().join("daemon.json");
    let info: Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    if info["pid"] != pid {
        return None;
    }
    let addresses = info["addresses"].as_array()?.iter();
    let mut addresses = addresses.filter_map(Value::as_str);
    addresses
        .find(|address| address.starts_with("http"))
        .map(str::to_owned)
}

/// Looks again and again until there is something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn parse(bytes: &[u8]) -> Response {
    let split = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let split = split.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let rest = &bytes[split + 4..];
    let is_chunked = headers
        .get("transfer-encoding")
        .is_some_and(|e| e == "chunked");
    Response {
        status: status.and_then(|s| s.parse().ok()).expect("a status line"),
        body: if is_chunked {
            unchunked(rest)
        } else {
            rest.to_vec()
        },
        headers,
    }
}

/// The chunks that are there; a stream that was cut lacks its end.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(chunk) = size.and_then(|size| bytes.get(end + 2..end + 2 + size)) else {
            break;
        };
        if chunk.is_empty() {
            break;
        }
        body.extend_from_slice(chunk);
        bytes = bytes.get(end + 2 + chunk.len() + 2..).unwrap_or_default();
    }
    body
}
