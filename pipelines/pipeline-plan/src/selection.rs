//! Which steps of a plan a run is made of: `--from`, `--until` and `--only`.
//!
//! It knows edges and nothing else. What stands in for a step that was left out is not known here.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::plan::{NodeId, Plan};

/// What was asked for, by the ids of steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selection<'a> {
    /// This step and everything downstream.
    pub from: Option<&'a str>,
    /// This step and everything upstream.
    pub until: Option<&'a str>,
    /// This step alone.
    pub only: Option<&'a str>,
}

/// Why nothing can be selected so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// There is no such step.
    #[error("there is no step `{0}`")]
    UnknownStep(String),
    /// One step alone, and more than that.
    #[error("`--only` takes one step by itself, without `--from` and `--until`")]
    OnlyAndMore,
    /// Nothing lies between the two.
    #[error("no step is both downstream of `{from}` and upstream of `{until}`")]
    Empty {
        /// Where it was to begin.
        from: String,
        /// Where it was to end.
        until: String,
    },
}

impl Selection<'_> {
    /// The selected steps; none if nothing is asked for, which are all. The steps of `finally:` follow
    /// every run, so they are always among them.
    pub fn of(&self, plan: &Plan) -> Result<Option<BTreeSet<NodeId>>, SelectionError> {
        let find = |id: Option<&str>| {
            id.map(|id| {
                let found = plan.find(id);
                found.ok_or_else(|| SelectionError::UnknownStep(id.to_owned()))
            })
            .transpose()
        };
        let (from, until, only) = (find(self.from)?, find(self.until)?, find(self.only)?);
        let mut selected = match (from, until, only) {
            (None, None, None) => return Ok(None),
            (None, None, Some(only)) => BTreeSet::from([only]),
            (_, _, Some(_)) => return Err(SelectionError::OnlyAndMore),
            (Some(from), None, None) => with_downstream(plan, from),
            (None, Some(until), None) => with_upstream(plan, until),
            (Some(from), Some(until), None) => {
                let (below, above) = (with_downstream(plan, from), with_upstream(plan, until));
                let between: BTreeSet<_> = below.intersection(&above).copied().collect();
                if between.is_empty() {
                    let id = |node| plan.node(node).id.clone();
                    let (from, until) = (id(from), id(until));
                    return Err(SelectionError::Empty { from, until });
                }
                between
            }
        };
        selected.extend(plan.node_ids().filter(|node| plan.node(*node).finally));
        Ok(Some(selected))
    }
}

/// A step and everything that depends on it.
pub fn with_downstream(plan: &Plan, first: NodeId) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::from([first]);
    // Every need stands before the step that has it.
    for node in plan.node_ids().skip(first.0 as usize + 1) {
        let mut needs = plan.node(node).needs.iter();
        if needs.any(|need| found.contains(need)) {
            found.insert(node);
        }
    }
    found
}

/// A step and everything that it depends on.
fn with_upstream(plan: &Plan, last: NodeId) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::from([last]);
    for node in (0..=last.0).rev().map(NodeId) {
        if found.contains(&node) {
            found.extend(&plan.node(node).needs);
        }
    }
    found
}
