//! `ropewalk show ARTIFACT`: one artifact, what is recorded of it and what is in it.

use clap::Args;

use super::Outcome;
use crate::artifact_files::Content;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::artifact_text;
use crate::printing;
use crate::reaching::Reach;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The artifact: an id, or [RUN/]STEP.PORT, of the latest run where RUN is left out
    artifact: String,
    /// Print only the path of its file or folder
    #[arg(long)]
    path: bool,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let reach = Reach::new(context.state_folder(None)?, context);
    let client = reach.reading().await?;
    let document = client.artifact(&arguments.artifact).await?;
    let artifact = &document.artifact;
    if arguments.path {
        let path = artifact.path.as_deref().ok_or_else(|| {
            CliError::refused(format!(
                "artifact {} has no path: its files lie outside of the state folder",
                artifact.artifact_id
            ))
            .hint(format!("ropewalk show {}", arguments.artifact))
        })?;
        printing::print(path)?;
    } else if context.is_json() {
        printing::document(&document)?;
    } else {
        let id = artifact.artifact_id.to_string();
        let content = Content::read(&client, &id, &artifact.artifact_type).await;
        printing::print(&artifact_text::artifact(artifact, &content))?;
    }
    Ok(Exit::Success)
}
