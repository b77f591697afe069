//! What is asked wrongly is answered with a problem that says so, and changes nothing.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use orchestrator_api::{
    ArtifactsQuery, Client, ClientError, LogQuery, Problem, RunsQuery, StepState,
};

use crate::support::{Project, step};

fn problem<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> Problem {
    let error = answer.unwrap_err();
    error
        .problem()
        .cloned()
        .unwrap_or_else(|| panic!("{error:?}"))
}

#[tokio::test]
async fn an_invalid_pipeline_leaves_nothing() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    let request = project
        .request("name: x\nsteps:\n  a: { uses: nothing, run: 'true' }\n  b: { nedes: [a] }\n");
    let problem = problem(client.run(&request).await);
    assert_eq!((problem.status, &*problem.code), (422, "invalid_pipeline"));
    assert!(problem.diagnostics.len() >= 2, "{problem:?}");
    let first = &problem.diagnostics[0];
    assert_eq!(first.file, request.pipeline_file);
    assert_eq!(first.line, Some(3));
    assert!(
        client
            .runs(&RunsQuery::default())
            .await
            .unwrap()
            .runs
            .is_empty()
    );
    assert!(!project.state("latest").exists());
}

#[tokio::test]
async fn parameters_and_steps_must_be_the_pipelines_own() {
    const TEXT: &str =
        "name: x\nparams: { n: 1 }\nsteps: { a: { run: [echo, '${{ params.n }}'] } }\n";
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    let mut request = project.request(TEXT);
    request.params = [
        ("m".to_owned(), "1".to_owned()),
        ("n".to_owned(), "x".to_owned()),
    ]
    .into();
    let refused = problem(client.run(&request).await);
    assert_eq!(
        (refused.status, &*refused.code),
        (422, "invalid_parameters")
    );
    assert!(
        refused.detail.contains("`m`") && refused.detail.contains("`n`"),
        "{refused:?}"
    );
    let mut request = project.request(TEXT);
    request.force = vec!["b".to_owned()];
    let refused = problem(client.run(&request).await);
    assert_eq!((refused.status, &*refused.code), (404, "unknown_step"));
    let mut request = project.request(TEXT);
    request.slots = Some(0);
    assert_eq!(problem(client.run(&request).await).code, "bad_slots");
    let mut request = project.request(TEXT);
    request.pipeline_file = "pipeline.yaml".to_owned();
    assert_eq!(problem(client.run(&request).await).code, "relative_path");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    assert_eq!(problem(client.status("latest").await).code, "unknown_run");
    let status = daemon
        .run(&project, "name: x\nsteps: { a: { run: 'exit 1', outputs: { m: Model, n: integer } }, b: { run: 'true', needs: [a] } }\n")
        .await;
    let run = status.run_id.to_string();
    let unique = &run[..13];
    assert_eq!(client.status(unique).await.unwrap(), status);
    for name in ["abc", "zzzzzzzz", "00000000-0000-7000-8000-000000000000"] {
        let refused = problem(client.status(name).await);
        assert_eq!(
            (refused.status, &*refused.code),
            (404, "unknown_run"),
            "{name}"
        );
    }
    let nothing = LogQuery::default();
    let no_step = client.log(&run, "c", &nothing).await;
    assert_eq!(problem(no_step.map(|_| ())).code, "unknown_step");
    assert_eq!(step(&status, "b").state, StepState::Skipped);
    let skipped = problem(client.log(&run, "b", &nothing).await.map(|_| ()));
    assert_eq!(skipped.code, "no_log");
    assert!(skipped.detail.contains("was skipped"), "{skipped:?}");
    let second = LogQuery {
        attempt: Some(2),
        ..LogQuery::default()
    };
    let no_attempt = client.log(&run, "a", &second).await;
    assert_eq!(problem(no_attempt.map(|_| ())).code, "unknown_attempt");
    for (name, why) in [
        ("a.m", "failed"),
        ("a.n", "is a value"),
        ("a.o", "has no output"),
        ("c.m", "has no step"),
        ("01234567", "there is no artifact"),
        ("0/a.m", "too short"),
    ] {
        let refused = problem(client.artifact(name).await);
        assert_eq!(refused.status, 404, "{name}");
        assert!(refused.detail.contains(why), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn a_query_must_make_sense() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    let runs = |change: fn(&mut RunsQuery)| {
        let mut query = RunsQuery::default();
        change(&mut query);
        async move { problem(client.runs(&query).await).code }
    };
    assert_eq!(
        runs(|q| q.status = Some("done".to_owned())).await,
        "bad_status"
    );
    assert_eq!(
        runs(|q| q.columns = Some("x".to_owned())).await,
        "bad_column"
    );
    assert_eq!(
        runs(|q| q.cursor = Some("x".to_owned())).await,
        "bad_cursor"
    );
    assert_eq!(runs(|q| q.limit = Some(0)).await, "bad_limit");
    let query = ArtifactsQuery {
        artifact_type: Some("Modle".to_owned()),
        ..ArtifactsQuery::default()
    };
    let refused = problem(client.artifacts(&query).await);
    assert_eq!(refused.hint.as_deref(), Some("did you mean `Model`?"));
}

/// Speaks HTTP by hand, for what the client never says.
fn raw(project: &Project, request: &str) -> String {
    let mut stream = UnixStream::connect(project.state("daemon.sock")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn other_requests_are_answered_with_problems_too() {
    let project = Project::new();
    let _daemon = project.daemon().await;
    let ask = |head: &str, body: &str| {
        let length = body.len();
        raw(
            &project,
            &format!(
                "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
        )
    };
    for (head, body, status, code) in [
        ("GET /elsewhere", "", "404", "unknown_route"),
        ("GET /api/v1/elsewhere", "", "404", "unknown_route"),
        ("DELETE /api/v1/runs", "", "405", "wrong_method"),
        ("POST /api/v1/runs", "{", "400", "unreadable_request"),
        (
            "POST /api/v1/runs",
            "{\"x\": 1}",
            "400",
            "unreadable_request",
        ),
        ("GET /api/v1/runs?limit=x", "", "400", "bad_query"),
        ("GET /api/v1/runs?limt=1", "", "400", "bad_query"),
    ] {
        let answer = ask(head, body);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head}: {answer}"
        );
        assert!(
            answer.contains("content-type: application/problem+json"),
            "{answer}"
        );
        assert!(
            answer.contains(&format!("\"code\":\"{code}\"")),
            "{head}: {answer}"
        );
    }
    let answer = ask("POST /api/v1/runs", &" ".repeat((40 << 20) + 1));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn the_socket_is_its_owners_alone() {
    let project = Project::new();
    let _daemon = project.daemon().await;
    let mode = |name: &str| {
        std::fs::metadata(project.state(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("daemon.sock"), 0o600);
    assert_eq!(mode("daemon.lock"), 0o600);
    assert_eq!(mode("."), 0o700);
}

#[tokio::test]
async fn a_state_folder_with_a_long_path_is_served() {
    let project = Project::with_state_in(&"s".repeat(150));
    let daemon = project.daemon().await;
    let client: &Client = &daemon.client;
    let status = daemon
        .run(&project, "name: x\nsteps: { a: { run: 'true' } }\n")
        .await;
    assert_eq!(client.status("latest").await.unwrap(), status);
}
