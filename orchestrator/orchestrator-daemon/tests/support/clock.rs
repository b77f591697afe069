//! A clock that goes only when it is told to, and ids that only count.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use run_engine::seams::Clock;
use uuid::Uuid;

/// Its clones show the same time and share one counter.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: DateTime<Utc>,
    elapsed: Duration,
    ids: u64,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            now: DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default(),
            elapsed: Duration::ZERO,
            ids: 0,
        })))
    }
}

impl ManualClock {
    /// Lets time pass, or sets the clock of the wall back: then no time passes.
    pub fn advance(&self, by: TimeDelta) {
        self.with(|state| {
            state.now += by;
            state.elapsed += by.to_std().unwrap_or_default();
        });
    }

    /// Sets the clock of the wall forward or back; no time passes.
    pub fn set_wall(&self, by: TimeDelta) {
        self.with(|state| state.now += by);
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.with(|state| state.now)
    }

    fn elapsed(&self) -> Duration {
        self.with(|state| state.elapsed)
    }

    /// In the form of a UUID v7: the time in front, then the counter, above the last 16 bits.
    fn new_id(&self) -> Uuid {
        self.with(|state| {
            state.ids += 1;
            let millis = state.now.timestamp_millis() as u128;
            let count = u128::from(state.ids);
            Uuid::from_u128(millis << 80 | 0x7 << 76 | 0x2 << 62 | count << 16)
        })
    }
}
