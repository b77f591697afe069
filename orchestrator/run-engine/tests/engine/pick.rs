//! Which of the prepared steps start.

use pipeline_plan::NodeId;
use run_engine::ids::RunId;
use run_engine::launch::{Capacity, Demand, LaunchQueue, Picked, RunLoad};
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
        let mut queue = LaunchQueue::new(Capacity::of_slots(slots));
        // The order in which they come makes no difference.
        for (run, nodes, _) in self.0.iter().rev() {
            for node in nodes.iter().rev() {
                queue.offer(*run, NodeId(*node), Demand::default());
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

fn shown_step(picked: &Picked) -> String {
    format!("{}.{}", picked.run.0.as_u128(), picked.node.0)
}

/// Of these runs, with so many slots over all of them, these start: `1.0 1.3`.
#[track_caller]
fn check(slots: usize, text: &str, expected: &str) {
    let runs = Runs::new(text);
    let mut queue = runs.queue(slots);
    let picked = queue.pick(|run| runs.load(run), runs.running());
    let shown: Vec<String> = picked.iter().map(shown_step).collect();
    assert_eq!(shown.join(" "), expected, "{text}");
    // What was taken is not there any more, and nothing else is gone.
    for (run, nodes, _) in &runs.0 {
        for node in nodes {
            let is_it = |picked: &Picked| picked.run == *run && picked.node == NodeId(*node);
            let taken = picked.iter().any(is_it);
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

const ALL: RunLoad = RunLoad {
    running: 0,
    slots: 9,
};

#[test]
fn a_run_that_is_forgotten_starts_nothing() {
    let mut queue = LaunchQueue::new(Capacity::of_slots(9));
    queue.offer(run(1), NodeId(0), Demand::default());
    queue.offer(run(2), NodeId(0), Demand::default());
    queue.forget(run(1));
    let picked = queue.pick(|_| ALL, 0);
    assert_eq!(picked.iter().map(shown_step).collect::<Vec<_>>(), ["2.0"]);
}

#[test]
fn a_step_that_is_offered_twice_starts_once() {
    let mut queue = LaunchQueue::new(Capacity::of_slots(9));
    queue.offer(run(1), NodeId(0), Demand::default());
    queue.offer(run(1), NodeId(0), Demand::default());
    assert_eq!(queue.pick(|_| ALL, 0).len(), 1);
    assert_eq!(queue.pick(|_| ALL, 1), []);
}

/// A demand in words: `pool gpus`, `2 cpus`, `300 bytes`, `1 gpu`, `alone x`.
fn demand(text: &str) -> Demand {
    let mut demand = Demand::default();
    for part in parts(text) {
        match part.split_once(' ').unwrap() {
            ("pool", name) => demand.pool = Some(name.to_owned()),
            ("alone", name) => demand.alone = Some(name.to_owned()),
            (number, "cpus") => demand.cpu_milli = number.parse::<u64>().unwrap() * 1_000,
            (number, "bytes") => demand.memory_bytes = number.parse().unwrap(),
            (number, "gpu") => demand.gpus = number.parse().unwrap(),
            other => panic!("{other:?}"),
        }
    }
    demand
}

/// A machine of 4 processors, 1,000 bytes and 2 GPUs, with two places in the pool `wide`.
fn machine() -> LaunchQueue {
    LaunchQueue::new(Capacity {
        slots: 9,
        pools: [("wide".to_owned(), 2)].into(),
        cpu_milli: 4_000,
        memory_bytes: 1_000,
        gpus: 2,
    })
}

/// Steps of one run with these demands, of which these start; then, when `ends` have ended, those.
#[track_caller]
fn check_demands(demands: &[&str], starts: &str, ends: &[u32], then: &str) {
    let mut queue = machine();
    for (node, text) in (0..).zip(demands) {
        queue.offer(run(1), NodeId(node), demand(text));
    }
    let show = |picked: Vec<Picked>| {
        let shown = picked.iter().map(|picked| match &picked.gpus[..] {
            [] => picked.node.0.to_string(),
            gpus => format!("{} on {gpus:?}", picked.node.0),
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(show(queue.pick(|_| ALL, 0)), starts, "{demands:?}");
    for node in ends {
        queue.release(run(1), NodeId(*node));
    }
    assert_eq!(show(queue.pick(|_| ALL, 0)), then, "{demands:?}, then");
}

#[test]
fn a_pool_lets_as_many_run_as_it_has_places() {
    check_demands(&["pool x", "pool x", "pool y", ""], "0, 2, 3", &[0], "1");
    let wide = ["pool wide", "pool wide", "pool wide"];
    check_demands(&wide, "0, 1", &[1], "2");
    check_demands(&wide, "0, 1", &[], "");
    check_demands(&["alone a", "alone a", "alone b"], "0, 2", &[0, 2], "1");
}

#[test]
fn what_steps_take_together_is_no_more_than_there_is() {
    check_demands(&["3 cpus", "2 cpus", ""], "0, 2", &[0], "1");
    check_demands(&["600 bytes", "400 bytes", "1 bytes"], "0, 1", &[1], "2");
    check_demands(
        &["1 gpu", "1 gpu", "1 gpu"],
        "0 on [0], 1 on [1]",
        &[0],
        "2 on [0]",
    );
}

#[test]
fn nothing_overtakes_what_waits_for_the_same() {
    // Step 2 would fit beside step 0, but step 1 came first; step 3 asks for something else.
    check_demands(
        &["2 cpus", "3 cpus", "1 cpus", "9 bytes"],
        "0, 3",
        &[0],
        "1, 2",
    );
    // What waits for two things keeps both from being taken.
    let both = ["4 cpus", "1 cpus, pool x", "pool x"];
    check_demands(&both, "0", &[0], "1");
}

#[test]
fn what_never_fits_is_told_and_what_waits_says_for_what() {
    let mut queue = machine();
    let never = queue.capacity().never_meets(&demand("3 gpu")).unwrap();
    assert_eq!(
        never.message,
        "it asks for 3 GPUs, and this machine has 2 GPUs"
    );
    assert!(
        queue
            .capacity()
            .never_meets(&demand("4 cpus, 1000 bytes"))
            .is_none()
    );
    queue.offer(run(1), NodeId(0), demand("pool x"));
    queue.offer(run(1), NodeId(1), demand("pool x"));
    queue.pick(|_| ALL, 0);
    assert_eq!(queue.take_changed().len(), 1);
    let waiting = queue.waiting(run(1));
    let why = "it waits for pool `x`, which lets one step run at a time";
    assert_eq!((waiting.len(), waiting[0].why.text.as_str()), (1, why));
    queue.pick(|_| ALL, 1);
    assert!(queue.take_changed().is_empty(), "nothing is new");
    queue.release(run(1), NodeId(0));
    queue.pick(|_| ALL, 0);
    assert_eq!(queue.waiting(run(1)), []);
    assert_eq!(queue.take_changed().len(), 1);
}

#[test]
fn what_an_earlier_daemon_started_is_held_though_it_is_too_much() {
    let mut queue = machine();
    queue.hold(run(1), NodeId(0), demand("9 cpus, 1 gpu"), vec![0]);
    queue.offer(run(2), NodeId(0), demand("1 cpus"));
    queue.offer(run(2), NodeId(1), demand("1 gpu"));
    let picked = queue.pick(|_| ALL, 1);
    assert_eq!((picked.len(), picked[0].gpus.as_slice()), (1, &[1][..]));
    queue.release(run(1), NodeId(0));
    let picked = queue.pick(|_| ALL, 1);
    assert_eq!(picked.iter().map(shown_step).collect::<Vec<_>>(), ["2.0"]);
}
