//! Every bound, with its reason.

/// Longest expression, in bytes: every minute of an hour, written out, takes 170.
pub const EXPRESSION_BYTES_MAX: usize = 1_024;

/// Most days that are looked through for the next time. A 29th of February on one day of the week comes
/// again after 40 years at the latest, where a year like 2100 lies between.
pub const SEARCH_DAYS_MAX: u32 = 41 * 366;

/// Most minutes that clocks ever jump over: whole days have been left out where the date line moved.
pub const GAP_MINUTES_MAX: u32 = 2 * 24 * 60;
