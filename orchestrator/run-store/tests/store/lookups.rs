//! The reads that decisions take.

use std::sync::Arc;

use run_engine::artifact::Outputs;
use run_engine::event::RunEnd;
use run_engine::seams::{Blessed, JournalEntry, Lookups, Pushed, Reusable, Store, Turn};
use run_store::RunStore;

use crate::scenario::{Execution, Script, digest, outputs, plan, turn, with_files};

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
fn the_newest_push_by_destination_and_model() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let push = |destination: &str, model: &str, version| Pushed {
        destination: destination.to_owned(),
        model: model.to_owned(),
        version,
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
