//! What a browser says of the page behind a request, and which name the request was sent to.
//!
//! A page of another site must not reach the daemon through the browser of someone who sits at its
//! machine: neither by its address (then `Origin` names the page's site) nor by a name that the page's
//! owner points at that address (then `Host` is that name).

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use crate::http::Refusal;

/// Refuses what a foreign page may have sent. `loopback_only`: the server must be called by a name of
/// this very machine.
pub(super) fn check(request: &Parts, loopback_only: bool) -> Result<(), Refusal> {
    let host = host(request)?;
    if loopback_only && !is_loopback(host) {
        let detail = format!("`{host}` is no name of this server");
        return Err(Refusal::new(StatusCode::FORBIDDEN, "foreign_host", detail)
            .hint("without tokens it is reached as localhost, 127.0.0.1 or [::1] only"));
    }
    let Some(origin) = only(&request.headers, &header::ORIGIN)? else {
        return Ok(());
    };
    let site = origin.split_once("://").map(|(_, authority)| authority);
    if site.is_some_and(|site| site.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    let detail = "the request comes from a page of another site";
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        detail,
    ))
}

/// The name and port that the request was sent to.
fn host(request: &Parts) -> Result<&str, Refusal> {
    if let Some(authority) = request.uri.authority() {
        return Ok(authority.as_str());
    }
    only(&request.headers, &header::HOST)?
        .ok_or_else(|| Refusal::bad_request("no_host", "the request names no host"))
}

/// The one value of a header, if it is there.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let detail = format!("the header `{name}` comes more than once");
        return Err(Refusal::bad_request("bad_header", detail));
    }
    let text = value.to_str().map_err(|_| {
        Refusal::bad_request("bad_header", format!("the header `{name}` is no text"))
    })?;
    Ok(Some(text))
}

/// Whether an authority (`HOST[:PORT]`) names this very machine.
fn is_loopback(authority: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(address, _)| address),
        None => authority
            .split_once(':')
            .map_or(authority, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}
