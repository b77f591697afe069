//! The executor of this machine: a dispatcher thread that speaks to the keeper, worker threads that
//! touch files, and a thread that ends what dead keepers left.
//!
//! `submit` hands over and returns. What follows is reported, in whatever order it happens.

mod disk;
mod dispatcher;
mod hindrance;
mod jobs;
mod keeper_health;
mod link;
mod names;
mod pool;
mod remains;

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use attempt_keeper::KeeperError;
use run_engine::ids::AttemptId;
use run_engine::reason::Reason;
use run_engine::seams::{Effect, Executor, Report};

use crate::memo::DigestMemo;
use crate::secrets::Secrets;
use dispatcher::{Dispatcher, Message};
use hindrance::Hindrances;
pub use keeper_health::{KeeperHealth, KeeperState};
pub(crate) use names::name_of;
use pool::Pool;
pub use remains::may_live_on;

/// What an executor needs to know.
#[derive(Debug, Clone)]
pub struct ExecutorConfig {
    /// The state folder, absolute.
    pub state_dir: PathBuf,
    /// The command that is the keeper of that folder.
    pub keeper_argv: Vec<String>,
    /// The command that a standard component's name and arguments follow.
    pub component_argv: Vec<String>,
    /// How long after everything was done to end an attempt it is told as stuck.
    pub stuck_after: Duration,
    /// Whether attempts are told their place in their run's trace.
    pub traced: bool,
}

