//! Which form of an answer a client likes best (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

/// The offer that fits best, the first of those that fit alike. A client that takes none of them is
/// given the first, as the RFC allows.
pub(super) fn best<'a>(headers: &HeaderMap, offers: &[&'a str]) -> &'a str {
    let values = headers.get_all(header::ACCEPT).iter();
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<Range> = texts
        .iter()
        .flat_map(|text| text.split(','))
        .filter_map(Range::parse)
        .collect();
    let mut best = (0, offers[0]);
    for offer in offers {
        let fitting = ranges.iter().filter(|range| range.holds(offer));
        // The most exact range says how much the offer is liked.
        let weight = fitting.max_by_key(|range| range.exactness());
        let weight = weight.map_or(0, |range| range.weight);
        if weight > best.0 {
            best = (weight, offer);
        }
    }
    best.1
}

/// `text/*;q=0.5`.
struct Range<'a> {
    kind: &'a str,
    subkind: &'a str,
    /// In thousandths.
    weight: u32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subkind) = parts.next()?.split_once('/')?;
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let weight = match weight {
            Some(weight) => weight.parse::<f32>().ok()?,
            None => 1.0,
        };
        Some(Self {
            kind,
            subkind,
            weight: (weight.clamp(0.0, 1.0) * 1000.0) as u32,
        })
    }

    fn holds(&self, offer: &str) -> bool {
        let (kind, subkind) = offer.split_once('/').unwrap_or((offer, ""));
        let is = |range: &str, part: &str| range == "*" || range.eq_ignore_ascii_case(part);
        is(self.kind, kind) && is(self.subkind, subkind)
    }

    fn exactness(&self) -> usize {
        usize::from(self.kind != "*") + usize::from(self.subkind != "*")
    }
}
