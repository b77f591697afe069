//! The loop's limits, each with its reason.

use std::time::Duration;

/// Events in one turn. Every reader of the store waits while a batch applies (measured: 134 ms for
/// 10,000 rows), so a turn ends here and the next one goes on at once.
pub const TURN_EVENTS_MAX: usize = 4_096;

/// Inputs in one turn. Each gives at most two events by itself, which leaves half of a turn for
/// what follows from them.
pub const TURN_INPUTS_MAX: usize = 1_024;

/// Inputs that wait for the loop; who sends more waits. Two turns' worth keeps the loop busy
/// while it commits.
pub const QUEUED_INPUTS_MAX: usize = 2 * TURN_INPUTS_MAX;

/// Longest sleep before timers are looked at again. The clock of a sleep stands still while the
/// machine sleeps, that of the timers goes on: a timer strikes at most so much later.
pub const SLEEP_MAX: Duration = Duration::from_secs(30);

/// Unfinished runs in one state folder. Each is held in memory and replayed at every start.
pub const UNFINISHED_RUNS_MAX: usize = 1_000;

/// Tasks of one run: steps, and items of steps. Each takes some 200 bytes in memory for as long as the run
/// is unfinished, and a line of its status document.
pub const TASKS_MAX: usize = 200_000;

/// Steps of the largest run that debug builds look at as a whole in each of its turns. A run has about
/// as many turns as steps, so this many take a million looks at a step: a second in all.
pub const CHECKED_STEPS_MAX: usize = 1_000;
