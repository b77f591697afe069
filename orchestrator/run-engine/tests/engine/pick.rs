//! Which of the prepared steps start.

use pipeline_plan::NodeId;
use run_engine::ids::RunId;
use run_engine::launch::{LaunchQueue, RunLoad};
use uuid::Uuid;

use crate::notation::parts;

fn run(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

/// Runs in words: `1: 0 3 4 (1 of 2)` is a run with three steps queued, one attempt of which lives,
/// of two that may.
struct Runs(Vec<(RunId, Vec<u32>, RunLoad)>);

impl Runs {
    fn new(text: &str) -> Self {
        let runs = parts(text).map(|part| {
            let (number, rest) = part.split_once(':').unwrap();
            let (nodes, load) = rest.split_once('(').unwrap();
            let (running, slots) = load.trim_end_matches(')').split_once(" of ").unwrap();
            let nodes = nodes.split_whitespace().map(|node| node.parse().unwrap());
            let load = RunLoad {
                running: running.parse().unwrap(),
                slots: slots.parse().unwrap(),
            };
            (run(number.parse().unwrap()), nodes.collect(), load)
        });
        Self(runs.collect())
    }

    fn queue(&self, slots: usize) -> LaunchQueue {
        let mut queue = LaunchQueue::new(slots);
        // The order in which they come makes no difference.
        for (run, nodes, _) in self.0.iter().rev() {
            for node in nodes.iter().rev() {
                queue.offer(*run, NodeId(*node));
            }
        }
        queue
    }

    fn load(&self, id: RunId) -> RunLoad {
        self.0.iter().find(|(run, ..)| *run == id).unwrap().2
    }

    fn running(&self) -> usize {
        self.0.iter().map(|(.., load)| load.running).sum()
    }
}

/// Of these runs, with so many slots over all of them, these start: `1.0 1.3`.
#[track_caller]
fn check(slots: usize, text: &str, expected: &str) {
    let runs = Runs::new(text);
    let mut queue = runs.queue(slots);
    let picked = queue.pick(|run| runs.load(run), runs.running());
    let shown: Vec<String> = picked
        .iter()
        .map(|(run, node)| format!("{}.{}", run.0.as_u128(), node.0))
        .collect();
    assert_eq!(shown.join(" "), expected, "{text}");
    // What was taken is not there any more, and nothing else is gone.
    for (run, nodes, _) in &runs.0 {
        for node in nodes {
            let taken = picked.contains(&(*run, NodeId(*node)));
            assert_eq!(queue.holds(*run, NodeId(*node)), !taken, "{text}");
        }
    }
}

#[test]
fn older_runs_come_first_and_earlier_steps_within_them() {
    check(9, "1: 4 0 3 (0 of 9), 2: 1 (0 of 9)", "1.0 1.3 1.4 2.1");
    check(2, "1: 4 0 3 (0 of 9), 2: 1 (0 of 9)", "1.0 1.3");
}

#[test]
fn a_run_takes_no_more_than_it_may_and_leaves_the_rest_to_others() {
    check(9, "1: 0 1 2 (0 of 2), 2: 0 1 (0 of 9)", "1.0 1.1 2.0 2.1");
    check(9, "1: 0 1 2 (2 of 2), 2: 0 (0 of 9)", "2.0");
    // More live than may: a daemon with fewer slots took up what another one had started.
    check(9, "1: 0 (3 of 2), 2: 0 (0 of 9)", "2.0");
}

#[test]
fn all_runs_take_no_more_than_there_is() {
    check(0, "1: 0 (0 of 9)", "");
    check(3, "1: 0 1 (2 of 9), 2: 0 (1 of 9)", "");
    check(4, "1: 0 1 (2 of 9), 2: 0 (1 of 9)", "1.0");
    check(1, "1: 0 (3 of 9)", "");
}

#[test]
fn nothing_queued_is_nothing_picked() {
    check(9, "", "");
    check(9, "1: (0 of 9)", "");
}

#[test]
fn a_run_that_is_forgotten_starts_nothing() {
    let mut queue = LaunchQueue::new(9);
    queue.offer(run(1), NodeId(0));
    queue.offer(run(2), NodeId(0));
    queue.forget(run(1));
    let load = |_| RunLoad {
        running: 0,
        slots: 9,
    };
    assert_eq!(queue.pick(load, 0), [(run(2), NodeId(0))]);
}

#[test]
fn a_step_that_is_offered_twice_starts_once() {
    let mut queue = LaunchQueue::new(9);
    queue.offer(run(1), NodeId(0));
    queue.offer(run(1), NodeId(0));
    let load = |_| RunLoad {
        running: 0,
        slots: 9,
    };
    assert_eq!(queue.pick(load, 0).len(), 1);
    assert_eq!(queue.pick(load, 1), []);
}
