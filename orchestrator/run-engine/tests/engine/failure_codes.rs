//! docs/errors.md has a section for every code of a failure, and each begins with its meaning.

use std::collections::BTreeSet;
use std::path::Path;

use run_engine::failure_code::FailureCode;

#[test]
fn the_page_of_errors_explains_exactly_these_codes() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, page) = page.split_once("\n## While a pipeline runs\n").unwrap();
    let sections = page.split("\n### `").skip(1);
    let explained: BTreeSet<(&str, &str)> = sections
        .map(|section| {
            let (code, rest) = section.split_once('`').unwrap();
            (code, rest.trim_start().lines().next().unwrap_or_default())
        })
        .collect();
    let all = FailureCode::ALL.iter();
    let all: BTreeSet<(&str, &str)> = all.map(|code| (code.name(), code.meaning())).collect();
    assert_eq!(explained, all);
}
