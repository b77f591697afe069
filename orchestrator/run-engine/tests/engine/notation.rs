//! The words in which these tests speak of plans, events, news and states.
//!
//! A plan is `a, b<a, c<a b`: steps, each with those that it needs. Words before a step say more of it:
//! `if b<a` has a condition, `always b<a` one that asks how steps ended, `may_fail a` is allowed to fail,
//! `finally z` follows all others; `ask a` asks a person; `each a` is done for items; `b<a?` bears that `a` failed; of
//! `out a` the run is not made. Events have the names that they have everywhere, without `step_`: `started a.1`,
//! `failed a.1 exit_status`, `skipped b
//! upstream_failed`, `run_cancelling`, `run_cancelling abandon`. The number behind a step is its attempt's. A state is
//! `active: a succeeded, b running.1`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pipeline_plan::{NodeId, PLAN_FORMAT_VERSION, Plan};
use run_engine::artifact::Outputs;
use run_engine::decide::{AttemptOutcome, AttemptReport, Input};
use run_engine::event::{
    ApprovalRequest, Carried, Decision, Event, Exit, RunCreated, RunEnd, StepEnded, StepReused,
    StepStarted, Timer, Trigger, Verdict,
};
use run_engine::failure_code::FailureCode;
use run_engine::ids::{ExecutionId, RunId};
use run_engine::reason::{Failure, Reason, ReasonCode};
use run_engine::reuse::KeyParts;
use run_engine::state::{RunPhase, RunState, StepPhase};
use serde_json::{Value, json};
use uuid::Uuid;

/// The parts of a list, without the spaces around them.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|p| !p.is_empty())
}

/// The time of the nth event of a journal.
pub(crate) fn time(number: usize) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + number as i64, 0).unwrap()
}

/// A plan of commands; see the module. An unknown need is a mistake of the test.
pub(crate) fn plan(text: &str) -> Plan {
    let mut ids: Vec<&str> = Vec::new();
    let mut nodes: Vec<Value> = Vec::new();
    for part in parts(text) {
        let (words, needs) = part.split_once('<').unwrap_or((part, ""));
        let words: Vec<&str> = words.split_whitespace().collect();
        let (id, words) = words.split_last().unwrap();
        let find = |need: &str| {
            let need = need.trim_end_matches('?');
            ids.iter().position(|id| *id == need).unwrap()
        };
        let needs = needs.split_whitespace();
        let borne = needs.clone().filter(|need| need.ends_with('?'));
        let is = |word: &str| words.contains(&word);
        let condition = (is("if") || is("always"))
            .then(|| json!({ "expression": "${{ true }}", "asks_status": is("always") }));
        nodes.push(json!({
            "id": id,
            "action": if is("ask") {
                json!({ "approve": "Go on?" })
            } else {
                json!({ "command": ["do", id] })
            },
            "needs": needs.map(find).collect::<BTreeSet<usize>>(),
            "tolerates": borne.map(find).collect::<BTreeSet<usize>>(),
            "condition": condition,
            "foreach": is("each").then(|| json!({ "items": [], "max_parallel": 2 })),
            "allow_failure": is("may_fail"),
            "finally": is("finally"),
            "cache": true,
        }));
        ids.push(id);
    }
    let plan = json!({
        "format_version": PLAN_FORMAT_VERSION,
        "name": "test",
        "params": {},
        "nodes": nodes,
    });
    serde_json::from_value(plan).unwrap()
}

/// A run of a plan.
pub(crate) fn created(plan_text: &str) -> RunCreated {
    let plan = plan(plan_text);
    let is_out = |part: &str| part.split_whitespace().any(|word| word == "out");
    let parts = parts(plan_text).zip(plan.node_ids());
    let selected: BTreeSet<NodeId> = parts
        .filter(|(part, _)| !is_out(part))
        .map(|(_, node)| node)
        .collect();
    RunCreated {
        run: RunId(Uuid::from_u128(1)),
        selected: (selected.len() < plan.nodes.len()).then_some(selected),
        plan_id: plan.id(),
        plan: Arc::new(plan),
        pipeline_file: "/project/pipeline.yaml".into(),
        params: BTreeMap::new(),
        trigger: Trigger {
            kind: "manual".to_owned(),
            detail: String::new(),
        },
        retry_of: None,
        carried: BTreeMap::new(),
        carried_items: BTreeMap::new(),
        forced: BTreeSet::new(),
        slots: 64,
        environment: BTreeMap::new(),
        git: None,
        ropewalk_version: "0.0.1".to_owned(),
        host: "here".to_owned(),
        at: time(0),
    }
}

