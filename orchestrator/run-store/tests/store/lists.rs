//! Lists of runs and artifacts: order, filters, pages, prefixes.

use std::sync::Arc;

use run_engine::artifact::Outputs;
use run_engine::event::RunEnd;
use run_engine::ids::{ArtifactId, RunId};
use run_engine::seams::Store;
use run_store::{ArtifactFilter, Ended, RunFilter, RunStore, StoreReader};

use crate::scenario::{Script, at, outputs, plan, turn, with_files};

#[test]
fn runs_newest_first_by_pipeline_state_and_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let reader = store.reader();
    let mut script = Script::default();
    assert_eq!(reader.newest_run(None).unwrap(), None);
    let mut runs = Vec::new();
    for (name, end) in [
        ("penguins", Some(RunEnd::Succeeded)),
        ("taxi", Some(RunEnd::Failed)),
        ("penguins", Some(RunEnd::Cancelled)),
        ("penguins", None),
    ] {
        let (run, created) = script.created(&plan(name, &["a", "b"]));
        let (a, started) = script.started(run, 0, name);
        let succeeded = script.succeeded(&a, &Arc::new(Outputs::default()));
        let mut entries = vec![created, started, succeeded];
        entries.extend(end.map(|end| script.ended_run(run, end)));
        store.commit(&turn(entries)).unwrap();
        runs.push(run);
    }
    let [first, taxi, cancelled, open] = runs[..] else {
        unreachable!()
    };
    let ids = |pipeline: Option<&str>, ended, before, limit| -> Vec<RunId> {
        let filter = RunFilter {
            pipeline: pipeline.map(ToOwned::to_owned),
            ended,
        };
        let rows = reader.runs(&filter, before, limit).unwrap();
        rows.into_iter().map(|row| row.run).collect()
    };
    assert_eq!(ids(None, None, None, 9), [open, cancelled, taxi, first]);
    assert_eq!(ids(None, None, None, 2), [open, cancelled]);
    assert_eq!(ids(None, None, Some(cancelled), 2), [taxi, first]);
    assert_eq!(ids(None, None, None, 0), []);
    assert_eq!(
        ids(Some("penguins"), None, Some(open), 9),
        [cancelled, first]
    );
    assert_eq!(ids(None, Some(Ended::Unfinished), None, 9), [open]);
    assert_eq!(ids(None, Some(Ended::As(RunEnd::Failed)), None, 9), [taxi]);
    assert_eq!(
        ids(Some("penguins"), Some(Ended::As(RunEnd::Failed)), None, 9),
        []
    );
    assert_eq!(reader.newest_run(None).unwrap(), Some(open));
    assert_eq!(reader.newest_run(Some("taxi")).unwrap(), Some(taxi));
    assert_eq!(reader.newest_run(Some("tax")).unwrap(), None);
    assert_eq!(reader.unfinished_runs().unwrap(), [open]);

    let row = reader.run(open).unwrap().unwrap();
    assert_eq!((row.steps_total, row.steps_ended, row.end), (2, 1, None));
    assert_eq!((row.first_seq, row.last_seq), (13, 15));
    assert_eq!((row.created_at, row.started_at), (at(12), Some(at(13))));
    let row = reader.run(first).unwrap().unwrap();
    assert_eq!((row.steps_total, row.steps_ended), (2, 2));
    assert_eq!(row.end, Some((RunEnd::Succeeded, at(3))));
    assert_eq!((row.first_seq, row.last_seq), (1, 4));
    assert_eq!(
        (row.pipeline.as_str(), row.host.as_str()),
        ("penguins", "ada")
    );
    assert_eq!(reader.run(RunId(script.id())).unwrap(), None);
}

#[test]
fn runs_by_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let mut runs = Vec::new();
    for _ in 0..3 {
        let (run, created) = script.created(&plan("penguins", &["a"]));
        store.commit(&turn(vec![created])).unwrap();
        runs.push(run);
    }
    let reader = store.reader();
    let find = |prefix: &str| reader.run_by_prefix(prefix).unwrap();
    assert_eq!(find(&runs[1].to_string()), [runs[1]]);
    assert_eq!(find(&runs[1].to_string().to_uppercase()), [runs[1]]);
    assert_eq!(find(&runs[2].to_string().replace('-', "")[..13]), [runs[2]]);
    assert_eq!(find("0198"), runs[..2]);
    assert_eq!(find("0199"), []);
    for nothing in ["", "-", "latest", "+198", "é", &"0".repeat(33)] {
        assert_eq!(find(nothing), [], "{nothing}");
    }
}

