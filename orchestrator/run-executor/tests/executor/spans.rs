//! Files of spans: which one is taken, and what is said where none is.

use run_engine::reason::Failure;
use run_engine::seams::Prepared;

use crate::support::World;

fn look(world: &mut World, globs: &[&str], span: Option<i64>) -> Result<Box<Prepared>, Failure> {
    let mut task = world.preparation();
    let globs = globs.iter().map(|glob| (*glob).to_owned()).collect();
    task.files.insert("rows".to_owned(), globs);
    task.spans
        .extend(span.map(|span| ("rows".to_owned(), span)));
    world.prepare(&task)
}

/// Span, version and the names of the files.
type Taken = (Option<i64>, Option<i64>, Vec<String>);

#[track_caller]
fn taken(world: &mut World, globs: &[&str], span: Option<i64>) -> Taken {
    let prepared = look(world, globs, span).unwrap();
    let manifest = &prepared.files["rows"].0;
    let names = manifest.files.iter().map(|file| file.name.clone());
    (manifest.span, manifest.version, names.collect())
}

#[track_caller]
fn check(world: &mut World, glob: &str, pin: Option<i64>, expected: (i64, Option<i64>, &[&str])) {
    let (span, version, names) = expected;
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        taken(world, &[glob], pin),
        (Some(span), version, names),
        "{glob}"
    );
}

#[test]
fn the_newest_version_of_the_newest_span_is_taken() {
    let mut world = World::new();
    for name in [
        "data/span-2/a.csv",
        "data/span-10/a.csv",
        "data/span-10/b.csv",
        "data/span-10/old/c.csv",
        "data/span-next/a.csv",
        "data/span-9/a.csv",
        "v/7/v2/rows.csv",
        "v/7/v10/rows.csv",
        "v/6/v99/rows.csv",
        "wide/001.csv",
        "wide/0003.csv",
        "wide/002.csv",
        "days/2024-02-29/rows.csv",
        "days/2023-12-31/rows.csv",
        "{SPAN}/7.csv",
        "data/4.csv",
    ] {
        world.write(name, name);
    }
    let world = &mut world;
    let newest: &[&str] = &["data/span-10/a.csv", "data/span-10/b.csv"];
    check(world, "data/span-{SPAN}/*.csv", None, (10, None, newest));
    check(
        world,
        "./data/../data/span-{SPAN}/*.csv",
        None,
        (10, None, newest),
    );
    check(
        world,
        "data/span-{SPAN}/{a,b}.csv",
        Some(9),
        (9, None, &["data/span-9/a.csv"]),
    );
    let deep = [newest, &["data/span-10/old/c.csv"]].concat();
    check(world, "data/span-{SPAN}/**/*.csv", None, (10, None, &deep));
    check(
        world,
        "v/{SPAN}/v{VERSION}/*",
        None,
        (7, Some(10), &["v/7/v10/rows.csv"]),
    );
    check(
        world,
        "v/{SPAN}/v{VERSION:1}/*",
        None,
        (7, Some(2), &["v/7/v2/rows.csv"]),
    );
    check(
        world,
        "v/{SPAN}/v{VERSION}/*",
        Some(6),
        (6, Some(99), &["v/6/v99/rows.csv"]),
    );
    check(
        world,
        "wide/{SPAN:3}.csv",
        None,
        (2, None, &["wide/002.csv"]),
    );
    let day = "days/2024-02-29/rows.csv";
    check(
        world,
        "days/{YYYY}-{MM}-{DD}/*.csv",
        None,
        (19_782, None, &[day]),
    );
    // Beside a plain path, and with another pattern of the same span.
    let both = ["data/span-{SPAN}/a.csv", "data/4.csv"];
    let (span, _, names) = taken(world, &both, None);
    assert_eq!((span, names.len()), (Some(10), 2));
    let both = ["data/span-{SPAN}/a.csv", "data/span-{SPAN}/b.csv"];
    assert_eq!(taken(world, &both, None).2, newest);
    // A span of its own means other data, though the files are the same.
    let (span, ..) = taken(world, &["data/4.csv"], None);
    assert_eq!(span, None);
}

#[test]
fn where_no_span_can_be_taken_it_is_said_why() {
    let mut world = World::new();
    for name in [
        "a/1.csv",
        "a/2.csv",
        "b/1.csv",
        "days/20240230.csv",
        "big/99999999999999999999.csv",
    ] {
        world.write(name, name);
    }
    let mut refused = |globs: &[&str], span: Option<i64>, message: &str, hint: &str| {
        let failure = look(&mut world, globs, span).unwrap_err();
        assert_eq!(failure.code, "no_match");
        assert!(failure.message.contains(message), "{failure:?}");
        assert!(failure.hint.contains(hint), "{failure:?}");
    };
    refused(
        &["a/{SPAN}.csv"],
        Some(7),
        "no file of span 7 matches `a/{SPAN}.csv`",
        "there is 2",
    );
    refused(
        &["c/{SPAN}.csv"],
        None,
        "no file matches `c/{SPAN}.csv`",
        "pipeline file's folder",
    );
    let apart = "`a/{SPAN}.csv` has span 2 as its newest, and `b/{SPAN}.csv` has 1";
    refused(&["a/{SPAN}.csv", "b/{SPAN}.csv"], None, apart, "span: N");
    refused(
        &["days/{YYYY}{MM}{DD}.csv"],
        None,
        "there is no such day",
        "rename it",
    );
    refused(
        &["big/{SPAN}.csv"],
        None,
        "no such number of a span",
        "rename it",
    );
}
