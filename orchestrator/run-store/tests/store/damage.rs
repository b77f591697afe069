//! Damage: what is repaired, what is refused and in which words, and that nothing is lost in silence.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use run_engine::artifact::Outputs;
use run_engine::event::RunEnd;
use run_engine::seams::Store;
use run_store::{ArtifactFilter, OpenError, RunFilter, RunStore};
use tempfile::TempDir;

use crate::opening::{refusal, sentence};
use crate::scenario::{Script, open_raw, plan, turn};

/// Places at which sled's log is damaged, and each other file.
const LOG_PLACES: usize = 60;
const PLACES: usize = 10;

/// A folder with a finished run and one that is not.
fn two_runs() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    let mut store = RunStore::open(folder.path()).unwrap();
    for name in ["penguins", "taxi"] {
        let (run, created) = script.created(&plan(name, &["a", "b"]));
        store.commit(&turn(vec![created])).unwrap();
        let (a, started) = script.started(run, 0, "a");
        store.commit(&turn(vec![started])).unwrap();
        let succeeded = script.succeeded(&a, &Arc::new(Outputs::default()));
        store.commit(&turn(vec![succeeded])).unwrap();
        if name == "penguins" {
            let ended = script.ended_run(run, RunEnd::Succeeded);
            store.commit(&turn(vec![ended])).unwrap();
        }
    }
    folder
}

/// All that a store holds, or the sentence of whoever refuses it.
fn content(folder: &Path) -> Result<String, String> {
    let store = RunStore::open(folder).map_err(|error| sentence(&error))?;
    let reader = store.reader();
    let read = || {
        let mut text = String::new();
        for run in reader.runs(&RunFilter::default(), None, 99)? {
            let _ = writeln!(text, "{run:?} {:?}", reader.journal(run.run)?);
        }
        let artifacts = reader.artifacts(&ArtifactFilter::default(), None, 99)?;
        let _ = writeln!(
            text,
            "{artifacts:?} {:?}",
            reader.events_after(0, None, 99)?
        );
        Ok(text)
    };
    read().map_err(|error: run_engine::seams::StoreError| error.to_string())
}

/// A copy of a folder, with other bytes in one file.
fn copy_with(folder: &Path, file: &str, bytes: &[u8]) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for below in ["db", "objects"] {
        fs::create_dir(copy.path().join(below)).unwrap();
        for entry in fs::read_dir(folder.join(below)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap();
                fs::copy(&path, copy.path().join(below).join(name)).unwrap();
            }
        }
    }
    fs::copy(folder.join("format"), copy.path().join("format")).unwrap();
    fs::write(copy.path().join(file), bytes).unwrap();
    copy
}

/// Flips a bit, and cuts the file off, at places all over it. Gives how often it was refused.
fn damage(folder: &Path, file: &str, places: usize) -> usize {
    let before = content(copy_with(folder, "x", b"").path()).unwrap();
    let bytes = fs::read(folder.join(file)).unwrap();
    // What follows is the space that sled takes in advance.
    let used = bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0) + 1;
    let mut refusals = 0;
    for place in (0..used).step_by((used / places).max(1)) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        for damaged in [&flipped[..], &bytes[..place]] {
            let copy = copy_with(folder, file, damaged);
            match content(copy.path()) {
                Ok(after) => assert_eq!(after, before, "{file} at {place}"),
                Err(_) => refusals += 1,
            }
        }
    }
    refusals
}

#[test]
fn nothing_that_was_recorded_is_lost_in_silence() {
    let folder = two_runs();
    // Opening writes a snapshot.
    drop(RunStore::open(folder.path()).unwrap());
    drop(open_raw(folder.path()));
    // A damaged log ends sooner for sled, and it says nothing of it.
    assert!(damage(folder.path(), "db/db", LOG_PLACES) > LOG_PLACES);
    for entry in fs::read_dir(folder.path().join("objects")).unwrap() {
        let name = entry.unwrap().file_name();
        let name = format!("objects/{}", name.to_string_lossy());
        assert!(damage(folder.path(), &name, PLACES) >= 2 * PLACES, "{name}");
    }
    // What is written anew, or says nothing if it cannot be read.
    let snapshots = files_that_begin(folder.path(), "snap.");
    assert!(!snapshots.is_empty());
    for snapshot in snapshots {
        let name = snapshot.file_name().unwrap_or_default().to_string_lossy();
        assert_eq!(damage(folder.path(), &format!("db/{name}"), PLACES), 0);
    }
    for name in ["db/conf", "db/acknowledged"] {
        assert_eq!(damage(folder.path(), name, PLACES), 0, "{name}");
    }
}

