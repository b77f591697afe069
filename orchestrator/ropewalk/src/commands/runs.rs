//! `ropewalk runs`: the runs of the state folder, the newest first.

use clap::Args;
use orchestrator_api::{RunState, RunSummary, RunsQuery};

use super::Outcome;
use crate::context::Context;
use crate::exit::Exit;
use crate::limits::PAGE_DEFAULT;
use crate::output::gates::known;
use crate::output::tables::table;
use crate::output::text;
use crate::printing;
use crate::reaching::Reach;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Of this pipeline only
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// In this state only
    #[arg(long, value_name = "STATE", value_parser = state)]
    status: Option<RunState>,
    /// Show these besides: `params.NAME`, `metrics.STEP.NAME`
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    columns: Vec<String>,
    /// Most of them
    #[arg(long, value_name = "N", default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Go on where an earlier page ended: its `next_cursor`
    #[arg(long)]
    cursor: Option<String>,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let reach = Reach::new(context.state_folder(None)?, context);
    let query = RunsQuery {
        pipeline: arguments.pipeline,
        status: arguments.status.map(|state| state.word().to_owned()),
        columns: (!arguments.columns.is_empty()).then(|| arguments.columns.join(",")),
        limit: Some(arguments.limit),
        cursor: arguments.cursor,
    };
    let page = reach.reading().await?.runs(&query).await?;
    if context.is_json() {
        printing::document(&page)?;
        return Ok(Exit::Success);
    }
    if page.runs.is_empty() {
        context.note("no runs");
        return Ok(Exit::Success);
    }
    let rows = page.runs.iter().map(|run| row(run, &arguments.columns));
    let rows: Vec<Vec<String>> = rows.collect();
    let mut header = vec!["RUN", "PIPELINE", "STATE", "STEPS", "CREATED", "TIME"];
    header.extend(arguments.columns.iter().map(String::as_str));
    printing::print(&table(&header, &rows))?;
    if let Some(cursor) = page.next_cursor {
        context.note(&format!("more: --cursor {cursor}"));
    }
    Ok(Exit::Success)
}

fn row(run: &RunSummary, columns: &[String]) -> Vec<String> {
    let mut row = vec![
        run.run_id.to_string(),
        run.pipeline.clone(),
        run.state.word().to_owned(),
        format!("{}/{}", run.steps_done, run.steps_total),
        text::time(run.created_at),
        text::duration_ms(run.duration_ms),
    ];
    row.extend(
        columns
            .iter()
            .map(|c| run.columns.get(c).map_or_else(String::new, known)),
    );
    row
}

fn state(word: &str) -> Result<RunState, String> {
    RunState::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = RunState::ALL.iter().map(|state| state.word()).collect();
        format!("states are {}", words.join(", "))
    })
}
