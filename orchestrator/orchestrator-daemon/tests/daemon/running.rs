//! Runs: made, followed, told, reused, retried, cancelled, and taken up after a crash.

use std::fmt::Write;
use std::fs;

use orchestrator_api::{
    Action, ArtifactsQuery, AttemptState, CancelRequest, EventLine, EventType, EventsQuery,
    LogQuery, ReasonCode, ResumeRequest, RetryRequest, RunState, RunsQuery, StepState,
};

use crate::support::{Project, follow, log, step, wait_for, wait_for_state};

/// Makes a text, then tells its length as a value and as a metric.
const TWO_STEPS: &str = r#"
name: two-steps
params: { word: hello }
steps:
  make:
    run: 'echo making; printf %s "$WORD" > "$OUTPUT_TEXT"'
    env: { WORD: "${{ params.word }}" }
    outputs: { text: Artifact }
  count:
    run: |
      size=$(wc -c < "$INPUT_TEXT")
      echo "size=$size" >> "$ROPEWALK_OUTPUT"
      echo "{\"size\": $size}" > "$OUTPUT_NUMBERS"
    inputs: { text: make.text }
    outputs: { size: integer, numbers: Metrics }
"#;

/// The second step waits for a file.
const HELD: &str = r#"
name: held
steps:
  first: { run: 'echo one > "$OUTPUT_X"', outputs: { x: Artifact } }
  held:
    run: 'echo begun; while [ ! -e go ]; do sleep 0.01; done; echo done'
    needs: [first]
  last: { run: 'true', needs: [held] }
"#;

#[tokio::test]
async fn a_run_of_two_steps_is_told_in_full() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    let started = daemon.start(&project, TWO_STEPS).await;
    assert!(!started.attached);
    let run = started.run_id.to_string();

    let events = follow(client, &run, 0).await;
    let words: Vec<&str> = events.iter().map(|e| e.event_type.word()).collect();
    assert_eq!(
        words,
        [
            "run_created",
            "step_started",
            "step_succeeded",
            "step_started",
            "step_succeeded",
            "run_succeeded"
        ],
        "{events:?}"
    );
    assert!(events.is_sorted_by(|a, b| a.seq < b.seq));
    assert_eq!(events[1].step.as_deref(), Some("make"));
    assert_eq!(events[1].attempt, Some(1));
    assert_eq!(events[1].reason.as_ref().unwrap().code, ReasonCode::New);
    // Whoever has seen some of them is told the rest, and nothing where there is none.
    assert_eq!(follow(client, &run, events[2].seq).await, events[3..]);
    assert!(follow(client, &run, events[5].seq).await.is_empty());

    let status = client.status("latest").await.unwrap();
    assert_eq!(status.run_id, started.run_id);
    assert_eq!(status.state, RunState::Succeeded);
    assert_eq!(status.seq, events[5].seq);
    assert_eq!(status.params["word"], "hello");
    assert!(status.duration_ms.is_some() && status.started_at.is_some());
    let (make, count) = (step(&status, "make"), step(&status, "count"));
    assert_eq!(count.needs, ["make"]);
    assert_eq!(count.outputs["size"], 5);
    assert_eq!(count.metrics["size"].as_u64(), Some(5));
    assert_eq!(make.outputs["text"]["type"], "Artifact");
    let path = make.outputs["text"]["path"].as_str().unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "hello");
    let attempt = &make.attempts[0];
    assert_eq!(attempt.state, AttemptState::Succeeded);
    assert_eq!((attempt.exit_code, attempt.pid), (Some(0), None));
    let log_path = attempt.log_path.as_deref().unwrap();
    assert_eq!(fs::read_to_string(log_path).unwrap(), "making\n");
    assert_eq!(
        log(client, &run, "make", &LogQuery::default()).await,
        "making\n"
    );

    // What users may rely on in the state folder.
    let latest = fs::read_link(project.state("latest")).unwrap();
    assert_eq!(latest.to_str().unwrap(), format!("runs/{run}"));
    assert_eq!(
        fs::read_to_string(project.state(".gitignore")).unwrap(),
        "*\n"
    );
    let file = fs::read(project.state("daemon.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(file["pid"], daemon.process.pid());
    let address = format!("unix:{}", project.state("daemon.sock").display());
    assert_eq!(file["addresses"], serde_json::json!([address]));
}

#[tokio::test]
async fn artifacts_are_listed_and_found_by_every_name() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    let status = daemon.run(&project, TWO_STEPS).await;
    let run = status.run_id.to_string();
    let query = ArtifactsQuery {
        limit: Some(1),
        ..ArtifactsQuery::default()
    };
    let first = client.artifacts(&query).await.unwrap();
    let rest = client
        .artifacts(&ArtifactsQuery {
            cursor: first.next_cursor.clone(),
            ..query
        })
        .await
        .unwrap();
    let found: Vec<_> = first.artifacts.iter().chain(&rest.artifacts).collect();
    let names: Vec<&str> = found.iter().map(|artifact| &*artifact.name).collect();
    assert_eq!(names, ["numbers", "text"]);
    assert_eq!(rest.next_cursor, None);
    let text = found[1];
    assert_eq!((&*text.step, text.size_bytes), ("make", 5));
    let id = text.artifact_id.to_string();
    for name in [
        &id,
        "make.text",
        &format!("{run}/make.text"),
        "latest/make.text",
    ] {
        assert_eq!(
            client.artifact(name).await.unwrap().artifact,
            *text,
            "{name}"
        );
    }
    let typed = ArtifactsQuery {
        artifact_type: Some("Metrics".to_owned()),
        run: Some("latest".to_owned()),
        ..ArtifactsQuery::default()
    };
    let typed = client.artifacts(&typed).await.unwrap().artifacts;
    assert_eq!(typed, [found[0].clone()]);
    assert_eq!(typed[0].properties["size"], 5);
}

