//! `ropewalk cron EXPR`: when an expression fires.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeZone as _, Utc};
use clap::Args;
use cron_schedule::{Schedule, Tz, zone};
use orchestrator_api::DocumentVersion;
use serde::Serialize;

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::FIRES_MAX;
use crate::output::tables::table;
use crate::printing;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The expression, as `"0 3 * * 1-5"` or `@daily`
    #[arg(value_name = "EXPR")]
    expression: String,
    /// The time zone that it is meant in
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// Tell of times after this one, as 2026-03-08T01:30 (there) or 2026-03-08T01:30:00Z [default:
    /// now]
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// How many times
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=FIRES_MAX))]
    count: u64,
}

/// The times for programs.
#[derive(Debug, Serialize)]
struct Document {
    version: DocumentVersion,
    fires: Vec<String>,
}

pub(crate) fn execute(arguments: &Arguments, context: &Context) -> Outcome {
    let schedule: Schedule = arguments.expression.parse().map_err(invalid)?;
    let zone = zone(&arguments.timezone).map_err(|error| {
        let hint = error.nearest.map_or_else(
            || "a name of the IANA database, as Europe/Paris".to_owned(),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        CliError::usage(error.to_string()).hint(hint)
    })?;
    let after = match &arguments.after {
        Some(text) => instant(text, zone)?,
        None => Utc::now(),
    };
    let first = schedule.next_after(after, zone);
    let fires = std::iter::successors(first, |last| schedule.next_after(*last, zone));
    let fires: Vec<DateTime<Utc>> = fires.zip(0..arguments.count).map(|(at, _)| at).collect();
    let utc = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    if context.is_json() {
        printing::document(&Document {
            version: DocumentVersion,
            fires: fires.iter().map(utc).collect(),
        })?;
        return Ok(Exit::Success);
    }
    let there = |at: &DateTime<Utc>| at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M %Z");
    let rows = fires.iter().map(|at| vec![there(at).to_string(), utc(at)]);
    let header = zone.name().to_uppercase();
    printing::print(&table(&[&header, "UTC"], &rows.collect::<Vec<_>>()))?;
    Ok(Exit::Success)
}

fn invalid(error: cron_schedule::CronError) -> CliError {
    let refused = CliError::usage(error.message);
    if error.hint.is_empty() {
        return refused;
    }
    refused.hint(error.hint)
}

/// A time with its offset, or one as clocks in the zone show it; a day is its beginning.
fn instant(text: &str, zone: Tz) -> Result<DateTime<Utc>, CliError> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc));
    }
    let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let mut times = forms
        .iter()
        .filter_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let local = times
        .next()
        .or_else(|| day().map(|day| day.and_time(NaiveTime::MIN)));
    let Some(local) = local else {
        let hint = "write `2026-03-08`, `2026-03-08T01:30` or `2026-03-08T01:30:00Z`";
        return Err(CliError::usage(format!("`{text}` is no time")).hint(hint));
    };
    let time = zone.from_local_datetime(&local).earliest();
    let time = time.map(|time| time.with_timezone(&Utc));
    time.ok_or_else(|| {
        let message = format!("there is no time {text} in {zone}: clocks jump over it");
        CliError::usage(message)
    })
}
