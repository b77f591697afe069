//! The door of the TCP port: who may come in, and for what.
//!
//! Nothing of a request is looked at behind it that it did not let in. It knows no route but the two
//! that tell whether the daemon lives, and the one that ends it.
//!
//! # Invariant
//!
//! Without tokens only processes of the daemon's own user come in, and no page of a browser but the
//! daemon's own.

mod keys;
mod origin;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::edge::{Connection, Peer};
use crate::http::Refusal;

pub(crate) use keys::Keys;
pub use keys::{Scope, Token};

/// What tells whether the daemon lives, and nothing else; anyone may ask.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// What only the owner does, over the socket: a server that somebody elsewhere ends comes back only if
/// somebody here starts it.
const OWNERS: &str = "/api/v1/daemon/stop";

/// Lets a request in, or answers it here.
pub(crate) async fn guard(State(keys): State<Keys>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match admit(&keys, &head).await {
        Ok(()) => next.run(Request::from_parts(head, body)).await,
        Err(refused) => refused.into_response(),
    }
}

/// A request that is not let in.
struct Refused {
    refusal: Refusal,
    /// What a client is to come with.
    challenge: Option<&'static str>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            challenge: None,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.refusal.into_response();
        if let Some(challenge) = self.challenge {
            let value = HeaderValue::from_static(challenge);
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

async fn admit(keys: &Keys, request: &Parts) -> Result<(), Refused> {
    let has_tokens = keys.are_there();
    origin::check(request, !has_tokens)?;
    if OPEN.contains(&request.uri.path()) {
        return Ok(());
    }
    if has_tokens {
        with_token(keys, request)?;
    } else if peer_of(request).await != Peer::Ours {
        return Err(foreign_peer().into());
    }
    if request.uri.path() == OWNERS {
        let detail =
            "a server is ended by its owner only: by `ropewalk stop` in its project, or by SIGTERM";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "owners_only", detail).into());
    }
    Ok(())
}

/// Who sent a request; foreign if that cannot be told.
async fn peer_of(request: &Parts) -> Peer {
    match request.extensions.get::<Connection>() {
        Some(connection) => connection.peer().await,
        None => Peer::Foreign,
    }
}

/// What is said to whoever is no process of the daemon's user.
fn foreign_peer() -> Refusal {
    let detail = "this server has no tokens, so only processes of its own user on its own machine may speak to it";
    let hint = "give it `tokens:` in ropewalk.yaml";
    Refusal::new(StatusCode::FORBIDDEN, "foreign_peer", detail).hint(hint)
}

fn with_token(keys: &Keys, request: &Parts) -> Result<(), Refused> {
    let needed = match request.method {
        Method::GET | Method::HEAD | Method::OPTIONS => Scope::Read,
        _ => Scope::Operator,
    };
    let Some(scope) = keys.scope_of(&request.headers) else {
        let detail = "this needs a token, and none that is known came with it";
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        return Err(Refused {
            refusal: refusal.hint("`--token-file F`, or the header `Authorization: Bearer TOKEN`"),
            challenge: Some(challenge(request)),
        });
    };
    if scope < needed {
        let detail = "this token may only read; changing something needs one of scope `operator`";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "insufficient_scope", detail).into());
    }
    Ok(())
}

/// A browser asks its user for a password, which may be a token, only if it is asked for that.
fn challenge(request: &Parts) -> &'static str {
    let accept = request.headers.get(header::ACCEPT);
    let is_browser = accept
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if is_browser {
        "Basic realm=\"ropewalk\", charset=\"UTF-8\""
    } else {
        "Bearer realm=\"ropewalk\""
    }
}
