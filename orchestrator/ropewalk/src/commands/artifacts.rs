//! `ropewalk artifacts [RUN]`: what steps gave and took, the newest first.

use clap::Args;
use orchestrator_api::{Artifact, ArtifactsQuery};

use super::Outcome;
use crate::context::Context;
use crate::exit::Exit;
use crate::limits::PAGE_DEFAULT;
use crate::output::tables::table;
use crate::output::text;
use crate::printing;
use crate::reaching::Reach;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Of this run only: an id, a unique prefix of at least 4, or `latest`
    run: Option<String>,
    /// Of this type only
    #[arg(long = "type", value_name = "TYPE")]
    artifact_type: Option<String>,
    /// Most of them
    #[arg(long, value_name = "N", default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Go on where an earlier page ended: its `next_cursor`
    #[arg(long)]
    cursor: Option<String>,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let reach = Reach::new(context.state_folder(None)?, context);
    let query = ArtifactsQuery {
        run: arguments.run,
        artifact_type: arguments.artifact_type,
        limit: Some(arguments.limit),
        cursor: arguments.cursor,
    };
    let page = reach.reading().await?.artifacts(&query).await?;
    if context.is_json() {
        printing::document(&page)?;
        return Ok(Exit::Success);
    }
    if page.artifacts.is_empty() {
        context.note("no artifacts");
        return Ok(Exit::Success);
    }
    let rows: Vec<Vec<String>> = page.artifacts.iter().map(row).collect();
    printing::print(&table(
        &["ARTIFACT", "TYPE", "PORT", "STATE", "SIZE", "CREATED"],
        &rows,
    ))?;
    if let Some(cursor) = page.next_cursor {
        context.note(&format!("more: --cursor {cursor}"));
    }
    Ok(Exit::Success)
}

fn row(artifact: &Artifact) -> Vec<String> {
    let step = text::step_name(&artifact.step, artifact.item_index);
    vec![
        artifact.artifact_id.to_string(),
        artifact.artifact_type.clone(),
        format!("{step}.{}", artifact.name),
        artifact.state.word().to_owned(),
        text::size(artifact.size_bytes),
        text::time(artifact.created_at),
    ]
}
