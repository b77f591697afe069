//! The typed client: a method for each route.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::artifacts::{ArtifactDocument, ArtifactFiles, Artifacts};
use crate::daemon::DaemonInfo;
use crate::error::ClientError;
use crate::event::EventLine;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_WAIT};
use crate::plan::PlanDocument;
use crate::problem::Problem;
use crate::request::{
    AnswerRequest, ArtifactsQuery, CancelRequest, EventsQuery, FilesQuery, LogQuery, PlanRequest,
    ResumeRequest, RetryRequest, RunRequest, RunsQuery, StopRequest,
};
use crate::runs::{RunStarted, Runs};
use crate::status::{Status, StepShell};
use crate::stream::{EventStream, LogStream};
use crate::tcp_server::{ServerError, TcpServer};
use crate::transport::{Answer, AnswerBody, Call, Method, Transport};
use crate::unix_socket::UnixSocket;

/// A client of the API. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client over any transport.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self {
            transport: Arc::new(transport),
        }
    }

    /// A client of whoever listens on this socket. Nothing is connected yet.
    pub fn over_unix_socket(path: &Path) -> io::Result<Self> {
        UnixSocket::new(path).map(Self::new)
    }

    /// A client of the server at this URL: `http://HOST:PORT`, `https://HOST:PORT`. Nothing is
    /// connected yet.
    pub fn over_tcp(url: &str, token: Option<&str>) -> Result<Self, ServerError> {
        TcpServer::new(url, token).map(Self::new)
    }

    /// Who answers.
    pub async fn daemon(&self) -> Result<DaemonInfo, ClientError> {
        self.get("asking the daemon who it is", &["daemon"], &[])
            .await
    }

    /// Asks the daemon that answers to end; attempts go on in the keeper.
    pub async fn stop(&self) -> Result<(), ClientError> {
        let doing = "asking the daemon to end";
        let pid = self.daemon().await?.pid;
        let body = serde_json::to_vec(&StopRequest { pid });
        let body = body.map_err(|source| ClientError::Unreadable {
            doing: doing.to_owned(),
            status: 0,
            source,
        })?;
        let read = async {
            let answer = self.call(doing, Method::Post, &["daemon", "stop"], &[], Some(body));
            whole(doing, answer.await?).await.map(drop)
        };
        in_time(doing, read).await
    }

    /// What a run would do.
    pub async fn plan(&self, request: &PlanRequest) -> Result<PlanDocument, ClientError> {
        self.post("asking for the plan", &["plan"], request).await
    }

    /// Starts a run, or attaches to the unfinished one with the same plan and parameters.
    pub async fn run(&self, request: &RunRequest) -> Result<RunStarted, ClientError> {
        self.post("asking for a run", &["runs"], request).await
    }

    /// The same; who asks again with the same key is told of the same run.
    pub async fn run_once(
        &self,
        request: &RunRequest,
        key: &str,
    ) -> Result<RunStarted, ClientError> {
        let headers = vec![("idempotency-key", key.to_owned())];
        self.post_with("asking for a run", &["runs"], request, headers)
            .await
    }

    /// Runs, the newest first.
    pub async fn runs(&self, query: &RunsQuery) -> Result<Runs, ClientError> {
        self.get("asking for the runs", &["runs"], &query.pairs())
            .await
    }

    /// A run. Here and below `run` is an id, a unique prefix of at least 4, or `latest`.
    pub async fn status(&self, run: &str) -> Result<Status, ClientError> {
        self.get("asking for the run's status", &["runs", run], &[])
            .await
    }

    /// Asks a run to end.
    pub async fn cancel(&self, run: &str, request: &CancelRequest) -> Result<Status, ClientError> {
        let path = ["runs", run, "cancel"];
        self.post("asking for the run's end", &path, request).await
    }

    /// Lets a step that asks go on.
    pub async fn approve(
        &self,
        run: &str,
        step: &str,
        answer: &AnswerRequest,
    ) -> Result<Status, ClientError> {
        let path = ["runs", run, "steps", step, "approve"];
        self.post("approving the step", &path, answer).await
    }

    /// Does not let a step that asks go on.
    pub async fn reject(
        &self,
        run: &str,
        step: &str,
        answer: &AnswerRequest,
    ) -> Result<Status, ClientError> {
        let path = ["runs", run, "steps", step, "reject"];
        self.post("rejecting the step", &path, answer).await
    }

    /// A new run of a finished one, into which every succeeded step is carried over.
    pub async fn retry(&self, run: &str, request: &RetryRequest) -> Result<Status, ClientError> {
        self.post("asking for a retry", &["runs", run, "retry"], request)
            .await
    }

    /// Takes an unfinished run up again.
    pub async fn resume(&self, run: &str, request: &ResumeRequest) -> Result<Status, ClientError> {
        let path = ["runs", run, "resume"];
        self.post("asking for the run to go on", &path, request)
            .await
    }

    /// Events of one run, or of all.
    pub async fn events(
        &self,
        run: Option<&str>,
        query: &EventsQuery,
    ) -> Result<EventStream, ClientError> {
        let doing = "following the events";
        let path: &[&str] = match run {
            Some(run) => &["runs", run, "events"],
            None => &["events"],
        };
        let answer = self
            .call_with(
                doing,
                Call {
                    method: Method::Get,
                    path_and_query: path_and_query(path, &query.pairs()),
                    headers: vec![("accept", EventLine::MEDIA_TYPE.to_owned())],
                    body: None,
                },
            )
            .await?;
        let body = good(doing, answer).await?;
        Ok(EventStream::new(body, doing.to_owned()))
    }

    /// The log of a step's attempt.
    pub async fn log(
        &self,
        run: &str,
        step: &str,
        query: &LogQuery,
    ) -> Result<LogStream, ClientError> {
        let doing = "reading the log";
        let path = ["runs", run, "steps", step, "log"];
        let answer = self
            .call(doing, Method::Get, &path, &query.pairs(), None)
            .await?;
        let body = good(doing, answer).await?;
        Ok(LogStream::new(body, doing.to_owned()))
    }

    /// What a step that was started is given, with scratch outputs.
    pub async fn shell(&self, run: &str, step: &str) -> Result<StepShell, ClientError> {
        let doing = "asking for what the step is given";
        self.post(doing, &["runs", run, "steps", step, "shell"], &())
            .await
    }

    /// Artifacts, the newest first.
    pub async fn artifacts(&self, query: &ArtifactsQuery) -> Result<Artifacts, ClientError> {
        self.get("asking for the artifacts", &["artifacts"], &query.pairs())
            .await
    }

    /// An artifact by id, unique prefix, or `[RUN/]STEP.PORT`.
    pub async fn artifact(&self, artifact: &str) -> Result<ArtifactDocument, ClientError> {
        self.get("asking for the artifact", &["artifacts", artifact], &[])
            .await
    }

    /// A page of an artifact's files.
    pub async fn artifact_files(
        &self,
        artifact: &str,
        query: &FilesQuery,
    ) -> Result<ArtifactFiles, ClientError> {
        let path = ["artifacts", artifact, "files"];
        self.get("asking for the artifact's files", &path, &query.pairs())
            .await
    }

    /// A file of an artifact; none if it is larger than so many bytes.
    pub async fn artifact_file(
        &self,
        artifact: &str,
        path: &str,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let doing = "reading a file of the artifact";
        let mut segments = vec!["artifacts", artifact, "files"];
        segments.extend(path.split('/'));
        let read = async {
            let answer = self.call(doing, Method::Get, &segments, &[], None).await?;
            let body = good(doing, answer).await?;
            match collect_up_to(doing, body, bytes_max).await {
                Err(ClientError::TooLarge { .. }) => Ok(None),
                read => read.map(Some),
            }
        };
        in_time(doing, read).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        doing: &str,
        path: &[&str],
        pairs: &[(&'static str, String)],
    ) -> Result<T, ClientError> {
        let read = async {
            let answer = self.call(doing, Method::Get, path, pairs, None).await?;
            document(doing, answer).await
        };
        in_time(doing, read).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        doing: &str,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.post_with(doing, path, body, Vec::new()).await
    }

    async fn post_with<T: DeserializeOwned>(
        &self,
        doing: &str,
        path: &[&str],
        body: &impl Serialize,
        headers: Vec<(&'static str, String)>,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|source| ClientError::Unreadable {
            doing: doing.to_owned(),
            status: 0,
            source,
        })?;
        let call = Call {
            method: Method::Post,
            path_and_query: path_and_query(path, &[]),
            headers,
            body: Some(body),
        };
        let read = async {
            let answer = self.call_with(doing, call).await?;
            document(doing, answer).await
        };
        in_time(doing, read).await
    }

    async fn call(
        &self,
        doing: &str,
        method: Method,
        path: &[&str],
        pairs: &[(&'static str, String)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer, ClientError> {
        let call = Call {
            method,
            path_and_query: path_and_query(path, pairs),
            headers: Vec::new(),
            body,
        };
        self.call_with(doing, call).await
    }

    async fn call_with(&self, doing: &str, call: Call) -> Result<Answer, ClientError> {
        self.transport
            .send(call)
            .await
            .map_err(|source| ClientError::Connection {
                doing: doing.to_owned(),
                source,
            })
    }
}

/// `/api/v1/...` with every segment and value percent-encoded, so that a segment may hold a `/`.
fn path_and_query(segments: &[&str], pairs: &[(&'static str, String)]) -> String {
    let mut text = "/api/v1".to_owned();
    for segment in segments {
        text.push('/');
        encode(&mut text, segment);
    }
    for (index, (name, value)) in pairs.iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        encode(&mut text, value);
    }
    text
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn encode(text: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

async fn in_time<T>(
    doing: &str,
    answer: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    timeout(ANSWER_WAIT, answer).await.unwrap_or_else(|_| {
        Err(ClientError::TimedOut {
            doing: doing.to_owned(),
            seconds: ANSWER_WAIT.as_secs(),
        })
    })
}

/// The body of an answer that says what was asked for; else the error that it says instead.
async fn good(doing: &str, answer: Answer) -> Result<Box<dyn AnswerBody>, ClientError> {
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    let status = answer.status;
    let bytes = collect(doing, answer.body).await?;
    // Whoever answers in another form (a server that is no daemon, an empty body) is told as it is.
    let problem = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
        let said = String::from_utf8_lossy(&bytes);
        let said = if said.trim().is_empty() {
            "nothing else"
        } else {
            said.trim()
        };
        Problem::new(
            status,
            "unreadable_answer",
            format!("{doing}: status {status} and {said}"),
        )
    });
    Err(ClientError::Refused(Box::new(problem)))
}

async fn whole(doing: &str, answer: Answer) -> Result<Vec<u8>, ClientError> {
    let body = good(doing, answer).await?;
    collect(doing, body).await
}

async fn document<T: DeserializeOwned>(doing: &str, answer: Answer) -> Result<T, ClientError> {
    let status = answer.status;
    let bytes = whole(doing, answer).await?;
    serde_json::from_slice(&bytes).map_err(|source| ClientError::Unreadable {
        doing: doing.to_owned(),
        status,
        source,
    })
}

async fn collect(doing: &str, body: Box<dyn AnswerBody>) -> Result<Vec<u8>, ClientError> {
    collect_up_to(doing, body, ANSWER_BYTES_MAX).await
}

async fn collect_up_to(
    doing: &str,
    mut body: Box<dyn AnswerBody>,
    bytes_max: usize,
) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    loop {
        let chunk = body
            .chunk()
            .await
            .map_err(|source| ClientError::Connection {
                doing: doing.to_owned(),
                source,
            })?;
        let Some(chunk) = chunk else {
            return Ok(bytes);
        };
        bytes.extend_from_slice(&chunk);
        if bytes.len() > bytes_max {
            return Err(ClientError::TooLarge {
                doing: doing.to_owned(),
                bytes: bytes_max,
            });
        }
    }
}
