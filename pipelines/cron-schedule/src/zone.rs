//! Time zones by their names.

use chrono_tz::{TZ_VARIANTS, Tz};

/// There is no time zone of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{name}`")]
pub struct UnknownZone {
    /// The name that was given.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

/// The time zone of a name of the IANA database, as `America/Chicago`, or `UTC`.
///
/// ```
/// let error = cron_schedule::zone("America/Chicargo").unwrap_err();
/// assert_eq!(error.nearest, Some("America/Chicago"));
/// ```
pub fn zone(name: &str) -> Result<Tz, UnknownZone> {
    name.parse().map_err(|_| UnknownZone {
        name: name.to_owned(),
        nearest: nearest(name),
    })
}

/// One of three letters may be wrong, and `Chicago` is enough for `America/Chicago`.
fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.to_ascii_lowercase().replace(' ', "_");
    let distance = |known: &str| {
        let known = known.to_ascii_lowercase();
        let city = known.rsplit('/').next().unwrap_or_default();
        strsim::osa_distance(&wanted, &known).min(strsim::osa_distance(&wanted, city))
    };
    let known = TZ_VARIANTS.iter().map(|zone| zone.name());
    let (distance, found) = known.map(|known| (distance(known), known)).min()?;
    (distance <= wanted.chars().count() / 3).then_some(found)
}