#[test]
fn a_loss_is_told_and_can_be_accepted() {
    let folder = two_runs();
    let bytes = fs::read(folder.path().join("db/db")).unwrap();
    let copy = copy_with(folder.path(), "db/db", &bytes[..bytes.len() / 2]);
    let error = refusal(copy.path());
    let OpenError::Lost {
        acknowledged: 7,
        note,
        ..
    } = &error
    else {
        panic!("{}", sentence(&error));
    };
    assert!(
        error.to_string().contains("events up to number 7"),
        "{error}"
    );
    // It stays so until somebody decides.
    assert!(matches!(refusal(copy.path()), OpenError::Lost { .. }));
    fs::remove_file(note).unwrap();
    let store = RunStore::open(copy.path()).unwrap();
    assert!(store.last_seq() < 7);
}

#[test]
fn damaged_snapshots_are_set_aside_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    let mut store = RunStore::open(folder.path()).unwrap();
    let (run, created) = script.created(&plan("penguins", &["a"]));
    let (a, started) = script.started(run, 0, "a");
    let succeeded = script.succeeded(&a, &Arc::new(Outputs::default()));
    store
        .commit(&turn(vec![created, started, succeeded]))
        .unwrap();
    let journal = store.reader().journal(run).unwrap();
    drop(store);
    // Opening writes a snapshot.
    drop(RunStore::open(folder.path()).unwrap());
    drop(open_raw(folder.path()));
    let snapshots = files_that_begin(folder.path(), "snap.");
    assert!(!snapshots.is_empty());
    for snapshot in &snapshots {
        let mut file = fs::OpenOptions::new().write(true).open(snapshot).unwrap();
        file.write_all(b"torn").unwrap();
    }
    let store = RunStore::open(folder.path()).unwrap();
    assert_eq!(store.reader().journal(run).unwrap(), journal);
    assert_eq!(
        files_that_begin(folder.path(), "quarantined.snap.").len(),
        snapshots.len()
    );
}

fn files_that_begin(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("db")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let begins = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(beginning)
    };
    paths.filter(begins).collect()
}

#[test]
fn a_database_that_is_damaged_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let (_, created) = Script::default().created(&plan("penguins", &["a"]));
    store.commit(&turn(vec![created])).unwrap();
    drop(store);
    drop(RunStore::open(folder.path()).unwrap());
    drop(open_raw(folder.path()));
    let snapshots = files_that_begin(folder.path(), "snap.").len();
    let path = folder.path().join("db/db");
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(&[0xAA; 4096]).unwrap();
    let error = refusal(folder.path());
    assert!(
        matches!(error, OpenError::Damaged { .. }),
        "{}",
        sentence(&error)
    );
    assert!(sentence(&error).contains("put the folder aside"), "{error}");
    // Without its snapshot sled would open, and have lost rows.
    assert_eq!(files_that_begin(folder.path(), "snap.").len(), snapshots);
}

#[test]
fn an_object_that_is_damaged_is_named_and_the_rest_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let mut runs = Vec::new();
    for name in ["penguins", "taxi"] {
        let (run, created) = script.created(&plan(name, &[]));
        let ended = script.ended_run(run, RunEnd::Succeeded);
        store.commit(&turn(vec![created, ended])).unwrap();
        runs.push(run);
    }
    let mut objects = fs::read_dir(folder.path().join("objects")).unwrap();
    let folded = objects.find_map(|entry| {
        let path = entry.unwrap().path();
        let content = fs::read(&path).unwrap();
        // Codec 3, then version 1, then the number of the first event.
        content
            .starts_with(&[3, 1, 0, 0, 0, 0, 0, 0, 0, 1])
            .then_some(path)
    });
    let folded = folded.unwrap();
    fs::write(&folded, b"something else").unwrap();
    let error = store.reader().journal(runs[0]).unwrap_err();
    let name = folded.file_name().unwrap().to_string_lossy().into_owned();
    assert!(error.message.contains(&name), "{error}");
    assert!(store.reader().journal(runs[1]).unwrap().is_some());
    assert_eq!(
        store
            .reader()
            .runs(&RunFilter::default(), None, 9)
            .unwrap()
            .len(),
        2
    );
}
