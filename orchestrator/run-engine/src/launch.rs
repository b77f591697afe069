//! The launch policy: which of the prepared steps start now.
//!
//! Level-triggered: it is asked anew whenever a slot or a step became free, and looks at its own
//! queue, never at all of a run's nodes. It does not know what preparing is.

use std::collections::{BTreeMap, BTreeSet};

use pipeline_plan::NodeId;

use crate::ids::RunId;

/// Prepared steps of all runs, and how many attempts may live at once.
#[derive(Debug, Clone)]
pub struct LaunchQueue {
    waiting: BTreeMap<RunId, BTreeSet<NodeId>>,
    slots: usize,
}

/// How much of a run may still start.
#[derive(Debug, Clone, Copy)]
pub struct RunLoad {
    /// Attempts that live.
    pub running: usize,
    /// Most attempts at once.
    pub slots: usize,
}

impl LaunchQueue {
    /// An empty queue for at most `slots` attempts over all runs.
    pub fn new(slots: usize) -> Self {
        Self {
            waiting: BTreeMap::new(),
            slots,
        }
    }

    /// Queues a prepared step.
    pub fn offer(&mut self, run: RunId, node: NodeId) {
        self.waiting.entry(run).or_default().insert(node);
    }

    /// Forgets a run that ended or was cancelled.
    pub fn forget(&mut self, run: RunId) {
        self.waiting.remove(&run);
    }

    /// Takes the steps that start now: older runs first, within a run in topological order.
    pub fn pick(
        &mut self,
        load: impl Fn(RunId) -> RunLoad,
        running: usize,
    ) -> Vec<(RunId, NodeId)> {
        let mut free = self.slots.saturating_sub(running);
        let mut picked = Vec::new();
        for (run, nodes) in &mut self.waiting {
            let load = load(*run);
            let mut room = load.slots.saturating_sub(load.running).min(free);
            while room > 0
                && let Some(node) = nodes.pop_first()
            {
                picked.push((*run, node));
                room -= 1;
                free -= 1;
            }
            if free == 0 {
                break;
            }
        }
        self.waiting.retain(|_, nodes| !nodes.is_empty());
        picked
    }

    /// Whether a step waits for a slot.
    pub fn holds(&self, run: RunId, node: NodeId) -> bool {
        self.waiting
            .get(&run)
            .is_some_and(|nodes| nodes.contains(&node))
    }
}
