//! The machine's clock, as far as it promises more than the time.

use orchestrator_daemon::clock::SystemClock;
use run_engine::ids::ExecutionId;
use run_engine::seams::Clock;

#[test]
fn executions_that_begin_at_once_are_told_apart_and_ascend() {
    let clock = SystemClock;
    let ids: Vec<ExecutionId> = (0..10_000)
        .map(|_| ExecutionId::new(clock.new_id()))
        .collect();
    assert!(ids.is_sorted_by(|before, after| before < after));
}

#[test]
fn times_are_in_whole_microseconds() {
    assert_eq!(SystemClock.now().timestamp_subsec_nanos() % 1_000, 0);
}