/// A state after these events, all of which must be legal. What they carry over was to be.
pub(crate) fn state(plan: &str, journal: &str) -> RunState {
    let mut created = created(plan);
    for step in parts(journal).filter_map(|text| text.strip_prefix("carried ")) {
        // Of an item it is known once its step is expanded.
        if let Some(node) = created.plan.find(step) {
            created.carried.insert(node, execution(node));
        }
    }
    after(RunState::new(Arc::new(created)), journal)
}

/// A state after some more events.
pub(crate) fn after(mut state: RunState, journal: &str) -> RunState {
    for (number, text) in parts(journal).enumerate() {
        let event = event(&state, text, time(number + 1));
        if let Err(error) = state.apply(&event) {
            panic!("{text}: {error}");
        }
    }
    state
}

/// A step by its id, an item as `a[0]`, or `#9` where no step has that number.
fn node(state: &RunState, text: &str) -> NodeId {
    if let Some(number) = text.strip_prefix('#') {
        return NodeId(number.parse().unwrap());
    }
    let mut tasks = state.task_ids();
    tasks.find(|task| state.name(*task) == text).unwrap()
}

/// `a.2`: a step and its attempt.
fn attempt(state: &RunState, text: &str) -> (NodeId, u32) {
    let (id, number) = text.split_once('.').unwrap();
    (node(state, id), number.parse().unwrap())
}

/// An event in words; see the module.
#[expect(clippy::too_many_lines, reason = "an arm for each kind of event")]
pub(crate) fn event(state: &RunState, text: &str, at: DateTime<Utc>) -> Event {
    let words: Vec<&str> = text.split_whitespace().collect();
    let about = words.get(1).copied().unwrap_or_default();
    let code = words.get(2).copied();
    match words[0] {
        "run_created" => Event::RunCreated(Arc::clone(&state.created)),
        "run_resumed" => Event::RunResumed { at },
        "run_cancelling" => Event::RunCancelling {
            abandon: about == "abandon",
            at,
        },
        "run_succeeded" => ended(RunEnd::Succeeded, at),
        "run_failed" => ended(RunEnd::Failed, at),
        "run_refused" => ended(RunEnd::Refused, at),
        "run_cancelled" => ended(RunEnd::Cancelled, at),
        "expanded" => Event::StepExpanded {
            node: node(state, about),
            items: Arc::new(
                (0..code.unwrap().parse().unwrap())
                    .map(Value::from)
                    .collect(),
            ),
            at,
        },
        "run_waiting" => Event::RunWaiting { at },
        "approval_requested" => {
            let node = node(state, about);
            Event::ApprovalRequested(Arc::new(ApprovalRequest {
                intent: Arc::new(started(node, 0, at)),
                message: "Go on?".to_owned(),
                expires: None,
            }))
        }
        "approved" | "rejected" => {
            let node = node(state, about);
            Event::ApprovalDecided {
                node,
                execution: execution(node),
                decision: Arc::new(decision(words[0] == "approved", at)),
                outputs: Arc::default(),
            }
        }
        "started" => {
            let (node, attempt) = attempt(state, about);
            Event::StepStarted(Arc::new(started(node, attempt, at)))
        }
        "adopted" => {
            let (node, attempt) = attempt(state, about);
            Event::StepAdopted { node, attempt, at }
        }
        "succeeded" => Event::StepSucceeded(complete(attempt(state, about), 0, at)),
        "refused" if about.contains('.') => Event::StepRefused {
            ended: complete(attempt(state, about), 65, at),
            reason: Reason::new(ReasonCode::Rejected, "no", ""),
        },
        "reused" | "carried" | "refused" => Event::StepReused(Arc::new(StepReused {
            node: node(state, about),
            source: ExecutionId::new(Uuid::from_u128(7 << 64)),
            source_run: RunId(Uuid::from_u128(7)),
            outputs: Arc::default(),
            refused: (words[0] == "refused").then(|| Reason::new(ReasonCode::Rejected, "no", "")),
            carried: (words[0] == "carried").then_some(Carried::Retry),
            at,
        })),
        "failed" => {
            let live = about.contains('.').then(|| attempt(state, about));
            let exit = live.filter(|_| code != Some("lost")).map(|_| exit(1));
            Event::StepFailed {
                node: live.map_or_else(|| node(state, about), |(node, _)| node),
                attempt: live.map(|(_, attempt)| attempt),
                failure: Failure::new(code_of(code.unwrap_or("exit_status")), "it failed"),
                exit,
                at,
            }
        }
        "lost" => {
            let (node, attempt) = attempt(state, about);
            Event::StepLost {
                node,
                attempt,
                proof: "its keeper is gone".to_owned(),
                at,
            }
        }
        "stuck" => {
            let (node, attempt) = attempt(state, about);
            let pids = vec![4712];
            Event::StepStuck {
                node,
                attempt,
                pids,
                at,
            }
        }
        "abandoned" => {
            let (node, attempt) = attempt(state, about);
            Event::StepAbandoned { node, attempt, at }
        }
        "retrying" => {
            let (node, attempt) = attempt(state, about);
            Event::StepRetrying {
                node,
                attempt,
                failure: Failure::new(FailureCode::ExitStatus, "it failed"),
                exit: Some(exit(1)),
                next: Timer::after(at, 1_000),
                at,
            }
        }
        "skipped" => Event::StepSkipped {
            node: node(state, about),
            reason: Reason::new(ReasonCode::UpstreamFailed, "a need failed", ""),
            at,
        },
        "cancelled" => {
            let (node, attempt) = attempt(state, about);
            Event::StepCancelled {
                node,
                attempt,
                exit: None,
                at,
            }
        }
        other => panic!("no event is called `{other}`"),
    }
}

