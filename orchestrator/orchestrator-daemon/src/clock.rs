//! The machine's clock behind the seam.
//!
//! It does not know what time is used for. Tests use a clock of their own.

use chrono::{DateTime, SubsecRound, Utc};
use run_engine::seams::Clock;
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

    /// Ascending within this process, also within one millisecond: the generator counts.
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
