//! In which order steps are drawn, and which edges a picture needs.

use crate::limits::GRAPH_REDUCED_STEPS_MAX;

/// The edges that are not implied by others: what is left when `a -> c` goes where `a -> b -> c` is.
/// A picture of more steps than anyone reads keeps them all.
pub(super) fn reduced(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    if needs.len() > GRAPH_REDUCED_STEPS_MAX {
        return needs.to_vec();
    }
    let words = needs.len().div_ceil(64);
    // A bit for every step that comes before.
    let mut before: Vec<Vec<u64>> = Vec::with_capacity(needs.len());
    let has = |set: &[u64], step: usize| set[step / 64] & (1 << (step % 64)) != 0;
    for direct in needs {
        let mut set = vec![0; words];
        for need in direct {
            set[need / 64] |= 1 << (need % 64);
            for (word, more) in set.iter_mut().zip(&before[*need]) {
                *word |= more;
            }
        }
        before.push(set);
    }
    let kept = needs.iter().map(|direct| {
        let implied = |need: &usize| direct.iter().any(|other| has(&before[*other], *need));
        direct
            .iter()
            .copied()
            .filter(|need| !implied(need))
            .collect()
    });
    kept.collect()
}

/// An order in which what belongs together stands together: of the steps whose needs are drawn,
/// the one that ends most edges, then the one that goes on from what was drawn last.
pub(super) fn drawing_order(needs: &[Vec<usize>]) -> Vec<usize> {
    if needs.len() > GRAPH_REDUCED_STEPS_MAX {
        return (0..needs.len()).collect();
    }
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut waiting = vec![0_usize; needs.len()];
    for need in needs.iter().flatten() {
        waiting[*need] += 1;
    }
    let mut drawn_at = vec![0; needs.len()];
    let mut ready: Vec<usize> = (0..needs.len()).filter(|step| open[*step] == 0).collect();
    let mut order = Vec::with_capacity(needs.len());
    while !ready.is_empty() {
        let rank = |step: usize| {
            let ends = needs[step]
                .iter()
                .filter(|need| waiting[**need] == 1)
                .count();
            let last = needs[step].iter().map(|need| drawn_at[*need]).max();
            (ends, last, std::cmp::Reverse(step))
        };
        let best = (0..ready.len()).max_by_key(|place| rank(ready[*place]));
        let step = ready.swap_remove(best.unwrap_or_default());
        order.push(step);
        drawn_at[step] = order.len();
        for need in &needs[step] {
            waiting[*need] -= 1;
        }
        for (next, direct) in needs.iter().enumerate() {
            if direct.contains(&step) {
                open[next] -= 1;
                if open[next] == 0 {
                    ready.push(next);
                }
            }
        }
    }
    order
}
