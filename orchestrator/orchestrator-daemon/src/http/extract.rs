//! Bodies and query parameters as they are read from a request, with problems of our own form.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Api;
use super::problem::Refusal;
use crate::limits::{REQUEST_BYTES_MAX, WHOLE_NUMBER_MAX};

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        let is_json = is_json(&request);
        let reading = timeout(api.limits.body, Bytes::from_request(request, api));
        let bytes = reading.await.map_err(|_| {
            let detail = format!("the body did not come within {:?}", api.limits.body);
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "request_too_slow", detail)
        })?;
        let bytes = bytes.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "request_too_large",
                format!("the request is larger than {REQUEST_BYTES_MAX} bytes"),
            ),
            _ => Refusal::bad_request("unreadable_request", rejection.body_text()),
        })?;
        if !bytes.is_empty() && !is_json {
            let detail = "the body must be of the type application/json";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Refusal::new(status, "unsupported_media_type", detail));
        }
        // An absent body is a request for what is usual.
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| {
            let detail = format!("the request's body is not what belongs there: {error}");
            Refusal::bad_request("unreadable_request", detail)
        })
    }
}

/// Forms of HTML cannot send JSON; so what a foreign page may send without asking is none.
fn is_json(request: &Request) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    let media_type = text.and_then(|text| text.split(';').next());
    media_type.is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json"))
}

/// Query parameters.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(query)| Self(query))
            .map_err(|rejection| Refusal::bad_request("bad_query", rejection.body_text()))
    }
}

/// Refuses a number that not every client can write (RFC 7493, section 2.2).
pub(super) fn whole_number(name: &str, value: Option<u64>) -> Result<(), Refusal> {
    if value.is_none_or(|value| value <= WHOLE_NUMBER_MAX) {
        return Ok(());
    }
    let detail = format!("`{name}` is larger than {WHOLE_NUMBER_MAX}");
    Err(Refusal::bad_request("bad_query", detail))
}
