//! The machine's clock behind the seam.
//!
//! It does not know what time is used for. Tests use a clock of their own.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use run_engine::seams::Clock;
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

/// Digits of a second that are kept: what is stored and told is in microseconds.
const SECOND_DIGITS: u16 = 6;

/// The time of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(SECOND_DIGITS)
    }

    fn elapsed(&self) -> Duration {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
        seconds + Duration::from_nanos(time.tv_nsec.unsigned_abs())
    }

    /// Ascending within this process, also within one millisecond: the generator counts.
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
