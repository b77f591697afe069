//! The documents' fields and their order are fixed: these texts are what scripts read.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use orchestrator_api::{
    Action, Artifact, ArtifactDocument, ArtifactState, DocumentVersion, EventLine, EventType,
    PlanDocument, PlanStep, Problem, Reason, ReasonCode, ReusedFrom, RunState, RunSummary, Runs,
    Status, Step, StepState, Trigger,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

fn check<T>(document: &T, expected: &str)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let expected: String = expected.lines().map(str::trim).collect();
    let text = serde_json::to_string(document).unwrap();
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *document);
}

fn time(micros: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_micros(1_767_323_045_000_000 + micros).unwrap()
}

const ID: Uuid = Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0001);

fn reason(code: ReasonCode) -> Reason {
    Reason {
        code,
        text: "because".to_owned(),
        detail: None,
    }
}

#[test]
fn a_status() {
    let step = Step {
        id: "train".to_owned(),
        item: None,
        item_index: None,
        state: StepState::Reused,
        reason: Some(reason(ReasonCode::Unchanged)),
        error: None,
        needs: vec!["ingest".to_owned()],
        reused_from: Some(ReusedFrom { run_id: ID }),
        outputs: [("rows".to_owned(), 3.into())].into(),
        metrics: [("auc".to_owned(), serde_json::Number::from_f64(0.5).unwrap())].into(),
        approval: None,
        attempts: Vec::new(),
        started_at: None,
        ended_at: Some(time(1)),
        duration_ms: None,
    };
    let status = Status {
        version: DocumentVersion,
        run_id: ID,
        pipeline: "p".to_owned(),
        pipeline_file: "/p.yaml".to_owned(),
        plan_id: "aa".to_owned(),
        state: RunState::Running,
        reason: None,
        trigger: Trigger {
            kind: "manual".to_owned(),
            detail: None,
        },
        params: [("n".to_owned(), 1.into())].into(),
        created_at: time(0),
        started_at: None,
        ended_at: None,
        duration_ms: None,
        retry_of: None,
        parent: None,
        steps: vec![step],
        seq: 9,
    };
    check(
        &status,
        r#"{"version":1,"run_id":"01890000-0000-7000-8000-000000000001","pipeline":"p",
        "pipeline_file":"/p.yaml","plan_id":"aa","state":"running","reason":null,
        "trigger":{"kind":"manual","detail":null},"params":{"n":1},
        "created_at":"2026-01-02T03:04:05.000000Z","started_at":null,"ended_at":null,
        "duration_ms":null,"retry_of":null,"parent":null,"steps":[{"id":"train","item":null,
        "item_index":null,"state":"reused","reason":{"code":"unchanged","text":"because",
        "detail":null},"error":null,"needs":["ingest"],
        "reused_from":{"run_id":"01890000-0000-7000-8000-000000000001"},"outputs":{"rows":3},
        "metrics":{"auc":0.5},"approval":null,"attempts":[],"started_at":null,
        "ended_at":"2026-01-02T03:04:05.000001Z","duration_ms":null}],"seq":9}"#,
    );
}

#[test]
fn runs_with_a_column() {
    let run = RunSummary {
        run_id: ID,
        pipeline: "p".to_owned(),
        pipeline_file: "/p.yaml".to_owned(),
        plan_id: "aa".to_owned(),
        state: RunState::Failed,
        reason: Some(reason(ReasonCode::ExitStatus)),
        trigger: Trigger {
            kind: "retry".to_owned(),
            detail: Some("x".to_owned()),
        },
        created_at: time(0),
        started_at: Some(time(0)),
        ended_at: Some(time(2_000)),
        duration_ms: Some(2),
        retry_of: Some(ID),
        parent: None,
        steps_total: 3,
        steps_done: 3,
        columns: [("params.n".to_owned(), 1.into())].into(),
    };
    check(
        &Runs {
            version: DocumentVersion,
            runs: vec![run],
            next_cursor: None,
        },
        r#"{"version":1,"runs":[{"run_id":"01890000-0000-7000-8000-000000000001","pipeline":"p",
        "pipeline_file":"/p.yaml","plan_id":"aa","state":"failed","reason":{"code":"exit_status",
        "text":"because","detail":null},"trigger":{"kind":"retry","detail":"x"},
        "created_at":"2026-01-02T03:04:05.000000Z","started_at":"2026-01-02T03:04:05.000000Z",
        "ended_at":"2026-01-02T03:04:05.002000Z","duration_ms":2,
        "retry_of":"01890000-0000-7000-8000-000000000001","parent":null,"steps_total":3,
        "steps_done":3,"params.n":1}],"next_cursor":null}"#,
    );
}