fn ended(end: RunEnd, at: DateTime<Utc>) -> Event {
    Event::RunEnded { end, at }
}

fn execution(node: NodeId) -> ExecutionId {
    ExecutionId::new(Uuid::from_u128(u128::from(node.0 + 1) << 32))
}

fn started(node: NodeId, attempt: u32, at: DateTime<Utc>) -> StepStarted {
    StepStarted {
        node,
        attempt,
        execution: execution(node),
        keeper: "keeper".to_owned(),
        inputs: BTreeMap::new(),
        key: Arc::new(KeyParts::default()),
        reuse_key: Some(format!("key of {}", node.0)),
        push_version: None,
        gpus: Vec::new(),
        reason: Reason::new(ReasonCode::New, "it has not run before", ""),
        at,
    }
}

fn decision(approves: bool, at: DateTime<Utc>) -> Decision {
    Decision {
        verdict: if approves {
            Verdict::Approved
        } else {
            Verdict::Rejected
        },
        by: "ada".to_owned(),
        comment: String::new(),
        at,
    }
}

fn complete((node, attempt): (NodeId, u32), code: i32, at: DateTime<Utc>) -> Arc<StepEnded> {
    Arc::new(StepEnded {
        node,
        attempt,
        execution: execution(node),
        reuse_key: Some(format!("key of {}", node.0)),
        outputs: Arc::default(),
        exit: exit(code),
        at,
    })
}

fn exit(code: i32) -> Exit {
    Exit {
        code: Some(code),
        signal: None,
        timed_out: false,
        started_at: time(0),
        ended_at: time(0),
        cpu_ms: 0,
        memory_max_bytes: 0,
    }
}

