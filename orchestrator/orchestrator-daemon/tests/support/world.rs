//! A state folder with its machine, and the daemons that come and go on it.

use std::sync::Arc;

use chrono::TimeDelta;

use orchestrator_daemon::command::{Command, CommandError, Created, NewRun, PersonsAnswer};
use orchestrator_daemon::planning::ResolveSettings;
use orchestrator_daemon::run_loop::{LoopError, LoopInput, LoopSettings, RunLoop, Turned, limits};
use orchestrator_daemon::views::Views;
use pipeline_plan::NodeId;
use run_engine::event::{Event, RunEnd};
use run_engine::ids::RunId;
use run_engine::launch::Capacity;
use run_engine::state::{RunPhase, StepPhase};
use tokio::sync::oneshot;

use super::clock::ManualClock;
use super::executor::{FakeExecutor, Machine};
use super::store::{Disk, FakeStore};

/// Turns after which a world that does not come to rest is given up.
const TURNS_MAX: usize = 100_000;

/// Events kept for followers: a world is made thousands of times, and has few of them.
const EVENTS_KEPT: usize = 16;

/// Everything that there is.
pub struct World {
    /// What is on the disk.
    pub disk: Disk,
    /// What runs on the machine.
    pub machine: Machine,
    /// The time.
    pub clock: ManualClock,
    /// What readers see.
    pub views: Arc<Views>,
    /// Most attempts at once, over all runs.
    pub slots: usize,
    /// Most attempts that were ever seen alive at once.
    pub live_max: usize,
    daemon: Option<Daemon>,
}

/// A person's answer as an input, and what is said to it.
pub fn answer(
    run: RunId,
    node: NodeId,
    approves: bool,
) -> (LoopInput, oneshot::Receiver<Result<(), CommandError>>) {
    let (reply, said) = oneshot::channel();
    let answer = PersonsAnswer {
        node,
        approves,
        by: "ada".to_owned(),
        comment: "because".to_owned(),
        outputs: Arc::default(),
    };
    let command = Command::Answer { run, answer, reply };
    (LoopInput::Command(command), said)
}

type Daemon = RunLoop<FakeStore, FakeExecutor, ManualClock>;

impl World {
    /// An empty state folder and a daemon on it.
    pub fn new(slots: usize) -> Self {
        Self::on(Disk::default(), slots)
    }

    /// A daemon on this disk.
    pub fn on(disk: Disk, slots: usize) -> Self {
        let mut world = Self {
            disk,
            machine: Machine::default(),
            clock: ManualClock::default(),
            views: Arc::new(Views::keeping(0, EVENTS_KEPT)),
            slots,
            live_max: 0,
            daemon: None,
        };
        world.start().unwrap();
        world
    }

    /// A new daemon takes up what is on the disk, as after `kill -9` of the last one.
    pub fn start(&mut self) -> Result<(), LoopError> {
        self.daemon = None;
        let last_seq = self.disk.last_seq();
        self.views = Arc::new(Views::keeping(last_seq, EVENTS_KEPT));
        let settings = LoopSettings {
            resolve: ResolveSettings {
                state_dir: "/state".into(),
                build: String::new(),
            },
            capacity: Capacity::of_slots(self.slots),
            ropewalk_version: "0.0.1".to_owned(),
            host: "here".to_owned(),
        };
        let mut daemon = RunLoop::new(
            self.disk.open(),
            self.machine.executor(),
            self.clock.clone(),
            Arc::clone(&self.views),
            last_seq,
            settings,
        )
        .with_held(self.machine.held());
        let journals = self.disk.unfinished();
        let turned = daemon.resume(journals)?;
        self.go_on(daemon, turned)
    }

    /// All turns that a turn made due.
    fn go_on(&mut self, mut daemon: Daemon, mut turned: Turned) -> Result<(), LoopError> {
        loop {
            self.live_max = self.live_max.max(self.machine.live().len());
            if self.machine.take_death() || turned.stop {
                return Ok(());
            }
            if !turned.more {
                self.daemon = Some(daemon);
                return Ok(());
            }
            turned = daemon.turn([])?;
        }
    }

    /// Whether a daemon lives.
    pub fn is_alive(&self) -> bool {
        self.daemon.is_some()
    }

    /// The daemon goes away as by `kill -9`.
    pub fn kill(&mut self) {
        self.daemon = None;
    }

    /// One input and all turns that it makes due. After an error there is no daemon any more.
    pub fn turn(&mut self, inputs: Vec<LoopInput>) -> Result<(), LoopError> {
        let Some(mut daemon) = self.daemon.take() else {
            return Ok(());
        };
        let turned = daemon.turn(inputs)?;
        self.go_on(daemon, turned)
    }

    /// Asks for a run.
    pub fn create(&mut self, run: NewRun) -> Result<Created, CommandError> {
        let (reply, answer) = oneshot::channel();
        let run = Box::new(run);
        let input = LoopInput::Command(Command::Create {
            run,
            id: None,
            reply,
        });
        self.turn(vec![input]).unwrap();
        answer.blocking_recv().unwrap()
    }

