//! The routes under `/api/v1`: a request becomes a command to the loop, or a read.
//!
//! A handler holds no state and never writes to the store. The same routes answer over the socket,
//! beside the loop, and within a command that only reads, without one. What an answer looks like is
//! [`documents`](crate::documents)' affair.

mod accept;
mod answer;
mod artifact_files;
mod artifacts;
mod create;
mod etag;
mod events;
mod extract;
mod file_answer;
mod find;
mod front;
mod idempotency;
mod log;
mod log_file;
mod metrics;
mod openapi;
mod pipelines;
mod plan;
mod prefer;
mod problem;
mod retry;
mod runs;
mod selecting;
mod shell;
mod steps;
mod stream;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use component_api::catalog::Catalog;
use orchestrator_api::{DaemonInfo, StopRequest};
use run_engine::ids::RunId;
use run_executor::{KeeperHealth, Secrets};
use run_store::StoreReader;
use tokio::sync::{Mutex, Semaphore, oneshot};

use crate::command::{Command, CommandError};
use crate::ending::Ending;
use crate::limits::{EVENTS_READERS_MAX, REFUSAL_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::metrics::Metrics;
use crate::planning::ResolveSettings;
use crate::run_loop::{LoopGone, LoopSender};
use crate::serve_config::ClientLimits;
use crate::views::Views;

use extract::Body;

pub(crate) use idempotency::forget_old as forget_old_keys;
pub(crate) use problem::{Refusal, chain};

/// What the routes answer from. A clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct Api(Arc<Inner>);

/// What is behind an [`Api`].
#[derive(Debug)]
pub(crate) struct Inner {
    parts: Parts,
    /// Held by whoever makes a run with an idempotency key.
    keyed: Mutex<()>,
    /// Who reads events from the store.
    event_readers: Arc<Semaphore>,
}

/// What an [`Api`] consists of.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Who answers.
    pub(crate) info: DaemonInfo,
    /// The state folder, absolute.
    pub(crate) state_dir: PathBuf,
    /// Components that pipelines may use.
    pub(crate) catalog: Catalog,
    /// The command that a standard component's name and arguments follow.
    pub(crate) component_argv: Vec<String>,
    /// What resolving steps takes, for plans.
    pub(crate) resolve: Arc<ResolveSettings>,
    /// What was committed.
    pub(crate) reader: StoreReader,
    /// What clients may take.
    pub(crate) limits: ClientLimits,
    /// The loop, if this process holds it.
    pub(crate) engine: Option<Engine>,
}

/// The loop as the routes see it.
#[derive(Debug)]
pub(crate) struct Engine {
    /// The unfinished runs.
    pub(crate) views: Arc<Views>,
    /// Where commands go.
    pub(crate) commands: LoopSender,
    /// Unfinished runs that were not taken up, because they could not be read.
    pub(crate) unreadable: Arc<BTreeSet<RunId>>,
    /// Where secrets are handed over that clients have.
    pub(crate) secrets: Arc<Secrets>,
    /// The end of this daemon.
    pub(crate) ending: Ending,
    /// What it counted.
    pub(crate) metrics: Metrics,
    /// How the keeper does.
    pub(crate) keeper: Arc<KeeperHealth>,
}