/// The executor could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutorError {
    /// There is no keeper.
    #[error("the process that holds the steps cannot be reached")]
    Keeper(#[from] KeeperError),
    /// The folder of the runs cannot be made.
    #[error("{} cannot be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("a thread cannot be started")]
    Thread(#[source] io::Error),
}

/// Starts, watches and ends attempts on this machine, through the keeper of the state folder.
///
/// Dropping it waits for what its threads are at; attempts live on in the keeper.
pub struct LocalExecutor {
    context: Arc<Context>,
    pool: Pool,
    messages: Sender<Message>,
    threads: Vec<JoinHandle<()>>,
    held: Vec<AttemptId>,
}

/// What all threads share.
struct Context {
    config: ExecutorConfig,
    memo: DigestMemo,
    keeper: Arc<KeeperHealth>,
    hindrances: Hindrances,
    secrets: Arc<Secrets>,
    messages: Sender<Message>,
    report: Box<dyn Fn(Report) + Send + Sync>,
}

impl Context {
    /// Tells the loop, unless the executor ends: then what is known may be half of the truth.
    fn report(&self, report: Report) {
        if !self.memo.is_interrupted() {
            (self.report)(report);
        }
    }

    /// Looks whether there is room for anything new, and tells the loop if that changed.
    fn look_at_disk(&self) {
        let lack = disk::check_room(&self.config.state_dir).err();
        self.hindrances.disk(lack, |why| self.tell_hindrance(why));
    }

    /// Takes why the keeper starts nothing new, or that it does.
    fn keeper_hinders(&self, why: Option<String>) {
        self.hindrances.keeper(why, |why| self.tell_hindrance(why));
    }

    fn tell_hindrance(&self, why: Option<Reason>) {
        if let Some(why) = &why {
            tracing::warn!("nothing new is launched: {}", why.text);
            // Without a dispatcher the executor ends.
            let _ = self.messages.send(Message::Hindered);
        } else {
            tracing::info!("launching goes on");
        }
        self.report(Report::Hindered { why });
    }
}

impl LocalExecutor {
    /// Connects to the keeper of the state folder, or starts it.
    ///
    /// `report` is called by several threads at once and must not block.
    pub fn start(
        config: ExecutorConfig,
        report: impl Fn(Report) + Send + Sync + 'static,
    ) -> Result<Self, ExecutorError> {
        make_runs_folder(&config.state_dir)?;
        let (messages, arriving) = channel();
        let link = link::connect(
            &config.state_dir,
            &config.keeper_argv,
            dispatcher::FIRST_CONNECTION,
            messages.clone(),
        )?;
        let context = Arc::new(Context {
            memo: DigestMemo::new(&config.state_dir),
            keeper: Arc::new(KeeperHealth::new(link.client.instance(), messages.clone())),
            hindrances: Hindrances::default(),
            secrets: Arc::default(),
            messages: messages.clone(),
            report: Box::new(report),
            config,
        });
        let held = link.held.iter().filter_map(|name| names::attempt_of(name));
        let held = held.collect();
        let (pool, mut threads) = Pool::start().map_err(ExecutorError::Thread)?;
        let state_dir = context.config.state_dir.clone();
        let stuck_after = context.config.stuck_after;
        let remains = remains::start(state_dir, stuck_after, messages.clone())
            .map_err(ExecutorError::Thread)?;
        let mut dispatcher = Dispatcher::new(
            Arc::clone(&context),
            pool.clone(),
            messages.clone(),
            remains,
            link,
        );
        // What cannot be launched is known before anything is asked for.
        context.look_at_disk();
        dispatcher.meet_keeper();
        let thread = thread::Builder::new().name("dispatcher".to_owned());
        let thread = thread.spawn(move || dispatcher.run(&arriving));
        threads.push(thread.map_err(ExecutorError::Thread)?);
        Ok(Self {
            context,
            pool,
            messages,
            threads,
            held,
        })
    }

    /// The attempts that the keeper held when this executor connected to it.
    ///
    /// One that no journal knows as live was recorded by a daemon that died before it could
    /// acknowledge; the loop ends and acknowledges it, or the keeper would hold it for ever.
    pub fn held(&self) -> &[AttemptId] {
        &self.held
    }

    /// Where secrets are handed over that clients have.
    pub fn secrets(&self) -> Arc<Secrets> {
        Arc::clone(&self.context.secrets)
    }

    /// How the keeper does.
    pub fn keeper_health(&self) -> Arc<KeeperHealth> {
        Arc::clone(&self.context.keeper)
    }

    /// Digests that were taken already, for whoever prepares steps beside this executor.
    pub fn memo(&self) -> &DigestMemo {
        &self.context.memo
    }
}

impl Executor for LocalExecutor {
    fn keeper(&self) -> String {
        self.context.keeper.instance()
    }

    fn submit(&mut self, effects: Vec<Effect>) {
        let (mut for_dispatcher, mut to_prepare) = (Vec::new(), Vec::new());
        for effect in effects {
            let context = Arc::clone(&self.context);
            match effect {
                Effect::Prepare(task) => to_prepare.push(*task),
                Effect::Verify(task) => self
                    .pool
                    .push(Box::new(move || jobs::verify_step(&context, &task))),
                Effect::Launch(_) | Effect::Kill(_) | Effect::Acknowledge(_) => {
                    for_dispatcher.push(effect);
                }
            }
        }
        if !to_prepare.is_empty() {
            let (context, pool) = (Arc::clone(&self.context), self.pool.clone());
            self.pool.push(Box::new(move || {
                jobs::prepare_steps(&context, &pool, to_prepare);
            }));
        }
        if !for_dispatcher.is_empty() {
            // The dispatcher lives as long as this.
            let _ = self.messages.send(Message::Effects(for_dispatcher));
        }
    }
}

impl Drop for LocalExecutor {
    fn drop(&mut self) {
        self.context.memo.interrupt();
        self.pool.close();
        let _ = self.messages.send(Message::Stop);
        for thread in self.threads.drain(..) {
            // A thread that panicked said so itself.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for LocalExecutor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LocalExecutor")
            .field("config", &self.context.config)
            .finish_non_exhaustive()
    }
}

/// Makes `runs/`, durably: every artifact lies below it.
fn make_runs_folder(state_dir: &Path) -> Result<(), ExecutorError> {
    let path = state_dir.join("runs");
    let failed = |source| ExecutorError::Folder {
        path: path.clone(),
        source,
    };
    let mut builder = std::fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(&path)
        .map_err(failed)?;
    let folder = File::open(state_dir).map_err(failed)?;
    folder.sync_all().map_err(failed)
}
