//! Journals: the same before and after opening again, unfolded and folded, whole and page by page.

use std::sync::Arc;

use pipeline_plan::NodeId;
use run_engine::artifact::Outputs;
use run_engine::event::{Carried, Event, RunEnd, StepReused};
use run_engine::failure_code::FailureCode;
use run_engine::ids::RunId;
use run_engine::reason::{Failure, Reason, ReasonCode};
use run_engine::seams::{JournalEntry, Store};
use run_engine::state::RunState;
use run_store::{Journal, RunStore};

use crate::scenario::{Script, at, exit, outputs, plan, turn, with_files};

/// Commits each list as a turn, and looks after each whether the journals are what was committed,
/// through the same store and through one opened again.
fn check(turns: Vec<Vec<JournalEntry>>) {
    let folder = tempfile::tempdir().unwrap();
    let mut committed: Vec<JournalEntry> = Vec::new();
    for entries in turns {
        let mut store = RunStore::open(folder.path()).unwrap();
        assert_eq!(
            store.last_seq(),
            committed.last().map_or(0, |last| last.seq)
        );
        committed.extend(entries.clone());
        store.commit(&turn(entries)).unwrap();
        compare(&store, &committed);
        drop(store);
        compare(&RunStore::open(folder.path()).unwrap(), &committed);
    }
}

fn compare(store: &RunStore, committed: &[JournalEntry]) {
    let reader = store.reader();
    assert_eq!(
        store.last_seq(),
        committed.last().map_or(0, |last| last.seq)
    );
    let mut unfinished = Vec::new();
    for journal in journals(committed) {
        if !journal
            .entries
            .iter()
            .any(|entry| matches!(entry.event, Event::RunEnded { .. }))
        {
            unfinished.push(journal.clone());
        }
        let found = reader.journal(journal.run).unwrap().unwrap();
        assert_eq!(found, journal);
        RunState::replay(found.entries.iter().map(|entry| &entry.event)).unwrap();
        // Page by page, of every size up to the whole.
        for limit in 1..=journal.entries.len() {
            assert_eq!(
                paged(store, Some(journal.run), limit),
                journal.entries,
                "limit {limit}"
            );
        }
    }
    assert_eq!(store.unfinished().unwrap(), unfinished);
    for limit in 1..=committed.len() {
        assert_eq!(paged(store, None, limit), committed, "limit {limit}");
    }
}

fn paged(store: &RunStore, run: Option<RunId>, limit: usize) -> Vec<JournalEntry> {
    let (reader, mut found, mut seq) = (store.reader(), Vec::new(), 0);
    loop {
        let page = reader.events_after(seq, run, limit).unwrap();
        assert!(page.len() <= limit);
        let Some(last) = page.last() else {
            return found;
        };
        seq = last.seq;
        found.extend(page);
    }
}

/// The journals of these events, the oldest run first.
fn journals(committed: &[JournalEntry]) -> Vec<Journal> {
    let mut runs: Vec<RunId> = committed.iter().map(|entry| entry.run).collect();
    runs.sort_unstable();
    runs.dedup();
    let of = |run: RunId| committed.iter().filter(move |entry| entry.run == run);
    runs.into_iter()
        .map(|run| Journal {
            run,
            entries: of(run).cloned().collect(),
        })
        .collect()
}

