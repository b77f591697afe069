//! Why a request was not answered as asked, as an answer.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use orchestrator_api::Problem;
use run_engine::seams::StoreError;

use crate::command::CommandError;
use crate::run_loop::LoopGone;

/// A problem on its way to the client.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Problem>);

/// What a route gives.
pub(super) type Answer<T> = Result<Json<T>, Refusal>;

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(status.as_u16(), code, detail)))
    }

    /// The request itself makes no sense.
    pub(crate) fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// What it names is not there.
    pub(crate) fn not_found(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// What it asks for does not go with how things are.
    pub(crate) fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// What it asks to be executed cannot be.
    pub(crate) fn unprocessable(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// Something failed here.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// A file cannot be read.
    pub(crate) fn reading(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::NotFound {
            let detail = "what is recorded is not there any more";
            return Self::not_found("vanished", detail);
        }
        Self::internal(format!(
            "a file of the state folder cannot be read: {error}"
        ))
    }

    /// What failed and why.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// With what to do about it, unless that is empty.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() {
            self.0.hint = Some(hint);
        }
        self
    }

    pub(crate) fn diagnostics(mut self, entries: Vec<orchestrator_api::DiagnosticEntry>) -> Self {
        self.0.diagnostics = entries;
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&*self.0)).into_response();
        let media_type = HeaderValue::from_static(Problem::MEDIA_TYPE);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, media_type);
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let detail = chain(&error);
        tracing::error!("{detail}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store", detail)
    }
}

impl From<LoopGone> for Refusal {
    fn from(_: LoopGone) -> Self {
        let detail = "the daemon is ending; the next one takes the request";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ending", detail)
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        let code = match &error {
            CommandError::Ended(_) => "run_ended",
            CommandError::NotAsked { .. } => "not_asked",
            CommandError::StillLive(_) | CommandError::Abandoned { .. } => "run_live",
            CommandError::Gone { .. } => "output_missing",
            CommandError::Busy { .. } => "busy",
            CommandError::TooManyRuns { .. } => "too_many_runs",
        };
        Self::conflict(code, error.to_string())
    }
}

/// An error and its causes in one sentence.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
