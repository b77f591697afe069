//! What a step's result depends on, and what is said when it differs.

use std::sync::Arc;

use component_api::files::FileEntry;
use run_engine::reuse::{FileSet, KeyParts};

use crate::notation::parts;

/// Parts of a key in words: `component train 2, command do it, program /bin/do, param n 1, input data
/// d1 d2, env LANG C, output model Model, file a.py d1`. A key without files has none at all.
fn key(text: &str) -> KeyParts {
    let mut key = KeyParts {
        component: "train 1".to_owned(),
        ..KeyParts::default()
    };
    let mut files = Vec::new();
    for part in parts(text) {
        let words: Vec<&str> = part.split_whitespace().collect();
        let owned = |words: &[&str]| -> Vec<String> {
            words.iter().map(|word| (*word).to_owned()).collect()
        };
        let (name, rest) = (words[1].to_owned(), owned(&words[2..]));
        match words[0] {
            "component" => key.component = words[1..].join(" "),
            "command" => key.command = owned(&words[1..]),
            "program" => key.program = Some(name),
            "param" => drop(
                key.params
                    .insert(name, serde_json::from_str(words[2]).unwrap()),
            ),
            "input" => drop(key.inputs.insert(name, rest)),
            "env" => drop(key.env.insert(name, rest.join(" "))),
            "output" => drop(key.outputs.insert(name, rest.join(" "))),
            "file" => files.push(FileEntry {
                path: name,
                size_bytes: 1,
                digest: rest.join(" "),
            }),
            other => panic!("no part of a key is called `{other}`"),
        }
    }
    if !files.is_empty() {
        key.files = Some(Arc::new(FileSet::new(files)));
    }
    key
}

/// Why a step with the second key runs although one with the first did.
#[track_caller]
fn check(before: &str, now: &str, expected: &str) {
    let reason = key(now).differs_from(&key(before));
    let shown = reason.map_or("nothing".to_owned(), |reason| {
        format!("{} {}: {}", reason.code.word(), reason.detail, reason.text)
    });
    assert_eq!(shown, expected, "{before} | {now}");
}

#[test]
fn the_difference_is_named() {
    check(
        "component train 1",
        "component train 2",
        "component_changed train 2: its component changed from train 1 to train 2",
    );
    check(
        "component train 1 0123",
        "component train 1 4567",
        "component_changed train 1 4567: its component train 1 changed, but not its version",
    );
    check(
        "output model Model",
        "output model Artifact",
        "component_changed model: output `model` changed",
    );
    check(
        "command do it",
        "command do that",
        "parameter_changed run: its command changed from \"it\" to \"that\"",
    );
    check(
        "program /bin/do",
        "program /opt/do",
        "parameter_changed run: its command changed",
    );
    check(
        "param n 1",
        "param n 2",
        "parameter_changed n: parameter `n` changed from 1 to 2",
    );
    check(
        "",
        "param n 2",
        "parameter_changed n: parameter `n` changed from nothing to 2",
    );
    check(
        "param n 1",
        "",
        "parameter_changed n: parameter `n` changed from 1 to nothing",
    );
    check(
        "input data d1",
        "input data d2",
        "input_changed data: input `data` changed",
    );
    check(
        "input data d1",
        "input data d1 d1",
        "input_changed data: input `data` changed",
    );
    check(
        "file a.py d1",
        "file a.py d2",
        "file_changed a.py: file `a.py` changed",
    );
    check(
        "file a.py d1",
        "file a.py d1, file b.py d1",
        "file_changed b.py: file `b.py` changed",
    );
    check(
        "file a.py d1, file b.py d1",
        "file b.py d1",
        "file_changed a.py: file `a.py` changed",
    );
    check(
        "",
        "file a.py d1",
        "file_changed files: file `files` changed",
    );
    check(
        "env LANG C",
        "env LANG de",
        "env_changed LANG: environment variable `LANG` changed from \"C\" to \"de\"",
    );
}

#[test]
fn a_long_value_is_not_shown() {
    let long = format!("param n \"{}\"", "x".repeat(50));
    check(
        "param n 1",
        &long,
        "parameter_changed n: parameter `n` changed",
    );
}

#[test]
fn the_first_difference_in_the_order_of_causes_is_named() {
    check(
        "param n 1, input data d1, env LANG C",
        "param n 2, input data d2, env LANG de",
        "parameter_changed n: parameter `n` changed from 1 to 2",
    );
    check(
        "input data d1, file a.py d1",
        "input data d2, file a.py d2",
        "input_changed data: input `data` changed",
    );
    check(
        "param a 1, param b 1",
        "param a 1, param b 2, param c 1",
        "parameter_changed b: parameter `b` changed from 1 to 2",
    );
}

#[test]
fn the_order_in_which_files_are_found_makes_no_difference() {
    let (one, other) = ("file a.py d1, file b.py d2", "file b.py d2, file a.py d1");
    check(one, other, "nothing");
    assert_eq!(key(one).digest(), key(other).digest());
}

/// Two keys are the same key exactly when nothing is said to differ: a step that is not reused always
/// has a reason, and one that has none is reused.
#[test]
fn a_key_and_its_reason_read_the_same_parts() {
    let keys = [
        "",
        "component train 2",
        "component train",
        "command do it",
        "command doit",
        "program /bin/do",
        "command do it, program /bin/do",
        "param n 1",
        "param n 1.0",
        "param n \"1\"",
        "param n null",
        "param n [1]",
        "param m 1",
        "input data d1",
        "input data d1 d2",
        "input data d2 d1",
        "input data d1d2",
        "input data",
        "input a d1, input b d2",
        "input a d2, input b d1",
        "env LANG C",
        "env LANG",
        "param LANG \"C\"",
        "output model Model",
        "file a.py d1",
        "file a.py d2",
        "file b.py d1",
        "file a.py d1, file b.py d1",
    ];
    for before in keys {
        for now in keys {
            let (before_key, now_key) = (key(before), key(now));
            let same = before_key.digest() == now_key.digest();
            let reason = now_key.differs_from(&before_key);
            assert_eq!(same, reason.is_none(), "{before} | {now}");
            assert_eq!(same, before == now, "{before} | {now}");
        }
    }
}
