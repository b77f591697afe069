//! What `run` and `plan` have in common: a pipeline file with parameters and forced steps.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use pipeline_plan::Plan;

use crate::context::Context;
use crate::error::CliError;
use crate::pipeline_file::{self, PipelineFile};

#[derive(Debug, Args)]
pub(crate) struct Request {
    /// The pipeline file
    file: PathBuf,
    /// Give a parameter a value
    #[arg(short = 'p', value_name = "NAME=VALUE", value_parser = assignment)]
    params: Vec<(String, String)>,
    /// Run this step even if nothing that it depends on has changed
    #[arg(long, value_name = "STEP")]
    pub(crate) force: Vec<String>,
    /// Run every step
    #[arg(long)]
    pub(crate) force_all: bool,
}

/// A request whose file is valid and whose parameters and steps exist.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) file: PipelineFile,
    pub(crate) plan: Plan,
    pub(crate) params: BTreeMap<String, String>,
}

impl Request {
    /// Compiles the file and checks what was given for it: what makes no sense starts nothing.
    pub(crate) fn check(&self, context: &Context) -> Result<Checked, CliError> {
        let (file, plan) = pipeline_file::plan_of(&self.file, context)?;
        let mut params = BTreeMap::new();
        for (name, value) in &self.params {
            if params.insert(name.clone(), value.clone()).is_some() {
                return Err(CliError::usage(format!(
                    "the parameter `{name}` is given twice"
                )));
            }
        }
        if let Err(errors) = pipeline_plan::params::resolve(&plan, &params) {
            return Err(wrong_params(&file, &errors));
        }
        for step in &self.force {
            if plan.find(step).is_none() {
                let known: Vec<&str> = plan.nodes.iter().map(|n| n.id.as_str()).collect();
                return Err(
                    CliError::usage(format!("{} has no step `{step}`", file.named))
                        .hint(format!("its steps are {}", known.join(", "))),
                );
            }
        }
        Ok(Checked { file, plan, params })
    }
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
