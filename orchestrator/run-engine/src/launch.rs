//! The launch policy: which of the prepared steps start now, and what each of them holds while it runs.
//!
//! Level-triggered: it is asked anew whenever something became free or a step became ready, and looks
//! at its own queue, never at all of a run's nodes. It does not know what preparing is.
//!
//! # Invariant
//!
//! No step overtakes one that came before it, waits, and asks for the same thing. So a step that asks for
//! much has its turn although ever new ones ask for little.

mod demand;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pipeline_plan::NodeId;

use crate::ids::RunId;
use crate::reason::{Reason, ReasonCode};

pub use demand::{Capacity, Demand, Lack};

/// Steps of one run that are told to wait; who looks at more of them looks at a list of numbers.
pub const TOLD_WAITING_MAX: usize = 256;

/// Prepared steps of all runs, and how much of the machine is taken.
#[derive(Debug, Clone)]
pub struct LaunchQueue {
    waiting: BTreeMap<RunId, BTreeMap<NodeId, Arc<Demand>>>,
    /// Every demand that was ever made: the same one is held once.
    demands: BTreeSet<Arc<Demand>>,
    /// What running steps hold.
    held: BTreeMap<(RunId, NodeId), Held>,
    taken: Taken,
    capacity: Capacity,
    /// What the steps that were left wait for, as of the last pick.
    short: BTreeMap<RunId, Short>,
    /// Runs whose steps wait for something else since that was last asked for.
    changed: BTreeSet<RunId>,
}

/// How much of a run may still start.
#[derive(Debug, Clone, Copy)]
pub struct RunLoad {
    /// Attempts that live.
    pub running: usize,
    /// Most attempts at once.
    pub slots: usize,
}

/// A step that starts now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// Its run.
    pub run: RunId,
    /// The step.
    pub node: NodeId,
    /// The numbers of the GPUs that are its own while it runs.
    pub gpus: Vec<u32>,
}

/// Steps that could run and wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What for.
    pub why: Reason,
    /// The steps.
    pub steps: BTreeSet<NodeId>,
}

#[derive(Debug, Clone)]
struct Held {
    demand: Arc<Demand>,
    gpus: Vec<u32>,
}

/// What all running steps together hold.
#[derive(Debug, Clone, Default)]
struct Taken {
    pools: BTreeMap<String, usize>,
    alone: BTreeSet<String>,
    cpu_milli: u64,
    memory_bytes: u64,
    gpus: BTreeSet<u32>,
}

/// What the waiting steps of one run wait for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Short {
    /// By what they ask for.
    things: Vec<(Arc<Demand>, Lack)>,
    /// Whether the others wait for a slot.
    slots: bool,
}

impl LaunchQueue {
    /// An empty queue.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            waiting: BTreeMap::new(),
            demands: BTreeSet::new(),
            held: BTreeMap::new(),
            taken: Taken::default(),
            capacity,
            short: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    /// What there is of everything.
    pub fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Queues a prepared step.
    pub fn offer(&mut self, run: RunId, node: NodeId, demand: Demand) {
        let demand = self.shared(demand);
        self.waiting.entry(run).or_default().insert(node, demand);
    }

    /// Forgets the waiting steps of a run that ended or was cancelled.
    pub fn forget(&mut self, run: RunId) {
        self.waiting.remove(&run);
        self.short.remove(&run);
    }

    /// A step runs already: it was started by an earlier daemon.
    pub fn hold(&mut self, run: RunId, node: NodeId, demand: Demand, gpus: Vec<u32>) {
        let demand = self.shared(demand);
        self.taken.take(&demand, &gpus);
        self.held.insert((run, node), Held { demand, gpus });
    }

    /// A step does not run any more, or not after all.
    pub fn release(&mut self, run: RunId, node: NodeId) {
        if let Some(held) = self.held.remove(&(run, node)) {
            self.taken.give_back(&held);
        }
    }

    /// Takes the steps that start now: older runs first, within a run in topological order.
    pub fn pick(&mut self, load: impl Fn(RunId) -> RunLoad, running: usize) -> Vec<Picked> {
        let mut free = self.capacity.slots.saturating_sub(running);
        let mut picked = Vec::new();
        let mut short: BTreeMap<RunId, Short> = BTreeMap::new();
        // What an earlier step that waits asks for, and so no later one may take.
        let mut wanted = BTreeSet::new();
        for (run, nodes) in &self.waiting {
            let load = load(*run);
            let mut room = load.slots.saturating_sub(load.running).min(free);
            let mut of_run = Short::default();
            for (node, demand) in nodes {
                if room == 0 {
                    of_run.slots = true;
                    break;
                }
                if of_run
                    .things
                    .iter()
                    .any(|(thing, _)| Arc::ptr_eq(thing, demand))
                {
                    continue;
                }
                if let Some(lack) = self.taken.lacks(demand, &self.capacity, &wanted) {
                    of_run.things.push((Arc::clone(demand), lack));
                    // All that it asks for: or those behind it would take one part after the other.
                    wanted.extend(demand.things());
                    continue;
                }
                let gpus = self.taken.free_gpus(demand, &self.capacity);
                self.taken.take(demand, &gpus);
                let held = Held {
                    demand: Arc::clone(demand),
                    gpus: gpus.clone(),
                };
                self.held.insert((*run, *node), held);
                picked.push(Picked {
                    run: *run,
                    node: *node,
                    gpus,
                });
                room -= 1;
                free -= 1;
            }
            if of_run != Short::default() {
                short.insert(*run, of_run);
            }
        }
        for Picked { run, node, .. } in &picked {
            if let Some(nodes) = self.waiting.get_mut(run) {
                nodes.remove(node);
            }
        }
        self.waiting.retain(|_, nodes| !nodes.is_empty());
        if self.waiting.is_empty() && self.held.is_empty() {
            self.demands.clear();
        }
        let differs = |run: &&RunId| self.short.get(run) != short.get(run);
        let runs = self.short.keys().chain(short.keys());
        self.changed.extend(runs.filter(differs));
        self.short = short;
        picked
    }

