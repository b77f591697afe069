//! What is looked at before a step is started or reused: external files, imports, the files of its key,
//! its program.
//!
//! It does not decide anything: what it finds goes into the reuse key.

mod external;
mod globs;
mod import;
mod key_files;
pub(crate) mod program;
mod spans;

use std::sync::Arc;

use run_engine::reason::Failure;
use run_engine::seams::{PrepareTask, Prepared};

use crate::memo::DigestMemo;

/// Looks at the files that a ready step depends on.
pub fn prepare(task: &PrepareTask, memo: &DigestMemo) -> Result<Prepared, Failure> {
    let mut prepared = Prepared::default();
    for (port, patterns) in &task.files {
        let span = task.spans.get(port).copied();
        let found = external::look(&task.project_dir, port, patterns, span, memo)?;
        prepared.files.insert(port.clone(), found);
    }
    for (port, imports) in &task.imports {
        let found = imports
            .iter()
            .map(|import| import::look(&task.project_dir, port, import, memo).map(Arc::new));
        let found = found.collect::<Result<_, Failure>>()?;
        prepared.imports.insert(port.clone(), found);
    }
    match key_files::look(task, memo)? {
        key_files::Found::Nothing => {}
        key_files::Found::Files(files) => prepared.key_files = Some(files),
        key_files::Found::TooMany(why) => prepared.unkeyable = Some(why),
    }
    if let Some(program) = &task.program {
        prepared.program = program::look_up(program, &task.workdir, &task.search_path);
    }
    Ok(prepared)
}
