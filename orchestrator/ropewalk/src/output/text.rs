//! Small things as text: durations, sizes, times, identities.

use std::time::Duration;

use chrono::{DateTime, Local, Utc};
use orchestrator_api::{Status, Step};
use serde_json::Value;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::limits::VALUE_CHARACTERS_MAX;

/// `17 ms`, `1.4 s`, `3 min 05 s`, `2 h 07 min`.
pub(crate) fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{} ms", duration.as_millis());
    }
    let tenths = (duration.as_millis() + 50) / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (duration.as_millis() + 500) / 1000;
    if seconds < 3600 {
        return format!("{} min {:02} s", seconds / 60, seconds % 60);
    }
    format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60)
}

/// The same for what documents hold.
pub(crate) fn duration_ms(milliseconds: Option<u64>) -> String {
    milliseconds.map_or_else(String::new, |ms| duration(Duration::from_millis(ms)))
}

/// `17 B`, `1.2 KiB`, `3.4 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// A time as the user's clock shows it.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    let local = time.with_timezone(&Local);
    local.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `train`, or `train[3]` for an item.
pub(crate) fn step_name(id: &str, item_index: Option<u32>) -> String {
    match item_index {
        Some(index) => format!("{id}[{index}]"),
        None => id.to_owned(),
    }
}

/// A step's name as the user names it.
pub(crate) fn name_of(step: &Step) -> String {
    step_name(&step.id, step.item_index)
}

/// A value on one line: text without quotes, anything else as JSON.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Number(number) => number.as_f64().filter(|_| number.is_f64()).map_or_else(
            || number.to_string(),
            |float| {
                if float != 0.0 && !(1e-4..1e9).contains(&float.abs()) {
                    format!("{float:e}")
                } else {
                    let text = format!("{float:.6}");
                    text.trim_end_matches('0').trim_end_matches('.').to_owned()
                }
            },
        ),
        other => other.to_string(),
    }
}

/// The same, cut where it would fill more than a line.
pub(crate) fn short_value(whole: &Value) -> String {
    let text = value(whole);
    match text.char_indices().nth(VALUE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Text in at most so many cells of a terminal; what is cut off leaves dots.
pub(crate) fn cut(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        if kept.width() + character.width().unwrap_or(0) + 3 > cells {
            break;
        }
        kept.push(character);
    }
    kept + "..."
}

/// Text of others without what would steer a terminal; tabs and the ends of lines stay.
pub(crate) fn printable(text: &str) -> String {
    let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(steers) {
        text.replace(steers, "\u{fffd}")
    } else {
        text.to_owned()
    }
}

/// `1 step`, `3 steps`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

/// How far a run is: `5 of 8 done`.
pub(crate) fn steps_done(status: &Status) -> String {
    let done = status.steps.iter().filter(|s| s.state.is_ended()).count();
    format!("{done} of {} done", status.steps.len())
}
