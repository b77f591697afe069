//! Edges of inputs that are looked up in the metadata store: `{ latest: train.model }`.
//!
//! Such a step waits for the one that it names, so that it finds what this run gave; unless that one
//! comes after it, as where a trainer begins with the model of the run before. How it ends does not
//! matter: where it gave nothing, what an earlier run gave is found.

use pipeline_spec::{At, Code, Collector, Diagnostic};

use super::Draft;
use super::steps::Steps;
use crate::limits::AWAITED_VISITS_MAX;
use crate::plan::NodeId;

/// Adds the edges, to `needs` and to what the node awaits.
pub(super) fn add(steps: &Steps<'_>, drafts: &mut [Draft], collector: &mut Collector) {
    let mut search = Search {
        seen: vec![usize::MAX; drafts.len()],
        visits: 0,
    };
    let mut edges = Vec::new();
    for step in 0..drafts.len() {
        for &named in &drafts[step].looked_up {
            if drafts[step].needs.contains(&named) {
                continue;
            }
            let is_later = steps.get(named).step.finally && !steps.get(step).step.finally;
            if !is_later && !search.reaches(drafts, named, step) {
                edges.push((step, named));
            }
        }
        if search.visits > AWAITED_VISITS_MAX {
            too_many(steps, step, collector);
            return;
        }
    }
    for (step, named) in edges {
        drafts[step].needs.insert(named);
        if let Some(node) = &mut drafts[step].node {
            node.awaits.push(NodeId(named as u32));
        }
    }
}

fn too_many(steps: &Steps<'_>, step: usize, collector: &mut Collector) {
    let entry = steps.get(step);
    let at_steps = At::ROOT.key(entry.step.section());
    let at = at_steps.key(entry.id);
    let message = "too many steps look up what other steps gave".to_owned();
    let pointer = at.key("inputs").pointer();
    let found = Diagnostic::error(Code::InvalidInput, pointer, message);
    collector.push(
        found
            .at_key()
            .hint("take it once, and hand it on as `step.port`"),
    );
}

/// Searches along what steps need.
struct Search {
    /// By step, the last start from which it was seen.
    seen: Vec<usize>,
    visits: usize,
}

impl Search {
    /// Whether a step is another one or needs it, through others too.
    fn reaches(&mut self, drafts: &[Draft], from: usize, to: usize) -> bool {
        let mark = self.visits;
        let mut open = vec![from];
        while let Some(step) = open.pop() {
            if step == to {
                return true;
            }
            if self.seen[step] == mark {
                continue;
            }
            self.seen[step] = mark;
            self.visits += 1;
            open.extend(&drafts[step].needs);
        }
        // The next search has another mark, though nothing may have been visited.
        self.visits += 1;
        false
    }
}
