//! `ropewalk cron`: when an expression fires. Its rules are tried beside them, in `cron-schedule`.

use serde_json::json;

use crate::support::{Project, transcript};

#[test]
fn times_are_told_there_and_in_utc() {
    let project = Project::new("cron");
    let autumn = [
        "--timezone",
        "America/Chicago",
        "--after",
        "2026-10-31",
        "--count",
        "3",
    ];
    let output = project.command(&[&["cron", "30 1 * * *"][..], &autumn].concat());
    let expected = "\
AMERICA/CHICAGO           UTC
Sat 2026-10-31 01:30 CDT  2026-10-31T06:30:00Z
Sun 2026-11-01 01:30 CDT  2026-11-01T06:30:00Z
Mon 2026-11-02 01:30 CST  2026-11-02T07:30:00Z";
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim_end(),
        expected,
        "{}",
        transcript(&output)
    );
    assert!(output.status.success());
    let document = project.json(&[
        "cron",
        "@weekly",
        "--after",
        "2026-02-01T00:00:00Z",
        "--count",
        "2",
    ]);
    let fires = ["2026-02-08T00:00:00Z", "2026-02-15T00:00:00Z"];
    assert_eq!(document, json!({ "version": 1, "fires": fires }));
    // Without more, the next five from now on.
    let document = project.json(&["cron", "@hourly"]);
    assert_eq!(document["fires"].as_array().map(Vec::len), Some(5));
    // No daemon is asked, and none is started.
    assert!(!project.state_dir().exists());
}

#[test]
fn what_makes_no_sense_is_told_with_a_way_out() {
    let project = Project::new("cron-wrong");
    let cases: &[(&[&str], &str, &str)] = &[
        (
            &["5/10 * * * *"],
            "a step goes with a range",
            "did you mean `5-59/10`?",
        ),
        (&["0 0 30 2 *"], "never fires", ""),
        (&["@reboot"], "no short form `@reboot`", "five fields"),
        (
            &["@daily", "--timezone", "chicago"],
            "no time zone `chicago`",
            "did you mean `America/Chicago`?",
        ),
        (
            &["@daily", "--after", "soon"],
            "`soon` is no time",
            "2026-03-08T01:30",
        ),
        (
            &[
                "@daily",
                "--timezone",
                "America/Chicago",
                "--after",
                "2026-03-08T02:30",
            ],
            "no time 2026-03-08T02:30 in America/Chicago",
            "",
        ),
        (&["@daily", "--count", "0"], "--count", ""),
    ];
    for (arguments, message, hint) in cases {
        let output = project.command(&[&["cron"][..], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(
            said.contains(message) && said.contains(hint),
            "{arguments:?}: {said}"
        );
    }
}

/// Expressions made by chance, against another implementation.
#[cfg(feature = "servers")]
#[test]
fn croniter_agrees_when_expressions_fire() {
    use std::path::Path;
    use std::process::Command;

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(root.join("examples/sklearn/.venv/bin/python"))
        .arg(root.join("integration-tests/cron.py"))
        .output()
        .expect("python of examples/sklearn can be started");
    assert!(output.status.success(), "{}", transcript(&output));
    let project = Project::new("croniter");
    let lines = String::from_utf8(output.stdout).expect("it is JSON");
    assert_eq!(lines.lines().count(), 300);
    for line in lines.lines() {
        let expected: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
        let text = |name: &str| expected[name].as_str().expect("it is text");
        let (expression, after) = (text("expression"), text("after"));
        let fires = project.json(&["cron", expression, "--after", after, "--count", "12"]);
        assert_eq!(
            fires["fires"], expected["fires"],
            "{expression} after {after}"
        );
    }
}
