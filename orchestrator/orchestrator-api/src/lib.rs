//! What the command line and the daemon say to each other: documents, requests, a typed client.
//!
//! The documents are also what `--format json` prints, so their fields and words are fixed. They are
//! plain data: they know neither the engine's types nor how a document is shown. The [`Client`] speaks
//! through a [`Transport`]: the daemon's unix socket, a server elsewhere, or the same routes inside of this
//! process.

mod artifacts;
mod client;
mod daemon;
mod error;
mod event;
mod http_call;
pub mod limits;
mod overview;
mod pipelines;
mod plan;
mod problem;
mod request;
mod runs;
mod status;
mod stream;
mod tcp_server;
mod timestamp;
mod transport;
mod unix_socket;
mod validate;
mod version;
mod words;

pub use artifacts::{Artifact, ArtifactDocument, ArtifactFile, ArtifactFiles, Artifacts};
pub use client::Client;
pub use daemon::DaemonInfo;
pub use error::ClientError;
pub use event::EventLine;
pub use http_call::builder as http_client_builder;
pub use overview::Overview;
pub use pipelines::{
    DeclaredParam, DeclaredStep, Pipeline, PipelineDocument, PipelineVersion, PipelineVersions,
    Pipelines, VersionSummary,
};
pub use plan::{PlanDocument, PlanKey, PlanStep};
pub use problem::Problem;
pub use request::{
    AnswerRequest, ArtifactsQuery, CancelRequest, EventsQuery, FilesQuery, LogQuery, NumberedQuery,
    PipelinesQuery, PlanRequest, ResumeRequest, RetryRequest, RunRequest, RunsQuery, Selection,
    StopRequest, VersionsQuery,
};
pub use runs::{RunStarted, RunSummary, Runs};
pub use status::{
    Approval, Attempt, AttemptDocument, AttemptError, Attempts, Parent, Reason, ReusedFrom, Status,
    Step, StepDocument, StepShell, Steps, Trigger,
};
pub use stream::{EventStream, LogStream};
pub use tcp_server::{ServerError, TcpServer};
pub use transport::{
    Answer, AnswerBody, BoxFuture, Call, Method, Transport, TransportError, WholeBody,
};
pub use unix_socket::UnixSocket;
pub use validate::{DiagnosticEntry, Validation};
pub use version::DocumentVersion;
pub use words::{
    Action, ArtifactState, AttemptState, EventType, ReasonCode, RunState, Severity, StepState,
};