#[tokio::test]
async fn an_unchanged_run_is_reused_and_a_plan_says_so() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    let plan = client.plan(&project.plan_request(TWO_STEPS)).await.unwrap();
    let actions: Vec<Action> = plan.steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, [Action::Run, Action::Unknown]);
    assert_eq!(plan.steps[0].reason.code, ReasonCode::New);
    let first = daemon.run(&project, TWO_STEPS).await;
    assert_eq!(plan.plan_id, first.plan_id);

    let plan = client.plan(&project.plan_request(TWO_STEPS)).await.unwrap();
    for step in &plan.steps {
        assert_eq!(step.action, Action::Reuse, "{step:?}");
        assert_eq!(step.reused_from.unwrap().run_id, first.run_id);
    }
    let second = daemon.run(&project, TWO_STEPS).await;
    assert_ne!(second.run_id, first.run_id);
    for (again, before) in second.steps.iter().zip(&first.steps) {
        assert_eq!(again.state, StepState::Reused);
        assert_eq!(again.reason.as_ref().unwrap().code, ReasonCode::Unchanged);
        assert_eq!(again.outputs, before.outputs);
        assert_eq!(again.metrics, before.metrics);
        assert!(again.attempts.is_empty());
    }

    let mut forced = project.request(TWO_STEPS);
    forced.force = vec!["make".to_owned()];
    let run = client.run(&forced).await.unwrap().run_id.to_string();
    follow(client, &run, 0).await;
    let third = client.status(&run).await.unwrap();
    let make = step(&third, "make");
    assert_eq!(make.reason.as_ref().unwrap().code, ReasonCode::Forced);
    assert_eq!(step(&third, "count").state, StepState::Reused);

    let mut changed = project.request(TWO_STEPS);
    changed.params = [("word".to_owned(), "goodbye".to_owned())].into();
    let run = client.run(&changed).await.unwrap().run_id.to_string();
    follow(client, &run, 0).await;
    let fourth = client.status(&run).await.unwrap();
    assert_eq!(step(&fourth, "count").outputs["size"], 7);
}

