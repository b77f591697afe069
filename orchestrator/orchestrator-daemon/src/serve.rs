//! The life of a daemon: lock, store, executor, loop, socket; then their end, in reverse.
//!
//! What it does between is the loop's and the routes'. An end of whatever kind leaves attempts to the
//! keeper, so it needs no care for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use orchestrator_api::{DaemonInfo, DocumentVersion};
use run_engine::ids::RunId;
use run_engine::seams::{Clock, JournalEntry};
use run_executor::limits::STUCK_AFTER;
use run_executor::{ExecutorConfig, KeeperHealth, LocalExecutor, Secrets};
use run_store::{RunStore, StoreReader};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock::SystemClock;
use crate::command::Command;
use crate::config::{DaemonConfig, Serving};
use crate::documents::path_text;
use crate::door::{self, Keys};
use crate::edge::tcp::TcpPort;
use crate::edge::unix::{self, OwnersSocket};
use crate::edge::{Clients, tls};
use crate::ending::Ending;
use crate::error::DaemonError;
use crate::following::follow;
use crate::http::{self, Engine, Parts, chain};
use crate::limits::{
    BLOCKING_THREADS_MAX, EDGE_THREADS, FAREWELL, LOCK_WAIT, LOOP_FAREWELL, RETRY_PAUSE,
};
use crate::lock::{Role, StateLock};
use crate::machine;
use crate::metrics::Metrics;
#[cfg(feature = "opentelemetry")]
use crate::metrics::SpanCounters;
use crate::need::Need;
use crate::run_loop::{self, LoopError, LoopHandle, LoopSender, LoopSettings, RunLoop};
use crate::serve_config::ClientLimits;
use crate::state_folder;
#[cfg(feature = "opentelemetry")]
use crate::traces::Traces;
use crate::views::Views;

/// Serves a state folder until it is asked to end: by a signal, by a client, by the removal of the
/// folder, or because nobody needs it.
///
/// Attempts go on in the keeper; the next daemon takes them up. Every unfinished run of the store is
/// taken up at the start.
pub fn serve(config: DaemonConfig) -> Result<(), DaemonError> {
    if let Some(serving) = &config.serving {
        guarded(serving)?;
    }
    let state_dir = state_folder::make(&config.state_dir)?;
    let config = DaemonConfig {
        state_dir,
        ..config
    };
    let lock = StateLock::take(&config.state_dir, Role::Daemon, LOCK_WAIT)?;
    let runtime = runtime(&config.state_dir)?;
    let result = runtime.block_on(live(&config, &lock));
    // What is left are streams to clients that do not read.
    runtime.shutdown_timeout(FAREWELL);
    result
}

/// Refuses to let everybody in.
fn guarded(serving: &Serving) -> Result<(), DaemonError> {
    let address = serving.listen;
    if serving.tokens.is_empty() && !address.ip().is_loopback() {
        return Err(DaemonError::OpenToAll { address });
    }
    if serving.tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            "tokens go over the network in the clear; give `tls:`, or a proxy that has it"
        );
    }
    Ok(())
}

fn runtime(state_dir: &Path) -> Result<Runtime, DaemonError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(EDGE_THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("edge")
        .enable_all()
        .build()
        .map_err(DaemonError::io("starting threads for", state_dir))
}

/// Opens the store, which a process that ends may hold a moment longer than the folder's lock.
fn open_store(state_dir: &Path) -> Result<RunStore, DaemonError> {
    let give_up = Instant::now() + LOCK_WAIT;
    loop {
        match RunStore::open(state_dir) {
            Err(error) if error.is_held() && Instant::now() < give_up => {
                std::thread::sleep(RETRY_PAUSE);
            }
            opened => return Ok(opened?),
        }
    }
}

/// What works on runs: the store, the executor and the loop that owns both.
struct Core {
    engine: LoopHandle,
    commands: LoopSender,
    views: Arc<Views>,
    reader: StoreReader,
    unreadable: Arc<BTreeSet<RunId>>,
    secrets: Arc<Secrets>,
    metrics: Metrics,
    keeper: Arc<KeeperHealth>,
    #[cfg(feature = "opentelemetry")]
    traces: Option<Traces>,
}

