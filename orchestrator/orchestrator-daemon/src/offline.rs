//! A transport for commands that only read: the same routes within this process, without a loop.
//!
//! It holds the state folder as a daemon would, for as long as it lives, and changes nothing in it:
//! where there is no state, an empty one elsewhere is read instead of making one.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, header};
use orchestrator_api::{
    Answer, AnswerBody, BoxFuture, Call, DaemonInfo, DocumentVersion, Transport, TransportError,
};
use run_engine::seams::Clock;
use run_store::RunStore;
use tokio_stream::StreamExt;
use tower_service::Service;
use uuid::Uuid;

use crate::clock::SystemClock;
use crate::config::DaemonConfig;
use crate::documents::path_text;
use crate::error::DaemonError;
use crate::http::{Parts, router};
use crate::lock::{LOCK_NAME, Role, StateLock};

/// The routes on a state folder that no daemon holds. Requests that change something are refused.
///
/// Answers are given within a runtime of tokio's.
#[derive(Debug)]
pub struct Offline {
    router: Router,
    // Dropped in this order: the store is closed when the next process may take the lock.
    _lock: StateLock,
    _nothing: Option<Nothing>,
}

impl Offline {
    /// Opens the store of a state folder for reading. [`DaemonError::is_held`] tells at once when a
    /// daemon, or another command, holds it.
    pub fn open(config: DaemonConfig) -> Result<Self, DaemonError> {
        let absolute = std::path::absolute(&config.state_dir);
        let state_dir = absolute.map_err(DaemonError::io("looking for", &config.state_dir))?;
        // Whoever makes a state makes its lock first.
        let nothing = if state_dir.join(LOCK_NAME).exists() {
            None
        } else {
            Some(Nothing::make()?)
        };
        let place = nothing.as_ref().map_or(&*state_dir, |nothing| &nothing.0);
        let lock = StateLock::take(place, Role::Reader, Duration::ZERO)?;
        let store = RunStore::open(place)?;
        let config = DaemonConfig {
            state_dir,
            ..config
        };
        let router = router(Parts {
            info: DaemonInfo {
                version: DocumentVersion,
                build: config.build.clone(),
                pid: std::process::id(),
                state_dir: path_text(&config.state_dir),
                started_at: SystemClock.now(),
                foreground: false,
                addresses: Vec::new(),
            },
            resolve: Arc::new(config.resolve_settings()),
            component_argv: config.component_argv(),
            state_dir: config.state_dir,
            catalog: config.catalog,
            reader: store.reader(),
            limits: config.limits,
            engine: None,
        });
        Ok(Self {
            router,
            _lock: lock,
            _nothing: nothing,
        })
    }
}

impl Transport for Offline {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>> {
        let mut router = self.router.clone();
        Box::pin(async move {
            let mut request = Request::builder()
                .method(call.method.name())
                .uri(call.path_and_query);
            for (name, value) in call.headers {
                request = request.header(name, value);
            }
            let request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(call.body.unwrap_or_default()))?;
            // A router is always ready, and answers everything.
            let response = router.call(request).await?;
            Ok(Answer {
                status: response.status().as_u16(),
                body: Box::new(Chunks(response.into_body().into_data_stream())),
            })
        })
    }
}

/// The body of an answer.
struct Chunks(BodyDataStream);

impl AnswerBody for Chunks {
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>> {
        Box::pin(async {
            match self.0.next().await {
                Some(chunk) => Ok(Some(chunk?.to_vec())),
                None => Ok(None),
            }
        })
    }
}

/// An empty folder in which there never was a state. It is removed in the end.
#[derive(Debug)]
struct Nothing(PathBuf);

impl Nothing {
    fn make() -> Result<Self, DaemonError> {
        let path = std::env::temp_dir().join(format!("ropewalk-{}", Uuid::now_v7()));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(DaemonError::io("making", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
