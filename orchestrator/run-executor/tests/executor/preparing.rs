//! Preparing: external files by globs, their digests, the program.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use run_engine::reason::Failure;
use run_engine::seams::{Effect, Executor, Prepared};

use crate::support::World;

fn look(world: &mut World, globs: &[&str]) -> Result<Box<Prepared>, Failure> {
    let mut task = world.preparation();
    let globs = globs.iter().map(|glob| (*glob).to_owned()).collect();
    task.files.insert("rows".to_owned(), globs);
    world.prepare(&task)
}

fn names(world: &mut World, globs: &[&str]) -> Vec<String> {
    let prepared = look(world, globs).unwrap();
    let (manifest, states) = &prepared.files["rows"];
    assert_eq!(manifest.files.len(), states.len());
    manifest
        .files
        .iter()
        .map(|file| file.name.clone())
        .collect()
}

fn refusal(world: &mut World, glob: &str) -> Failure {
    look(world, &[glob]).unwrap_err()
}

#[test]
fn globs_name_files_once_and_in_order() {
    let mut world = World::new();
    for name in [
        "data/b.csv",
        "data/a.csv",
        "data/.hidden.csv",
        "data/old/c.csv",
        "data/old/.git/d.csv",
        "data/a.txt",
        "x[1].csv",
    ] {
        world.write(name, "1\n");
    }
    let cases: &[(&[&str], &[&str])] = &[
        (&["data/*.csv"], &["data/a.csv", "data/b.csv"]),
        (
            &["data/**/*.csv"],
            &["data/a.csv", "data/b.csv", "data/old/c.csv"],
        ),
        (&["./data/../data/b.csv"], &["data/b.csv"]),
        (&["data/b.csv", "data/*.csv"], &["data/a.csv", "data/b.csv"]),
        (
            &["data/{a,b}.*"],
            &["data/a.csv", "data/a.txt", "data/b.csv"],
        ),
        (&["data/.*"], &["data/.hidden.csv"]),
        (&["data/?.[tx]*"], &["data/a.txt"]),
        (&["x[1].csv"], &["x[1].csv"]),
        (&["*/old/*"], &["data/old/c.csv"]),
    ];
    for (globs, expected) in cases {
        assert_eq!(names(&mut world, globs), *expected, "{globs:?}");
    }
}

#[test]
fn files_elsewhere_are_named_by_their_paths() {
    let mut world = World::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("a.csv");
    fs::write(&file, "1\n").unwrap();
    let file = file.to_str().unwrap();
    let glob = format!("{}/*.csv", elsewhere.path().display());
    assert_eq!(names(&mut world, &[&glob]), [file]);
    // A folder that is linked into the project is part of it.
    symlink(elsewhere.path(), world.project().join("linked")).unwrap();
    assert_eq!(names(&mut world, &["linked/*.csv"]), ["linked/a.csv"]);
    // A circle of links ends.
    symlink(elsewhere.path(), elsewhere.path().join("circle")).unwrap();
    assert_eq!(names(&mut world, &["linked/**/a.csv"]), ["linked/a.csv"]);
}

#[test]
fn what_matches_nothing_is_a_failure_that_says_where_it_was_looked_for() {
    let mut world = World::new();
    world.write("data/a.csv", "1\n");
    let project = world.project().display().to_string();
    let failure = refusal(&mut world, "data/*.parquet");
    assert_eq!(failure.code, "no_match");
    assert!(failure.message.contains("`rows`") && failure.message.contains("data/*.parquet"));
    assert!(failure.message.contains(&project), "{failure:?}");
    assert!(failure.hint.contains("pipeline file's folder"));

    let failure = refusal(&mut world, "data/b.csv");
    assert_eq!(failure.code, "file_not_found");
    assert!(
        failure.message.contains(&format!("{project}/data/b.csv")),
        "{failure:?}"
    );

    let failure = refusal(&mut world, "data/");
    assert_eq!(failure.code, "no_match");
    assert!(failure.hint.contains("`data/*`"), "{failure:?}");

    assert_eq!(refusal(&mut world, "data/[").code, "no_match");
    assert_eq!(refusal(&mut world, "nowhere/*").code, "no_match");
}

#[test]
fn a_digest_is_of_the_content_as_it_is_now() {
    let mut world = World::new();
    let digest = |world: &mut World| {
        let prepared = look(world, &["a.csv"]).unwrap();
        prepared.files["rows"].0.files[0].digest.clone()
    };
    // Same size, within the same tick of the clock perhaps: too recent to be remembered.
    for content in ["1\n", "2\n", "3\n"] {
        world.write("a.csv", content);
        let expected = blake3::hash(content.as_bytes()).to_hex().to_string();
        assert_eq!(digest(&mut world), expected);
    }
    // Larger than what is read at once.
    let large = "x".repeat(3 * 1024 * 1024 + 17);
    world.write("a.csv", &large);
    let expected = blake3::hash(large.as_bytes()).to_hex().to_string();
    assert_eq!(digest(&mut world), expected);
}

#[test]
fn steps_that_are_prepared_together_are_told_one_by_one() {
    let mut world = World::new();
    for name in ["a.csv", "b.csv"] {
        world.write(name, name);
    }
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let mut task = world.preparation();
            let glob = if number % 2 == 0 { "a.csv" } else { "*.csv" };
            task.files.insert("rows".to_owned(), vec![glob.to_owned()]);
            task
        })
        .collect();
    let effects = tasks
        .iter()
        .map(|task| Effect::Prepare(Box::new(task.clone())));
    let effects = effects.collect();
    world.executor().submit(effects);
    for (number, task) in tasks.iter().enumerate() {
        let prepared = world.prepared(task).unwrap();
        assert_eq!(prepared.files["rows"].0.files.len(), 1 + number % 2);
    }
}

#[test]
fn a_program_is_found_as_a_shell_finds_it() {
    let mut world = World::new();
    let script = world.write("bin/train", "#!/bin/sh\n");
    world.write("bin/data", "");
    let mut find = |program: &str, executable: bool| {
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(&script, fs::Permissions::from_mode(mode)).unwrap();
        let mut task = world.preparation();
        task.program = Some(program.to_owned());
        task.search_path = "nowhere:bin:/bin".to_owned();
        world.prepare(&task).unwrap().program
    };
    let path = script.to_str().unwrap();
    assert_eq!(find("train", true).as_deref(), Some(path));
    assert_eq!(find("bin/train", true).as_deref(), Some(path));
    assert_eq!(find("train", false), None);
    assert_eq!(find("data", true), None);
    assert_eq!(find("sh", true).as_deref(), Some("/bin/sh"));
}
