//! The keys of all rows: a letter, then fixed-width binary, big-endian.
//!
//! `docs/store-format.md` lists them. Nothing here knows what a value holds.

use run_engine::ids::{ExecutionId, RunId};
use uuid::Uuid;

/// First byte of the rows that tell how a run was made.
pub(crate) const RUN: u8 = b'r';
/// First byte of the index of runs by pipeline.
pub(crate) const PIPELINE: u8 = b'p';
/// First byte of the rows that tell how far an unfinished run is.
pub(crate) const UNFINISHED: u8 = b'u';
/// First byte of the rows that tell how a run ended.
pub(crate) const FINISHED: u8 = b'f';
/// First byte of the index of finished runs by their last event.
pub(crate) const LAST: u8 = b'l';
/// First byte of journal rows.
pub(crate) const JOURNAL: u8 = b'j';
/// First byte of the rows that name runs whose journal rows are still to be removed.
pub(crate) const CLEARING: u8 = b'c';
/// First byte of executions.
pub(crate) const EXECUTION: u8 = b'x';
/// First byte of the index of executions by reuse key.
pub(crate) const REUSE: u8 = b'k';
/// First byte of the index of the newest intents.
pub(crate) const START: u8 = b's';
/// First byte of blessings.
pub(crate) const BLESSING: u8 = b'b';
/// First byte of pushes.
pub(crate) const PUSH: u8 = b'v';
/// First byte of pushed models.
pub(crate) const PUSHED: u8 = b'm';
/// First byte of the index of what steps gave, in order.
pub(crate) const GIVEN: u8 = b'g';
/// First byte of the index of what steps gave by span.
pub(crate) const SPAN: u8 = b'n';

const ID_BYTES: usize = 16;
const SEQ_BYTES: usize = 8;

/// A key of this letter and these parts.
pub(crate) fn key(letter: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(letter);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// The key of one of a run's own rows.
pub(crate) fn of_run(letter: u8, run: RunId) -> Vec<u8> {
    key(letter, &[run.0.as_bytes()])
}

/// The key of an entry of the index of runs by pipeline.
pub(crate) fn of_pipeline(pipeline: &str, run: RunId) -> Vec<u8> {
    key(PIPELINE, &[&text(pipeline), run.0.as_bytes()])
}

/// The key of a journal row.
pub(crate) fn of_event(run: RunId, seq: u64) -> Vec<u8> {
    key(JOURNAL, &[run.0.as_bytes(), &seq.to_be_bytes()])
}

/// The key of an entry of the index of finished runs by their last event.
pub(crate) fn of_last(seq: u64, run: RunId) -> Vec<u8> {
    key(LAST, &[&seq.to_be_bytes(), run.0.as_bytes()])
}

/// The key of an execution.
pub(crate) fn of_execution(execution: ExecutionId) -> Vec<u8> {
    key(EXECUTION, &[execution.0.as_bytes()])
}

/// The key of an entry of the index by reuse key: the digest's bytes, or those of the text's own
/// digest where it is none.
pub(crate) fn of_reuse(reuse_key: &str) -> Vec<u8> {
    let digest =
        blake3::Hash::from_hex(reuse_key).unwrap_or_else(|_| blake3::hash(reuse_key.as_bytes()));
    key(REUSE, &[digest.as_bytes()])
}

/// The key of the newest intent of a step.
pub(crate) fn of_start(pipeline: &str, step: &str) -> Vec<u8> {
    key(START, &[&text(pipeline), &text(step)])
}

/// What the keys of a model's blessings begin with.
pub(crate) fn of_blessings(model: &str) -> Vec<u8> {
    key(BLESSING, &[&text(model)])
}

/// The key of a blessing: those of one model in the order in which they were given.
pub(crate) fn of_blessing(model: &str, seq: u64, index: u16) -> Vec<u8> {
    let parts: [&[u8]; 3] = [&text(model), &seq.to_be_bytes(), &index.to_be_bytes()];
    key(BLESSING, &parts)
}

/// The key of the newest push of a model to a destination.
pub(crate) fn of_push(destination: &str, model: &str) -> Vec<u8> {
    key(PUSH, &[&text(&format!("{destination}\0{model}"))])
}

/// What the keys of a model's pushes begin with.
pub(crate) fn of_pushed_models(model: &str) -> Vec<u8> {
    key(PUSHED, &[&text(model)])
}

/// The key of a pushed model: those of one name in the order in which they were pushed.
pub(crate) fn of_pushed_model(model: &str, seq: u64, index: u16) -> Vec<u8> {
    let parts: [&[u8]; 3] = [&text(model), &seq.to_be_bytes(), &index.to_be_bytes()];
    key(PUSHED, &parts)
}

/// What the keys of what a step gave begin with.
pub(crate) fn of_given(pipeline: &str, step: &str) -> Vec<u8> {
    key(GIVEN, &[&text(pipeline), &text(step)])
}

/// The key of what a step gave at an event.
pub(crate) fn of_given_at(pipeline: &str, step: &str, seq: u64) -> Vec<u8> {
    key(GIVEN, &[&text(pipeline), &text(step), &seq.to_be_bytes()])
}

/// What the keys of what a step gave by span begin with.
pub(crate) fn of_spans(pipeline: &str, step: &str) -> Vec<u8> {
    key(SPAN, &[&text(pipeline), &text(step)])
}

/// The key of what a step gave last of a span. Spans stand in the order of numbers: the sign is
/// turned.
pub(crate) fn of_span(pipeline: &str, step: &str, span: i64) -> Vec<u8> {
    let ordered = (span as u64) ^ (1 << 63);
    key(
        SPAN,
        &[&text(pipeline), &text(step), &ordered.to_be_bytes()],
    )
}

/// A key of which a run is the last part, with the least run there can be in its place.
pub(crate) fn with_least_run(key: &[u8]) -> Vec<u8> {
    let kept = &key[..key.len().saturating_sub(ID_BYTES)];
    [kept, Uuid::nil().as_bytes()].concat()
}

/// The run in a key of which it is the last part.
pub(crate) fn run_at_end(key: &[u8]) -> Option<RunId> {
    let bytes = key.last_chunk::<ID_BYTES>()?;
    Some(RunId(Uuid::from_bytes(*bytes)))
}

/// The sequence number in the key of a journal row.
pub(crate) fn event_seq(key: &[u8]) -> Option<u64> {
    key.last_chunk::<SEQ_BYTES>()
        .map(|bytes| u64::from_be_bytes(*bytes))
}

/// The sequence number in a key of the index by last event.
pub(crate) fn last_seq(key: &[u8]) -> Option<u64> {
    let bytes = key.get(1..)?.first_chunk::<SEQ_BYTES>()?;
    Some(u64::from_be_bytes(*bytes))
}

/// A text in a key: fixed width, and no separator that the text might hold.
fn text(text: &str) -> [u8; ID_BYTES] {
    let mut first = [0; ID_BYTES];
    first.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..ID_BYTES]);
    first
}