#[test]
fn a_plan() {
    let step = PlanStep {
        id: "a".to_owned(),
        action: Action::Run,
        reason: reason(ReasonCode::New),
        reused_from: None,
        key: None,
    };
    let plan = PlanDocument {
        version: DocumentVersion,
        pipeline: "p".to_owned(),
        plan_id: "aa".to_owned(),
        steps: vec![step],
    };
    check(
        &plan,
        r#"{"version":1,"pipeline":"p","plan_id":"aa","steps":[{"id":"a","action":"run",
        "reason":{"code":"new","text":"because","detail":null},"reused_from":null}]}"#,
    );
}

#[test]
fn an_artifact() {
    let artifact = Artifact {
        artifact_id: ID,
        artifact_type: "Model".to_owned(),
        name: "model".to_owned(),
        run_id: ID,
        step: "train".to_owned(),
        item_index: None,
        path: Some("/s/model".to_owned()),
        digest: "bb".to_owned(),
        size_bytes: 12,
        state: ArtifactState::Live,
        properties: [("task".to_owned(), "binary".into())].into(),
        created_at: time(0),
    };
    check(
        &ArtifactDocument {
            version: DocumentVersion,
            artifact,
        },
        r#"{"version":1,"artifact_id":"01890000-0000-7000-8000-000000000001","type":"Model",
        "name":"model","run_id":"01890000-0000-7000-8000-000000000001","step":"train",
        "item_index":null,"path":"/s/model","digest":"bb","size_bytes":12,"state":"live",
        "properties":{"task":"binary"},"created_at":"2026-01-02T03:04:05.000000Z"}"#,
    );
}

#[test]
fn an_event_line() {
    let event = EventLine {
        version: DocumentVersion,
        seq: 3,
        at: time(120_000),
        run_id: ID,
        event_type: EventType::StepSkipped,
        step: Some("b".to_owned()),
        item_index: None,
        attempt: None,
        reason: Some(reason(ReasonCode::UpstreamFailed)),
        error: None,
    };
    check(
        &event,
        r#"{"version":1,"seq":3,"at":"2026-01-02T03:04:05.120000Z",
        "run_id":"01890000-0000-7000-8000-000000000001","type":"step_skipped","step":"b",
        "item_index":null,"attempt":null,"reason":{"code":"upstream_failed","text":"because",
        "detail":null},"error":null}"#,
    );
}

#[test]
fn a_problem_leaves_out_what_it_has_not() {
    check(
        &Problem::new(404, "unknown_run", "there is no run `x`"),
        r#"{"type":"about:blank","title":"Not Found","status":404,
        "detail":"there is no run `x`","code":"unknown_run"}"#,
    );
}

#[test]
fn every_word_is_read_as_it_is_written() {
    assert!(
        ReasonCode::ALL
            .iter()
            .all(|c| ReasonCode::from_word(c.word()) == Some(*c))
    );
    assert!(
        EventType::ALL
            .iter()
            .all(|t| EventType::from_word(t.word()) == Some(*t))
    );
    let error = serde_json::from_str::<RunState>("\"ended\"")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("`ended` is none of queued, running"),
        "{error}"
    );
}
