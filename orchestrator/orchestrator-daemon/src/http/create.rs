//! A run is made: from a pipeline's text to a command.
//!
//! The client compiled the same text before, but what counts is the plan that is made here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use orchestrator_api::{DocumentVersion, RunRequest, RunStarted, Selection};
use pipeline_plan::{NodeId, Plan};
use run_engine::event::Trigger;
use serde_json::Value;

use super::Api;
use super::extract::Body;
use super::find::step;
use super::problem::{Answer, Refusal};
use super::selecting::selected;
use crate::command::{Command, NewRun};
use crate::documents;
use crate::git::git_state;
use crate::state_folder;

pub(super) async fn create(
    State(api): State<Api>,
    Body(request): Body<RunRequest>,
) -> Answer<RunStarted> {
    api.engine()?;
    let new = api.blocking(move |api| api.new_run(request)).await?;
    api.make(new).await
}

impl Api {
    /// Has the loop make a run, and tells how it stands.
    pub(super) async fn make(&self, new: NewRun) -> Answer<RunStarted> {
        let run = Box::new(new);
        let created = self.ask(|reply| Command::Create { run, reply }).await?;
        self.blocking(move |api| {
            if !created.attached {
                state_folder::point_latest(&api.state_dir, &api.reader);
            }
            Ok(Json(RunStarted {
                version: DocumentVersion,
                run_id: created.run.0,
                attached: created.attached,
                status: api.status(created.run)?,
            }))
        })
        .await
    }

    fn new_run(&self, request: RunRequest) -> Result<NewRun, Refusal> {
        let slots = match request.slots {
            Some(0) => {
                let detail = "a run of no slots could never start a step";
                return Err(Refusal::bad_request("bad_slots", detail)
                    .hint("give at least 1, or leave `--slots` out"));
            }
            Some(slots) => slots,
            None => default_slots(),
        };
        let asked = Asked {
            pipeline_file: request.pipeline_file,
            text: request.text,
            params: request.params,
            environment: request.environment,
            force: request.force,
            force_all: request.force_all,
            selection: request.selection,
        };
        let run = self.compile(asked)?;
        Ok(NewRun {
            slots,
            git: run.pipeline_file.parent().and_then(git_state),
            attach: !request.new,
            ..run
        })
    }

    /// What is asked to be executed, as a run that could be made of it.
    pub(super) fn compile(&self, asked: Asked) -> Result<NewRun, Refusal> {
        let pipeline_file = PathBuf::from(&asked.pipeline_file);
        if !pipeline_file.is_absolute() {
            let detail = format!("`{}` is no absolute path", asked.pipeline_file);
            return Err(Refusal::bad_request("relative_path", detail));
        }
        let plan = self.plan(&asked.text, &asked.pipeline_file)?;
        let params = params(&plan, &asked.params)?;
        let selected = selected(&plan, &asked.selection)?;
        let forced = forced(&plan, &asked.force, asked.force_all, selected.as_ref())?;
        let carried = match &selected {
            Some(selected) => self.standing_in(&plan, selected)?,
            None => BTreeMap::new(),
        };
        Ok(NewRun {
            plan_id: plan.id(),
            plan: Arc::new(plan),
            pipeline_file,
            params,
            trigger: Trigger {
                kind: "manual".to_owned(),
                detail: String::new(),
            },
            retry_of: None,
            carried,
            forced,
            selected,
            slots: default_slots(),
            environment: asked.environment,
            git: None,
            attach: false,
        })
    }

    fn plan(&self, text: &str, file: &str) -> Result<Plan, Refusal> {
        let compiled = pipeline_plan::compile_text(text, &self.catalog);
        compiled.plan.ok_or_else(|| {
            let name = Path::new(file).file_name().unwrap_or_default();
            let detail = format!("{} is no valid pipeline", name.to_string_lossy());
            let entries = compiled.diagnostics.iter();
            let entries = entries.map(|each| documents::diagnostic(each, file));
            Refusal::unprocessable("invalid_pipeline", detail).diagnostics(entries.collect())
        })
    }
}

/// What is asked to be executed.
pub(super) struct Asked {
    pub(super) pipeline_file: String,
    pub(super) text: String,
    pub(super) params: BTreeMap<String, String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) force: Vec<String>,
    pub(super) force_all: bool,
    pub(super) selection: Selection,
}

/// Steps of a run at once if the user does not say: steps wait for disks and networks as well as
/// for a processor.
fn default_slots() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores.saturating_mul(2)).unwrap_or(u32::MAX)
}

fn params(
    plan: &Plan,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>, Refusal> {
    pipeline_plan::params::resolve(plan, given).map_err(|errors| {
        let sentences: Vec<String> = errors
            .iter()
            .map(|error| format!("parameter `{}`: {}", error.name, error.message))
            .collect();
        let hint = errors.iter().find(|error| !error.hint.is_empty());
        Refusal::unprocessable("invalid_parameters", sentences.join("; "))
            .hint(hint.map_or("", |error| &error.hint))
    })
}

fn forced(
    plan: &Plan,
    ids: &[String],
    all: bool,
    selected: Option<&BTreeSet<NodeId>>,
) -> Result<BTreeSet<NodeId>, Refusal> {
    let is_selected = |node: &NodeId| selected.is_none_or(|selected| selected.contains(node));
    let named = ids.iter().map(|id| {
        let node = step(plan, id)?;
        if is_selected(&node) {
            return Ok(node);
        }
        let detail = format!("step `{id}` is forced but not selected");
        Err(Refusal::bad_request("not_selected", detail)
            .hint("leave `--force` out, or select the step too"))
    });
    let named = named.collect::<Result<BTreeSet<_>, _>>()?;
    Ok(if all {
        plan.node_ids().filter(is_selected).collect()
    } else {
        named
    })
}
