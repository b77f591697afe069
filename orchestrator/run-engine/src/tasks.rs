//! The tasks of a run: its steps, and the items of steps that are done for each item of a list.
//!
//! A task is named by a number, as a step is. The numbers of steps are those of the plan; behind them
//! come the items, in the order in which their steps were expanded. It does not know where a task stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipeline_plan::NodeId;
use serde_json::Value;

/// What the numbers of a run's tasks stand for. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// How many steps the plan has.
    steps: u32,
    /// How many items there are.
    items: u32,
    expanded: Arc<Expansions>,
}

#[derive(Debug, Clone, Default)]
struct Expansions {
    by_step: BTreeMap<NodeId, Arc<Expansion>>,
    /// Those with items, by the number of their first.
    by_first: BTreeMap<u32, Arc<Expansion>>,
}

/// A step that was expanded.
#[derive(Debug, Clone, PartialEq)]
pub struct Expansion {
    /// The step.
    pub step: NodeId,
    /// Number of its first item, among all tasks.
    pub first: u32,
    /// The items.
    pub items: Arc<Vec<Value>>,
}

/// One item of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its number among the step's items, from 0.
    pub index: u32,
    /// What it is.
    pub value: Value,
}

impl Tasks {
    /// The steps of a plan; none is expanded.
    pub fn new(steps: usize) -> Self {
        Self {
            steps: steps as u32,
            items: 0,
            expanded: Arc::default(),
        }
    }

    /// A step is expanded. Gives the number of its first item.
    pub fn expand(&mut self, step: NodeId, items: &Arc<Vec<Value>>) -> u32 {
        let first = self.steps + self.items;
        let expansion = Arc::new(Expansion {
            step,
            first,
            items: Arc::clone(items),
        });
        self.items += items.len() as u32;
        let expanded = Arc::make_mut(&mut self.expanded);
        if !items.is_empty() {
            expanded.by_first.insert(first, Arc::clone(&expansion));
        }
        expanded.by_step.insert(step, expansion);
        first
    }

    /// How a step was expanded, if it was.
    pub fn of_step(&self, step: NodeId) -> Option<&Arc<Expansion>> {
        self.expanded.by_step.get(&step)
    }

    /// The step that a task belongs to: of an item that which was expanded, of a step itself.
    pub fn step(&self, task: NodeId) -> NodeId {
        self.expansion(task)
            .map_or(task, |expansion| expansion.step)
    }

    /// The item that a task is, if it is one.
    pub fn item(&self, task: NodeId) -> Option<Item> {
        let expansion = self.expansion(task)?;
        let index = task.0 - expansion.first;
        let value = expansion.items.get(index as usize)?.clone();
        Some(Item { index, value })
    }

    /// The number of the item that a task is, from 0.
    pub fn item_index(&self, task: NodeId) -> Option<u32> {
        Some(task.0 - self.expansion(task)?.first)
    }

    /// Those tasks that are told of, each item in the place of its step. A step without items stands
    /// for itself.
    pub fn shown(&self) -> Vec<NodeId> {
        let mut shown = Vec::with_capacity((self.steps + self.items) as usize);
        for step in (0..self.steps).map(NodeId) {
            match self.of_step(step) {
                Some(expansion) if !expansion.items.is_empty() => shown.extend(expansion.tasks()),
                _ => shown.push(step),
            }
        }
        shown
    }

    /// How many steps were expanded to at least one item.
    pub fn replaced_count(&self) -> usize {
        self.expanded.by_first.len()
    }

    fn expansion(&self, task: NodeId) -> Option<&Arc<Expansion>> {
        let (_, expansion) = self.expanded.by_first.range(..=task.0).next_back()?;
        let index = task.0 - expansion.first;
        ((index as usize) < expansion.items.len()).then_some(expansion)
    }
}

impl Expansion {
    /// Its items as tasks.
    pub fn tasks(&self) -> impl Iterator<Item = NodeId> + use<> {
        let behind = self.first + self.items.len() as u32;
        (self.first..behind).map(NodeId)
    }
}
