//! The format: golden bytes of every version are still read, today's are still written, and
//! `docs/store-format.md` shows rows as they are.
//!
//! After a deliberate change of the format, `UPDATE_GOLDEN=1 cargo test -p run-store` writes the
//! golden bytes of [`VERSION`] anew; those of older versions stay as they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pipeline_plan::NodeId;
use run_engine::artifact::Outputs;
use run_engine::event::{ApprovalRequest, Decision, Event, RunEnd, StepStarted, Timer, Verdict};
use run_engine::reason::{Reason, ReasonCode};
use run_engine::seams::{Blessed, JournalEntry, Lookups, Pushed, Store, Turn};
use run_store::{ArtifactFilter, RunStore};
use serde_json::json;

use crate::rendering::{hex, render, unhex};
use crate::scenario::{Execution, Script, digest, exit, open_raw, outputs, plan, with_files};

/// Version of the golden bytes that today's code writes.
const VERSION: &str = "version-1";

/// The rows and objects of a state folder.
#[derive(Debug, Default, PartialEq)]
struct Content {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    objects: BTreeMap<String, Vec<u8>>,
}

/// Turns that write every kind of row and event.
fn turns() -> Vec<Turn> {
    let mut script = Script::default();
    let mut first = Turn::default();
    let (run, created) = script.created(&plan("penguins", &["a", "b", "b>c", "d", "e"]));
    let intent = script.intent(0, "a");
    let (a, a_started) = script.start(run, with_files(run, intent, "rows"));
    let a_outputs = outputs(&a, "Model", "first");
    let a_succeeded = script.succeeded(&a, &a_outputs);
    let model = Arc::clone(&a_outputs.artifacts["model"]);
    first.blessings = vec![Blessed {
        model: "species".to_owned(),
        artifact: Arc::clone(&model),
    }];
    first.pushes = vec![Pushed {
        destination: "models".to_owned(),
        model: "species".to_owned(),
        version: 1_790_000_000,
        artifact: Some(Arc::clone(&model)),
    }];
    let mut intent = script.intent(1, "b");
    intent.inputs.insert("model".to_owned(), vec![model]);
    let (b, b_started) = script.start(run, intent.clone());
    let b_lost = script.lost(&b);
    intent.attempt = 2;
    intent.push_version = Some(1_790_000_000);
    let (b, b_again) = script.start(run, intent);
    let b_failed = script.failed(&b);
    let skipped = Event::StepSkipped {
        node: NodeId(2),
        reason: Reason::new(ReasonCode::UpstreamFailed, "`b` failed", "b"),
        at: script.now(),
    };
    let skipped = script.entry(run, skipped);
    let (d, d_started) = script.started(run, 3, "d");
    let d_refused = script.refused(&d, &outputs(&d, "Evaluation", "bad"));
    let (_, e_started) = script.started(run, 4, "e");
    let now = script.now();
    let cancelling = script.entry(
        run,
        Event::RunCancelling {
            abandon: false,
            at: now,
        },
    );
    let cancelled = Event::StepCancelled {
        node: NodeId(4),
        attempt: 1,
        exit: Some(exit(143, 1)),
        at: now,
    };
    let cancelled = script.entry(run, cancelled);
    let ended = script.ended_run(run, RunEnd::Cancelled);
    first.entries = vec![
        created,
        a_started,
        a_succeeded,
        b_started,
        b_lost,
        b_again,
        b_failed,
    ];
    first.entries.extend([
        skipped, d_started, d_refused, e_started, cancelling, cancelled, ended,
    ]);

    let second = unfinished(&mut script, &a, &a_outputs);
    let third = asking(&mut script);
    vec![first, second, third]
}

/// A turn of a run that is not over.
fn unfinished(script: &mut Script, a: &Execution, a_outputs: &Arc<Outputs>) -> Turn {
    let (second, created) = script.created(&plan("penguins", &["a", "f", "g"]));
    let a_reused = script.reused(second, 0, a, a_outputs);
    let now = script.now();
    let resumed = script.entry(second, Event::RunResumed { at: now });
    // An intent too long for a row.
    let mut intent = script.intent(1, "f");
    let mut key = (*intent.key).clone();
    key.command = vec!["x".repeat(5000)];
    intent.key = Arc::new(key);
    let (f, f_started) = script.start(second, intent);
    let adopted = Event::StepAdopted {
        node: NodeId(1),
        attempt: 1,
        at: now,
    };
    let adopted = script.entry(second, adopted);
    let (g, g_started) = script.started(second, 2, "g");
    let mut f_outputs = (*outputs(&f, "Metrics", "good")).clone();
    for artifact in f_outputs.artifacts.values_mut() {
        let properties = &mut Arc::make_mut(artifact).properties;
        properties.insert("span".to_owned(), 7.into());
    }
    let f_succeeded = script.succeeded(&f, &Arc::new(f_outputs));
    let g_retrying = script.retrying(&g);
    let mut intent = (*g.started).clone();
    intent.attempt = 2;
    let (g, g_again) = script.start(second, intent);
    let g_stuck = script.stuck(&g);
    let now = script.now();
    let abandon = true;
    let abandoning = script.entry(second, Event::RunCancelling { abandon, at: now });
    let abandoned = Event::StepAbandoned {
        node: NodeId(2),
        attempt: 2,
        at: now,
    };
    let abandoned = script.entry(second, abandoned);
    crate::scenario::turn(vec![
        created,
        a_reused,
        resumed,
        f_started,
        adopted,
        g_started,
        f_succeeded,
        g_retrying,
        g_again,
        g_stuck,
        abandoning,
        abandoned,
    ])
}

