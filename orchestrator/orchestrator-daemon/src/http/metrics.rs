//! `/metrics`: what the daemon does, for Prometheus.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::Api;
use super::problem::Refusal;
use crate::limits::KEEPER_WAIT;

/// The text format that every Prometheus reads.
const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, description = "Metrics, as Prometheus reads them", body = String, content_type = "text/plain"),
        (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Refusal> {
    let text = api
        .blocking(|api| {
            let engine = api.engine()?;
            let keeper = engine.keeper.ask(KEEPER_WAIT);
            let text = engine.metrics.text(&engine.views, keeper);
            text.map_err(|error| Refusal::internal(format!("metrics cannot be written: {error}")))
        })
        .await?;
    let media_type = HeaderValue::from_static(MEDIA_TYPE);
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}
