//! How long a client prefers to wait (RFC 7240, section 4.3: `Prefer: wait=10`).
//!
//! Whatever is followed ends after that, in good order; so a script need not cut a connection.

use std::time::Duration;

use axum::http::HeaderMap;

/// The wait that a request prefers, if it says so.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all("prefer").iter();
    let seconds = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split([',', ';']))
        .find_map(|preference| preference.trim().strip_prefix("wait="))?;
    seconds.parse().ok().map(Duration::from_secs)
}