/// The routes. A clone shares what they answer from.
pub(crate) fn router(parts: Parts) -> Router {
    let routes = Router::new()
        .route("/daemon", get(daemon))
        .route("/daemon/stop", post(stop))
        .route("/plan", post(plan::plan))
        .route("/pipelines", get(pipelines::list))
        .route("/pipelines/{pipeline}", get(pipelines::one))
        .route("/pipelines/{pipeline}/versions", get(pipelines::versions))
        .route(
            "/pipelines/{pipeline}/versions/{plan}",
            get(pipelines::version),
        )
        .route("/runs", get(runs::list).post(create::create))
        .route("/runs/{run}", get(runs::status))
        .route("/runs/{run}/cancel", post(runs::cancel))
        .route("/runs/{run}/resume", post(runs::resume))
        .route("/runs/{run}/retry", post(retry::retry))
        .route("/runs/{run}/events", get(events::of_run))
        .route("/runs/{run}/steps", get(steps::list))
        .route("/runs/{run}/steps/{step}", get(steps::one))
        .route("/runs/{run}/steps/{step}/attempts", get(steps::attempts))
        .route(
            "/runs/{run}/steps/{step}/attempts/{attempt}",
            get(steps::attempt),
        )
        .route("/runs/{run}/steps/{step}/log", get(log::log))
        .route("/runs/{run}/steps/{step}/shell", post(shell::shell))
        .route("/runs/{run}/steps/{step}/approve", post(answer::approve))
        .route("/runs/{run}/steps/{step}/reject", post(answer::reject))
        .route("/events", get(events::of_all))
        .route("/artifacts", get(artifacts::list))
        .route("/artifacts/{artifact}", get(artifacts::one))
        .route("/artifacts/{artifact}/files", get(artifact_files::list))
        .route(
            "/artifacts/{artifact}/files/{*path}",
            get(artifact_files::one),
        );
    Router::new()
        .nest("/api/v1", routes)
        .route("/status", get(front::status))
        .route("/healthz", get(front::healthz))
        .route("/readyz", get(front::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(openapi::document))
        .route("/docs", get(openapi::page))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(axum::middleware::map_response(as_problem))
        .layer(axum::middleware::map_response(with_manners))
        .with_state(Api(Arc::new(Inner {
            parts,
            keyed: Mutex::new(()),
            event_readers: Arc::new(Semaphore::new(EVENTS_READERS_MAX)),
        })))
}

impl std::ops::Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl Api {
    /// The loop; a problem if there is none.
    fn engine(&self) -> Result<&Engine, Refusal> {
        self.engine.as_ref().ok_or_else(|| {
            let detail = "no daemon holds the state folder, and this needs one";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no_daemon", detail)
                .hint("start one with `ropewalk serve`")
        })
    }

    /// Does what may wait for a disk, off the threads that serve.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let api = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&api)).await;
        done.unwrap_or_else(|error| {
            tracing::error!("a request was not answered: {error}");
            Err(Refusal::internal(
                "the request could not be answered; daemon.log in the state folder says why",
            ))
        })
    }

    /// Asks the loop for something, and waits for what it says.
    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, CommandError>>) -> Command,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.engine()?.commands.command(command(reply)).await?;
        // A loop that ends drops what it did not answer.
        let answer = answer.await.map_err(|_| LoopGone)?;
        Ok(answer?)
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/daemon",
    responses((status = 200, description = "Who answers", body = DaemonInfo), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
async fn daemon(State(api): State<Api>) -> Json<DaemonInfo> {
    Json(api.info.clone())
}

#[utoipa::path(
    post,
    path = "/api/v1/daemon/stop",
    request_body = StopRequest,
    responses((status = 202, description = "It ends"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
async fn stop(
    State(api): State<Api>,
    Body(request): Body<StopRequest>,
) -> Result<StatusCode, Refusal> {
    let engine = api.engine()?;
    if request.pid != api.info.pid {
        let detail = format!("process {} is not this daemon", request.pid);
        return Err(Refusal::conflict("other_daemon", detail)
            .hint("`GET /api/v1/daemon` tells which it is"));
    }
    engine.ending.begin("a client asked for it");
    Ok(StatusCode::ACCEPTED)
}

async fn unknown_route() -> Refusal {
    Refusal::not_found("unknown_route", "there is nothing at this address")
        .hint("client and daemon may be of different versions")
}

async fn wrong_method() -> Refusal {
    let detail = "this address takes another method";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", detail)
}

/// What a route's framework says of a request that it cannot read, as a problem like all others.
async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let media_type = response.headers().get(header::CONTENT_TYPE);
    if !is_error || media_type.is_some_and(|name| name == orchestrator_api::Problem::MEDIA_TYPE) {
        return response;
    }
    let (head, body) = response.into_parts();
    let said = axum::body::to_bytes(body, REFUSAL_BYTES_MAX).await;
    let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
    let detail = if said.is_empty() {
        "the request cannot be answered".to_owned()
    } else {
        said
    };
    let mut problem = Refusal::new(status, "unreadable_request", detail).into_response();
    if let Some(allow) = head.headers.get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

/// What every answer says to browsers: nothing of it is guessed at, framed or loaded from elsewhere.
async fn with_manners(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(policy);
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
