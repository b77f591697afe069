//! `ropewalk schema`: the language as a JSON Schema, for editors.

use super::Outcome;
use crate::error::CliError;
use crate::exit::Exit;
use crate::printing;

pub(crate) fn execute() -> Outcome {
    let schema = pipeline_spec::schema::schema(&standard_components::catalog());
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|e| CliError::unusable("the schema cannot be written as JSON").because(e))?;
    printing::print(&text)?;
    Ok(Exit::Success)
}
