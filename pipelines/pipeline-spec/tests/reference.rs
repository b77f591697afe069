//! `docs/pipeline-language.md` against the reader: a key that one of them has, the other has too.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use pipeline_spec::MAPS;

type Keys = BTreeSet<String>;

fn reference() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pipeline-language.md");
    fs::read_to_string(path).unwrap()
}

/// The text below a heading of the second level.
fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let heading = format!("\n## {title}\n");
    let (_, below) = text
        .split_once(&heading)
        .unwrap_or_else(|| panic!("no {title}"));
    below.split("\n## ").next().unwrap()
}

/// The rows of a section's tables: the keys of the first cell, and the second cell.
fn rows(section: &str) -> Vec<(Keys, &str)> {
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter_map(|row| row.split_once(" | "));
    rows.map(|(keys, meaning)| {
        (
            spans(&format!("`{keys}")).map(str::to_owned).collect(),
            meaning,
        )
    })
    .collect()
}

/// What stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The keys of a map that is shown as `{ a, b: X }`, nested ones after it left out.
fn shown(map: &str) -> Keys {
    let inner = map.split_once('{').unwrap().1;
    let inner = inner.split(['{', '}']).next().unwrap();
    let keys = inner
        .split(',')
        .map(|part| part.split(':').next().unwrap().trim());
    keys.filter(|key| !key.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The keys of the first map that a row shows.
fn of_row(section: &str, key: &str) -> Keys {
    let rows = rows(section);
    let row = rows.iter().find(|(keys, _)| keys.contains(key));
    let (_, meaning) = row.unwrap_or_else(|| panic!("no row `{key}`"));
    let map = spans(meaning).find(|span| span.contains('{') && !span.contains("${{"));
    shown(map.unwrap_or_else(|| panic!("the row `{key}` shows no map")))
}

fn keys_of_rows(section: &str) -> Keys {
    rows(section)
        .into_iter()
        .flat_map(|(keys, _)| keys)
        .collect()
}

/// The keys of inputs: those of the forms, and those that a sentence adds, as `span: N`.
fn inputs(section: &str) -> Keys {
    let forms = rows(section);
    let forms = forms
        .iter()
        .flat_map(|(keys, _)| keys)
        .filter(|form| form.starts_with('{'));
    let mut keys: Keys = forms.flat_map(|form| shown(form)).collect();
    let prose = section.split("```").step_by(2);
    for span in prose.flat_map(spans) {
        let is_key = |key: &str| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let is_value = |value: &str| value.bytes().all(|b| b.is_ascii_uppercase());
        if let Some((key, value)) = span.split_once(": ")
            && is_key(key)
            && is_value(value)
        {
            keys.insert(key.to_owned());
        }
    }
    keys
}

/// What the reference says of a map.
fn documented(text: &str, map: &str) -> Keys {
    let file = section(text, "A file");
    let step = section(text, "A step");
    let component = section(text, "Component files");
    match map {
        "a pipeline" => {
            let mut keys = keys_of_rows(file);
            keys.retain(|key| key != "x-...");
            keys
        }
        "a step" => keys_of_rows(step),
        "an output" => of_row(step, "outputs"),
        "an input" => inputs(section(text, "Inputs")),
        "a parameter" => of_row(file, "params"),
        "`defaults`" => {
            let rows = rows(file);
            let row = rows.iter().find(|(keys, _)| keys.contains("defaults"));
            let list = spans(row.unwrap().1).next().unwrap();
            list.split(' ').map(str::to_owned).collect()
        }
        "`approve`" => of_row(step, "approve"),
        "`retry`" => of_row(step, "retry"),
        "`cache`" => of_row(step, "cache"),
        "`resources`" => of_row(step, "resources"),
        "`concurrency`" => of_row(file, "concurrency"),
        "a component" => keys_of_rows(component),
        "an artifact type" => of_row(component, "types"),
        "a port" => of_row(component, "inputs"),
        other => panic!("say here where the reference shows the keys of {other}"),
    }
}

#[test]
fn the_reference_has_every_key_and_no_other() {
    let text = reference();
    let mut read: BTreeMap<&str, Keys> = BTreeMap::new();
    for (map, keys) in MAPS {
        let keys = keys.iter().map(|key| (*key).to_owned());
        read.entry(map).or_default().extend(keys);
    }
    for (map, keys) in read {
        assert_eq!(
            documented(&text, map),
            keys,
            "keys of {map}: documented, and read"
        );
    }
}

#[test]
fn every_map_that_is_read_is_among_those() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/read");
    let mut calls = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        for call in source.split("known_keys(").skip(1) {
            let call = call.split(';').next().unwrap();
            let what = call.rsplit('"').nth(1).unwrap();
            calls += 1;
            assert!(
                MAPS.iter().any(|(map, _)| *map == what),
                "`{what}` is no map of `MAPS`: {call}"
            );
        }
    }
    assert!(calls > 10, "there are calls");
}
