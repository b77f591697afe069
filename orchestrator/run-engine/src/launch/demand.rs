//! What a step asks for beside a slot, and what there is of it.

use std::collections::BTreeMap;

use pipeline_plan::Node;

use crate::failure_code::FailureCode;
use crate::reason::{Failure, Reason, ReasonCode};

/// What a step holds while it runs, beside a slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Demand {
    /// A place in this pool.
    pub pool: Option<String>,
    /// This, which one step at a time may have: a checkpoint.
    pub alone: Option<String>,
    /// Thousandths of a processor.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// GPUs.
    pub gpus: u32,
}

/// What there is for all steps together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// Attempts at once.
    pub slots: usize,
    /// Places by pool; a pool that is not named here has one.
    pub pools: BTreeMap<String, usize>,
    /// Thousandths of processors.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// GPUs.
    pub gpus: u32,
}

/// What there is too little of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// Places in this pool.
    Pool(String),
    /// What only one step at a time may have.
    Alone(String),
    /// Processors.
    Cpu,
    /// Memory.
    Memory,
    /// GPUs.
    Gpu,
}

impl Demand {
    /// What the plan says of a step.
    pub fn of(node: &Node) -> Self {
        let resources = &node.resources;
        Self {
            pool: node.pool.clone(),
            alone: None,
            cpu_milli: resources.cpu_milli.unwrap_or_default(),
            memory_bytes: resources.memory_bytes.unwrap_or_default(),
            gpus: resources.gpu.unwrap_or_default(),
        }
    }

    /// The things that it asks for.
    pub(super) fn things(&self) -> impl Iterator<Item = Lack> + use<> {
        let things = [
            self.pool.clone().map(Lack::Pool),
            self.alone.clone().map(Lack::Alone),
            (self.cpu_milli > 0).then_some(Lack::Cpu),
            (self.memory_bytes > 0).then_some(Lack::Memory),
            (self.gpus > 0).then_some(Lack::Gpu),
        ];
        things.into_iter().flatten()
    }
}

impl Capacity {
    /// So many slots, and as much of everything else as anyone asks for.
    pub fn of_slots(slots: usize) -> Self {
        Self {
            slots,
            pools: BTreeMap::new(),
            cpu_milli: u64::MAX / 2,
            memory_bytes: u64::MAX,
            gpus: 0,
        }
    }

    /// How many places a pool has.
    pub fn pool(&self, name: &str) -> usize {
        self.pools.get(name).copied().unwrap_or(1)
    }

    /// Why a demand can never be met here, if it cannot.
    pub fn never_meets(&self, demand: &Demand) -> Option<Failure> {
        let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1_u64 << 30) as f64);
        let (key, asked, there) = if demand.cpu_milli > self.cpu_milli {
            let cpus = |milli: u64| format!("{} processors", milli as f64 / 1_000.0);
            ("cpu", cpus(demand.cpu_milli), cpus(self.cpu_milli))
        } else if demand.memory_bytes > self.memory_bytes {
            let memory = |bytes| format!("{} of memory", gib(bytes));
            (
                "memory",
                memory(demand.memory_bytes),
                memory(self.memory_bytes),
            )
        } else if demand.gpus > self.gpus {
            let gpus = |count: u32| match count {
                0 => "no GPU".to_owned(),
                1 => "1 GPU".to_owned(),
                count => format!("{count} GPUs"),
            };
            ("gpu", gpus(demand.gpus), gpus(self.gpus))
        } else {
            return None;
        };
        let message = format!("it asks for {asked}, and this machine has {there}");
        let hint = format!("lower `resources.{key}`, or run it on a machine that has as much");
        Some(Failure::new(FailureCode::Resources, message).hint(hint))
    }
}

impl Lack {
    /// Why a step waits.
    pub(super) fn reason(&self, demand: &Demand, capacity: &Capacity) -> Reason {
        match self {
            Self::Pool(name) => {
                let text = match capacity.pool(name) {
                    1 => format!("it waits for pool `{name}`, which lets one step run at a time"),
                    size => format!("it waits for a place in pool `{name}`, which has {size}"),
                };
                Reason::new(ReasonCode::Pool, text, name)
            }
            Self::Alone(_) => {
                let text = "another run of the same step uses its checkpoint";
                Reason::new(ReasonCode::Slots, text, "checkpoint")
            }
            Self::Cpu => {
                let cpus = demand.cpu_milli as f64 / 1_000.0;
                let text = format!("it waits for {cpus} free processors");
                Reason::new(ReasonCode::Slots, text, "cpu")
            }
            Self::Memory => {
                let mib = demand.memory_bytes >> 20;
                let text = format!("it waits until {mib} MiB of memory are free");
                Reason::new(ReasonCode::Slots, text, "memory")
            }
            Self::Gpu => {
                let text = format!("it waits for {} free GPUs", demand.gpus);
                Reason::new(ReasonCode::Slots, text, "gpu")
            }
        }
    }
}
