//! Every kind of mistake in a pipeline file: where it is shown, and in what words.
//!
//! Each file in `broken/` begins with lines `#! LINE:COLUMN code`, checked by hand: what must be
//! told of it, no more and no less. The words are snapshots beside it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pipeline_spec::Code;
use pipeline_spec::limits::TEXT_BYTES_MAX;
use support::{compiled, rendered};

fn broken() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

fn expected(text: &str) -> Vec<String> {
    let lines = text.lines().map_while(|line| line.strip_prefix("#! "));
    lines.map(str::to_owned).collect()
}

#[test]
fn each_mistake_is_told_at_its_place() {
    let mut wrong = Vec::new();
    for (name, text) in broken() {
        let compiled = compiled(&text);
        let found: Vec<String> = compiled
            .diagnostics
            .iter()
            .map(|d| {
                let at = d.position.unwrap();
                format!("{}:{} {}", at.line, at.column, d.code)
            })
            .collect();
        if found != expected(&text) {
            wrong.push(format!(
                "{name}: expected {:#?}, found\n{}",
                expected(&text),
                rendered(&text, &compiled.diagnostics)
            ));
        }
        let has_errors = compiled
            .diagnostics
            .iter()
            .any(pipeline_spec::Diagnostic::is_error);
        assert_eq!(compiled.plan.is_none(), has_errors, "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_mistake_is_told_in_these_words() {
    for (name, text) in broken() {
        let compiled = compiled(&text);
        let body = rendered(&text, &compiled.diagnostics);
        insta::with_settings!({
            snapshot_path => "broken",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, body);
        });
    }
}

/// Every code that is told of some file.
fn told() -> BTreeSet<Code> {
    // Too large to be kept as a file.
    let too_large = "#".repeat(TEXT_BYTES_MAX + 1);
    let files = broken().into_iter().map(|(_, text)| text);
    let diagnostics = files
        .chain([too_large])
        .flat_map(|text| compiled(&text).diagnostics);
    diagnostics.map(|d| d.code).collect()
}

#[test]
fn every_code_is_told_of_some_file() {
    let all: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    let told = told();
    let missing: Vec<_> = all.difference(&told).collect();
    assert!(
        missing.is_empty(),
        "no file in broken/ is told of {missing:?}"
    );
}

#[test]
fn the_page_of_errors_explains_exactly_these_codes() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (page, _) = page
        .split_once("\n## While a pipeline runs\n")
        .unwrap_or((&page, ""));
    let sections = page.split("\n### `").skip(1);
    let explained: BTreeSet<(&str, &str)> = sections
        .map(|section| {
            let (code, rest) = section.split_once('`').unwrap();
            (code, rest.trim_start().lines().next().unwrap_or_default())
        })
        .collect();
    let told: BTreeSet<(&str, &str)> = told().iter().map(|c| (c.name(), c.meaning())).collect();
    let missing: Vec<_> = told.difference(&explained).collect();
    let unknown: Vec<_> = explained.difference(&told).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "docs/errors.md lacks {missing:#?} and has {unknown:#?}"
    );
}
