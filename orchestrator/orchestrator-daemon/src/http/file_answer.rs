//! A file as an answer: all of it, or the range that is asked for (RFC 9110, section 14).

use std::io::SeekFrom;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::etag;
use super::problem::Refusal;
use super::stream::{Broken, Pieces, answer};
use crate::limits::PIECE_BYTES;

/// Bytes of this media type.
const MEDIA_TYPE: &str = "application/octet-stream";

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    start: u64,
    /// After its last byte.
    end: u64,
}

/// What a request for a file asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Part),
    /// A part that the file has not.
    Beyond,
}

/// Answers with an open file. `tag`: of what never changes.
pub(super) async fn file(
    file: File,
    headers: &HeaderMap,
    tag: Option<&str>,
) -> Result<Response, Refusal> {
    if let Some(tag) = tag
        && etag::has(headers, tag)
    {
        return Ok((StatusCode::NOT_MODIFIED, etag::kept(tag)).into_response());
    }
    let length = file
        .metadata()
        .await
        .map_err(|error| Refusal::reading(&error))?
        .len();
    let whole = Part {
        start: 0,
        end: length,
    };
    let (status, part) = match asked(headers, tag, length) {
        Asked::Whole => (StatusCode::OK, whole),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Asked::Beyond => return Ok(beyond(length)),
    };
    let size = part.end - part.start;
    let mut response = if size == 0 {
        let media_type = HeaderValue::from_static(MEDIA_TYPE);
        ([(header::CONTENT_TYPE, media_type)], Body::empty()).into_response()
    } else {
        answer(MEDIA_TYPE, move |pieces| send(file, part, pieces))
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, size.into());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Whatever a step wrote is no page of this server's.
    let attachment = HeaderValue::from_static("attachment");
    headers.insert(header::CONTENT_DISPOSITION, attachment);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
        headers.extend(HeaderValue::from_str(&range).map(|value| (header::CONTENT_RANGE, value)));
    }
    if let Some(tag) = tag {
        headers.extend(etag::kept(tag));
    }
    Ok(response)
}

fn beyond(length: u64) -> Response {
    let detail = format!("the file has {length} bytes, and none of those that are asked for");
    let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", detail);
    let mut response = refusal.into_response();
    let range = HeaderValue::from_str(&format!("bytes */{length}"));
    let headers = response.headers_mut();
    headers.extend(range.map(|value| (header::CONTENT_RANGE, value)));
    response
}

async fn send(mut file: File, part: Part, pieces: Pieces) -> Result<(), Broken> {
    file.seek(SeekFrom::Start(part.start)).await?;
    let mut left = part.end - part.start;
    while left > 0 {
        let size = usize::try_from(left)
            .unwrap_or(PIECE_BYTES)
            .min(PIECE_BYTES);
        let mut piece = vec![0; size];
        let length = file.read(&mut piece).await?;
        if length == 0 {
            return Err(Broken::Failed("a file became shorter".to_owned()));
        }
        piece.truncate(length);
        left -= length as u64;
        pieces.send(piece).await?;
    }
    Ok(())
}

/// One range counts; of what else a client may ask for it is given the whole file, as the RFC allows.
fn asked(headers: &HeaderMap, tag: Option<&str>, length: u64) -> Asked {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    // A range of what the client knows by another tag would not fit to its other ranges.
    if text(header::IF_RANGE).is_some_and(|given| Some(given) != tag) {
        return Asked::Whole;
    }
    let range = text(header::RANGE).and_then(|range| range.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.trim().split_once('-')) else {
        return Asked::Whole;
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(start), Ok(last)) if start <= last => Part {
            start,
            end: last.saturating_add(1).min(length),
        },
        (Ok(start), Err(_)) if last.is_empty() => Part { start, end: length },
        (Err(_), Ok(count)) if first.is_empty() => Part {
            start: length.saturating_sub(count),
            end: length,
        },
        _ => return Asked::Whole,
    };
    if part.start < part.end {
        Asked::Part(part)
    } else {
        Asked::Beyond
    }
}
