//! What clients cost the steps, side by side: the same run alone, and beside clients of each kind.
//!
//!     cargo bench -p ropewalk --bench load -- [--steps 3000] [--rounds 5] [--slots 64] [--starts 100]
//!
//! A round runs the graph of no-op steps, 64 at once, in a fresh state folder behind `ropewalk serve`:
//! alone; beside 500 status requests a second; beside 200 listeners of server-sent events; beside 50
//! clients that send a byte at a time and 50 that send garbage. Rounds are interleaved; medians are
//! printed, and their ratios to the run alone. The clients are threads of this process, on the same
//! machine, so what they take themselves is part of the cost.
//!
//! Then: how long it takes from a request for a run over HTTP to the start of its first process.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "load/clients.rs"]
mod clients;
mod workload;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use clients::{Clients, Kind};
use serde_json::{Value, json};
use workload::{Failure, PROGRAM, argument, median, pipeline};

fn main() -> Result<(), Failure> {
    let steps = argument("--steps", 3_000)?;
    let rounds = argument("--rounds", 5)?;
    let slots = argument("--slots", 64)?;
    let starts = argument("--starts", 100)?;
    let scratch = tempfile::Builder::new()
        .prefix("ropewalk-bench-")
        .tempdir()?;
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); Kind::ALL.len()];
    let mut said: Vec<String> = vec![String::new(); Kind::ALL.len()];
    for round in 0..rounds {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            let folder = scratch.path().join(format!("{index}-{round}"));
            let (took, saw) = run(&folder, steps, slots, kind)?;
            println!("round {round}: {:<16} {took:?} {saw}", kind.name());
            times[index].push(took);
            said[index] = saw;
        }
    }
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    let rate = |time: Duration| steps as f64 / time.as_secs_f64();
    println!("{:<16} {:>8} {:>8}", "beside", "steps/s", "ratio");
    for (kind, (time, saw)) in Kind::ALL.into_iter().zip(medians.iter().zip(&said)) {
        let ratio = rate(*time) / rate(medians[0]);
        println!(
            "{:<16} {:>8.0} {ratio:>8.3}  {saw}",
            kind.name(),
            rate(*time)
        );
    }
    first_process(&scratch.path().join("starts"), starts)
}

/// A run behind a server, beside clients of a kind: how long it took, and what the clients saw.
fn run(
    folder: &Path,
    steps: usize,
    slots: usize,
    kind: Kind,
) -> Result<(Duration, String), Failure> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("pipeline.yaml"), pipeline(steps))?;
    let server = Server::start(folder)?;
    let clients = Clients::begin(kind, &server.authority)?;
    let began = Instant::now();
    let end = ropewalk(folder)
        .args(["run", "-q", "--slots", &slots.to_string(), "pipeline.yaml"])
        .stdout(Stdio::null())
        .status()?;
    let took = began.elapsed();
    let saw = clients.end();
    if !end.success() {
        return Err(format!("the run ended with {end}").into());
    }
    Ok((took, saw))
}

/// From the request to the start of the first process, as the keeper tells it.
fn first_process(folder: &Path, starts: usize) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let text =
        format!("name: one\nsteps: {{ a: {{ run: [{PROGRAM}, x], cache: false, files: [] }} }}\n");
    let file = folder.join("pipeline.yaml");
    fs::write(&file, &text)?;
    let server = Server::start(folder)?;
    let request = json!({ "pipeline_file": file, "text": text, "new": true });
    let mut stream = BufReader::new(TcpStream::connect(&server.authority)?);
    stream.get_ref().set_nodelay(true)?;
    let mut times = Vec::new();
    for _ in 0..starts {
        let asked = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let started = call(&mut stream, "POST", "/api/v1/runs", &request.to_string())?;
        let run = started["run_id"]
            .as_str()
            .ok_or("a run has an id")?
            .to_owned();
        let at = loop {
            let status = call(&mut stream, "GET", &format!("/api/v1/runs/{run}"), "")?;
            if status["ended_at"].is_string() {
                let at = status["steps"][0]["attempts"][0]["started_at"].as_str();
                break at.ok_or("an attempt was started")?.to_owned();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let at: DateTime<Utc> = at.parse()?;
        let at = Duration::from_micros(u64::try_from(at.timestamp_micros())?);
        times.push(at.saturating_sub(asked));
    }
    times.sort();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    println!(
        "request over HTTP to the first process started: p50 {:?}, p95 {:?} ({starts} runs)",
        at(50),
        at(95)
    );
    Ok(())
}

/// A request over a connection that is kept.
fn call(
    stream: &mut BufReader<TcpStream>,
    method: &str,
    path: &str,
    body: &str,
) -> Result<Value, Failure> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.get_mut().write_all(request.as_bytes())?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// `ropewalk serve` on a free port of loopback.
struct Server {
    child: Child,
    folder: PathBuf,
    authority: String,
}

impl Server {
    fn start(folder: &Path) -> Result<Self, Failure> {
        fs::write(folder.join("ropewalk.yaml"), "")?;
        let child = ropewalk(folder)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self {
            child,
            folder: folder.to_path_buf(),
            authority: String::new(),
        };
        while server.authority.is_empty() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server ended with {status}").into());
            }
            std::thread::sleep(Duration::from_millis(5));
            let info = fs::read(folder.join(".ropewalk/daemon.json")).unwrap_or_default();
            let info: Value = serde_json::from_slice(&info).unwrap_or_default();
            let addresses = info["addresses"].as_array().into_iter().flatten();
            let mut urls =
                addresses.filter_map(|address| address.as_str()?.strip_prefix("http://"));
            let url = urls.next().unwrap_or_default();
            url.clone_into(&mut server.authority);
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped = ropewalk(&self.folder)
            .args(["stop", "--cancel"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !stopped.is_ok_and(|stopped| stopped.success()) {
            // It may be gone already.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn ropewalk(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ropewalk"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}