    /// Whether a step waits.
    pub fn holds(&self, run: RunId, node: NodeId) -> bool {
        self.waiting
            .get(&run)
            .is_some_and(|nodes| nodes.contains_key(&node))
    }

    /// What the steps of a run wait for, as of the last pick; the first [`TOLD_WAITING_MAX`] of them.
    pub fn waiting(&self, run: RunId) -> Vec<Waiting> {
        let (Some(nodes), Some(short)) = (self.waiting.get(&run), self.short.get(&run)) else {
            return Vec::new();
        };
        let mut waiting: Vec<Waiting> = Vec::new();
        for (node, demand) in nodes.iter().take(TOLD_WAITING_MAX) {
            let mut things = short.things.iter();
            let why = match things.find(|(thing, _)| Arc::ptr_eq(thing, demand)) {
                Some((_, lack)) => lack.reason(demand, &self.capacity),
                None if short.slots => {
                    let text = "it waits for a free slot";
                    Reason::new(ReasonCode::Slots, text, "")
                }
                None => continue,
            };
            match waiting.iter_mut().find(|waits| waits.why == why) {
                Some(waits) => {
                    waits.steps.insert(*node);
                }
                None => waiting.push(Waiting {
                    why,
                    steps: BTreeSet::from([*node]),
                }),
            }
        }
        waiting
    }

    /// Takes the runs whose steps wait for something else than before.
    pub fn take_changed(&mut self) -> BTreeSet<RunId> {
        std::mem::take(&mut self.changed)
    }

    fn shared(&mut self, demand: Demand) -> Arc<Demand> {
        if let Some(known) = self.demands.get(&demand) {
            return Arc::clone(known);
        }
        let demand = Arc::new(demand);
        self.demands.insert(Arc::clone(&demand));
        demand
    }
}

impl Taken {
    fn take(&mut self, demand: &Demand, gpus: &[u32]) {
        if let Some(pool) = &demand.pool {
            *self.pools.entry(pool.clone()).or_default() += 1;
        }
        self.alone.extend(demand.alone.clone());
        self.cpu_milli += demand.cpu_milli;
        self.memory_bytes += demand.memory_bytes;
        self.gpus.extend(gpus);
    }

    fn give_back(&mut self, held: &Held) {
        let demand = &held.demand;
        if let Some(count) = demand
            .pool
            .as_ref()
            .and_then(|pool| self.pools.get_mut(pool))
        {
            *count = count.saturating_sub(1);
        }
        if let Some(alone) = &demand.alone {
            self.alone.remove(alone);
        }
        self.cpu_milli = self.cpu_milli.saturating_sub(demand.cpu_milli);
        self.memory_bytes = self.memory_bytes.saturating_sub(demand.memory_bytes);
        self.gpus.retain(|gpu| !held.gpus.contains(gpu));
    }

    /// The first thing that keeps a demand from being met now.
    fn lacks(&self, demand: &Demand, capacity: &Capacity, wanted: &BTreeSet<Lack>) -> Option<Lack> {
        let mut things = demand.things();
        things.find(|thing| wanted.contains(thing) || !self.has(thing, demand, capacity))
    }

    /// Whether enough of a thing is free.
    fn has(&self, thing: &Lack, demand: &Demand, capacity: &Capacity) -> bool {
        match thing {
            Lack::Pool(pool) => {
                let taken = self.pools.get(pool).copied().unwrap_or_default();
                taken < capacity.pool(pool)
            }
            Lack::Alone(alone) => !self.alone.contains(alone),
            Lack::Cpu => self.cpu_milli + demand.cpu_milli <= capacity.cpu_milli,
            Lack::Memory => {
                let all = self.memory_bytes.saturating_add(demand.memory_bytes);
                all <= capacity.memory_bytes
            }
            Lack::Gpu => {
                let free = (capacity.gpus as usize).saturating_sub(self.gpus.len());
                demand.gpus as usize <= free
            }
        }
    }

    /// The free GPUs with the least numbers.
    fn free_gpus(&self, demand: &Demand, capacity: &Capacity) -> Vec<u32> {
        let free = (0..capacity.gpus).filter(|gpu| !self.gpus.contains(gpu));
        free.take(demand.gpus as usize).collect()
    }
}
