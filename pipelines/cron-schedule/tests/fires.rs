//! Known fire times, worked out by hand from calendars and from each zone's published rules.
#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]

use chrono::{DateTime, SecondsFormat, Utc};
use cron_schedule::{Schedule, zone};

/// When it fires after a time; all times in UTC, to the minute.
fn check(expression: &str, zone_name: &str, after: &str, expected: &[&str]) {
    let schedule: Schedule = expression.parse().expect("it is valid");
    let zone = zone(zone_name).expect("there is this zone");
    let full = |time: &str| format!("{time}:00Z");
    let after: DateTime<Utc> = full(after).parse().expect("it is a time");
    let first = schedule.next_after(after, zone);
    let fires = std::iter::successors(first, |last| schedule.next_after(*last, zone));
    let fires = fires.take(expected.len());
    let fires: Vec<String> = fires
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
        .collect();
    let expected: Vec<String> = expected.iter().map(|time| full(time)).collect();
    assert_eq!(fires, expected, "{expression} in {zone_name} after {after}");
}

fn check_utc(expression: &str, after: &str, expected: &[&str]) {
    check(expression, "UTC", after, expected);
}

#[test]
fn fields_names_steps_and_lists() {
    check_utc(
        "*/20 8-9 * * *",
        "2026-02-01T08:30",
        &[
            "2026-02-01T08:40",
            "2026-02-01T09:00",
            "2026-02-01T09:20",
            "2026-02-01T09:40",
            "2026-02-02T08:00",
        ],
    );
    check_utc(
        "5,35-40/5 0 1 Jan,jul *",
        "2026-01-01T00:05",
        &["2026-01-01T00:35", "2026-01-01T00:40", "2026-07-01T00:05"],
    );
    check_utc(
        "0 0 31 * *",
        "2026-01-31T00:00",
        &["2026-03-31T00:00", "2026-05-31T00:00"],
    );
    check_utc(
        "59 23 31 12 *",
        "2026-12-31T23:58",
        &["2026-12-31T23:59", "2027-12-31T23:59"],
    );
    check_utc(
        "0 0 29 2 *",
        "2026-01-01T00:00",
        &["2028-02-29T00:00", "2032-02-29T00:00"],
    );
    check_utc("0 0 29 2 *", "2096-03-01T00:00", &["2104-02-29T00:00"]);
}

#[test]
fn short_forms() {
    check_utc(
        "@hourly",
        "2026-02-01T08:30",
        &["2026-02-01T09:00", "2026-02-01T10:00"],
    );
    check_utc("@daily", "2026-02-01T08:30", &["2026-02-02T00:00"]);
    check_utc(
        "@weekly",
        "2026-02-02T08:30",
        &["2026-02-08T00:00", "2026-02-15T00:00"],
    );
    check_utc("@monthly", "2026-02-02T08:30", &["2026-03-01T00:00"]);
    check_utc("@yearly", "2026-02-02T08:30", &["2027-01-01T00:00"]);
}

/// 2026-02-01 is a Sunday.
#[test]
fn days_of_the_week() {
    for sunday in ["0", "7", "sun", "SUN", "7-7"] {
        check_utc(
            &format!("0 0 * * {sunday}"),
            "2026-02-01T00:00",
            &["2026-02-08T00:00", "2026-02-15T00:00"],
        );
    }
    check_utc(
        "0 0 * * 1-5",
        "2026-02-05T00:00",
        &["2026-02-06T00:00", "2026-02-09T00:00"],
    );
    check_utc(
        "0 0 * * fri-sun",
        "2026-02-05T00:00",
        &[
            "2026-02-06T00:00",
            "2026-02-07T00:00",
            "2026-02-08T00:00",
            "2026-02-13T00:00",
        ],
    );
}

#[test]
fn one_of_the_two_day_fields_is_enough_unless_one_begins_with_a_star() {
    check_utc(
        "0 0 15 * 5",
        "2026-02-01T00:00",
        &[
            "2026-02-06T00:00",
            "2026-02-13T00:00",
            "2026-02-15T00:00",
            "2026-02-20T00:00",
        ],
    );
    check_utc(
        "0 0 15 * *",
        "2026-02-01T00:00",
        &["2026-02-15T00:00", "2026-03-15T00:00"],
    );
    // Mondays that are odd days.
    check_utc(
        "0 0 */2 * 1",
        "2026-02-01T00:00",
        &["2026-02-09T00:00", "2026-02-23T00:00", "2026-03-09T00:00"],
    );
    // The same days, but no field begins with a star.
    check_utc(
        "0 0 1-31/2 * 1",
        "2026-02-01T00:00",
        &["2026-02-02T00:00", "2026-02-03T00:00", "2026-02-05T00:00"],
    );
    // A 29th of February on a Tuesday, Thursday, Saturday or Sunday.
    check_utc(
        "0 0 29 2 */2",
        "2026-01-01T00:00",
        &["2028-02-29T00:00", "2032-02-29T00:00", "2048-02-29T00:00"],
    );
}

