//! A pipeline file: read, compiled, and what is wrong with it told.
//!
//! It asks no daemon: an invalid file starts nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use orchestrator_api::{DiagnosticEntry, Severity};
use pipeline_plan::{ParamSpec, Plan, compile_files, named_component_files};
use pipeline_spec::limits::{COMPONENT_BYTES_MAX, COMPONENT_FILES_MAX, TEXT_BYTES_MAX};

use crate::context::Context;
use crate::error::CliError;
use crate::output::colors::Colors;
use crate::output::diagnostics;
use crate::printing;

/// A pipeline file as it was read.
#[derive(Debug)]
pub(crate) struct PipelineFile {
    /// As the user named it.
    pub(crate) named: String,
    /// Its absolute path; links to its folder are resolved, so that one project has one path.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: String,
    /// Texts of the component files that it uses and that could be read, by the paths that it names.
    pub(crate) components: BTreeMap<String, String>,
    /// Where it is no text, if it is none.
    not_text: Option<DiagnosticEntry>,
}

/// What the compiler makes of it.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The plan, if the file is valid.
    pub(crate) plan: Option<Plan>,
    /// Everything found, in the order of the text; what was found in component files behind it.
    pub(crate) diagnostics: Vec<DiagnosticEntry>,
}

impl PipelineFile {
    /// What was found, as a compiler tells it.
    pub(crate) fn report(&self, found: &[DiagnosticEntry], colors: Colors) -> String {
        let by_file = found.chunk_by(|a, b| a.file == b.file);
        let reports = by_file.map(|found| {
            let named = found.first().map_or("", |entry| &entry.file);
            let in_component = self.components.iter();
            let mut in_component = in_component.filter(|(path, _)| self.name_of(path) == named);
            let text = in_component.next().map_or(&self.text, |(_, text)| text);
            diagnostics::report(found, text, colors)
        });
        reports.collect::<Vec<_>>().join("\n\n")
    }

    /// A component file as the user would name it.
    fn name_of(&self, component: &str) -> String {
        let folder = Path::new(&self.named).parent().unwrap_or(Path::new(""));
        let component = component.strip_prefix("./").unwrap_or(component);
        folder.join(component).display().to_string()
    }
}

/// Reads a pipeline file.
pub(crate) fn read(file: &Path) -> Result<PipelineFile, CliError> {
    let file = read_as(file, "pipeline file");
    let mut file = file.map_err(|e| e.hint("FILE is the path of a pipeline's YAML file"))?;
    let folder = file.path.parent().unwrap_or(Path::new("/"));
    let named = named_component_files(&file.text).into_iter();
    for path in named.take(COMPONENT_FILES_MAX) {
        // One that cannot be read is told of by the compiler, where it is named.
        if let Some(text) = component(&folder.join(&path)) {
            file.components.insert(path, text);
        }
    }
    Ok(file)
}

fn read_as(file: &Path, what: &str) -> Result<PipelineFile, CliError> {
    let named = file.display().to_string();
    let unreadable = |error: std::io::Error| {
        CliError::usage(format!("the {what} `{named}` cannot be read")).because(error)
    };
    let mut bytes = Vec::new();
    // What is larger is refused by the compiler, which need not see all of it for that.
    let at_most = TEXT_BYTES_MAX as u64 + 1;
    let open = File::open(file).map_err(unreadable)?;
    open.take(at_most)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let path = absolute(file).map_err(unreadable)?;
    let not_text = std::str::from_utf8(&bytes).err();
    let not_text = not_text.filter(|_| bytes.len() <= TEXT_BYTES_MAX);
    let not_text = not_text.map(|e| no_text(&named, &bytes[..e.valid_up_to()]));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(PipelineFile {
        named,
        path,
        text,
        components: BTreeMap::new(),
        not_text,
    })
}

/// The text of a component file.
fn component(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    let read = file
        .take(COMPONENT_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text);
    read.ok().filter(|bytes| *bytes <= COMPONENT_BYTES_MAX)?;
    Some(text)
}

