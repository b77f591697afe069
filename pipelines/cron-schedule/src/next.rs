//! The next instant at which a schedule fires.

use chrono::{
    DateTime, Datelike as _, Days, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _,
    Utc,
};
use chrono_tz::Tz;

use crate::fields::{Schedule, has};
use crate::limits::{GAP_MINUTES_MAX, SEARCH_DAYS_MAX};

impl Schedule {
    /// The first instant after this one at which it fires. `None` past the end of the calendar.
    pub fn next_after(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        // Time that does not exist on one day may fire on the next.
        let mut day = after.with_timezone(&zone).date_naive().pred_opt()?;
        for _ in 0..SEARCH_DAYS_MAX {
            let next = day.checked_add_days(Days::new(1))?;
            if let Some(found) = self.first_of_day(day, after, zone) {
                // Clocks that go back over midnight put some of the next day before.
                let rival = self.first_of_day(next, after, zone);
                return Some(rival.map_or(found, |rival| rival.min(found)));
            }
            day = next;
        }
        None
    }

    /// The first instant after `after` that is due to a local time of this day.
    fn first_of_day(
        &self,
        day: NaiveDate,
        after: DateTime<Utc>,
        zone: Tz,
    ) -> Option<DateTime<Utc>> {
        if !self.has_day(day.month(), day.day(), day.weekday().num_days_from_sunday()) {
            return None;
        }
        let hours = (0..24).filter(|hour| has(self.hours, *hour));
        let times = hours.flat_map(|hour| {
            let minutes = (0..60).filter(|minute| has(self.minutes, *minute));
            minutes.filter_map(move |minute| day.and_hms_opt(hour, minute, 0))
        });
        let instants = times.flat_map(|local| self.instants(local, zone));
        instants.flatten().filter(|instant| *instant > after).min()
    }

    /// When a local time makes it fire.
    fn instants(&self, local: NaiveDateTime, zone: Tz) -> [Option<DateTime<Utc>>; 2] {
        let utc = |instant: DateTime<Tz>| Some(instant.with_timezone(&Utc));
        match zone.from_local_datetime(&local) {
            LocalResult::Single(instant) => [utc(instant), None],
            LocalResult::Ambiguous(first, second) if self.is_hourly() => [utc(first), utc(second)],
            LocalResult::Ambiguous(first, _) => [utc(first), None],
            LocalResult::None if self.is_hourly() => [None, None],
            LocalResult::None => [end_of_gap(local, zone), None],
        }
    }
}

/// The first instant after a local time that does not exist.
fn end_of_gap(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let later = (1..=GAP_MINUTES_MAX).map(|minutes| local + TimeDelta::minutes(minutes.into()));
    let mut existing = later.filter_map(|later| zone.from_local_datetime(&later).earliest());
    existing.next().map(|instant| instant.with_timezone(&Utc))
}