/// A turn in which steps ask people.
fn asking(script: &mut Script) -> Turn {
    let (run, created) = script.created(&plan("gates", &["h", "i"]));
    let mut entries = vec![created];
    let mut ask = |script: &mut Script, node, id, expires| {
        let intent = StepStarted {
            attempt: 0,
            keeper: String::new(),
            key: Arc::default(),
            ..script.intent(node, id)
        };
        let (execution, expires) = (intent.execution, expires);
        let request = ApprovalRequest {
            intent: Arc::new(intent),
            message: "Push it?".to_owned(),
            expires,
        };
        entries.push(script.entry(run, Event::ApprovalRequested(Arc::new(request))));
        execution
    };
    let execution = ask(script, 0, "h", None);
    let expires = Timer::after(script.now(), 60_000);
    ask(script, 1, "i", Some(expires));
    let items = vec![json!("a"), json!({ "n": 1 })];
    let expanded = Event::StepExpanded {
        node: NodeId(1),
        items: Arc::new(items),
        at: script.now(),
    };
    let decision = Decision {
        verdict: Verdict::Approved,
        by: "ada".to_owned(),
        comment: "better than the last one".to_owned(),
        at: script.now(),
    };
    let decided = Event::ApprovalDecided {
        node: NodeId(0),
        execution,
        decision: Arc::new(decision),
        outputs: Arc::default(),
    };
    entries.push(script.entry(run, decided));
    let at = script.now();
    entries.push(script.entry(run, Event::RunWaiting { at }));
    entries.push(script.entry(run, expanded));
    crate::scenario::turn(entries)
}

fn written() -> Content {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    for turn in turns() {
        store.commit(&turn).unwrap();
    }
    drop(store);
    read_folder(folder.path())
}

fn read_folder(folder: &Path) -> Content {
    let rows = open_raw(folder).iter().map(|item| {
        let (key, value) = item.unwrap();
        (key.to_vec(), value.to_vec())
    });
    let objects = fs::read_dir(folder.join("objects")).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    });
    Content {
        rows: rows.collect(),
        objects: objects.collect(),
    }
}

fn golden_path(version: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(format!("{version}.txt"))
}

fn read_golden(version: &str) -> Content {
    let mut content = Content::default();
    for line in fs::read_to_string(golden_path(version)).unwrap().lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["row", key, value] => content.rows.insert(unhex(key), unhex(value)).is_none(),
            ["object", name, bytes] => content
                .objects
                .insert(name.to_owned(), unhex(bytes))
                .is_none(),
            _ => panic!("not a line of golden bytes: {line}"),
        };
    }
    content
}

#[test]
fn what_is_written_are_the_golden_bytes() {
    let written = written();
    let mut text = String::new();
    for (key, value) in &written.rows {
        writeln!(text, "row {} {}", hex(key), hex(value)).unwrap();
    }
    for (name, bytes) in &written.objects {
        writeln!(text, "object {name} {}", hex(bytes)).unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(golden_path(VERSION), text).unwrap();
    }
    let golden = read_golden(VERSION);
    for (key, value) in &written.rows {
        let golden = golden.rows.get(key).map(|value| render(key, value));
        assert_eq!(Some(render(key, value)), golden, "a row has changed");
    }
    assert_eq!(written, golden);
}

#[test]
fn golden_bytes_of_every_version_are_read() {
    for entry in fs::read_dir(golden_path("").parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        check_golden(&path.file_stem().unwrap().to_string_lossy());
    }
}

/// Puts golden bytes into a state folder and looks whether the store finds in it what they say.
fn check_golden(version: &str) {
    let folder = tempfile::tempdir().unwrap();
    drop(RunStore::open(folder.path()).unwrap());
    let golden = read_golden(version);
    let db = open_raw(folder.path());
    for (key, value) in golden.rows {
        db.insert(key, value).unwrap();
    }
    drop(db);
    for (name, bytes) in golden.objects {
        fs::write(folder.path().join("objects").join(name), bytes).unwrap();
    }
    let store = RunStore::open(folder.path()).unwrap();
    let turns = turns();
    let events: Vec<JournalEntry> = turns.iter().flat_map(|turn| turn.entries.clone()).collect();
    assert_eq!(
        store.reader().events_after(0, None, 999).unwrap(),
        events,
        "{version}"
    );
    assert_eq!(store.unfinished().unwrap()[0].entries, turns[1].entries);
    let model = &turns[0].blessings[0].artifact;
    assert_eq!(
        store.latest_blessed("species", &[]).unwrap().as_ref(),
        Some(model)
    );
    assert_eq!(
        store.newest_push("models", "species").unwrap(),
        Some(1_790_000_000)
    );
    assert_eq!(
        store.reusable(&digest("a")).unwrap().unwrap().execution,
        model.id.execution()
    );
    assert_eq!(
        store
            .reader()
            .artifacts(&ArtifactFilter::default(), None, 99)
            .unwrap()
            .len(),
        4
    );
}

#[test]
fn the_document_shows_rows_as_they_are() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/store-format.md");
    let document = fs::read_to_string(document).unwrap();
    let rendered: Vec<String> = written()
        .rows
        .iter()
        .map(|(key, value)| render(key, value))
        .collect();
    let examples: Vec<&str> = document
        .split("```\n")
        .skip(1)
        .step_by(2)
        .map(str::trim_end)
        .collect();
    assert!(examples.len() > 10, "the document has examples");
    for example in examples {
        let key = example.lines().next();
        let row = rendered.iter().find(|row| row.lines().next() == key);
        assert_eq!(row.map(String::as_str), Some(example));
    }
}