#[test]
fn a_run_with_every_kind_of_event() {
    let mut script = Script::default();
    let steps = ["a", "b", "c", "c>d", "e", "f"];
    let (run, created) = script.created(&plan("penguins", &steps));
    let intent = script.intent(0, "a");
    let (a, a_started) = script.start(run, with_files(run, intent, "rows"));
    let a_outputs = outputs(&a, "Model", "first");
    let a_succeeded = script.succeeded(&a, &a_outputs);
    // b reads what a gave, is lost, adopted in its second attempt, and refuses.
    let mut intent = script.intent(1, "b");
    let given = Arc::clone(&a_outputs.artifacts["model"]);
    intent.inputs.insert("model".to_owned(), vec![given]);
    let (b, b_started) = script.start(run, intent.clone());
    let b_lost = script.lost(&b);
    let resumed_at = script.now();
    let resumed = script.entry(run, Event::RunResumed { at: resumed_at });
    intent.attempt = 2;
    let (b, b_again) = script.start(run, intent);
    let adopted = Event::StepAdopted {
        node: NodeId(1),
        attempt: 2,
        at: script.now(),
    };
    let adopted = script.entry(run, adopted);
    let refused_outputs = outputs(&b, "Evaluation", "bad");
    let b_refused = script.refused(&b, &refused_outputs);
    let mut intent = script.intent(2, "c");
    let (c, c_started) = script.start(run, intent.clone());
    let c_retrying = script.retrying(&c);
    intent.attempt = 2;
    let (c, c_again) = script.start(run, intent);
    let c_failed = script.failed(&c);
    let skipped = Event::StepSkipped {
        node: NodeId(3),
        reason: Reason::new(ReasonCode::UpstreamFailed, "`c` failed", "c"),
        at: script.now(),
    };
    let skipped = script.entry(run, skipped);
    let (e, e_started) = script.started(run, 4, "e");
    let not_startable = Event::StepFailed {
        node: NodeId(5),
        attempt: None,
        failure: Failure::new(FailureCode::NoMatch, "nothing matches `*.csv`"),
        exit: None,
        at: script.now(),
    };
    let not_startable = script.entry(run, not_startable);
    let cancelling_at = script.now();
    let cancelling = script.entry(
        run,
        Event::RunCancelling {
            abandon: false,
            at: cancelling_at,
        },
    );
    let cancelled = Event::StepCancelled {
        node: NodeId(4),
        attempt: e.started.attempt,
        exit: Some(exit(143, 9)),
        at: script.now(),
    };
    let cancelled = script.entry(run, cancelled);
    let ended = script.ended_run(run, RunEnd::Cancelled);
    check(vec![
        vec![created, a_started],
        vec![a_succeeded, b_started],
        vec![b_lost],
        vec![resumed, b_again, adopted],
        vec![b_refused, c_started],
        vec![c_retrying, c_again],
        vec![c_failed, skipped, e_started, not_startable],
        vec![cancelling],
        vec![cancelled, ended],
    ]);
}

