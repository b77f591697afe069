//! Answers that a client may keep, and need not be sent again what it has (RFC 9110, section 13).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Refusal;

/// A document with a tag that changes when it does.
pub(super) fn document(
    headers: &HeaderMap,
    document: &impl Serialize,
) -> Result<Response, Refusal> {
    let text = serde_json::to_vec(document)
        .map_err(|error| Refusal::internal(format!("the answer cannot be written: {error}")))?;
    let tag = tag(&[&text]);
    if has(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, kept(&tag)).into_response());
    }
    let media_type = HeaderValue::from_static("application/json");
    Ok((
        kept(&tag),
        [(header::CONTENT_TYPE, media_type)],
        Body::from(text),
    )
        .into_response())
}

/// The tag of what these parts identify.
pub(super) fn tag(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    format!("\"{}\"", &hasher.finalize().to_hex()[..32])
}

/// Whether the client has what the tag stands for.
pub(super) fn has(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(|given| given.trim().trim_start_matches("W/"));
    tags.any(|given| given == tag || given == "*")
}

/// The headers of what may be kept, if it is asked for anew whether it still is so.
pub(super) fn kept(tag: &str) -> [(HeaderName, HeaderValue); 2] {
    // A tag is made of visible ASCII characters.
    let tag = HeaderValue::from_str(tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
    let caching = HeaderValue::from_static("private, no-cache");
    [(header::ETAG, tag), (header::CACHE_CONTROL, caching)]
}
