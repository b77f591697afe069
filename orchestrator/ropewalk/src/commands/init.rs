//! `ropewalk init [DIR]`: a starter project that runs at once.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use orchestrator_api::DocumentVersion;
use serde::Serialize;

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::tables::fields;
use crate::printing;
use crate::templates::{File, Template};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The project's folder; it is made if it is not there
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// What it begins with
    #[arg(long, value_enum, default_value_t = Template::Classification)]
    template: Template,
}

/// Files that a project may have already; they are left as they are.
const KEPT: [&str; 2] = ["README.md", ".gitignore"];

/// Marks the project's root: its state lies beside it.
const ROOT: File = (
    "ropewalk.yaml",
    "# Marks the root of the project: its state lies here, in .ropewalk/.\n",
);

/// What was written, for programs.
#[derive(Debug, Serialize)]
struct Document {
    version: DocumentVersion,
    dir: String,
    written: Vec<&'static str>,
    kept: Vec<&'static str>,
}

pub(crate) fn execute(arguments: &Arguments, context: &Context) -> Outcome {
    let dir = &arguments.dir;
    let files: Vec<File> = arguments
        .template
        .files()
        .iter()
        .copied()
        .chain([ROOT])
        .collect();
    let is_there = |path: &str| dir.join(path).symlink_metadata().is_ok();
    let (there, missing): (Vec<File>, Vec<File>) =
        files.iter().partition(|(path, _)| is_there(path));
    let is_kept = |path: &str| KEPT.contains(&path) || path == ROOT.0;
    if let Some((path, _)) = there.iter().find(|(path, _)| !is_kept(path)) {
        let message = format!(
            "there is a file {} already; nothing was written",
            dir.join(path).display()
        );
        return Err(
            CliError::refused(message).hint("name a folder that is empty: `ropewalk init DIR`")
        );
    }
    for (path, text) in &missing {
        write(&dir.join(path), text).map_err(|error| {
            CliError::refused(format!("{} cannot be written", dir.join(path).display()))
                .because(error)
        })?;
    }
    let names = |files: &[File]| files.iter().map(|(path, _)| *path).collect::<Vec<_>>();
    let (written, kept) = (names(&missing), names(&there));
    if context.is_json() {
        printing::document(&Document {
            version: DocumentVersion,
            dir: dir.display().to_string(),
            written,
            kept,
        })?;
    } else {
        printing::print(&in_words(dir, &written, &kept))?;
    }
    Ok(Exit::Success)
}

/// Never over a file that came there meanwhile.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file?.write_all(text.as_bytes())
}

fn in_words(dir: &Path, written: &[&str], kept: &[&str]) -> String {
    let mut next = "ropewalk run pipeline.yaml".to_owned();
    if dir != Path::new(".") {
        next = format!("cd {} && {next}", dir.display());
    }
    fields(&[
        ("written", written.join("\n")),
        ("kept", kept.join("\n")),
        ("next", next),
    ])
}