#[test]
fn two_runs_that_alternate_and_reuse() {
    let mut script = Script::default();
    let (first, created) = script.created(&plan("penguins", &["a", "b"]));
    let (a, a_started) = script.started(first, 0, "a");
    let a_outputs = outputs(&a, "Model", "first");
    let a_succeeded = script.succeeded(&a, &a_outputs);
    let (b, b_started) = script.started(first, 1, "b");
    let b_outputs = outputs(&b, "Evaluation", "bad");
    let b_refused = script.refused(&b, &b_outputs);
    let Event::StepRefused { reason, .. } = b_refused.event.clone() else {
        unreachable!()
    };
    let first_ended = script.ended_run(first, RunEnd::Refused);
    let names: Vec<String> = (0..150).map(|n| format!("s{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wide = plan("wide", &names);
    let (second, second_created) = script.created(&wide);
    let (third, third_created) = script.created(&wide);
    let mut reuses = vec![second_created, third_created];
    for node in 0..148 {
        reuses.push(script.reused(second, node, &a, &a_outputs));
        // What comes between the reuses of a block stands in rows of its own.
        if node % 10 == 3 {
            let at = script.now();
            reuses.push(script.entry(second, Event::RunResumed { at }));
        }
        if node < 120 {
            reuses.push(script.reused(third, node, &a, &a_outputs));
        }
    }
    let refused = StepReused {
        node: NodeId(148),
        source: b.started.execution,
        source_run: first,
        outputs: Arc::clone(&b_outputs),
        refused: Some(reason),
        carried: None,
        at: script.now(),
    };
    let refused = script.entry(second, Event::StepReused(Arc::new(refused)));
    let carried = StepReused {
        node: NodeId(149),
        source: a.started.execution,
        source_run: first,
        outputs: a_outputs,
        refused: None,
        carried: Some(Carried::Retry),
        at: script.now(),
    };
    let carried = script.entry(second, Event::StepReused(Arc::new(carried)));
    let second_ended = script.ended_run(second, RunEnd::Refused);
    check(vec![
        vec![created, a_started, a_succeeded, b_started],
        vec![b_refused, first_ended],
        reuses,
        vec![refused, carried, second_ended],
    ]);
}

#[test]
fn a_run_within_one_turn() {
    let mut script = Script::default();
    let (run, created) = script.created(&plan("penguins", &["a"]));
    let (a, started) = script.started(run, 0, "a");
    let nothing = Arc::new(Outputs::default());
    let succeeded = script.succeeded(&a, &nothing);
    let ended = script.ended_run(run, RunEnd::Succeeded);
    check(vec![vec![created, started, succeeded, ended]]);
}

#[test]
fn a_run_that_ends_while_a_step_waits_for_another_attempt() {
    let mut script = Script::default();
    let (run, created) = script.created(&plan("penguins", &["a"]));
    let (a, started) = script.started(run, 0, "a");
    let lost = script.lost(&a);
    let at = script.now();
    let cancelling = script.entry(run, Event::RunCancelling { abandon: false, at });
    let ended = script.ended_run(run, RunEnd::Cancelled);
    check(vec![
        vec![created, started],
        vec![lost],
        vec![cancelling, ended],
    ]);
}

#[test]
fn what_does_not_fit_into_a_row() {
    let mut script = Script::default();
    let (run, created) = script.created(&plan("penguins", &["a", "b"]));
    let long = "x".repeat(10_000);
    let mut intent = script.intent(0, "a");
    let mut key = (*intent.key).clone();
    key.command.push(long.clone());
    let files = (0..500).map(|n| component_api::files::FileEntry {
        path: format!("lib/module_{n}.py"),
        size_bytes: n,
        digest: crate::scenario::digest(&n.to_string()),
    });
    key.files = Some(Arc::new(run_engine::reuse::FileSet::new(files.collect())));
    intent.key = Arc::new(key.clone());
    let (a, a_started) = script.start(run, intent);
    let mut given = (*outputs(&a, "Model", "first")).clone();
    given.parameters.insert("text".to_owned(), long.into());
    let succeeded = script.succeeded(&a, &Arc::new(given));
    let mut intent = script.intent(1, "b");
    intent.key = Arc::new(key);
    let (_, b_started) = script.start(run, intent);
    check(vec![vec![created, a_started], vec![succeeded, b_started]]);
}

/// Ends a run with more journal rows than a batch removes, and goes on with another.
#[test]
fn a_journal_of_more_rows_than_a_batch_is_removed_in_the_turns_that_follow() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let (run, created) = script.created(&plan("penguins", &["a"]));
    let mut committed = vec![created];
    for _ in 0..6000 {
        committed.push(script.entry(run, Event::RunResumed { at: at(1) }));
    }
    let cancelling = Event::RunCancelling {
        abandon: false,
        at: at(2),
    };
    committed.push(script.entry(run, cancelling));
    for entries in committed.chunks(2000) {
        store.commit(&turn(entries.to_vec())).unwrap();
    }
    let ended = script.ended_run(run, RunEnd::Cancelled);
    committed.push(ended.clone());
    store.commit(&turn(vec![ended])).unwrap();
    let journal = Journal {
        run,
        entries: committed,
    };
    assert_eq!(
        store.reader().journal(run).unwrap().as_ref(),
        Some(&journal)
    );
    assert!(journal_rows(store, folder.path()) > 0);

    let mut store = RunStore::open(folder.path()).unwrap();
    assert_eq!(
        store.reader().journal(run).unwrap().as_ref(),
        Some(&journal)
    );
    assert!(store.unfinished().unwrap().is_empty());
    for _ in 0..3 {
        let (_, created) = script.created(&plan("other", &["a"]));
        store.commit(&turn(vec![created])).unwrap();
    }
    assert_eq!(
        store.reader().journal(run).unwrap().as_ref(),
        Some(&journal)
    );
    // Those of the three other runs.
    assert_eq!(journal_rows(store, folder.path()), 3);
}

/// How many journal rows lie in the database, which is closed first.
fn journal_rows(store: RunStore, folder: &std::path::Path) -> usize {
    drop(store);
    crate::scenario::open_raw(folder).scan_prefix(b"j").count()
}