#[tokio::test]
async fn a_failure_is_told_and_a_retry_carries_over_what_succeeded() {
    const FAILS: &str = r#"
name: fails
steps:
  good: { run: 'echo 1 > "$OUTPUT_X"', outputs: { x: Artifact } }
  bad:
    run: 'echo why; [ -e repaired ]'
    inputs: { x: good.x }
  after: { run: 'true', needs: [bad] }
"#;
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    let status = daemon.run(&project, FAILS).await;
    assert_eq!(status.state, RunState::Failed);
    let reason = status.reason.as_ref().unwrap();
    assert_eq!(reason.code, ReasonCode::ExitStatus);
    assert_eq!(reason.detail.as_deref(), Some("bad"));
    let attempt = &step(&status, "bad").attempts[0];
    assert_eq!(attempt.exit_code, Some(1));
    assert_eq!(attempt.error.as_ref().unwrap().code, "exit_status");
    let after = step(&status, "after");
    assert_eq!(after.state, StepState::Skipped);
    assert_eq!(
        after.reason.as_ref().unwrap().code,
        ReasonCode::UpstreamFailed
    );
    let run = status.run_id.to_string();
    assert_eq!(
        client
            .cancel(&run, &CancelRequest::default())
            .await
            .unwrap_err()
            .problem()
            .unwrap()
            .code,
        "run_ended"
    );
    assert_eq!(
        client
            .resume(&run, &ResumeRequest::default())
            .await
            .unwrap_err()
            .problem()
            .unwrap()
            .code,
        "run_ended"
    );

    project.write("repaired", "");
    let retried = client.retry(&run, &RetryRequest::default()).await.unwrap();
    assert_eq!(retried.retry_of, Some(status.run_id));
    assert_eq!(retried.trigger.kind, "retry");
    let again = retried.run_id.to_string();
    follow(client, &again, 0).await;
    let retried = client.status(&again).await.unwrap();
    assert_eq!(retried.state, RunState::Succeeded, "{retried:?}");
    let good = step(&retried, "good");
    assert_eq!(good.reused_from.unwrap().run_id, status.run_id);
    assert_eq!(step(&retried, "bad").state, StepState::Succeeded);

    // Everything succeeded: only a named step is left to be run again, with what depends on it.
    let refused = client
        .retry(&again, &RetryRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refused.problem().unwrap().code, "nothing_to_retry");
    let named = RetryRequest {
        step: Some("bad".to_owned()),
    };
    let third = client
        .retry(&again, &named)
        .await
        .unwrap()
        .run_id
        .to_string();
    follow(client, &third, 0).await;
    let third = client.status(&third).await.unwrap();
    assert_eq!(step(&third, "good").state, StepState::Reused);
    assert_eq!(step(&third, "bad").attempts.len(), 1);
    assert_eq!(step(&third, "after").attempts.len(), 1);
}

#[tokio::test]
async fn the_same_pipeline_is_attached_to_unless_a_new_run_is_asked_for() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    let first = daemon.start(&project, HELD).await;
    let second = daemon.start(&project, HELD).await;
    assert!(second.attached);
    assert_eq!(second.run_id, first.run_id);
    let mut request = project.request(HELD);
    request.new = true;
    let third = client.run(&request).await.unwrap();
    assert!(!third.attached);
    assert_ne!(third.run_id, first.run_id);
    project.write("go", "");
    for run in [first.run_id, third.run_id] {
        wait_for_state(client, &run.to_string(), RunState::Succeeded).await;
    }
}

