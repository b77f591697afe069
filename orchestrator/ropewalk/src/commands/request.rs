//! What `run` and `plan` have in common: a pipeline file with parameters and forced steps.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use orchestrator_api::Selection;
use pipeline_plan::Plan;
use pipeline_spec::nearest;

use crate::context::Context;
use crate::error::CliError;
use crate::limits::NAMED_STEPS_MAX;
use crate::pipeline_file::{self, PipelineFile};

#[derive(Debug, Args)]
pub(crate) struct Request {
    /// The pipeline file
    file: PathBuf,
    /// Give a parameter a value
    #[arg(short = 'p', value_name = "NAME=VALUE", value_parser = assignment)]
    params: Vec<(String, String)>,
    /// Give parameters the values of a YAML or JSON file; `-p` goes before it
    #[arg(long, value_name = "F")]
    params_file: Option<PathBuf>,
    /// Run this step even if nothing that it depends on has changed
    #[arg(long, value_name = "STEP")]
    pub(crate) force: Vec<String>,
    /// Run every selected step
    #[arg(long)]
    pub(crate) force_all: bool,
    /// Run this step and what depends on it; for the others what they gave before stands in
    #[arg(long, value_name = "STEP")]
    from: Option<String>,
    /// Run this step alone
    #[arg(long, value_name = "STEP", conflicts_with_all = ["from", "until"])]
    only: Option<String>,
    /// Run this step and what it depends on
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
}

/// A request whose file is valid and whose parameters and steps exist.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) file: PipelineFile,
    pub(crate) plan: Plan,
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) selection: Selection,
}

impl Request {
    fn selection(&self) -> Selection {
        Selection {
            from: self.from.clone(),
            until: self.until.clone(),
            only: self.only.clone(),
        }
    }

    /// Compiles the file and checks what was given for it: what makes no sense starts nothing.
    pub(crate) fn check(&self, context: &Context) -> Result<Checked, CliError> {
        let (file, plan) = pipeline_file::plan_of(&self.file, context)?;
        let mut given = BTreeMap::new();
        for (name, value) in &self.params {
            if given.insert(name.clone(), value.clone()).is_some() {
                return Err(CliError::usage(format!(
                    "the parameter `{name}` is given twice"
                )));
            }
        }
        let mut params = match &self.params_file {
            Some(from) => pipeline_file::params(from, &plan.params, context)?,
            None => BTreeMap::new(),
        };
        params.extend(given);
        if let Err(errors) = pipeline_plan::params::resolve(&plan, &params) {
            return Err(wrong_params(&file, &errors));
        }
        let selection = self.selection();
        let named = [&selection.from, &selection.until, &selection.only];
        for step in self.force.iter().chain(named.into_iter().flatten()) {
            if plan.find(step).is_none() {
                return Err(unknown_step(&file, &plan, step));
            }
        }
        Ok(Checked {
            file,
            plan,
            params,
            selection,
        })
    }
}

fn unknown_step(file: &PipelineFile, plan: &Plan, step: &str) -> CliError {
    let ids = || plan.nodes.iter().map(|n| n.id.as_str());
    let hint = match nearest(step, ids()) {
        Some(found) => format!("did you mean `{found}`?"),
        None if plan.nodes.len() > NAMED_STEPS_MAX => {
            "`ropewalk plan FILE` lists its steps".to_owned()
        }
        None => format!("its steps are {}", ids().collect::<Vec<_>>().join(", ")),
    };
    CliError::usage(format!("{} has no step `{step}`", file.named)).hint(hint)
}

fn wrong_params(file: &PipelineFile, errors: &[pipeline_plan::params::ParamError]) -> CliError {
    let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let error = CliError::usage(format!("{}: {}", file.named, messages.join("; ")));
    let hints: Vec<&str> = errors.iter().map(|e| e.hint.as_str()).collect();
    let hints: Vec<&str> = hints.into_iter().filter(|hint| !hint.is_empty()).collect();
    if hints.is_empty() {
        error
    } else {
        error.hint(hints.join("; "))
    }
}

/// `NAME=VALUE`.
fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}
