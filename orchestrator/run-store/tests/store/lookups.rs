//! The reads that decisions take.

use std::sync::Arc;

use run_engine::artifact::Outputs;
use run_engine::event::RunEnd;
use run_engine::seams::{
    Blessed, JournalEntry, Lookups, PortName, Pushed, RefusedSpan, Reusable, Store, Turn,
};
use run_store::RunStore;

use crate::scenario::{Execution, Script, digest, open_raw, outputs, plan, turn, with_files};

fn commit(store: &mut RunStore, entries: Vec<JournalEntry>) {
    store.commit(&turn(entries)).unwrap();
}

#[test]
fn the_newest_success_or_refusal_of_a_key_is_reusable() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let (run, created) = script.created(&plan("penguins", &["a", "b", "c"]));
    let (a, a_started) = script.started(run, 0, "key");
    commit(&mut store, vec![created, a_started]);
    assert_eq!(store.reusable(&digest("key")).unwrap(), None);
    assert_eq!(store.execution(a.started.execution).unwrap(), None);

    let first = outputs(&a, "Model", "first");
    commit(&mut store, vec![script.succeeded(&a, &first)]);
    let reusable = |execution: &Execution, outputs: &Arc<Outputs>, refused| Reusable {
        execution: execution.started.execution,
        run,
        outputs: Arc::clone(outputs),
        refused,
    };
    let expected = Some(reusable(&a, &first, None));
    assert_eq!(store.reusable(&digest("key")).unwrap(), expected);
    assert_eq!(
        store.reader().execution(a.started.execution).unwrap(),
        expected
    );
    assert_eq!(store.reusable(&digest("other")).unwrap(), None);

    // A failure gives nothing to reuse, and leaves what there was.
    let (b, b_started) = script.started(run, 1, "key");
    commit(&mut store, vec![b_started, script.failed(&b)]);
    assert_eq!(store.reusable(&digest("key")).unwrap(), expected);
    assert_eq!(store.execution(b.started.execution).unwrap(), None);

    let (c, c_started) = script.started(run, 2, "key");
    let bad = outputs(&c, "Evaluation", "bad");
    commit(&mut store, vec![c_started, script.refused(&c, &bad)]);
    let found = store.reusable(&digest("key")).unwrap().unwrap();
    assert_eq!(found.refused.as_ref().unwrap().text, "auc 0.6 is below 0.7");
    assert_eq!(found, reusable(&c, &bad, found.refused.clone()));

    let forget = Turn {
        forgotten_keys: vec![digest("key")],
        ..Turn::default()
    };
    store.commit(&forget).unwrap();
    assert_eq!(store.reusable(&digest("key")).unwrap(), None);
    // A retry carries over by the execution, whatever the cache holds.
    assert_eq!(store.execution(c.started.execution).unwrap(), Some(found));
}

#[test]
fn the_newest_start_of_a_step_in_any_run_of_the_pipeline() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let penguins = plan("penguins", &["a", "b"]);
    let (run, created) = script.created(&penguins);
    let intent = script.intent(0, "first");
    let (a, started) = script.start(run, with_files(run, intent, "rows"));
    commit(&mut store, vec![created, started]);
    let newest = |store: &RunStore| store.newest_start("penguins", "a").unwrap();
    // While it runs, after it failed, and after its run is over.
    assert_eq!(newest(&store), Some(Arc::clone(&a.started)));
    commit(&mut store, vec![script.failed(&a)]);
    assert_eq!(newest(&store), Some(Arc::clone(&a.started)));
    let (b, b_started) = script.started(run, 1, "b");
    let nothing = Arc::new(Outputs::default());
    let b_succeeded = script.succeeded(&b, &nothing);
    commit(
        &mut store,
        vec![
            b_started,
            b_succeeded,
            script.ended_run(run, RunEnd::Failed),
        ],
    );
    assert_eq!(newest(&store), Some(Arc::clone(&a.started)));
    assert_eq!(store.newest_start("penguins", "c").unwrap(), None);
    assert_eq!(store.newest_start("taxi", "a").unwrap(), None);

    let (later, created) = script.created(&penguins);
    let (again, started) = script.started(later, 0, "second");
    commit(&mut store, vec![created, started]);
    drop(store);
    let store = RunStore::open(folder.path()).unwrap();
    assert_eq!(newest(&store), Some(again.started));
}