/// News in words: `exit 0 a.1`, `exit 65 a.1`, `exit 1 a.1`, `no_process a.1`, `outputs_only a.1`,
/// `lost a.1`, `stuck a.1`, `adopted a.1`, `cannot_start a`, `approve a`, `reject a`, `cancel`, `abandon`.
pub(crate) fn input(state: &RunState, text: &str) -> Input {
    let words: Vec<&str> = text.split_whitespace().collect();
    let last = words.last().copied().unwrap();
    let over = |exit: Option<Exit>, outcome: AttemptOutcome| {
        let (node, attempt) = attempt(state, last);
        let report = AttemptReport { exit, outcome };
        Input::Ended {
            node,
            attempt,
            report,
        }
    };
    let outputs = || Arc::new(Outputs::default());
    let failed = |code: &str| AttemptOutcome::Failed(Failure::new(code_of(code), "it failed"));
    match (words[0], words.get(1).copied()) {
        ("exit", Some("0")) => over(Some(exit(0)), AttemptOutcome::Succeeded(outputs())),
        ("exit", Some("65")) => {
            let (outputs, reason) = (outputs(), "auc 0.61 is below 0.75".to_owned());
            over(Some(exit(65)), AttemptOutcome::Refused { outputs, reason })
        }
        ("exit", Some(code)) => over(Some(exit(code.parse().unwrap())), failed("exit_status")),
        ("no_process", _) => over(None, failed("launch_refused")),
        ("outputs_only", _) => over(None, AttemptOutcome::Succeeded(outputs())),
        ("lost", _) => {
            let (node, attempt) = attempt(state, last);
            let proof = "its keeper is gone".to_owned();
            Input::Lost {
                node,
                attempt,
                proof,
            }
        }
        ("adopted", _) => {
            let (node, attempt) = attempt(state, last);
            Input::Adopted { node, attempt }
        }
        ("cannot_start", _) => Input::CannotStart {
            node: node(state, last),
            failure: Failure::new(FailureCode::NoMatch, "no file matches `*.csv`"),
        },
        ("stuck", _) => {
            let (node, attempt) = attempt(state, last);
            let pids = vec![4712];
            Input::Stuck {
                node,
                attempt,
                pids,
            }
        }
        ("approve" | "reject", _) => Input::Decided {
            node: node(state, last),
            decision: Arc::new(decision(words[0] == "approve", time(0))),
            outputs: outputs(),
        },
        ("cancel", _) => Input::Cancel,
        ("abandon", _) => Input::Abandon,
        (other, _) => panic!("no news is called `{other}`"),
    }
}

/// An event in words, with its reason's code and what that is about.
pub(crate) fn show(state: &RunState, event: &Event) -> String {
    let name = run_engine::event_name(event);
    let mut words = vec![name.strip_prefix("step_").unwrap_or(name).to_owned()];
    if let Some((node, attempt)) = event.step() {
        let id = state.name(node);
        words.push(attempt.map_or_else(|| id.clone(), |attempt| format!("{id}.{attempt}")));
    }
    match event {
        Event::RunCancelling { abandon: true, .. } => words.push("abandon".to_owned()),
        Event::StepFailed { failure, .. } => words.push(failure.code.clone()),
        Event::StepSkipped { reason, .. } => {
            words.push(reason.code.word().to_owned());
            words.push(reason.detail.clone());
        }
        _ => {}
    }
    words.join(" ")
}

/// Events in words.
pub(crate) fn show_all(state: &RunState, events: &[Event]) -> String {
    let shown: Vec<String> = events.iter().map(|event| show(state, event)).collect();
    shown.join(", ")
}

/// A state in words.
pub(crate) fn show_state(state: &RunState) -> String {
    let run = match state.phase {
        RunPhase::Active => "active",
        RunPhase::Cancelling => "cancelling",
        RunPhase::Finishing(_) => "finishing",
        RunPhase::Ended(RunEnd::Succeeded) => "succeeded",
        RunPhase::Ended(RunEnd::Failed) => "failed",
        RunPhase::Ended(RunEnd::Refused) => "refused",
        RunPhase::Ended(RunEnd::Cancelled) => "cancelled",
    };
    let steps = state
        .task_ids()
        .map(|node| format!("{} {}", state.name(node), show_step(state, node)));
    let steps: Vec<String> = steps.collect();
    format!("{run}: {}", steps.join(", "))
}

/// Where a step stands, with the number of its live attempt.
pub(crate) fn show_step(state: &RunState, node: NodeId) -> String {
    let step = state.step(node);
    let word = match step.phase {
        StepPhase::Waiting => "waiting",
        StepPhase::Ready => "ready",
        StepPhase::Running => return format!("running.{}", step.attempts.len()),
        StepPhase::Stuck => return format!("stuck.{}", step.attempts.len()),
        StepPhase::Backoff => "backoff",
        StepPhase::AwaitingApproval => "awaiting",
        StepPhase::Expanded => "expanded",
        StepPhase::Succeeded => "succeeded",
        StepPhase::Reused => "reused",
        StepPhase::Failed => "failed",
        StepPhase::Refused => "refused",
        StepPhase::Skipped => "skipped",
        StepPhase::Cancelled => "cancelled",
    };
    word.to_owned()
}

/// Fails the test, naming what is broken, unless every invariant holds.
#[track_caller]
pub(crate) fn assert_holds(state: &RunState, when: &str) {
    let broken = run_engine::invariants::violations(state);
    let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{when}: {}", broken.join("; "));
}

fn code_of(name: &str) -> FailureCode {
    FailureCode::from_name(name).unwrap_or_else(|| panic!("there is no code `{name}`"))
}
