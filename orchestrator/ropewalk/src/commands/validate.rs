//! `ropewalk validate FILE...`: everything that is wrong with pipeline files.

use std::path::PathBuf;

use clap::Args;
use orchestrator_api::{DocumentVersion, Severity, Validation};

use super::Outcome;
use crate::context::Context;
use crate::exit::Exit;
use crate::output::diagnostics::tally;
use crate::pipeline_file::{compile, read};
use crate::printing;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The pipeline files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn execute(arguments: &Arguments, context: &Context) -> Outcome {
    let files: Result<Vec<_>, _> = arguments.files.iter().map(|file| read(file)).collect();
    let mut diagnostics = Vec::new();
    for file in files? {
        let found = compile(&file).diagnostics;
        if !context.is_json() {
            let tally = tally(&found);
            let tally = if tally.is_empty() { "valid" } else { &tally };
            let report = file.report(&found, context.colors);
            let space = if report.is_empty() { "" } else { "\n\n" };
            printing::print(&format!("{report}{space}{}: {tally}", file.named))?;
        }
        diagnostics.extend(found);
    }
    let valid = diagnostics.iter().all(|d| d.severity != Severity::Error);
    if context.is_json() {
        printing::document(&Validation {
            version: DocumentVersion,
            valid,
            diagnostics,
        })?;
    }
    Ok(if valid { Exit::Success } else { Exit::Failure })
}
