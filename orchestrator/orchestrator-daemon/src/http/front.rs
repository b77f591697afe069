//! `/status`, `/healthz`, `/readyz`: what is asked without knowing the API.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};
use orchestrator_api::{Overview, RunSummary};
use run_store::RunFilter;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::problem::Refusal;
use super::{Api, accept};
use crate::command::Command;
use crate::documents;
use crate::limits::{LATEST_RUNS, READY_WAIT};

const FORMS: [&str; 3] = ["text/plain", "application/json", "text/html"];

/// What the daemon does, for people and for programs.
#[utoipa::path(
    get,
    path = "/status",
    responses((status = 200, description = "What the daemon does", content((String = "text/plain"), (Overview = "application/json"), (String = "text/html"))), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn status(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let overview = api.blocking(Api::overview).await?;
    let vary = [(header::VARY, "accept")];
    Ok(match accept::best(&headers, &FORMS) {
        "application/json" => (vary, Json(overview)).into_response(),
        "text/html" => (vary, Html(page(&overview))).into_response(),
        _ => (vary, text(&overview)).into_response(),
    })
}

/// That the process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    security(()),
    responses((status = 200, description = "The process answers", body = String, content_type = "text/plain"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// That the loop has taken up its runs and turns.
#[utoipa::path(
    get,
    path = "/readyz",
    security(()),
    responses((status = 200, description = "The loop turns", body = String, content_type = "text/plain"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn readyz(State(api): State<Api>) -> Result<&'static str, Refusal> {
    let (reply, pong) = oneshot::channel();
    let asked = async {
        api.engine()?
            .commands
            .command(Command::Ping { reply })
            .await?;
        pong.await.map_err(|_| crate::run_loop::LoopGone)?;
        Ok::<_, Refusal>(())
    };
    let busy = |_| {
        let detail = "the loop does not answer in time";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail)
    };
    timeout(READY_WAIT, asked).await.map_err(busy)??;
    Ok("ready\n")
}

impl Api {
    fn overview(&self) -> Result<Overview, Refusal> {
        let unfinished = self.engine()?.views.all();
        let rows = self.reader.runs(&RunFilter::default(), None, LATEST_RUNS)?;
        let latest = rows.iter().map(|row| {
            let is_open = row.end.is_none();
            // How a finished run ended is all that is told here of it; its journal need not be read.
            let snapshot = is_open.then(|| self.snapshot(row.run).ok()).flatten();
            documents::summary(row, true, snapshot.as_ref(), &[])
        });
        let latest = latest.collect();
        Ok(documents::overview(
            &self.info,
            &unfinished,
            latest,
            Utc::now(),
        ))
    }
}

/// `2 running, 1 queued`.
fn counts<K: std::fmt::Display>(counts: &std::collections::BTreeMap<K, u32>) -> String {
    let parts = counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

/// What stands above the list of runs.
fn facts(overview: &Overview) -> Vec<(&'static str, String)> {
    let uptime = Duration::from_millis(overview.uptime_ms).as_secs();
    let mut facts = vec![
        ("ropewalk", overview.build.clone()),
        ("state", overview.state_dir.clone()),
        ("up", format!("{uptime} s")),
        ("unfinished runs", counts(&overview.runs)),
        ("their steps", counts(&overview.steps)),
    ];
    if let Some(hindrance) = &overview.hindrance {
        facts.push(("nothing starts", hindrance.clone()));
    }
    facts
}

fn row(run: &RunSummary) -> [String; 5] {
    [
        run.run_id.to_string(),
        run.pipeline.clone(),
        run.state.to_string(),
        format!("{}/{}", run.steps_done, run.steps_total),
        time(run.created_at),
    ]
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

const COLUMNS: [&str; 5] = ["RUN", "PIPELINE", "STATE", "STEPS", "CREATED"];

fn text(overview: &Overview) -> String {
    let mut text = String::new();
    for (name, fact) in facts(overview) {
        let _ = writeln!(text, "{name:<15}  {}", printable(&fact));
    }
    if overview.latest.is_empty() {
        return text;
    }
    let rows = overview.latest.iter().map(row);
    let rows: Vec<[String; 5]> = std::iter::once(COLUMNS.map(str::to_owned))
        .chain(rows)
        .collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    text.push('\n');
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{:<width$}", printable(cell)))
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

/// Without what would move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn page(overview: &Overview) -> String {
    let mut rows = String::new();
    for (name, fact) in facts(overview) {
        let _ = write!(rows, "<tr><th>{name}<td>{}", escape(&fact));
    }
    let mut runs = format!("<tr><th>{}", COLUMNS.join("<th>"));
    for run in &overview.latest {
        let cells = row(run).map(|cell| escape(&cell));
        let _ = write!(runs, "<tr><td>{}", cells.join("<td>"));
    }
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=5>\
         <title>Ropewalk</title><style>body{{font:15px/1.5 system-ui,sans-serif;margin:2em;color-scheme:light dark}}\
         table{{border-collapse:collapse;margin-bottom:2em}}th,td{{text-align:left;padding:.2em 1.2em .2em 0;\
         font-variant-numeric:tabular-nums}}</style><h1>Ropewalk</h1><table>{rows}</table>\
         <h2>Newest runs</h2><table>{runs}</table></html>\n"
    )
}

/// Text that stands for itself within HTML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}
