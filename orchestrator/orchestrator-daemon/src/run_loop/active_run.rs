//! An unfinished run as the loop holds it: its state, and what is being done for steps that have
//! not started.
//!
//! The latter lives in memory only. After a crash it is found anew: what was being prepared is
//! prepared again. It does not know what follows from anything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pipeline_plan::NodeId;
use run_engine::event::StepStarted;
use run_engine::ids::{AttemptId, RunId};
use run_engine::reason::Reason;
use run_engine::seams::Reusable;
use run_engine::state::{RunPhase, RunState};

use crate::resolve::{Resolved, RunContext};
use crate::views::LiveRun;
use run_engine::launch::Waiting;

/// A run that has not ended.
#[derive(Debug)]
pub(super) struct ActiveRun {
    /// What its events add up to.
    pub(super) state: RunState,
    /// What resolving its steps takes.
    pub(super) context: RunContext,
    /// Ready steps that nobody has looked at yet.
    pub(super) fresh: VecDeque<NodeId>,
    /// Ready steps that something is being done for.
    pub(super) stages: BTreeMap<NodeId, Stage>,
    /// What a retry carries over, as far as it has not been settled. Until it is empty no other
    /// step is looked at, so that no step ends before it is known to be carried over.
    pub(super) carrying: Carrying,
    /// Steps whose live attempt was started by an earlier daemon and has not been heard of since.
    pub(super) inherited: BTreeSet<NodeId>,
    /// Processes of live attempts.
    pub(super) pids: Arc<BTreeMap<NodeId, u32>>,
    /// What live attempts wait for that cannot be launched yet.
    pub(super) held_up: BTreeMap<NodeId, Reason>,
    /// Number of its last event.
    pub(super) seq: u64,
    /// Whether it may begin, as far as the other runs of its pipeline go. What it waits for is found anew
    /// after a crash.
    pub(super) turn: Turn,
}

/// Whether a run may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has begun.
    Begun,
    /// It waits for other runs of its pipeline to end, and why.
    Waits(Reason),
}

/// Steps that a retry carries over.
#[derive(Debug, Default)]
pub(super) struct Carrying {
    /// Not looked at yet.
    pub(super) fresh: VecDeque<(NodeId, Reusable)>,
    /// Their outputs are being looked at.
    pub(super) verifying: BTreeMap<NodeId, Reusable>,
}

/// What is being done for a ready step.
#[derive(Debug)]
pub(super) enum Stage {
    /// Its files are being looked at.
    Preparing,
    /// What is to stand in for it is being looked at.
    Verifying(Box<Verifying>),
    /// It waits for a slot.
    Queued(Box<Queued>),
}

/// A step that something is to stand in for.
#[derive(Debug)]
pub(super) struct Verifying {
    /// The step with everything that it depends on.
    pub(super) resolved: Box<Resolved>,
    /// What is to stand in.
    pub(super) found: Reusable,
    /// How many keys had been forgotten when it was found: while it is as many, it would be found
    /// again.
    pub(super) forgotten_keys: u64,
}

/// A step that waits for a slot.
#[derive(Debug)]
pub(super) enum Queued {
    /// For its first attempt.
    First {
        /// The step with everything that it depends on.
        resolved: Box<Resolved>,
        /// Why it runs, if that is known already.
        reason: Option<Reason>,
    },
    /// For another attempt, from the recorded intent of the last one.
    Again(Arc<StepStarted>),
}

impl ActiveRun {
    /// A run about which nothing is being done yet.
    pub(super) fn new(state: RunState, context: RunContext) -> Self {
        Self {
            state,
            context,
            fresh: VecDeque::new(),
            stages: BTreeMap::new(),
            carrying: Carrying::default(),
            inherited: BTreeSet::new(),
            pids: Arc::default(),
            held_up: BTreeMap::new(),
            seq: 0,
            turn: Turn::Begun,
        }
    }

    /// Whether nothing happens to it before other runs have ended. Whatever ends it does.
    pub(super) fn waits_for_its_turn(&self) -> bool {
        self.turn != Turn::Begun && self.state.phase == RunPhase::Active
    }

    /// Its identity.
    pub(super) fn id(&self) -> RunId {
        self.state.id()
    }

    /// Whether this is the live attempt of its step.
    pub(super) fn is_live(&self, attempt: AttemptId) -> bool {
        let live = self.state.live_attempt(attempt.node);
        live.is_some_and(|started| started.attempt == attempt.number)
    }

    /// Forgets everything that was being done for steps that have not started.
    pub(super) fn forget_waiting(&mut self) {
        self.fresh.clear();
        self.stages.clear();
        self.carrying = Carrying::default();
    }

    /// Forgets what is known of processes of attempts that do not count any more.
    pub(super) fn forget_dead(&mut self) {
        let state = &self.state;
        let lives = |node: &NodeId| state.live_attempt(*node).is_some();
        self.inherited.retain(lives);
        if !self.pids.keys().all(lives) {
            Arc::make_mut(&mut self.pids).retain(|node, _| lives(node));
        }
        self.held_up.retain(|node, _| lives(node));
    }

    /// Takes a step that something is to stand in for.
    pub(super) fn take_verifying(&mut self, node: NodeId) -> Option<Verifying> {
        match self.stages.remove(&node)? {
            Stage::Verifying(verifying) => Some(*verifying),
            other => {
                self.stages.insert(node, other);
                None
            }
        }
    }

    /// What readers see of it.
    pub(super) fn live(&self, waiting: Vec<Waiting>) -> LiveRun {
        let held_up = self.held_up.iter().map(|(node, why)| Waiting {
            why: why.clone(),
            steps: BTreeSet::from([*node]),
        });
        LiveRun {
            view: self.state.view(),
            seq: self.seq,
            pids: Arc::clone(&self.pids),
            waiting: waiting.into_iter().chain(held_up).collect(),
        }
    }

    /// Steps that could run and have no process: they wait for a slot, or were started and could not
    /// be launched.
    pub(super) fn unlaunched(&self) -> impl Iterator<Item = NodeId> + '_ {
        let queued = self.stages.iter();
        let queued = queued.filter(|(_, stage)| matches!(stage, Stage::Queued(_)));
        let started = self.state.running();
        let started =
            started.filter(|node| !self.pids.contains_key(node) && !self.inherited.contains(node));
        queued.map(|(node, _)| *node).chain(started)
    }
}

impl Carrying {
    /// Whether everything is settled.
    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.verifying.is_empty()
    }
}