impl Core {
    /// Begins it. The loop takes up every unfinished run before anything else.
    fn begin(config: &DaemonConfig) -> Result<Self, DaemonError> {
        let state_dir = &config.state_dir;
        let store = open_store(state_dir)?;
        let (reader, last_seq) = (store.reader(), store.last_seq());
        let (journals, unreadable) = journals(&reader)?;
        let views = Arc::new(Views::new(last_seq));
        let (commands, inputs) = run_loop::channel();
        let reports = commands.clone();
        let executor = LocalExecutor::start(executor_config(config), move |report| {
            reports.report(report);
        })?;
        let (secrets, keeper) = (executor.secrets(), executor.keeper_health());
        let settings = loop_settings(config);
        let views_too = Arc::clone(&views);
        let held = executor.held().iter().copied();
        let held = held
            .filter(|attempt| !unreadable.contains(&attempt.run))
            .collect();
        let run_loop = RunLoop::new(store, executor, SystemClock, views_too, last_seq, settings)
            .with_held(held);
        #[cfg(feature = "opentelemetry")]
        let (traces, metrics) = tell_traces(config, &views, &reader)?;
        #[cfg(not(feature = "opentelemetry"))]
        let metrics = Metrics::new(views.commits(), |_| ());
        let counting = metrics.counting(reader.clone());
        // It ends with the runtime.
        let counting = follow(&views, reader.clone(), counting, std::future::pending());
        tokio::spawn(counting);
        let engine = run_loop::start(run_loop, journals, inputs)
            .map_err(DaemonError::io("starting the loop of", state_dir))?;
        state_folder::point_latest(state_dir, &reader);
        http::forget_old_keys(state_dir);
        Ok(Self {
            engine,
            commands,
            views,
            reader,
            unreadable: Arc::new(unreadable),
            secrets,
            metrics,
            keeper,
            #[cfg(feature = "opentelemetry")]
            traces,
        })
    }

    /// Lets the loop commit the turn in progress, and waits for its end.
    async fn end(self) -> Result<(), DaemonError> {
        // A loop that is gone by now says so by `ended`.
        let _ = self.commands.command(Command::Stop).await;
        let ended = match timeout(LOOP_FAREWELL, self.engine.ended).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(ended) => Err(loop_error(ended)),
            Err(_) => {
                tracing::error!("the loop did not end in time; what it had committed is kept");
                Ok(())
            }
        };
        #[cfg(feature = "opentelemetry")]
        if let Some(traces) = self.traces {
            traces.end().await;
        }
        ended
    }
}

/// Begins to tell runs to the collector that the configuration names, if it names one.
#[cfg(feature = "opentelemetry")]
fn tell_traces(
    config: &DaemonConfig,
    views: &Arc<Views>,
    reader: &StoreReader,
) -> Result<(Option<Traces>, Metrics), DaemonError> {
    let Some(collector) = &config.traces else {
        return Ok((None, Metrics::new(views.commits(), |_| ())));
    };
    let counters = SpanCounters::default();
    let metrics = Metrics::new(views.commits(), |registry| counters.register(registry));
    let traces = Traces::begin(collector, &config.build, views, reader.clone(), counters);
    let traces = traces.map_err(|source| DaemonError::Traces {
        collector: collector.clone(),
        source,
    })?;
    Ok((Some(traces), metrics))
}

/// The journals of unfinished runs, and which runs have none that can be read: they stay as they are,
/// with their attempts, and the others go on.
fn journals(
    reader: &StoreReader,
) -> Result<(Vec<Vec<JournalEntry>>, BTreeSet<RunId>), DaemonError> {
    let (mut journals, mut unreadable) = (Vec::new(), BTreeSet::new());
    for run in reader.unfinished_runs()? {
        match reader.journal(run) {
            Ok(journal) => journals.extend(journal.map(|journal| journal.entries)),
            Err(error) => {
                tracing::error!("run {run} is not taken up: {}", chain(&error));
                unreadable.insert(run);
            }
        }
    }
    Ok((journals, unreadable))
}

/// What answers clients.
struct Edge {
    ending: Ending,
    clients: Clients,
    serving: JoinSet<()>,
}

impl Edge {
    /// Listens, and says where.
    async fn begin(config: &DaemonConfig, core: &Core) -> Result<Self, DaemonError> {
        let state_dir = &config.state_dir;
        let ending = Ending::new();
        let path = unix::socket_path(state_dir);
        let socket = OwnersSocket::listen(state_dir);
        let socket = socket.map_err(DaemonError::io("listening at", &path))?;
        let mut addresses = vec![format!("unix:{}", path.display())];
        let port = match &config.serving {
            Some(serving) => Some(Port::open(serving, config.limits).await?),
            None => None,
        };
        addresses.extend(port.as_ref().map(|port| port.url.clone()));
        let info = DaemonInfo {
            version: DocumentVersion,
            build: config.build.clone(),
            pid: std::process::id(),
            state_dir: path_text(state_dir),
            started_at: SystemClock.now(),
            foreground: config.idle_end.is_none(),
            addresses,
        };
        let router = http::router(Parts {
            info: info.clone(),
            state_dir: state_dir.clone(),
            catalog: config.catalog.clone(),
            component_argv: config.component_argv(),
            resolve: Arc::new(config.resolve_settings()),
            reader: core.reader.clone(),
            limits: config.limits,
            engine: Some(Engine {
                views: Arc::clone(&core.views),
                commands: core.commands.clone(),
                unreadable: Arc::clone(&core.unreadable),
                secrets: Arc::clone(&core.secrets),
                ending: ending.clone(),
                metrics: core.metrics.clone(),
                keeper: Arc::clone(&core.keeper),
            }),
        });
        let clients = socket.clients();
        let mut serving = JoinSet::new();
        serving.spawn(socket.serve(router.clone(), ending.clone()));
        if let Some(port) = port {
            tracing::info!("listening at {}", port.url);
            serving.spawn(port.serve(router, ending.clone()));
        }
        // Whoever reads it finds someone who answers.
        state_folder::announce(state_dir, &info)?;
        Ok(Self {
            ending,
            clients,
            serving,
        })
    }