#[tokio::test]
async fn a_run_is_followed_while_it_goes_on_and_cancelled() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = daemon.client.clone();
    let run = daemon.start(&project, HELD).await.run_id.to_string();
    let following = tokio::spawn({
        let (client, run) = (client.clone(), run.clone());
        async move { follow(&client, &run, 0).await }
    });
    // The log is asked for before the step has begun, and told until its attempt is over.
    let logging = tokio::spawn({
        let (client, run) = (client.clone(), run.clone());
        async move {
            let query = LogQuery {
                follow: true,
                ..LogQuery::default()
            };
            log(&client, &run, "held", &query).await
        }
    });
    let status = wait_for(&client, &run, "a process", |status| {
        step(status, "held")
            .attempts
            .iter()
            .any(|a| a.pid.is_some())
    })
    .await;
    assert_eq!(status.state, RunState::Running);
    let error = client
        .retry(&run, &RetryRequest::default())
        .await
        .unwrap_err();
    assert_eq!(error.problem().unwrap().code, "run_unfinished");
    assert_eq!(
        client
            .resume(&run, &ResumeRequest::default())
            .await
            .unwrap()
            .state,
        RunState::Running
    );

    client
        .cancel(&run, &CancelRequest::default())
        .await
        .unwrap();
    let events = following.await.unwrap();
    assert_eq!(events.last().unwrap().event_type, EventType::RunCancelled);
    assert_eq!(logging.await.unwrap(), "begun\n");
    let status = client.status(&run).await.unwrap();
    assert_eq!(status.state, RunState::Cancelled);
    assert_eq!(step(&status, "first").state, StepState::Succeeded);
    let held = step(&status, "held");
    assert_eq!(held.state, StepState::Cancelled);
    assert_eq!(held.attempts[0].state, AttemptState::Cancelled);
    assert_eq!(step(&status, "last").state, StepState::Cancelled);
    for (filter, count) in [("cancelled", 1), ("succeeded", 0), ("running", 0)] {
        let query = RunsQuery {
            status: Some(filter.to_owned()),
            ..RunsQuery::default()
        };
        let runs = client.runs(&query).await.unwrap().runs;
        assert_eq!(runs.len(), count, "{filter}");
    }
}

#[tokio::test]
async fn a_run_outlives_its_daemon() {
    let project = Project::new();
    let daemon = project.daemon().await;
    let run = daemon.start(&project, HELD).await.run_id.to_string();
    let before = wait_for(&daemon.client, &run, "a process", |status| {
        step(status, "held")
            .attempts
            .iter()
            .any(|a| a.pid.is_some())
    })
    .await;
    daemon.kill().await;

    let offline = project.offline().await;
    let status = offline.status(&run).await.unwrap();
    assert_eq!(status.state, RunState::Interrupted);
    assert_eq!(step(&status, "held").state, StepState::Running);
    drop(offline);

    let daemon = project.daemon().await;
    let status = wait_for(&daemon.client, &run, "the adoption", |status| {
        step(status, "held")
            .attempts
            .iter()
            .any(|a| a.pid.is_some())
    })
    .await;
    assert_eq!(status.state, RunState::Running);
    let pid = |status| step(status, "held").attempts[0].pid;
    assert_eq!(pid(&status), pid(&before));
    project.write("go", "");
    let events = follow(&daemon.client, &run, before.seq).await;
    let types: Vec<EventType> = events.iter().map(|event| event.event_type).collect();
    assert!(types.contains(&EventType::RunResumed), "{types:?}");
    assert!(types.contains(&EventType::StepAdopted), "{types:?}");
    let status = daemon.client.status(&run).await.unwrap();
    assert_eq!(status.state, RunState::Succeeded);
    for step in &status.steps {
        assert_eq!(step.attempts.len(), 1, "{step:?}");
    }
}

#[tokio::test]
async fn a_follower_misses_nothing_however_much_happens_at_once() {
    /// More than the daemon keeps for a follower that lags.
    const SKIPPED: usize = 17_000;
    let mut text =
        "name: many\nsteps:\n  first: { run: 'while [ ! -e go ]; do sleep 0.01; done; exit 1' }\n"
            .to_owned();
    for index in 0..SKIPPED {
        writeln!(text, "  s{index}: {{ run: 'true', needs: [first] }}").unwrap();
    }
    let project = Project::new();
    let daemon = project.daemon().await;
    let client = &daemon.client;
    let run = daemon.start(&project, &text).await.run_id.to_string();
    let query = EventsQuery {
        after: None,
        follow: true,
    };
    let mut stream = client.events(Some(&run), &query).await.unwrap();
    let mut events = vec![stream.next().await.unwrap().unwrap()];
    project.write("go", "");
    // Nothing is read until all of it has happened.
    let status = wait_for_state(client, &run, RunState::Failed).await;
    while let Some(event) = stream.next().await.unwrap() {
        events.push(event);
    }
    assert_eq!(events.last().unwrap().event_type, EventType::RunFailed);
    assert_eq!(events.last().unwrap().seq, status.seq);
    assert_eq!(events, follow(client, &run, 0).await);
    let skipped = |event: &&EventLine| event.event_type == EventType::StepSkipped;
    assert_eq!(events.iter().filter(skipped).count(), SKIPPED);
}
