//! What a client may take of a server: times, sizes, numbers (docs/security.md).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::server::Server;
use crate::support::Project;

const PIPELINE: &str = "name: p\nsteps: { a: { run: [echo, hello] } }\n";

#[test]
fn requests_have_limits() {
    let project = Project::of("limits", PIPELINE);
    project.write("ropewalk.yaml", "limits: { head: 1s, body: 1s }\n");
    let server = Server::start(&project);
    let long = "x".repeat(128 << 10);
    assert!([414, 431].contains(&server.get(&format!("/{long}")).status));
    assert_eq!(server.get_with("/status", &[("X-Long", &long)]).status, 431);
    let names: Vec<String> = (0..200).map(|n| format!("X-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "x")).collect();
    assert_eq!(server.get_with("/status", &many).status, 431);
    let large = server.request("POST", "/api/v1/plan", &[], &" ".repeat(41 << 20));
    assert_eq!(
        (large.status, &*large.problem()),
        (413, "request_too_large")
    );

    // One that sends a byte at a time, for as long as it is let.
    let mut slow = server.connect();
    let trickle = std::thread::spawn(move || {
        let sent = "GET /status HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
            .bytes()
            .chain(std::iter::repeat(b'x'))
            .take(4_000)
            .take_while(|byte| {
                std::thread::sleep(std::time::Duration::from_millis(20));
                slow.write_all(&[*byte]).is_ok()
            });
        sent.count()
    });
    // Clients that hold connections and say nothing, half a thing, or nonsense.
    let mut idle: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
    for (index, stream) in idle.iter_mut().enumerate() {
        let sent: &[u8] = match index % 4 {
            0 => b"",
            1 => b"GET /status HTTP/1.1\r\nHost: local",
            2 => b"POST /api/v1/plan HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{",
            _ => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0\0\r\n\r\n\r\n",
        };
        // Nonsense is answered at once, and the connection is over.
        let _ = stream.write_all(sent);
    }
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(project.run_to_end()["state"], "succeeded");
    // Each is cut in its time.
    for mut stream in idle {
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        let is_refused = said.is_empty() || said.starts_with("HTTP/1.1 4");
        assert!(is_refused, "{said}");
    }
    assert!(trickle.join().expect("it ends") < 4_000, "it was never cut");
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn connections_and_unread_answers_have_limits() {
    let project = Project::of(
        "unread",
        "name: p\nsteps: { a: { run: 'mkdir $OUTPUT_OUT; head -c 20000000 /dev/zero > $OUTPUT_OUT/x', outputs: { out: Artifact } } }\n",
    );
    project.write(
        "ropewalk.yaml",
        "limits: { connections: 1, head: 1s, unread: 300ms }\n",
    );
    let server = Server::start(&project);
    assert_eq!(project.run_to_end()["state"], "succeeded");
    // The one place is taken by who says nothing: whoever comes next is answered when that is over.
    let mut idle = server.connect();
    assert_eq!(server.get("/status").status, 200);
    let mut said = Vec::new();
    idle.set_nonblocking(true).expect("a socket can be so");
    let over = idle.read_to_end(&mut said);
    assert!(!is_pending(&over), "{said:?}");
    // The same with who asks for much and does not read it.
    let mut greedy = server.connect();
    greedy
        .write_all(b"GET /api/v1/artifacts/a.out/files/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("the server reads");
    assert_eq!(server.get("/status").status, 200);
    let mut told = Vec::new();
    let _ = greedy.read_to_end(&mut told);
    assert!(told.starts_with(b"HTTP/1.1 200"), "it was answered");
    assert!(told.len() < 20_000_000, "it was told all of it");
}

/// Whether a read found a connection that is still open, with nothing to read.
fn is_pending<T>(read: &std::io::Result<T>) -> bool {
    let kind = read.as_ref().err().map(std::io::Error::kind);
    kind == Some(std::io::ErrorKind::WouldBlock)
}