#[test]
fn in_spring_what_does_not_exist_fires_once_at_the_next_instant() {
    let chicago = "America/Chicago";
    check(
        "0 3 * * *",
        chicago,
        "2026-03-07T12:00",
        &["2026-03-08T08:00", "2026-03-09T08:00"],
    );
    check(
        "30 2 * * *",
        chicago,
        "2026-03-07T12:00",
        &["2026-03-08T08:00", "2026-03-09T07:30"],
    );
    check(
        "*/15 2 * * *",
        chicago,
        "2026-03-08T06:00",
        &["2026-03-08T08:00", "2026-03-09T07:00", "2026-03-09T07:15"],
    );
    check(
        "0 2,3 * * *",
        chicago,
        "2026-03-07T12:00",
        &["2026-03-08T08:00", "2026-03-09T07:00", "2026-03-09T08:00"],
    );
    // Every hour has its firing, and no more.
    check(
        "30 * * * *",
        chicago,
        "2026-03-08T07:00",
        &["2026-03-08T07:30", "2026-03-08T08:30", "2026-03-08T09:30"],
    );
    // Where midnight does not exist, half an hour, or a whole day.
    check(
        "0 0 * * *",
        "America/Sao_Paulo",
        "2018-11-03T12:00",
        &["2018-11-04T03:00", "2018-11-05T02:00"],
    );
    check(
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-03T00:00",
        &["2026-10-03T15:30", "2026-10-04T15:15"],
    );
    check(
        "0 12 * * *",
        "Pacific/Apia",
        "2011-12-29T23:00",
        &["2011-12-30T10:00", "2011-12-30T22:00"],
    );
}

#[test]
fn in_autumn_what_exists_twice_fires_once_and_every_hour_each_hour() {
    let chicago = "America/Chicago";
    check(
        "30 1 * * *",
        chicago,
        "2026-10-31T12:00",
        &["2026-11-01T06:30", "2026-11-02T07:30"],
    );
    check(
        "*/30 1 * * *",
        chicago,
        "2026-11-01T05:45",
        &["2026-11-01T06:00", "2026-11-01T06:30", "2026-11-02T07:00"],
    );
    check(
        "30 * * * *",
        chicago,
        "2026-11-01T05:45",
        &["2026-11-01T06:30", "2026-11-01T07:30", "2026-11-01T08:30"],
    );
    check(
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-04T00:00",
        &["2026-04-04T14:45", "2026-04-05T15:15"],
    );
    // Asked in the middle of the repeated hour, it is over already.
    check(
        "30 1 * * *",
        chicago,
        "2026-11-01T07:15",
        &["2026-11-02T07:30"],
    );
}

#[test]
fn what_is_wrong_is_told_with_a_way_out() {
    let cases = [
        ("0 3 * *", "a cron expression has five fields, this has 4"),
        (
            "0 0 3 * * *",
            "a cron expression has five fields, this has 6",
        ),
        ("60 * * * *", "`60` cannot stand in the field minute"),
        ("0 24 * * *", "`24` cannot stand in the field hour"),
        (
            "0 0 0 * *",
            "`0` cannot stand in the field day of the month",
        ),
        ("0 0 * 13 *", "`13` cannot stand in the field month"),
        ("0 0 * * 8", "`8` cannot stand in the field day of the week"),
        (
            "0 0 * * mond",
            "`mond` cannot stand in the field day of the week",
        ),
        (
            "0 0 ? * 1",
            "`?` cannot stand in the field day of the month",
        ),
        ("+1 * * * *", "`+1` cannot stand in the field minute"),
        ("1,,2 * * * *", "`` cannot stand in the field minute"),
        (
            "5/10 * * * *",
            "`5/10` in the field minute: a step goes with a range",
        ),
        ("*/0 * * * *", "the step `/0` in the field minute is none"),
        (
            "0 22-2 * * *",
            "the range `22-2` in the field hour runs backwards",
        ),
        (
            "0 0 30 feb *",
            "`0 0 30 feb *` never fires: no such month has a day 30",
        ),
        (
            "0 0 31 2,4,6 *",
            "`0 0 31 2,4,6 *` never fires: no such month has a day 31",
        ),
        ("@reboot", "there is no short form `@reboot`"),
    ];
    for (expression, message) in cases {
        let error = expression.parse::<Schedule>().expect_err(expression);
        assert_eq!(error.message, message);
    }
    let hint = |expression: &str| {
        expression
            .parse::<Schedule>()
            .expect_err("it is wrong")
            .hint
    };
    assert_eq!(hint("5/10 * * * *"), "did you mean `5-59/10`?");
    assert_eq!(hint("0 22-2 * * *"), "write two: `22-23,0-2`");
    assert_eq!(hint("0 0 * 13 *"), "a number from 1 to 12, or jan to dec");
    assert!("0 ".repeat(600).parse::<Schedule>().is_err());
}
