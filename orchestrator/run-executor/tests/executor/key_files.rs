//! The files that key a command: all that git would not ignore, but for what cannot matter.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use run_engine::reuse::FileSet;
use run_engine::seams::KeyFiles;
use run_executor::limits::{KEY_BYTES_MAX, KEY_FILES_MAX};

use crate::support::World;

fn key_files(world: &mut World, files: KeyFiles, excluded: &[&str]) -> Arc<FileSet> {
    let mut task = world.preparation();
    task.key_files = files;
    task.excluded = Arc::new(excluded.iter().map(|glob| (*glob).to_owned()).collect());
    let prepared = world.prepare(&task).unwrap();
    assert_eq!(prepared.unkeyable, None);
    prepared.key_files.unwrap()
}

fn names(set: &FileSet) -> Vec<&str> {
    set.files.iter().map(|file| file.path.as_str()).collect()
}

fn globs(patterns: &[&str]) -> KeyFiles {
    KeyFiles::Globs(patterns.iter().map(|glob| (*glob).to_owned()).collect())
}

#[test]
fn the_project_is_what_git_would_not_ignore_and_what_can_matter() {
    let mut world = World::new();
    for name in [
        "train.py",
        "model.py",
        ".config/settings.toml",
        "lib/__init__.py",
        "lib/__pycache__/model.pyc",
        ".git/HEAD",
        "sub/.git",
        "sub/code.py",
        "README.md",
        "notes/Ideas.MARKDOWN",
        "venv/pyvenv.cfg",
        "venv/bin/python",
        "ignored.log",
        "build/out.o",
        "kept.log",
        "lib/local.txt",
        ".ropewalk/objects/x",
        "serving/model/1/model.onnx",
        "data/a.csv",
        "data/a.py",
    ] {
        world.write(name, name);
    }
    world.write(".gitignore", "*.log\n!kept.log\nbuild/\n");
    world.write("lib/.gitignore", "local.txt\n");
    // Only git's rules count.
    world.write(".ignore", "train.py\n");
    let set = key_files(&mut world, KeyFiles::Project, &["serving", "data/*.csv"]);
    let expected = [
        ".config/settings.toml",
        ".gitignore",
        ".ignore",
        "data/a.py",
        "kept.log",
        "lib/.gitignore",
        "lib/__init__.py",
        "model.py",
        "sub/code.py",
        "train.py",
    ];
    assert_eq!(names(&set), expected);
}

#[test]
fn pipelines_do_not_key_a_command_but_its_configuration_does() {
    let mut world = World::new();
    let pipeline = "name: a\nsteps: # two\n  train:\n    run: [python3, train.py]\n";
    world.write("pipeline.yaml", pipeline);
    world.write("other.yml", "name: b\nsteps:\n  ingest: { uses: ingest }\n");
    world.write("config.yaml", "steps: 1000\nrun: 3\n");
    world.write("nested.yaml", "training:\n  steps:\n    run: x\n");
    let set = key_files(&mut world, KeyFiles::Project, &[]);
    assert_eq!(names(&set), ["config.yaml", "nested.yaml"]);
}

#[test]
fn a_changed_module_changes_the_digest_and_is_named() {
    let mut world = World::new();
    world.write("train.py", "import model\n");
    world.write("model.py", "x = 1\n");
    let before = key_files(&mut world, KeyFiles::Project, &[]);
    assert_eq!(key_files(&mut world, KeyFiles::Project, &[]), before);
    world.write("model.py", "x = 2\n");
    let after = key_files(&mut world, KeyFiles::Project, &[]);
    assert_ne!(before.digest, after.digest);
    let changed = before
        .files
        .iter()
        .zip(&after.files)
        .filter(|(a, b)| a != b);
    let changed: Vec<&str> = changed.map(|(file, _)| file.path.as_str()).collect();
    assert_eq!(changed, ["model.py"]);
}

#[test]
fn a_link_counts_by_what_is_read_through_it() {
    let mut world = World::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("shared.py"), "x = 1\n").unwrap();
    let link = world.project().join("shared.py");
    symlink(elsewhere.path().join("shared.py"), link).unwrap();
    symlink("nowhere", world.project().join("broken")).unwrap();
    let before = key_files(&mut world, KeyFiles::Project, &[]);
    assert_eq!(names(&before), ["broken", "shared.py"]);
    fs::write(elsewhere.path().join("shared.py"), "x = 2\n").unwrap();
    let after = key_files(&mut world, KeyFiles::Project, &[]);
    assert_ne!(before.digest, after.digest);
}

#[test]
fn globs_narrow_it() {
    let mut world = World::new();
    for name in ["train.py", "lib/a.py", "lib/deep/b.py", "other.py"] {
        world.write(name, name);
    }
    let set = key_files(&mut world, globs(&["train.py", "lib/**"]), &[]);
    assert_eq!(names(&set), ["lib/a.py", "lib/deep/b.py", "train.py"]);
    let mut task = world.preparation();
    task.key_files = globs(&["trian.py"]);
    assert_eq!(world.prepare(&task).unwrap_err().code, "file_not_found");
}

#[test]
fn too_much_is_not_keyed_and_says_what_to_do() {
    let mut world = World::new();
    let unkeyable = |world: &mut World| {
        let mut task = world.preparation();
        task.key_files = KeyFiles::Project;
        let prepared = world.prepare(&task).unwrap();
        assert_eq!(prepared.key_files, None);
        prepared.unkeyable.unwrap()
    };
    let large = fs::File::create(world.project().join("large.bin")).unwrap();
    large.set_len(KEY_BYTES_MAX + 1).unwrap();
    let why = unkeyable(&mut world);
    assert!(why.contains("64 MiB") && why.contains("`files:`"), "{why}");
    large.set_len(0).unwrap();
    for number in 0..KEY_FILES_MAX {
        fs::write(world.project().join(format!("{number}.py")), "").unwrap();
    }
    let why = unkeyable(&mut world);
    assert!(why.contains("10000 files"), "{why}");
}