    /// Ends streams, waits for answers that are being given, and leaves the socket.
    async fn end(mut self, config: &DaemonConfig, lock: &StateLock, reason: &'static str) {
        self.ending.begin(reason);
        let answered = async { while self.serving.join_next().await.is_some() {} };
        if timeout(FAREWELL, answered).await.is_err() {
            tracing::warn!("a client did not take its answer in time");
        }
        if !lock.is_in_place() {
            return;
        }
        state_folder::withdraw(&config.state_dir);
        let path = unix::socket_path(&config.state_dir);
        if let Err(error) = unix::remove(&path) {
            tracing::warn!("{} cannot be removed: {error}", path.display());
        }
    }
}

/// What is served over TCP, before it is served.
struct Port {
    listener: TcpPort,
    url: String,
    keys: Keys,
    config_file: Option<PathBuf>,
}

impl Port {
    async fn open(serving: &Serving, limits: ClientLimits) -> Result<Self, DaemonError> {
        let address = serving.listen;
        let tls = serving.tls.as_ref();
        let tls = tls.map(|files| tls::acceptor(&files.certificate, &files.key));
        let port = TcpPort::listen(address, tls.transpose()?, limits).await;
        let failed = |source| DaemonError::Listen { address, source };
        let port = port.map_err(failed)?;
        Ok(Self {
            url: port.url().map_err(failed)?,
            listener: port,
            keys: Keys::new(serving.tokens.clone()),
            config_file: serving.config_file.clone(),
        })
    }

    async fn serve(self, router: Router, ending: Ending) {
        let guard = axum::middleware::from_fn_with_state(self.keys.clone(), door::guard);
        let serving = self.listener.serve(router.layer(guard), ending);
        let following = async {
            match self.config_file {
                Some(file) => self.keys.follow(file).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = serving => {}
            () = following => {}
        }
    }
}

/// Begins everything, lives until the end is asked for, and ends.
async fn live(config: &DaemonConfig, lock: &StateLock) -> Result<(), DaemonError> {
    let mut signals = Signals::hold();
    let mut core = Core::begin(config)?;
    let edge = match Edge::begin(config, &core).await {
        Ok(edge) => edge,
        Err(error) => {
            core.end().await?;
            return Err(error);
        }
    };
    tracing::info!(state_dir = %config.state_dir.display(), "serving");
    let need = Need {
        clients: edge.clients.clone(),
        views: Arc::clone(&core.views),
        reader: core.reader.clone(),
        unreadable: Arc::clone(&core.unreadable),
        idle_end: config.idle_end,
    };
    let mut broken = None;
    let reason = tokio::select! {
        reason = edge.ending.begun() => reason,
        reason = signalled(&mut signals) => reason,
        reason = need.over(lock) => reason,
        ended = &mut core.engine.ended => {
            broken = Some(loop_error(ended));
            "the loop cannot go on"
        }
    };
    tracing::info!("ending: {reason}");
    edge.end(config, lock, reason).await;
    match broken {
        Some(error) => Err(error),
        None => core.end().await,
    }
}

/// The signals that ask for the end. They are held before anybody is answered: one that came earlier
/// would kill a daemon that its client has spoken to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn hold() -> Option<Self> {
        let held = signal(SignalKind::terminate()).and_then(|terminate| {
            let interrupt = signal(SignalKind::interrupt())?;
            Ok(Self {
                terminate,
                interrupt,
            })
        });
        held.inspect_err(|error| {
            tracing::error!(%error, "signals cannot be waited for; they end this process at once");
        })
        .ok()
    }
}

/// Waits for a signal that asks for the end.
async fn signalled(signals: &mut Option<Signals>) -> &'static str {
    let Some(Signals {
        terminate,
        interrupt,
    }) = signals
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => "it was terminated",
        _ = interrupt.recv() => "it was interrupted",
    }
}

fn loop_error<E>(ended: Result<Result<(), LoopError>, E>) -> DaemonError {
    match ended {
        Ok(Err(error)) => DaemonError::Loop(error),
        // It ends by itself only when nobody can send to it, which cannot be while this waits.
        Ok(Ok(())) | Err(_) => DaemonError::LoopPanicked,
    }
}

fn executor_config(config: &DaemonConfig) -> ExecutorConfig {
    let executable = path_text(&config.executable);
    let state_dir = path_text(&config.state_dir);
    ExecutorConfig {
        state_dir: config.state_dir.clone(),
        keeper_argv: vec![executable, "keeper".to_owned(), state_dir],
        component_argv: config.component_argv(),
        stuck_after: STUCK_AFTER,
        traced: config.traces.is_some(),
    }
}

fn loop_settings(config: &DaemonConfig) -> LoopSettings {
    LoopSettings {
        resolve: config.resolve_settings(),
        capacity: machine::capacity(config.slots, config.pools.clone()),
        ropewalk_version: config.build.clone(),
        host: host(),
    }
}

/// This machine's name.
fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
