//! What docs/security.md says, line by line.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::server::{Server, wait_for};
use crate::support::{Project, not_run, transcript};

const PIPELINE: &str = "name: p\nsteps: { a: { run: [echo, hello] } }\n";

/// The digest that stands in a configuration.
fn sha256(text: &str) -> String {
    let output = Command::new("python3")
        .args([
            "-c",
            "import hashlib, sys; print(hashlib.sha256(sys.argv[1].encode()).hexdigest())",
        ])
        .arg(text)
        .output()
        .expect("python3 can be started");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A configuration with these tokens.
fn tokens(tokens: &[(&str, &str)]) -> String {
    let lines = tokens.iter().map(|(token, scope)| {
        let digest = sha256(token);
        format!("  - {{ name: {scope}, scope: {scope}, sha256: {digest} }}\n")
    });
    format!("tokens:\n{}", lines.collect::<String>())
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// The body of a request for a run of the project's pipeline.
fn run_request(project: &Project) -> String {
    serde_json::json!({
        "pipeline_file": project.folder().join("pipeline.yaml"),
        "text": PIPELINE,
    })
    .to_string()
}

#[test]
fn no_door_without_a_lock() {
    let project = Project::of("no-lock", PIPELINE);
    let open = project.command(&["serve", "--listen", "0.0.0.0:0"]);
    let said = transcript(&open);
    assert_eq!(open.status.code(), Some(3), "{said}");
    assert!(said.contains("no tokens are set"), "{said}");

    project.write("ropewalk.yaml", &tokens(&[("operates", "operator")]));
    let server = Server::listen_at(&project, "0.0.0.0:0");
    assert!(server.url.starts_with("http://0.0.0.0:"), "{}", server.url);
    assert!(project.read("../serve.log").contains("in the clear"));
}

#[test]
fn another_user_of_the_machine_stays_outside() {
    let project = Project::of("another-user", PIPELINE);
    let server = Server::start(&project);
    assert_eq!(server.get("/api/v1/runs").status, 200);
    if !rustix::process::geteuid().is_root() {
        not_run("only the superuser can be another user");
        return;
    }
    let client = "import sys, urllib.request, urllib.error\n\
                  try: print(urllib.request.urlopen(sys.argv[1]).status)\n\
                  except urllib.error.HTTPError as e: print(e.code, e.read().decode())\n";
    let output = Command::new("python3")
        .args(["-c", client, &format!("{}/api/v1/runs", server.url)])
        .current_dir("/")
        .uid(65534)
        .output()
        .expect("python3 can be started");
    let said = transcript(&output);
    assert!(
        said.contains("403") && said.contains("foreign_peer"),
        "{said}"
    );
}

/// A port of one loopback address says nothing of the same port of another.
#[test]
fn another_user_borrows_no_port_of_the_owners() {
    let project = Project::of("borrowed-port", PIPELINE);
    let server = Server::start(&project);
    if !rustix::process::geteuid().is_root() {
        not_run("only the superuser can be another user");
        return;
    }
    // The owner's connections stay open, and the other user comes from their ports at another address.
    let client = "import http.client, os, socket, sys\n\
                  host, port = sys.argv[1].split('//')[1].split(':')\n\
                  owners = [socket.create_connection((host, int(port))) for _ in range(16)]\n\
                  os.setuid(65534)\n\
                  for owner in owners:\n    \
                      source = ('127.0.0.2', owner.getsockname()[1])\n    \
                      borrowed = http.client.HTTPConnection(host, int(port), source_address=source)\n    \
                      borrowed.request('GET', '/api/v1/runs')\n    \
                      print(borrowed.getresponse().status)\n";
    let output = Command::new("python3")
        .args(["-c", client, &server.url])
        .current_dir("/")
        .output()
        .expect("python3 can be started");
    let all_refused = format!(
        "-- standard output\n{}-- exit status 0\n",
        "403\n".repeat(16)
    );
    assert_eq!(transcript(&output), all_refused);
}

#[test]
fn tokens_open_what_they_are_for() {
    let project = Project::of("tokens", PIPELINE);
    project.write(
        "ropewalk.yaml",
        &tokens(&[("reads", "read"), ("operates", "operator")]),
    );
    let server = Server::start(&project);
    let get = |token: &str| server.get_with("/api/v1/runs", &[("Authorization", token)]);
    let none = server.get("/api/v1/runs");
    assert_eq!((none.status, &*none.problem()), (401, "unauthorized"));
    assert!(none.headers["www-authenticate"].starts_with("Bearer"));
    for wrong in [
        "Bearer ",
        "Bearer read",
        "Bearer readsx",
        "reads",
        "Basic !",
        "Basic cmVhZHM=",
    ] {
        assert_eq!(get(wrong).status, 401, "{wrong}");
    }
    assert_eq!(get(&bearer("reads")).status, 200);
    // The password that a browser asks for: `anyone:reads`.
    assert_eq!(get("Basic YW55b25lOnJlYWRz").status, 200);
    assert_eq!(server.get("/status").status, 401);
    assert_eq!(server.get("/nothing").status, 401);
    assert_eq!(server.get("/healthz").status, 200);

    let body = run_request(&project);
    let post = |token: &str| {
        let headers = [("Authorization", &*bearer(token))];
        server.request("POST", "/api/v1/runs", &headers, &body)
    };
    let reader = post("reads");
    assert_eq!(
        (reader.status, &*reader.problem()),
        (403, "insufficient_scope")
    );
    assert_eq!(post("operates").status, 200);

    project.write("token", "operates\n");
    project.write("token-reads", "reads");
    let with = |file: &str, arguments: &[&str]| {
        let place = ["--server", &server.url, "--token-file", file];
        project.command(&[arguments, &place].concat())
    };
    assert_eq!(with("token-reads", &["status"]).status.code(), Some(0));
    assert_eq!(
        with("token-reads", &["cancel", "latest"]).status.code(),
        Some(3)
    );
    assert_eq!(
        with("token", &["run", "pipeline.yaml"]).status.code(),
        Some(0)
    );
    // Over the socket its owner needs none.
    assert_eq!(project.command(&["status"]).status.code(), Some(0));
}

#[test]
fn tokens_are_replaced_without_a_restart() {
    let project = Project::of("rotation", PIPELINE);
    project.write("ropewalk.yaml", &tokens(&[("old", "read")]));
    let server = Server::start(&project);
    let status = |token: &str| {
        let headers = [("Authorization", &*bearer(token))];
        server.get_with("/status", &headers).status
    };
    assert_eq!((status("old"), status("new")), (200, 401));
    project.write(
        "ropewalk.yaml",
        &tokens(&[("old", "read"), ("new", "read")]),
    );
    wait_for("the new token", || (status("new") == 200).then_some(()));
    assert_eq!(status("old"), 200);
    // Neither what is broken nor what is empty opens the door.
    project.write("ropewalk.yaml", "tokens: [\n");
    wait_for("the complaint", || {
        let log = project.read("../serve.log");
        log.contains("the tokens stay as they are").then_some(())
    });
    assert_eq!((status("new"), server.get("/status").status), (200, 401));
    project.write("ropewalk.yaml", "");
    wait_for("the last token's end", || {
        (status("new") == 401).then_some(())
    });
    assert_eq!(server.get("/status").status, 401);
}

#[test]
fn a_foreign_page_starts_nothing() {
    let project = Project::of("foreign-page", PIPELINE);
    let server = Server::start(&project);
    let body = run_request(&project);
    let port = server.authority().rsplit_once(':').expect("a port").1;
    let post = |headers: &[(&str, &str)]| server.request("POST", "/api/v1/runs", headers, &body);
    // A page of another site, by the address; a sandboxed one; a name that is pointed at the address.
    let by_address = post(&[("Origin", "http://evil.example")]);
    assert_eq!(
        (by_address.status, &*by_address.problem()),
        (403, "foreign_origin")
    );
    assert_eq!(post(&[("Origin", "null")]).problem(), "foreign_origin");
    let rebound = format!("evil.example:{port}");
    assert_eq!(post(&[("Host", &rebound)]).problem(), "foreign_host");
    let as_its_own = format!("http://{rebound}");
    let both = post(&[("Host", &rebound), ("Origin", &as_its_own)]);
    assert_eq!(both.problem(), "foreign_host");
    assert_eq!(
        server.get_with("/status", &[("Host", "0x7f.1")]).status,
        403
    );
    assert_eq!(post(&[("Host", "")]).status, 403);
    // A form, which needs no permission to be sent.
    let form = post(&[("Content-Type", "text/plain")]);
    assert_eq!(
        (form.status, &*form.problem()),
        (415, "unsupported_media_type")
    );
    assert_eq!(project.json(&["runs"])["runs"], serde_json::json!([]));
    // The server's own page.
    let own = format!("http://localhost:{port}");
    let own = post(&[("Host", &format!("localhost:{port}")), ("Origin", &own)]);
    assert_eq!(own.status, 200, "{own:?}");

    let headers = server.get("/status").headers;
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["content-security-policy"].contains("default-src 'none'"));
    assert!(!headers.contains_key("access-control-allow-origin"));
}

#[test]
fn no_path_leads_out_of_the_state_folder() {
    let project = Project::of(
        "paths",
        "name: p\nsteps: { a: { run: 'mkdir $OUTPUT_OUT; echo x > $OUTPUT_OUT/x', outputs: { out: Artifact } } }\n",
    );
    project.write("secret", "planted-outside");
    let server = Server::start(&project);
    let run = project.run_to_end();
    let run = run["run_id"].as_str().expect("a run has an id");
    assert_eq!(server.get("/api/v1/artifacts/a.out/files/x").text(), "x\n");
    // A link that a step's owner put there later is no way out either.
    let artifact = project.command(&["show", "a.out", "--path"]);
    let artifact = String::from_utf8_lossy(&artifact.stdout).trim().to_owned();
    let link = std::path::Path::new(&artifact).join("link");
    std::os::unix::fs::symlink(project.folder().join("secret"), link).expect("it can be made");
    let escapes = [
        "../secret",
        "..%2fsecret",
        "%2e%2e%2fsecret",
        "..%2f..%2f..%2f..%2fsecret",
        "..%5csecret",
        "%00",
        "a%2f..%2f..%2f..%2f..%2fsecret",
        "..%252fsecret",
        "link",
    ];
    for escape in escapes {
        for path in [
            format!("/api/v1/runs/{run}/steps/{escape}/log"),
            format!("/api/v1/runs/{escape}/steps/a/log"),
            format!("/api/v1/runs/{escape}"),
            format!("/api/v1/artifacts/{escape}"),
            format!("/api/v1/artifacts/{run}%2fa.{escape}"),
            format!("/api/v1/artifacts/a.out/files/{escape}"),
            format!("/api/v1/artifacts/a.out/files/x/../{escape}"),
            format!("/{escape}"),
        ] {
            let response = server.get(&path);
            assert!(
                (400..500).contains(&response.status),
                "{path}: {response:?}"
            );
            assert!(!response.text().contains("planted-outside"), "{path}");
        }
    }
}

#[test]
fn tls_with_given_files() {
    let project = Project::of("tls", PIPELINE);
    let files = format!("{}/../../integration-tests/tls", env!("CARGO_MANIFEST_DIR"));
    let config = format!(
        "tls: {{ certificate: {files}/server.pem, key: {files}/server.key }}\n{}",
        tokens(&[("operates", "operator")])
    );
    project.write("ropewalk.yaml", &config);
    project.write("token", "operates");
    let server = Server::start(&project);
    let port = server.authority().rsplit_once(':').expect("a port").1;
    let url = format!("https://localhost:{port}");
    let run = [
        "run",
        "pipeline.yaml",
        "--server",
        &url,
        "--token-file",
        "token",
    ];
    let trusted = project
        .ropewalk(&run)
        .env("SSL_CERT_FILE", format!("{files}/ca.pem"))
        .output()
        .expect("the binary can be started");
    assert_eq!(trusted.status.code(), Some(0), "{}", transcript(&trusted));
    // Whom the client does not know it does not trust.
    let status = ["status", "--server", &url, "--token-file", "token"];
    let unknown = project
        .ropewalk(&status)
        .env("SSL_CERT_FILE", format!("{files}/server.pem"))
        .output()
        .expect("the binary can be started");
    assert_eq!(unknown.status.code(), Some(3), "{}", transcript(&unknown));
    // In the clear nothing is answered.
    let mut stream = server.connect();
    let asked = stream.write_all(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
    asked.expect("the server reads");
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");

    drop(server);
    project.write(
        "ropewalk.yaml",
        "tls: { certificate: nothing.pem, key: nothing.key }\n",
    );
    let missing = project.command(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(transcript(&missing).contains("nothing.pem"));
}

#[test]
fn planted_secrets_are_in_no_answer() {
    let project = Project::of(
        "planted",
        "name: planted\nsteps:\n  \
           a: { run: 'echo \"it is $TOKEN\"; mkdir $OUTPUT_OUT; echo x > $OUTPUT_OUT/x', outputs: { out: Artifact }, \
                env: { TOKEN: '${{ secrets.TOKEN }}' } }\n  \
           asks: { approve: Go on?, needs: [a] }\n",
    );
    let digest = sha256("operates");
    project.write("ropewalk.yaml", &tokens(&[("operates", "operator")]));
    let server = Server::start(&project);
    let run = project
        .ropewalk(&["run", "pipeline.yaml"])
        .env("PLANTED_TOKEN", "planted-in-the-environment")
        .env("TOKEN", "planted-as-a-secret")
        .output()
        .expect("the binary can be started");
    // It waits for a person.
    assert_eq!(run.status.code(), Some(4), "{}", transcript(&run));
    assert!(transcript(&run).contains("asks"));

    let secrets = [
        "planted-in-the-environment",
        "planted-as-a-secret",
        "operates",
        &digest,
    ];
    let description = server.get_with("/openapi.json", &[("Authorization", "Bearer operates")]);
    let description = description.json();
    let operations = description["paths"].as_object().expect("there are paths");
    let operations = operations.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("they have methods").keys();
        methods.map(move |method| (method.to_uppercase(), path.as_str()))
    });
    let mut operations: Vec<(String, &str)> = operations.collect();
    operations.extend(["/openapi.json", "/docs"].map(|path| ("GET".to_owned(), path)));
    // What reads comes first, while the run is as it was planted.
    operations.sort();
    let mut answered = 0;
    for (method, path) in &operations {
        // It is an operator's to see what a step was started with; and one that stops must not.
        if path.ends_with("/shell") || path.ends_with("/stop") {
            continue;
        }
        let body = match path.rsplit('/').next() {
            Some("plan" | "runs") => run_request(&project),
            Some("approve" | "reject") => "{\"by\": \"ada\"}".to_owned(),
            _ => "{}".to_owned(),
        };
        let place = placed(path);
        for accept in [
            "application/json, application/x-ndjson",
            "text/html",
            "text/plain",
        ] {
            let headers = [
                ("Authorization", "Bearer operates"),
                ("Accept", accept),
                ("Prefer", "wait=0"),
            ];
            let body = if method == "GET" { "" } else { &body };
            let response = server.request(method, &place, &headers, body);
            let is_usual = response.status < 300 || method == "POST";
            assert!(
                is_usual,
                "{method} {place}: {} {}",
                response.status,
                response.text()
            );
            answered += usize::from(response.status < 300);
            let said = format!("{:?}{}", response.headers, response.text());
            for secret in secrets {
                assert!(
                    !said.contains(secret),
                    "{method} {place} tells {secret}: {said}"
                );
            }
        }
    }
    assert!(
        answered > operations.len(),
        "most of the routes have something to tell"
    );
    assert!(!project.read("../serve.log").contains("operates"));
}

/// A path of the API's description, with what the planted run has in its places.
fn placed(path: &str) -> String {
    let places = [
        ("{run}", "latest"),
        ("{step}", "a"),
        ("{attempt}", "1"),
        ("{artifact}", "a.out"),
        ("{path}", "x"),
        ("{pipeline}", "planted"),
        ("{plan}", "latest"),
    ];
    let path = places.iter().fold(path.to_owned(), |path, (name, value)| {
        path.replace(name, value)
    });
    assert!(!path.contains('{'), "say what stands in {path}");
    path
}
