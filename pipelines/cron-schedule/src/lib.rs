//! When a cron expression fires: crontab(5)'s five fields, in a time zone.
//!
//! Pure: the instant to look from is an argument. It knows neither pipelines nor triggers.
//!
//! # Time that jumps
//!
//! An expression that fires in every hour follows the clock: it fires at each instant whose local
//! time it names, in a repeated hour as well, and passes over hours that do not exist. Any other names
//! times of a day, each of which fires once: at the first of two instants that have the same local
//! time, and, where a local time does not exist, at the next instant that does.
//!
//! ```
//! use cron_schedule::{Schedule, zone};
//! let schedule: Schedule = "30 2 * * *".parse().unwrap();
//! let chicago = zone("America/Chicago").unwrap();
//! // In the night of 2026-03-08 clocks go from 02:00 to 03:00.
//! let after = "2026-03-08T00:00:00Z".parse().unwrap();
//! let fires = schedule.next_after(after, chicago).unwrap();
//! assert_eq!(fires.to_rfc3339(), "2026-03-08T08:00:00+00:00");
//! ```
#![deny(clippy::disallowed_methods)]

mod fields;
pub mod limits;
mod next;
mod zone;

pub use chrono_tz::Tz;
pub use fields::{CronError, Schedule};
pub use zone::{UnknownZone, zone};