fn absolute(file: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(file)?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
        _ => absolute.canonicalize(),
    }
}

/// Says where a file stops being text.
fn no_text(named: &str, valid: &[u8]) -> DiagnosticEntry {
    let valid = String::from_utf8_lossy(valid);
    let line = valid.matches('\n').count() as u64 + 1;
    let column = valid
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count() as u64
        + 1;
    DiagnosticEntry {
        code: pipeline_spec::Code::YamlSyntax.name().to_owned(),
        severity: Severity::Error,
        message: "the file is not UTF-8 text".to_owned(),
        file: named.to_owned(),
        line: Some(line),
        column: Some(column),
        end_line: Some(line),
        end_column: Some(column + 1),
        hint: Some("save it as UTF-8".to_owned()),
    }
}

/// Compiles it with the standard components.
pub(crate) fn compile(file: &PipelineFile) -> Compiled {
    if let Some(diagnostic) = &file.not_text {
        let diagnostics = vec![diagnostic.clone()];
        return Compiled {
            plan: None,
            diagnostics,
        };
    }
    let catalog = standard_components::catalog();
    let compiled = compile_files(&file.text, &file.components, &catalog);
    let entries = compiled
        .diagnostics
        .into_iter()
        .map(|d| entry(&file.named, d));
    let in_components = compiled.in_components.into_iter();
    let in_components = in_components.flat_map(|(path, found)| {
        let named = file.name_of(&path);
        found.into_iter().map(move |d| entry(&named, d))
    });
    Compiled {
        plan: compiled.plan,
        diagnostics: entries.chain(in_components).collect(),
    }
}

/// Reads and compiles a file for a command that needs its plan: tells what is wrong on standard
/// error, warnings unless quiet.
pub(crate) fn plan_of(file: &Path, context: &Context) -> Result<(PipelineFile, Plan), CliError> {
    let file = read(file)?;
    let compiled = compile(&file);
    if compiled.plan.is_none() || !context.quiet {
        let report = file.report(&compiled.diagnostics, context.error_colors);
        if !report.is_empty() {
            printing::to_stderr(&format!("{report}\n"));
        }
    }
    let Some(plan) = compiled.plan else {
        let tally = diagnostics::tally(&compiled.diagnostics);
        return Err(CliError::refused(format!(
            "{}: {tally}; nothing was started",
            file.named
        )));
    };
    Ok((file, plan))
}

/// The values of a file of parameters, as text that is read by their declared types.
pub(crate) fn params(
    file: &Path,
    declared: &BTreeMap<String, ParamSpec>,
    context: &Context,
) -> Result<BTreeMap<String, String>, CliError> {
    let file = read_as(file, "file of parameters")?;
    let (params, found) = if let Some(diagnostic) = &file.not_text {
        (BTreeMap::new(), vec![diagnostic.clone()])
    } else {
        let (params, found) = pipeline_spec::parse_params(&file.text, declared);
        let found = found.into_iter().map(|d| entry(&file.named, d));
        (params, found.collect())
    };
    if found.is_empty() {
        return Ok(params);
    }
    let report = diagnostics::report(&found, &file.text, context.error_colors);
    printing::to_stderr(&format!("{report}\n"));
    Err(CliError::usage(format!(
        "{}: {}; nothing was started",
        file.named,
        diagnostics::tally(&found)
    )))
}

fn entry(file: &str, diagnostic: pipeline_spec::Diagnostic) -> DiagnosticEntry {
    let position = diagnostic.position;
    DiagnosticEntry {
        code: diagnostic.code.name().to_owned(),
        severity: match diagnostic.severity {
            pipeline_spec::Severity::Error => Severity::Error,
            pipeline_spec::Severity::Warning => Severity::Warning,
        },
        message: diagnostic.message,
        file: file.to_owned(),
        line: position.map(|p| p.line as u64),
        column: position.map(|p| p.column as u64),
        end_line: position.map(|p| p.end_line as u64),
        end_column: position.map(|p| p.end_column as u64),
        hint: Some(diagnostic.hint).filter(|hint| !hint.is_empty()),
    }
}
