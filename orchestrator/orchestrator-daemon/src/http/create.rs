//! A run is made: from a pipeline's text to a command.
//!
//! The client compiled the same text before, but what counts is the plan that is made here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use orchestrator_api::{DocumentVersion, RunRequest, RunStarted, Selection};
use pipeline_plan::{NodeId, Plan, compile_files};
use run_engine::event::Trigger;
use run_engine::ids::RunId;
use serde_json::Value;

use super::Api;
use super::extract::Body;
use super::find::step;
use super::idempotency::Key;
use super::problem::{Answer, Refusal};
use super::selecting::{StandIns, selected};
use crate::command::{Command, Created, NewRun};
use crate::documents;
use crate::git::git_state;
use crate::state_folder;

#[utoipa::path(
    post,
    path = "/api/v1/runs",
    request_body = RunRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Who asks again with it is answered with the same run", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The run", body = RunStarted), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    Body(mut request): Body<RunRequest>,
) -> Answer<RunStarted> {
    api.engine()?;
    // First of all: what is asked for is remembered, and they are not.
    let secrets = std::mem::take(&mut request.secrets);
    let key = Key::of(&headers, &api.state_dir, &request)?;
    let make = move |api: &Api| {
        let new = api.new_run(request)?;
        // Before the run, so that none of its steps misses them.
        api.engine()?.secrets.hold(&new.pipeline_file, secrets);
        Ok(new)
    };
    api.once(key, make).await
}

impl Api {
    /// Makes a run, unless the key stands for one already.
    pub(super) async fn once(
        &self,
        key: Option<Key>,
        new: impl FnOnce(&Self) -> Result<NewRun, Refusal> + Send + 'static,
    ) -> Answer<RunStarted> {
        let Some(key) = key else {
            let new = self.blocking(new).await?;
            return self.make(new, None).await;
        };
        // Two requests with one key at once are one after the other.
        let _turn = self.0.keyed.lock().await;
        let known = key.clone();
        let (run, known) = self
            .blocking(move |api| {
                let run = known.run()?;
                Ok((run, api.reader.run(run)?.is_some()))
            })
            .await?;
        if known {
            let attached = true;
            return self.started(Created { run, attached }).await;
        }
        let new = self.blocking(new).await?;
        let Json(started) = self.make(new, Some(run)).await?;
        if started.run_id != run.0 {
            let run = RunId(started.run_id);
            self.blocking(move |_| key.keep(run)).await?;
        }
        Ok(Json(started))
    }

    /// Has the loop make a run, of this identity if one is given, and tells how it stands.
    async fn make(&self, new: NewRun, id: Option<RunId>) -> Answer<RunStarted> {
        let run = Box::new(new);
        let created = self.ask(|reply| Command::Create { run, id, reply }).await?;
        self.started(created).await
    }

    async fn started(&self, created: Created) -> Answer<RunStarted> {
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
            components: request.components,
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
        let plan = self.plan(&asked)?;
        let params = params(&plan, &asked.params)?;
        let selected = selected(&plan, &asked.selection)?;
        let forced = forced(&plan, &asked.force, asked.force_all, selected.as_ref())?;
        let stand_ins = match &selected {
            Some(selected) => self.standing_in(&plan, selected)?,
            None => StandIns::default(),
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
            carried: stand_ins.steps,
            carried_items: stand_ins.items,
            forced,
            selected,
            slots: default_slots(),
            environment: asked.environment,
            git: None,
            attach: false,
        })
    }

    fn plan(&self, asked: &Asked) -> Result<Plan, Refusal> {
        let compiled = compile_files(&asked.text, &asked.components, &self.catalog);
        let file = &asked.pipeline_file;
        compiled.plan.ok_or_else(|| {
            let name = Path::new(file).file_name().unwrap_or_default();
            let detail = format!("{} is no valid pipeline", name.to_string_lossy());
            let entries = compiled.diagnostics.iter();
            let entries = entries.map(|each| documents::diagnostic(each, file));
            let in_components = compiled.in_components.iter().flat_map(|(path, found)| {
                found.iter().map(|each| documents::diagnostic(each, path))
            });
            let entries = entries.chain(in_components).collect();
            Refusal::unprocessable("invalid_pipeline", detail).diagnostics(entries)
        })
    }
}

/// What is asked to be executed.
pub(super) struct Asked {
    pub(super) pipeline_file: String,
    pub(super) text: String,
    pub(super) components: BTreeMap<String, String>,
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
