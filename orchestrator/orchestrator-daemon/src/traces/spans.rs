//! A run and its attempts as spans.
//!
//! Names and attributes follow OpenTelemetry's semantic conventions for CI/CD (`cicd.pipeline.*`), and for
//! processes and errors; what those lack begins with `ropewalk.`.

use chrono::{DateTime, Utc};
use orchestrator_api::AttemptState;
use pipeline_plan::NodeId;
use run_engine::event::RunEnd;
use run_engine::ids::AttemptId;
use run_engine::state::{RunPhase, RunView};
use run_executor::{attempt_span_id, run_span_id, trace_id};

use super::otlp::{KeyValue, Span, SpanKind, Status, StatusCode};
use crate::documents;

/// A run that ended.
pub(super) fn of_run(view: &RunView) -> Option<Span> {
    let created = &view.created;
    let (RunPhase::Ended(end), Some(ended_at)) = (view.phase, view.ended_at) else {
        return None;
    };
    let reason = documents::run_reason(view);
    let (code, message) = match end {
        RunEnd::Succeeded => (StatusCode::Ok, String::new()),
        RunEnd::Failed | RunEnd::Refused | RunEnd::Cancelled => (
            StatusCode::Error,
            reason.map_or_else(|| documents::run_end_word(end).to_owned(), |why| why.text),
        ),
    };
    let result = match end {
        RunEnd::Succeeded => "success",
        RunEnd::Failed | RunEnd::Refused => "failure",
        RunEnd::Cancelled => "cancellation",
    };
    Some(Span {
        trace_id: trace_id(created.run).to_vec(),
        span_id: run_span_id(created.run).to_vec(),
        parent_span_id: Vec::new(),
        name: format!("RUN {}", created.plan.name),
        // Somebody or something asked for it, and it answers.
        kind: SpanKind::Server.into(),
        start_time_unix_nano: nanoseconds(created.at),
        end_time_unix_nano: nanoseconds(ended_at),
        attributes: vec![
            KeyValue::text("cicd.pipeline.name", &*created.plan.name),
            KeyValue::text("cicd.pipeline.run.id", created.run.to_string()),
            KeyValue::text("cicd.pipeline.result", result),
            KeyValue::text("ropewalk.run.state", documents::run_end_word(end)),
            KeyValue::text("ropewalk.plan_id", &*created.plan_id),
            KeyValue::text("ropewalk.trigger", &*created.trigger.kind),
        ],
        status: Some(Status {
            message,
            code: code.into(),
        }),
    })
}

/// An attempt of a step, if it ended.
pub(super) fn of_attempt(view: &RunView, node: NodeId, number: u32) -> Option<Span> {
    let created = &view.created;
    let step = view.steps.get(node.0 as usize);
    let mut attempts = step.attempts.iter();
    let attempt = attempts.find(|attempt| attempt.started.attempt == number)?;
    let end = attempt.end.as_ref()?;
    let state = documents::attempt_state(attempt.end.as_ref(), step.phase);
    let id = documents::name(view, node);
    let exit = end.exit;
    let code = if state == AttemptState::Succeeded {
        StatusCode::Ok
    } else {
        StatusCode::Error
    };
    let failure = end.failure.as_ref();
    let mut attributes = vec![
        KeyValue::text("cicd.pipeline.name", &*created.plan.name),
        KeyValue::text("cicd.pipeline.run.id", created.run.to_string()),
        KeyValue::text("cicd.pipeline.task.name", &*id),
        KeyValue::text(
            "cicd.pipeline.task.run.id",
            format!("{}/{id}/{number}", created.run),
        ),
        KeyValue::text("cicd.pipeline.task.run.result", result(state)),
        KeyValue::integer("ropewalk.attempt", i64::from(number)),
        KeyValue::text("ropewalk.attempt.state", state.word()),
    ];
    if let Some(exit) = exit {
        let code = exit
            .code
            .map(|code| KeyValue::integer("process.exit.code", code.into()));
        attributes.extend(code);
        let memory = i64::try_from(exit.memory_max_bytes).unwrap_or(i64::MAX);
        attributes.push(KeyValue::integer("ropewalk.memory_max_bytes", memory));
        let cpu = i64::try_from(exit.cpu_ms).unwrap_or(i64::MAX);
        attributes.push(KeyValue::integer("ropewalk.cpu_ms", cpu));
    }
    attributes.extend(failure.map(|failure| KeyValue::text("error.type", &*failure.code)));
    let start = exit.map_or(attempt.started.at, |exit| exit.started_at);
    let ended_at = exit.map_or(end.at, |exit| exit.ended_at);
    let attempt = AttemptId {
        run: created.run,
        node,
        number,
    };
    Some(Span {
        trace_id: trace_id(created.run).to_vec(),
        span_id: attempt_span_id(attempt).to_vec(),
        parent_span_id: run_span_id(created.run).to_vec(),
        name: format!("RUN {id}"),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: nanoseconds(start),
        end_time_unix_nano: nanoseconds(ended_at),
        attributes,
        status: Some(Status {
            message: failure.map_or_else(String::new, |failure| failure.message.clone()),
            code: code.into(),
        }),
    })
}

/// How a task ended, in the conventions' words.
fn result(state: AttemptState) -> &'static str {
    match state {
        AttemptState::Succeeded => "success",
        AttemptState::Failed | AttemptState::Refused => "failure",
        AttemptState::TimedOut => "timeout",
        AttemptState::Cancelled => "cancellation",
        AttemptState::Running | AttemptState::Lost | AttemptState::Stuck => "error",
    }
}

/// A time before 1970 is none that a clock of today shows.
fn nanoseconds(at: DateTime<Utc>) -> u64 {
    let nanoseconds = at.timestamp_nanos_opt().unwrap_or_default();
    u64::try_from(nanoseconds).unwrap_or_default()
}
