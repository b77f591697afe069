//! What steps and runs share: `pool:`, `resources:` and `concurrency:`.

use serde_json::Value;

use super::Reader;
use crate::at::At;
use crate::code::Code;
use crate::diagnostic::Part;
use crate::limits::{DEVICES_MAX, MAX_RUNS_MAX, MEMORY_BYTES_MIN};
use crate::nearest::did_you_mean;
use crate::size;
use crate::spec::{Concurrency, Resources, WhenBusy, is_identifier};

pub(crate) const RESOURCES: &[&str] = &["cpu", "memory", "gpu"];

pub(crate) const CONCURRENCY: &[&str] = &["max_runs", "when_busy"];

pub(crate) const WHEN_BUSY: &[(&str, WhenBusy)] = &[
    ("queue", WhenBusy::Queue),
    ("skip", WhenBusy::Skip),
    ("cancel-running", WhenBusy::CancelRunning),
];

/// `pool:`, a name.
pub(super) fn pool(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<String> {
    let name = reader.literal(value, at)?;
    if !is_identifier(&name) {
        reader.invalid_name(at, Part::Value, &name, "a pool");
        return None;
    }
    Some(name)
}

/// `resources: { cpu, memory, gpu }`.
pub(super) fn resources(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Resources {
    let mut map = reader.map(value, at, "a map of resources");
    reader.known_keys(&map, RESOURCES, at, "`resources`");
    let mut take = |key: &str| map.remove(key).filter(|value| !value.is_null());
    Resources {
        cpu_milli: take("cpu").and_then(|v| cpu(&v, &at.key("cpu"), reader)),
        memory_bytes: take("memory").and_then(|v| memory(v, &at.key("memory"), reader)),
        gpu: take("gpu").and_then(|v| gpu(&v, &at.key("gpu"), reader)),
    }
}

/// Processors, which may be less than one.
fn cpu(value: &Value, at: &At<'_>, reader: &mut Reader) -> Option<u64> {
    let milli = value.as_f64().map(|cpus| (cpus * 1_000.0).round());
    let milli = milli.filter(|milli| (1.0..=f64::from(DEVICES_MAX) * 1_000.0).contains(milli));
    if milli.is_none() {
        let message = format!("`cpu` takes a number of processors, from 0.001 to {DEVICES_MAX}");
        reader.at_value(
            Code::InvalidDeclaration,
            at,
            message,
            "write `cpu: 2` or `cpu: 0.5`",
        );
    }
    milli.map(|milli| milli as u64)
}

fn memory(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<u64> {
    let text = match value {
        Value::String(_) => reader.literal(value, at)?,
        Value::Number(number) => {
            let message = format!("the size {number} has no unit");
            let hint = format!("`{number}MiB` or `{number}GiB`?");
            reader.at_value(Code::InvalidSize, at, message, hint);
            return None;
        }
        other => {
            reader.wrong_type(at, "a size", &other);
            return None;
        }
    };
    match size::parse(&text) {
        Ok(bytes) if bytes < MEMORY_BYTES_MIN => {
            let message = format!("`{text}` is less than any program takes");
            reader.at_value(Code::InvalidSize, at, message, size::FORMS);
            None
        }
        Ok(bytes) => Some(bytes),
        Err(message) => {
            reader.at_value(Code::InvalidSize, at, message, size::FORMS);
            None
        }
    }
}

fn gpu(value: &Value, at: &At<'_>, reader: &mut Reader) -> Option<u32> {
    let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
    let count = count.filter(|count| *count <= DEVICES_MAX);
    if count.is_none() {
        let message = format!("`gpu` takes a whole number of GPUs, up to {DEVICES_MAX}");
        reader.at_value(Code::InvalidDeclaration, at, message, "");
    }
    count
}

/// `concurrency: { max_runs, when_busy }`.
pub(super) fn concurrency(
    value: Option<Value>,
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<Concurrency> {
    let value = value.filter(|value| !value.is_null())?;
    let mut map = reader.map(Some(value), at, "`{ max_runs, when_busy }`");
    reader.known_keys(&map, CONCURRENCY, at, "`concurrency`");
    let mut take = |key: &str| map.remove(key).filter(|value| !value.is_null());
    let max_runs = take("max_runs").map_or(Some(1), |value| {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.filter(|number| (1..=MAX_RUNS_MAX).contains(number))
    });
    if max_runs.is_none() {
        let message = format!("`max_runs` takes a whole number from 1 to {MAX_RUNS_MAX}");
        let hint = "leave `concurrency` out for no bound";
        reader.at_value(Code::InvalidDeclaration, &at.key("max_runs"), message, hint);
    }
    let when_busy = take("when_busy").map(|v| when_busy(v, &at.key("when_busy"), reader));
    Some(Concurrency {
        max_runs: max_runs.unwrap_or(1),
        when_busy: when_busy.unwrap_or_default(),
    })
}

fn when_busy(value: Value, at: &At<'_>, reader: &mut Reader) -> WhenBusy {
    let Some(word) = reader.literal(value, at) else {
        return WhenBusy::default();
    };
    let known = WHEN_BUSY.iter().find(|(known, _)| *known == word);
    known.map_or_else(
        || {
            let message = "`when_busy` takes `queue`, `skip` or `cancel-running`".to_owned();
            let hint = did_you_mean(&word, WHEN_BUSY.iter().map(|(word, _)| *word));
            reader.at_value(Code::InvalidDeclaration, at, message, hint);
            WhenBusy::default()
        },
        |(_, when_busy)| *when_busy,
    )
}
