//! Durations: what is one, and how long.

use pipeline_spec::duration::parse;

#[test]
fn durations_have_these_lengths() {
    for (text, ms) in [
        ("0s", 0),
        ("250ms", 250),
        ("90s", 90_000),
        ("1.5h", 5_400_000),
        ("1h30m", 5_400_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("2w", 1_209_600_000),
        ("PT5M", 300_000),
        ("PT0.5S", 500),
        ("P1D", 86_400_000),
        ("P1DT12H", 129_600_000),
        ("p1w", 604_800_000),
    ] {
        assert_eq!(parse(text), Ok(ms), "{text}");
    }
}

#[test]
fn what_is_none_is_told_so() {
    for text in [
        "", "90", "s", "5 m", "-5s", "1m1h", "1s1s", "1.s", ".5s", "1..5s", "1mo", "1y", "P", "PT",
        "P1M", "P1Y", "PT1D", "P1H", "P1DT", "1h30", "1S", "inf", "1e3s",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn none_is_longer_than_ten_years() {
    assert!(parse("3660d").is_ok());
    for text in ["3661d", &format!("{}s", "9".repeat(400))] {
        assert!(parse(text).is_err(), "{text}");
    }
}