#[test]
fn the_newest_blessed_model_but_the_ones_that_are_excluded() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let (run, created) = script.created(&plan("penguins", &["a", "b"]));
    commit(&mut store, vec![created]);
    let mut models = Vec::new();
    for (node, content) in [(0, "first"), (1, "second")] {
        let (execution, started) = script.started(run, node, content);
        let given = outputs(&execution, "Model", content);
        let model = Arc::clone(&given.artifacts["model"]);
        models.push(Arc::clone(&model));
        let blessed = |model: &str| Blessed {
            model: model.to_owned(),
            artifact: Arc::clone(&models[node as usize]),
        };
        let turn = Turn {
            entries: vec![started, script.succeeded(&execution, &given)],
            blessings: vec![blessed("species"), blessed("weight")],
            ..Turn::default()
        };
        store.commit(&turn).unwrap();
    }
    // Blessed once more, in a turn without events.
    let again = |content: usize| Turn {
        blessings: vec![Blessed {
            model: "weight".to_owned(),
            artifact: Arc::clone(&models[content]),
        }],
        ..Turn::default()
    };
    store.commit(&again(1)).unwrap();
    store.commit(&again(0)).unwrap();
    let latest = |name: &str, other_than: &[String]| {
        let found = store.latest_blessed(name, other_than).unwrap();
        found.map(|artifact| artifact.digest.clone())
    };
    let (first, second) = (digest("first"), digest("second"));
    assert_eq!(latest("species", &[]), Some(second.clone()));
    assert_eq!(
        latest("species", std::slice::from_ref(&second)),
        Some(first.clone())
    );
    assert_eq!(latest("species", &[first.clone(), second]), None);
    assert_eq!(latest("weight", &[]), Some(first));
    assert_eq!(latest("spec", &[]), None);
    let found = store.latest_blessed("species", &[]).unwrap();
    assert_eq!(found.as_ref(), Some(&models[1]));
}

#[test]
fn the_newest_pushed_model_and_each_but_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let (run, created) = script.created(&plan("penguins", &["a", "b"]));
    commit(&mut store, vec![created]);
    let models = ["first", "second"].map(|content| {
        let (execution, _) = script.started(run, 0, content);
        Arc::clone(&outputs(&execution, "Model", content).artifacts["model"])
    });
    for model in [0, 1, 1, 1] {
        let pushes = vec![Pushed {
            destination: "serving".to_owned(),
            model: "species".to_owned(),
            version: 7,
            artifact: Some(Arc::clone(&models[model])),
        }];
        let turn = Turn {
            pushes,
            ..Turn::default()
        };
        store.commit(&turn).unwrap();
    }
    let latest = |other_than: &[String]| store.latest_pushed("species", other_than).unwrap();
    assert_eq!(latest(&[]).as_ref(), Some(&models[1]));
    assert_eq!(latest(&[digest("second")]).as_ref(), Some(&models[0]));
    assert_eq!(latest(&[digest("first"), digest("second")]), None);
    assert_eq!(store.latest_pushed("weight", &[]).unwrap(), None);
    drop(store);
    let rows = open_raw(folder.path());
    assert_eq!(
        rows.scan_prefix(b"m").count(),
        2,
        "a model that is pushed again is no row"
    );
}

/// What an execution gave on port `model`, of a span.
fn of_span(execution: &Execution, content: &str, span: i64) -> Arc<Outputs> {
    let mut outputs = (*outputs(execution, "Model", content)).clone();
    let artifact = outputs.artifacts.get_mut("model").unwrap();
    let artifact = Arc::make_mut(artifact);
    artifact.properties.insert("span".to_owned(), span.into());
    Arc::new(outputs)
}

