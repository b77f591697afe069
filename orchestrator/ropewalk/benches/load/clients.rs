//! Clients of a server, of one kind at a time, until they are told to end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::workload::Failure;

/// Status requests in a second, over this many connections.
const STATUS_RATE: u32 = 500;
const STATUS_CONNECTIONS: u32 = 4;
/// Listeners of server-sent events.
const LISTENERS: usize = 200;
/// Clients that send a byte at a time, and clients that send garbage.
const SLOW: usize = 50;
const GARBAGE: usize = 50;
/// The pause between two bytes of the one, and between two connections of the other.
const BAD_PAUSE: Duration = Duration::from_millis(100);

/// A kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None at all.
    Nobody,
    /// Who asks for the status all the time.
    Status,
    /// Who listens to every event.
    Listeners,
    /// Who sends a byte at a time, or garbage.
    Bad,
}

impl Kind {
    /// All of them, first what the others are compared with.
    pub(crate) const ALL: [Self; 4] = [Self::Nobody, Self::Status, Self::Listeners, Self::Bad];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Status => "500 status/s",
            Self::Listeners => "200 listeners",
            Self::Bad => "slow and garbage",
        }
    }
}

/// Clients at work.
pub(crate) struct Clients {
    kind: Kind,
    began: Instant,
    stop: Arc<AtomicBool>,
    /// What they were answered: requests, or events.
    answered: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Vec<Duration>>>,
}

impl Clients {
    pub(crate) fn begin(kind: Kind, authority: &str) -> Result<Self, Failure> {
        let mut clients = Self {
            kind,
            began: Instant::now(),
            stop: Arc::default(),
            answered: Arc::default(),
            threads: Vec::new(),
        };
        match kind {
            Kind::Nobody => {}
            Kind::Status => {
                for _ in 0..STATUS_CONNECTIONS {
                    let stream = TcpStream::connect(authority)?;
                    clients.spawn(move |stop, answered| ask_status(stream, stop, answered));
                }
            }
            Kind::Listeners => {
                for _ in 0..LISTENERS {
                    let stream = TcpStream::connect(authority)?;
                    clients.spawn(move |stop, answered| listen(stream, stop, answered));
                }
            }
            Kind::Bad => {
                for index in 0..SLOW + GARBAGE {
                    let authority = authority.to_owned();
                    clients.spawn(move |stop, answered| {
                        misbehave(&authority, index < SLOW, stop, answered);
                        Vec::new()
                    });
                }
            }
        }
        Ok(clients)
    }

    fn spawn(
        &mut self,
        work: impl FnOnce(&AtomicBool, &AtomicU64) -> Vec<Duration> + Send + 'static,
    ) {
        let (stop, answered) = (Arc::clone(&self.stop), Arc::clone(&self.answered));
        let thread = thread::spawn(move || work(&stop, &answered));
        self.threads.push(thread);
    }

    /// Ends them, and says what they saw.
    pub(crate) fn end(self) -> String {
        let elapsed = self.began.elapsed().as_secs_f64();
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        let mut waits: Vec<Duration> = threads
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect();
        waits.sort();
        let answered = self.answered.load(Ordering::Relaxed);
        match self.kind {
            Kind::Nobody => String::new(),
            Kind::Status => {
                let at = |part: usize| waits.get(waits.len() * part / 100).copied();
                let (p50, p99) = (at(50).unwrap_or_default(), at(99).unwrap_or_default());
                let rate = answered as f64 / elapsed;
                format!("{rate:.0} answers/s, p50 {p50:?}, p99 {p99:?}")
            }
            Kind::Listeners => format!("{answered} events heard"),
            Kind::Bad => format!("{answered} connections cut or refused"),
        }
    }
}

/// Asks in its time, whatever the answers take.
fn ask_status(stream: TcpStream, stop: &AtomicBool, answered: &AtomicU64) -> Vec<Duration> {
    let pause = Duration::from_secs(1) * STATUS_CONNECTIONS / STATUS_RATE;
    let mut waits = Vec::new();
    // Each request is small, and waits for nothing.
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        due += pause;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let began = Instant::now();
        let request =
            b"GET /status HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n";
        if stream.get_mut().write_all(request).is_err() || answer(&mut stream).is_none() {
            break;
        }
        waits.push(began.elapsed());
        answered.fetch_add(1, Ordering::Relaxed);
    }
    waits
}

/// Reads a whole answer.
fn answer(stream: &mut BufReader<TcpStream>) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line).ok()? {
            0 => return None,
            1 | 2 => break,
            _ => {}
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()
}

fn listen(mut stream: TcpStream, stop: &AtomicBool, answered: &AtomicU64) -> Vec<Duration> {
    let request =
        b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
    let sent = stream.write_all(request);
    let timeout = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let mut buffer = vec![0; 64 << 10];
    while sent.is_ok() && timeout.is_ok() && !stop.load(Ordering::Relaxed) {
        if let Ok(length) = stream.read(&mut buffer) {
            let events = buffer[..length].windows(4).filter(|four| *four == b"id: ");
            answered.fetch_add(events.count() as u64, Ordering::Relaxed);
        }
    }
    Vec::new()
}

/// Sends a byte at a time, or garbage, over one connection after the other.
fn misbehave(authority: &str, is_slow: bool, stop: &AtomicBool, answered: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(authority) else {
            thread::sleep(BAD_PAUSE);
            continue;
        };
        if is_slow {
            let head = b"GET /status HTTP/1.1\r\nX-Slow: ".iter();
            for byte in head.chain(std::iter::repeat(&b'x')) {
                if stop.load(Ordering::Relaxed) || stream.write_all(&[*byte]).is_err() {
                    break;
                }
                thread::sleep(BAD_PAUSE);
            }
        } else {
            // It is refused, and the connection is over.
            let _ = stream.write_all(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\r\n\r\n");
            let _ = stream.read_to_end(&mut Vec::new());
            thread::sleep(BAD_PAUSE);
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
