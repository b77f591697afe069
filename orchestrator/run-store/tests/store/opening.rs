//! Opening: what is there afterwards, what is refused and in which words.

use std::fs;
use std::path::Path;

use run_engine::seams::{Store, Turn};
use run_store::{OpenError, RunStore};

use crate::scenario::{Script, plan, turn};

/// Error and causes, as they are shown.
pub(crate) fn sentence(error: &OpenError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

pub(crate) fn refusal(folder: &Path) -> OpenError {
    RunStore::open(folder).map(drop).unwrap_err()
}

#[test]
fn a_new_state_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("project/.ropewalk");
    let store = RunStore::open(&folder).unwrap();
    assert_eq!(store.last_seq(), 0);
    assert_eq!(
        fs::read_to_string(folder.join("format")).unwrap(),
        "ropewalk state 1\n"
    );
    assert_eq!(
        fs::read_to_string(folder.join(".gitignore")).unwrap(),
        "*\n"
    );
    assert!(folder.join("db/db").is_file() && folder.join("objects").is_dir());
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("format"), "ropewalk state 2\n").unwrap();
    let error = refusal(folder.path());
    assert!(matches!(
        error,
        OpenError::Newer {
            found: 2,
            newest: 1,
            ..
        }
    ));
    assert!(
        sentence(&error).contains("written by a newer version"),
        "{error}"
    );
    assert!(!folder.path().join("db").exists());
}

#[test]
fn a_format_that_tells_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(RunStore::open(folder.path()).unwrap());
    for garbage in [
        "",
        "ropewalk state\n",
        "ropewalk state 0\n",
        "ropewalk state x",
    ] {
        fs::write(folder.path().join("format"), garbage).unwrap();
        let error = refusal(folder.path());
        assert!(
            matches!(error, OpenError::Format { .. }),
            "{garbage:?}: {error}"
        );
    }
    fs::remove_file(folder.path().join("format")).unwrap();
    assert!(sentence(&refusal(folder.path())).contains("although there is a database"));
}

#[test]
fn a_store_that_is_held_is_refused_naming_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let store = RunStore::open(folder.path()).unwrap();
    let reader = store.reader();
    drop(store);
    // A reader holds it as well.
    let error = refusal(folder.path());
    assert!(error.is_held(), "{error}");
    let holder = format!("process {} (", std::process::id());
    assert!(sentence(&error).contains(&holder), "{error}");
    drop(reader);
    RunStore::open(folder.path()).unwrap();
}

#[test]
fn a_place_where_nothing_can_be_made_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refusal(&file.join(".ropewalk"));
    assert!(matches!(error, OpenError::Io { .. }));
    let text = sentence(&error);
    assert!(
        text.contains("creating") && text.contains("Not a directory"),
        "{text}"
    );
    // Where nobody may write, not even root.
    let text = sentence(&refusal(Path::new("/proc/ropewalk")));
    assert!(
        text.contains("/proc/ropewalk") && text.contains("--state"),
        "{text}"
    );
}

#[test]
fn after_a_failed_write_nothing_more_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let (run, created) = script.created(&plan("penguins", &["a"]));
    // Objects cannot be made any more: the turn's plan needs one.
    fs::remove_dir(folder.path().join("objects")).unwrap();
    let error = store.commit(&turn(vec![created.clone()])).unwrap_err();
    assert!(error.message.contains("objects"), "{error}");
    fs::create_dir(folder.path().join("objects")).unwrap();
    let error = store.commit(&turn(vec![created])).unwrap_err();
    assert!(error.message.contains("takes nothing more"), "{error}");
    assert!(store.commit(&Turn::default()).is_err());
    assert_eq!(store.reader().run(run).unwrap(), None);
    assert_eq!(store.last_seq(), 0);
}

#[test]
fn numbers_that_do_not_ascend_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RunStore::open(folder.path()).unwrap();
    let mut script = Script::default();
    let (_, first) = script.created(&plan("penguins", &["a"]));
    store.commit(&turn(vec![first.clone()])).unwrap();
    assert!(store.commit(&turn(vec![first])).is_err());
}

#[test]
fn objects_by_their_content_and_what_was_being_written_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let objects = folder.path().join("objects");
    let mut store = RunStore::open(folder.path()).unwrap();
    let address = store.write_object(b"a plan").unwrap();
    assert_eq!(address, crate::scenario::digest("a plan"));
    assert_eq!(store.write_object(b"a plan").unwrap(), address);
    store.commit(&Turn::default()).unwrap();
    fs::write(objects.join(".new-1-0"), b"half").unwrap();
    drop(store);
    let store = RunStore::open(folder.path()).unwrap();
    assert_eq!(store.reader().read_object(&address).unwrap(), b"a plan");
    assert!(store.reader().read_object(&"0".repeat(64)).is_err());
    assert!(store.reader().read_object("../format").is_err());
    assert_eq!(fs::read_dir(objects).unwrap().count(), 1);
}