    /// Asks for a run that is new.
    pub fn run(&mut self, run: NewRun) -> RunId {
        let created = self.create(run).unwrap();
        assert!(!created.attached, "the run is a new one");
        created.run
    }

    /// Asks for the end of a run.
    pub fn cancel(&mut self, run: RunId) -> Result<(), CommandError> {
        self.cancel_and(run, false)
    }

    /// Asks for the end of a run; with `abandon`, without what is stuck.
    pub fn cancel_and(&mut self, run: RunId, abandon: bool) -> Result<(), CommandError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Cancel {
            run,
            abandon,
            reply,
        };
        let input = LoopInput::Command(command);
        self.turn(vec![input]).unwrap();
        answer.blocking_recv().unwrap()
    }

    /// A person answers a step that asks.
    pub fn answer(&mut self, run: RunId, node: NodeId, approves: bool) -> Result<(), CommandError> {
        let (input, answer) = answer(run, node, approves);
        self.turn(vec![input]).unwrap();
        answer.blocking_recv().unwrap()
    }

    /// Hands every waiting report to the daemon, until none is left.
    pub fn report(&mut self) -> Result<(), LoopError> {
        loop {
            let reports = self.machine.take_reports();
            if reports.is_empty() || self.daemon.is_none() {
                return Ok(());
            }
            let mut reports = reports.into_iter().map(LoopInput::Report).peekable();
            while reports.peek().is_some() {
                let batch = reports.by_ref().take(limits::TURN_INPUTS_MAX);
                self.turn(batch.collect())?;
            }
        }
    }

    /// Lets the oldest live attempt end; false if none lives.
    pub fn finish_one(&mut self) -> Result<bool, LoopError> {
        self.report()?;
        let Some(attempt) = self.machine.live().first().copied() else {
            return Ok(false);
        };
        self.machine.finish(attempt);
        self.report()?;
        Ok(true)
    }

    /// Lets every live attempt end at once, again and again until nothing happens any more.
    pub fn settle(&mut self) -> Result<(), LoopError> {
        for _ in 0..TURNS_MAX {
            self.report()?;
            let live = self.machine.live();
            if live.is_empty() && !self.strike_next()? {
                return Ok(());
            }
            for attempt in live {
                self.machine.finish(attempt);
            }
            self.report()?;
        }
        panic!("the runs do not come to rest");
    }

    /// How long the daemon sleeps unless something arrives, in milliseconds.
    pub fn wait_ms(&self) -> Option<u64> {
        let wait = self.daemon.as_ref()?.wait()?;
        u64::try_from(wait.as_millis()).ok()
    }

    /// Lets time pass until the next timer is due, and a turn after it; false if there is none.
    pub fn strike_next(&mut self) -> Result<bool, LoopError> {
        let Some(wait) = self.daemon.as_ref().and_then(RunLoop::wait) else {
            return Ok(false);
        };
        self.clock
            .advance(TimeDelta::from_std(wait).unwrap_or_default());
        self.turn(Vec::new())?;
        Ok(true)
    }

    /// Makes a run, lets it end, and tells how.
    pub fn run_to_end(&mut self, run: NewRun) -> (RunId, RunEnd) {
        let run = self.run(run);
        self.settle().unwrap();
        (run, self.end_of(run))
    }

    /// How a run ended.
    pub fn end_of(&self, run: RunId) -> RunEnd {
        match self.disk.run(run).phase {
            RunPhase::Ended(end) => end,
            other => panic!("the run is {other:?}"),
        }
    }

    /// Where a run's steps stand, in topological order.
    pub fn phases(&self, run: RunId) -> Vec<StepPhase> {
        let state = self.disk.run(run);
        state.steps.iter().map(|step| step.phase).collect()
    }

    /// The reason of each step in topological order: code and text.
    pub fn reasons(&self, run: RunId) -> Vec<String> {
        let state = self.disk.run(run);
        let reasons = state.steps.iter().map(|step| {
            let reason = step.reason.as_ref();
            reason.map_or(String::new(), |r| format!("{}: {}", r.code.word(), r.text))
        });
        reasons.collect()
    }

    /// A run's events by name and step, in order.
    pub fn journal(&self, run: RunId) -> Vec<String> {
        let state = self.disk.run(run);
        let rows = self.disk.rows();
        let events = rows.entries.iter().filter(|entry| entry.run == run);
        events
            .map(|entry| {
                let name = run_engine::event_name(&entry.event);
                match entry.event.step() {
                    Some((node, _)) => format!("{name} {}", state.name(node)),
                    None => name.to_owned(),
                }
            })
            .collect()
    }

    /// How often each step of a run was started, in topological order.
    pub fn starts(&self, run: RunId) -> Vec<usize> {
        let state = self.disk.run(run);
        state.steps.iter().map(|step| step.attempts.len()).collect()
    }

    /// Events of all runs.
    pub fn events(&self) -> Vec<Event> {
        let rows = self.disk.rows();
        rows.entries.iter().map(|e| e.event.clone()).collect()
    }
}