#[test]
fn what_a_step_gave_last_and_by_span() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let penguins = plan("penguins", &["a"]);
    let mut given = Vec::new();
    // In this order; a span before 1970 is a span too.
    for (span, content) in [(2, "two"), (-3, "old"), (7, "seven"), (2, "two again")] {
        let (run, created) = script.created(&penguins);
        let (execution, started) = script.started(run, 0, content);
        let outputs = of_span(&execution, content, span);
        let succeeded = script.succeeded(&execution, &outputs);
        let ended = script.ended_run(run, RunEnd::Succeeded);
        commit(&mut store, vec![created, started, succeeded, ended]);
        given.push((execution, outputs));
    }
    let port = |port: &str| PortName {
        pipeline: "penguins".to_owned(),
        step: "a".to_owned(),
        port: port.to_owned(),
    };
    let latest = |store: &RunStore, name: &str| {
        let found = store.latest(&port(name)).unwrap();
        found.map(|artifact| artifact.digest.clone())
    };
    let spans = |store: &RunStore, before: Option<i64>, count: usize| -> Vec<String> {
        let found = store.spans(&port("model"), before, count).unwrap();
        found
            .iter()
            .map(|artifact| artifact.digest.clone())
            .collect()
    };
    let of = |contents: &[&str]| -> Vec<String> { contents.iter().map(|c| digest(c)).collect() };
    assert_eq!(latest(&store, "model"), Some(digest("two again")));
    assert_eq!(latest(&store, "absent"), None);
    assert_eq!(spans(&store, None, 9), of(&["seven", "two again", "old"]));
    assert_eq!(spans(&store, None, 2), of(&["seven", "two again"]));
    assert_eq!(spans(&store, Some(7), 1), of(&["two again"]));
    assert_eq!(spans(&store, Some(-3), 9), of(&[]));
    assert_eq!(store.spans(&port("absent"), None, 9).unwrap(), []);

    // A reuse gives it once more. That it is given twice in a row is no news.
    let before = store.last_seq();
    for _ in 0..2 {
        let (run, created) = script.created(&penguins);
        let (execution, outputs) = &given[0];
        let reused = script.reused(run, 0, execution, outputs);
        commit(
            &mut store,
            vec![created, reused, script.ended_run(run, RunEnd::Succeeded)],
        );
    }
    assert_eq!(latest(&store, "model"), Some(digest("two")));
    assert_eq!(spans(&store, None, 9), of(&["seven", "two", "old"]));

    // What was refused is passed over, but not what was given since.
    let refuse = |seq: u64, span: i64, execution: &Execution| RefusedSpan {
        seq,
        pipeline: "penguins".to_owned(),
        step: "a".to_owned(),
        span,
        execution: execution.started.execution,
    };
    let (run, created) = script.created(&penguins);
    let seq = created.seq;
    let turn = Turn {
        entries: vec![created],
        refused_spans: vec![refuse(seq, 7, &given[2].0), refuse(seq, 2, &given[3].0)],
        ..Turn::default()
    };
    store.commit(&turn).unwrap();
    assert_eq!(spans(&store, None, 9), of(&["two", "old"]));
    assert_eq!(latest(&store, "model"), Some(digest("two")));
    let (execution, outputs) = &given[2];
    let again = script.reused(run, 0, execution, outputs);
    commit(&mut store, vec![again]);
    assert_eq!(spans(&store, None, 9), of(&["seven", "two", "old"]));
    assert!(store.last_seq() > before);
    drop(store);
    let rows = open_raw(folder.path());
    assert_eq!(rows.scan_prefix(b"g").count(), 6);
    assert_eq!(rows.scan_prefix(b"n").count(), 3);
}

#[test]
fn the_newest_push_by_destination_and_model() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let push = |destination: &str, model: &str, version| Pushed {
        destination: destination.to_owned(),
        model: model.to_owned(),
        version,
        artifact: None,
    };
    for version in [1_790_000_000, 1_790_000_001] {
        let turn = Turn {
            pushes: vec![
                push("models", "species", version),
                push("models", "weight", 7),
            ],
            ..Turn::default()
        };
        store.commit(&turn).unwrap();
    }
    drop(store);
    let store = RunStore::open(folder.path()).unwrap();
    let newest = |destination, model| store.newest_push(destination, model).unwrap();
    assert_eq!(newest("models", "species"), Some(1_790_000_001));
    assert_eq!(newest("models", "weight"), Some(7));
    assert_eq!(newest("elsewhere", "species"), None);
    assert_eq!(newest("models", "speciesx"), None);
}
