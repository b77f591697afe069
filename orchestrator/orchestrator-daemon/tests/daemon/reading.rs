//! Reading without a daemon: the same documents from the same routes, and nothing is changed.

use orchestrator_api::{
    Action, ArtifactsQuery, CancelRequest, EventsQuery, LogQuery, ResumeRequest, RetryRequest,
    RunState, RunsQuery,
};

use crate::support::{Project, follow, log};

const TEXT: &str = r#"
name: some
params: { n: 3 }
steps:
  numbers:
    run: 'seq 1 100; echo "{\"count\": $N}" > "$OUTPUT_M"'
    env: { N: "${{ params.n }}" }
    outputs: { m: Metrics }
"#;

#[tokio::test]
async fn the_documents_are_those_of_the_daemon() {
    let project = Project::new();
    let mut daemon = project.daemon().await;
    let status = daemon.run(&project, TEXT).await;
    let run = status.run_id.to_string();
    let (artifacts, runs) = (ArtifactsQuery::default(), RunsQuery::default());
    let client = daemon.client.clone();
    let events = follow(&client, &run, 0).await;
    let online = (
        client.artifacts(&artifacts).await.unwrap(),
        client.runs(&runs).await.unwrap(),
        client.plan(&project.plan_request(TEXT)).await.unwrap(),
    );
    client.stop().await.unwrap();
    daemon.process.ended().await;

    let client = project.offline().await;
    assert_eq!(client.status("latest").await.unwrap(), status);
    // Following what is over, or what nobody goes on with, ends at once.
    assert_eq!(follow(&client, &run, 0).await, events);
    let all = EventsQuery::default();
    let mut stream = client.events(None, &all).await.unwrap();
    for event in &events {
        assert_eq!(stream.next().await.unwrap().as_ref(), Some(event));
    }
    assert_eq!(stream.next().await.unwrap(), None);
    let offline = (
        client.artifacts(&artifacts).await.unwrap(),
        client.runs(&runs).await.unwrap(),
        client.plan(&project.plan_request(TEXT)).await.unwrap(),
    );
    assert_eq!(offline, online);
    assert_eq!(offline.2.steps[0].action, Action::Reuse);

    for tail in [0, 1, 3, 100, 1000] {
        let query = LogQuery {
            tail: Some(tail),
            ..LogQuery::default()
        };
        let first = 101 - tail.min(100);
        let lines: Vec<String> = (first..=100).map(|n| format!("{n}\n")).collect();
        assert_eq!(log(&client, &run, "numbers", &query).await, lines.concat());
    }
}

#[tokio::test]
async fn what_changes_something_needs_a_daemon() {
    let project = Project::new();
    let mut daemon = project.daemon().await;
    let run = daemon.run(&project, TEXT).await.run_id.to_string();
    daemon.client.stop().await.unwrap();
    daemon.process.ended().await;
    let client = project.offline().await;
    let refused = [
        client.run(&project.request(TEXT)).await.map(drop),
        client
            .cancel(&run, &CancelRequest::default())
            .await
            .map(drop),
        client
            .resume(&run, &ResumeRequest::default())
            .await
            .map(drop),
        client.retry(&run, &RetryRequest::default()).await.map(drop),
        client.stop().await,
    ];
    for answer in refused {
        let error = answer.unwrap_err();
        let problem = error.problem().unwrap();
        assert_eq!((problem.status, &*problem.code), (503, "no_daemon"));
    }
}

#[tokio::test]
async fn where_there_is_no_state_none_is_made() {
    let project = Project::new();
    let client = project.offline().await;
    let runs = client.runs(&RunsQuery::default()).await.unwrap();
    assert!(runs.runs.is_empty());
    let plan = client.plan(&project.plan_request(TEXT)).await.unwrap();
    assert_eq!(plan.steps[0].action, Action::Run);
    assert!(!project.state(".").exists());
}

#[tokio::test]
async fn lists_of_runs_have_pages_and_columns() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    for n in 1..=3 {
        let mut request = project.request(TEXT);
        request.params = [("n".to_owned(), n.to_string())].into();
        let run = client.run(&request).await.unwrap().run_id.to_string();
        follow(client, &run, 0).await;
    }
    daemon
        .run(&project, "name: other\nsteps: { a: { run: 'exit 1' } }\n")
        .await;
    let mut query = RunsQuery {
        pipeline: Some("some".to_owned()),
        columns: Some("params.n,metrics.count,metrics.numbers.count,params.none".to_owned()),
        limit: Some(2),
        ..RunsQuery::default()
    };
    let first = client.runs(&query).await.unwrap();
    query.cursor.clone_from(&first.next_cursor);
    let second = client.runs(&query).await.unwrap();
    assert_eq!(second.next_cursor, None);
    let runs: Vec<_> = first.runs.iter().chain(&second.runs).collect();
    let column =
        |name: &str| -> Vec<_> { runs.iter().map(|run| run.columns[name].clone()).collect() };
    assert_eq!(column("params.n"), [3, 2, 1]);
    assert_eq!(column("metrics.count"), [3, 2, 1]);
    assert_eq!(column("metrics.numbers.count"), [3, 2, 1]);
    assert!(column("params.none").iter().all(serde_json::Value::is_null));

    let all = client.runs(&RunsQuery::default()).await.unwrap().runs;
    assert_eq!(all.len(), 4);
    assert_eq!(
        (&*all[0].pipeline, all[0].state),
        ("other", RunState::Failed)
    );
    assert_eq!((all[0].steps_total, all[0].steps_done), (1, 1));
    assert!(
        all[0]
            .reason
            .as_ref()
            .unwrap()
            .text
            .starts_with("`a` failed"),
        "{:?}",
        all[0]
    );
    assert!(all[1].columns.is_empty());
}