#[test]
fn artifacts_newest_first_by_run_type_and_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let (first, created) = script.created(&plan("penguins", &["a", "b", "c"]));
    let intent = script.intent(0, "a");
    let (a, a_started) = script.start(first, with_files(first, intent, "rows"));
    let a_outputs = outputs(&a, "Model", "first");
    let a_succeeded = script.succeeded(&a, &a_outputs);
    let (b, b_started) = script.started(first, 1, "b");
    let b_succeeded = script.succeeded(&b, &outputs(&b, "Metrics", "good"));
    // c lives: what it reads is an artifact of the run, but not yet of the store.
    let intent = script.intent(2, "c");
    let (c, c_started) = script.start(first, with_files(first, intent, "more"));
    let entries = vec![
        created,
        a_started,
        a_succeeded,
        b_started,
        b_succeeded,
        c_started,
    ];
    store.commit(&turn(entries)).unwrap();
    let (second, created) = script.created(&plan("penguins", &["a", "b", "c"]));
    let a_reused = script.reused(second, 0, &a, &a_outputs);
    let (d, d_started) = script.started(second, 1, "d");
    let d_succeeded = script.succeeded(&d, &outputs(&d, "Model", "second"));
    let entries = vec![created, a_reused, d_started, d_succeeded];
    store.commit(&turn(entries)).unwrap();

    let [a_model, b_metrics, d_model] = [&a, &b, &d].map(|of| of.started.execution.artifact(1));
    let [a_files, c_files] = [&a, &c].map(|of| of.started.execution.artifact(0x8000));
    let reader = store.reader();
    let every = |run, type_name| pages(&reader, run, type_name);
    assert_eq!(every(None, None), [d_model, b_metrics, a_files, a_model]);
    assert_eq!(every(None, Some("Model")), [d_model, a_model]);
    assert_eq!(
        every(Some(first), None),
        [c_files, b_metrics, a_files, a_model]
    );
    assert_eq!(every(Some(second), None), [d_model, a_files, a_model]);
    assert_eq!(every(Some(second), Some("Files")), [a_files]);

    for id in [a_model, b_metrics, d_model, a_files, c_files] {
        assert_eq!(reader.artifact(id).unwrap().unwrap().id, id);
        let found = reader.artifact_by_prefix(&id.to_string()).unwrap();
        assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [id]);
    }
    assert_eq!(
        reader.artifact(a.started.execution.artifact(9)).unwrap(),
        None
    );
    assert_eq!(reader.artifact_by_prefix("0198").unwrap().len(), 2);
    assert_eq!(reader.artifact_by_prefix("0199").unwrap(), []);
    assert_eq!(
        reader.artifact(a_model).unwrap().as_ref(),
        Some(&a_outputs.artifacts["model"])
    );

    // The same once the run is over and its journal folded; what c read belongs to the store now.
    let lost = script.lost(&c);
    let now = script.now();
    let cancelling = run_engine::event::Event::RunCancelling {
        abandon: false,
        at: now,
    };
    let cancelling = script.entry(first, cancelling);
    let ended = script.ended_run(first, RunEnd::Cancelled);
    store.commit(&turn(vec![lost, cancelling, ended])).unwrap();
    assert_eq!(
        pages(&reader, Some(first), None),
        [c_files, b_metrics, a_files, a_model]
    );
    assert_eq!(pages(&reader, None, Some("Files")), [c_files, a_files]);
}

/// All artifacts of a listing, read in pages of every size.
fn pages(reader: &StoreReader, run: Option<RunId>, type_name: Option<&str>) -> Vec<ArtifactId> {
    let filter = ArtifactFilter {
        run,
        type_name: type_name.map(ToOwned::to_owned),
    };
    let whole = reader.artifacts(&filter, None, 99).unwrap();
    let whole: Vec<ArtifactId> = whole.iter().map(|artifact| artifact.id).collect();
    for limit in 1..=whole.len() {
        let mut found: Vec<ArtifactId> = Vec::new();
        loop {
            let page = reader
                .artifacts(&filter, found.last().copied(), limit)
                .unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= limit);
            found.extend(page.iter().map(|artifact| artifact.id));
        }
        assert_eq!(found, whole, "limit {limit}");
    }
    assert_eq!(reader.artifacts(&filter, None, 0).unwrap(), []);
    whole
}
