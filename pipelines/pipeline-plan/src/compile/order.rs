//! The order of steps: each after all that it needs, by id among those that could be next.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

/// Steps that wait for each other in a circle: each needs the next, the last the first.
pub(super) type Cycle = Vec<usize>;

/// The steps in order, or one cycle of each knot of steps that wait for each other.
pub(super) fn order(needs: &[&BTreeSet<usize>]) -> Result<Vec<usize>, Vec<Cycle>> {
    let mut missing: Vec<usize> = needs.iter().map(|n| n.len()).collect();
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (step, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|&need| waiting[need].push(step));
    }
    let free = (0..needs.len()).filter(|&step| missing[step] == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = free.map(Reverse).collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(step)) = ready.pop() {
        order.push(step);
        for &next in &waiting[step] {
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    if order.len() == needs.len() {
        return Ok(order);
    }
    Err(cycles(needs, &missing))
}

/// A shortest cycle of each strongly connected component, by its least step.
fn cycles(needs: &[&BTreeSet<usize>], missing: &[usize]) -> Vec<Cycle> {
    let mut graph = DiGraph::<usize, ()>::new();
    let nodes: Vec<_> = (0..needs.len()).map(|step| graph.add_node(step)).collect();
    for (step, needs) in needs.iter().enumerate() {
        if missing[step] > 0 {
            for &need in *needs {
                graph.add_edge(nodes[step], nodes[need], ());
            }
        }
    }
    // Not `tarjan_scc`: it recurses, and a circle may be as long as the file.
    let knots = kosaraju_scc(&graph).into_iter();
    let mut cycles: Vec<Cycle> = knots
        .map(|knot| knot.into_iter().map(|node| graph[node]).collect())
        .filter_map(|knot: BTreeSet<usize>| shortest(needs, &knot))
        .collect();
    cycles.sort_unstable();
    cycles
}

/// The shortest way from the least step of a knot back to it.
fn shortest(needs: &[&BTreeSet<usize>], knot: &BTreeSet<usize>) -> Option<Cycle> {
    let start = *knot.first()?;
    if needs[start].contains(&start) {
        return Some(vec![start]);
    }
    let mut came_from = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(step) = queue.pop_front() {
        for &need in needs[step].intersection(knot) {
            if need == start {
                let mut cycle = vec![step];
                let mut at = step;
                while let Some(&before) = came_from.get(&at) {
                    cycle.push(before);
                    at = before;
                }
                cycle.reverse();
                return Some(cycle);
            }
            if let Entry::Vacant(entry) = came_from.entry(need) {
                entry.insert(step);
                queue.push_back(need);
            }
        }
    }
    None
}
