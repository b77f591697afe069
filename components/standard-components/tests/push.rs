//! Publishing: what is visible is complete, what is not blessed is not published.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod attempt;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use attempt::{Attempt, Ended, digest, json};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A model's folder with a file of this content; scoring it is not the push's affair.
fn model(folder: &Path, content: &str) -> PathBuf {
    let model = folder.join(format!("model-{content}"));
    fs::create_dir_all(model.join("vocabularies")).unwrap();
    let signature = json!({
        "format_version": 1,
        "name": "penguins",
        "task": "regression",
        "flavour": "onnx",
        "raw_inputs": [],
        "features": [],
        "label": { "output": "label", "type": "float64", "classes": [] },
        "outputs": [],
        "transform_digest": null,
    });
    fs::write(model.join("signature.json"), signature.to_string()).unwrap();
    fs::write(model.join("model.onnx"), content).unwrap();
    fs::write(model.join("vocabularies/0.jsonl"), "\"a\"\n").unwrap();
    model
}

fn blessing(folder: &Path, model_digest: &str, pass: bool, reason: &str) -> PathBuf {
    let path = folder.join(format!("blessing-{pass}-{}", &model_digest[..8]));
    fs::create_dir_all(&path).unwrap();
    let content = json!({
        "kind": "evaluation", "model_digest": model_digest, "pass": pass, "reason": reason,
        "checks": [],
    });
    fs::write(path.join("blessing.json"), content.to_string()).unwrap();
    path
}

/// Temporary folders: `serving` is the destination.
struct World {
    root: TempDir,
    attempts: std::cell::Cell<u32>,
}

impl World {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            attempts: std::cell::Cell::new(0),
        }
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn published(&self) -> PathBuf {
        self.path().join("serving/penguins")
    }

    fn attempt(&self, model: &Path, version: i64) -> Attempt {
        self.attempts.set(self.attempts.get() + 1);
        let folder = self.path().join(format!("push.{}", self.attempts.get()));
        let destination = self.path().join("serving");
        Attempt::new("push", &folder)
            .input("model", model)
            .param("destination", destination.to_string_lossy().into_owned())
            .param("version", version)
    }

    fn push(&self, model: &Path, version: i64) -> Ended {
        let blessing = blessing(self.path(), &digest(model), true, "accuracy is >= 0.9");
        self.attempt(model, version)
            .input("blessings", &blessing)
            .run()
    }

    /// The names in the model's folder that a server would look at, and hidden ones that are left.
    fn names(&self) -> (Vec<String>, Vec<String>) {
        let entries = fs::read_dir(self.published()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let (mut hidden, mut versions): (Vec<String>, Vec<String>) =
            names.partition(|name| name.starts_with('.'));
        versions.sort();
        hidden.retain(|name| name != ".ropewalk-push.lock");
        (versions, hidden)
    }
}

#[test]
fn a_blessed_model_becomes_a_version_and_says_so() {
    let world = World::new();
    let model = model(world.path(), "a");
    let ended = world.push(&model, 17).succeeded();
    let version = world.published().join("17");
    assert_eq!(digest(&version), digest(&model));
    assert_eq!(world.names(), (vec!["17".to_owned()], Vec::new()));
    let destination = world.path().join("serving");
    assert_eq!(
        json(&ended.path("pushed").join("pushed.json")),
        json!({
            "format_version": 1,
            "pushed": true,
            "destination": destination,
            "model": "penguins",
            "version": 17,
            "digest": digest(&model),
            "path": version,
        })
    );
    assert_eq!(ended.property("pushed", "version"), 17);
    assert_eq!(ended.property("pushed", "name"), "penguins");
    assert_eq!(
        ended.property("pushed", "destination"),
        destination.to_string_lossy().into_owned()
    );
}

#[test]
fn the_newest_version_is_not_published_again() {
    let world = World::new();
    let (a, b) = (model(world.path(), "a"), model(world.path(), "b"));
    world.push(&a, 1).succeeded();
    let ended = world.push(&a, 2).succeeded();
    assert_eq!(ended.property("pushed", "version"), 1);
    assert_eq!(world.names().0, ["1"]);
    world.push(&b, 3).succeeded();
    // An older digest is a new version: watchers take the highest number.
    let ended = world.push(&a, 4).succeeded();
    assert_eq!(ended.property("pushed", "version"), 4);
    assert_eq!(world.names().0, ["1", "3", "4"]);
}

#[test]
fn a_second_attempt_at_a_version_publishes_nothing_twice() {
    let world = World::new();
    let (a, b) = (model(world.path(), "a"), model(world.path(), "b"));
    world.push(&a, 5).succeeded();
    world.push(&b, 6).succeeded();
    // The first attempt had published, but its end was not recorded.
    let ended = world.push(&a, 5).succeeded();
    assert_eq!(ended.property("pushed", "version"), 5);
    assert_eq!(world.names().0, ["5", "6"]);
}

#[test]
fn a_version_that_exists_with_another_content_fails() {
    let world = World::new();
    let (a, b) = (model(world.path(), "a"), model(world.path(), "b"));
    world.push(&a, 5).succeeded();
    let ended = world.push(&b, 5);
    assert_eq!(ended.status, 1);
    assert!(ended.output.reason.contains("exists and is not this model"));
    let ended = world.push(&b, 4);
    assert_eq!(ended.status, 1);
    assert!(ended.output.reason.contains("would never be served"));
    assert_eq!(world.names(), (vec!["5".to_owned()], Vec::new()));
    assert_eq!(digest(&world.published().join("5")), digest(&a));
}

fn refused(ended: &Ended, world: &World, part: &str) {
    assert_eq!(ended.status, 65, "{}", ended.output.reason);
    assert!(
        ended.output.reason.contains(part),
        "{}",
        ended.output.reason
    );
    assert!(!world.path().join("serving").exists());
    // The output is there, as of every refusal, but names no version.
    let pushed = json(&ended.path("pushed").join("pushed.json"));
    assert_eq!(
        (&pushed["pushed"], &pushed["version"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(pushed["destination"], Value::Null);
    assert_eq!(ended.property("pushed", "version"), Value::Null);
    assert_eq!(ended.property("pushed", "destination"), Value::Null);
}

#[test]
fn what_is_not_blessed_is_refused_with_the_reason() {
    let world = World::new();
    let (a, b) = (model(world.path(), "a"), model(world.path(), "b"));
    let (of_a, of_b) = (digest(&a), digest(&b));
    let reason = "accuracy must be >= 0.99: 0.97 is below 0.99";
    let good = blessing(world.path(), &of_a, true, "accuracy is >= 0.9");
    let bad = blessing(world.path(), &of_a, false, reason);
    let other = blessing(world.path(), &of_b, true, "accuracy is >= 0.9");
    refused(&world.attempt(&a, 1).run(), &world, "no blessing was given");
    refused(
        &world.attempt(&a, 1).input("blessings", &bad).run(),
        &world,
        reason,
    );
    let ended = world.attempt(&a, 1).input("blessings", &other).run();
    refused(&ended, &world, "is for another model");
    // One against it is enough.
    let both = world
        .attempt(&a, 1)
        .input("blessings", &good)
        .input("blessings", &bad);
    refused(&both.run(), &world, reason);
}

#[test]
fn what_a_killed_push_left_behind_is_never_a_version_and_goes() {
    let world = World::new();
    let a = model(world.path(), "a");
    let left = world.published().join(".ropewalk-push-3");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("signature.json"), "{").unwrap();
    assert_eq!(world.names().0, Vec::<String>::new());
    world.push(&a, 3).succeeded();
    assert_eq!(world.names(), (vec!["3".to_owned()], Vec::new()));
    assert_eq!(digest(&world.published().join("3")), digest(&a));
}

#[test]
fn links_are_no_models_and_no_versions() {
    let world = World::new();
    let a = model(world.path(), "a");
    // A link among the versions is somebody else's: not the same model, and never followed.
    fs::create_dir_all(world.published()).unwrap();
    symlink(&a, world.published().join("7")).unwrap();
    let ended = world.push(&a, 7);
    assert_eq!(ended.status, 1);
    assert!(ended.output.reason.contains("exists and is not this model"));
    symlink("7", world.published().join("current")).unwrap();
    world.push(&a, 8).succeeded();
    assert_eq!(world.names().0, ["7", "8", "current"]);
    // A link in the model could point anywhere.
    let b = model(world.path(), "b");
    symlink("/etc/passwd", b.join("extra")).unwrap();
    let blessing = blessing(world.path(), &digest(&a), true, "");
    let ended = world.attempt(&b, 9).input("blessings", &blessing).run();
    assert_eq!(ended.status, 1);
    assert!(ended.output.reason.contains("is a link or a device"));
}

#[test]
fn a_destination_that_is_no_folder_is_a_sentence() {
    let world = World::new();
    let a = model(world.path(), "a");
    fs::write(world.path().join("serving"), "").unwrap();
    let ended = world.push(&a, 1);
    assert_eq!(ended.status, 1);
    assert!(
        ended.output.reason.starts_with("cannot make "),
        "{}",
        ended.output.reason
    );
}

/// Where the process that is to be killed finds its attempt.
const CHILD: &str = "ROPEWALK_TEST_PUSH_INPUT";

/// No test of its own: it is the process that the next one kills.
#[test]
fn push_in_a_process_of_its_own() {
    if let Ok(file) = std::env::var(CHILD) {
        let arguments = ["push", "--executor-input", file.as_str()].map(str::to_owned);
        std::process::exit(standard_components::run(&arguments));
    }
}

#[test]
fn a_push_that_is_killed_shows_all_or_nothing() {
    let world = World::new();
    let big = model(world.path(), "big");
    for file in 0..40 {
        fs::write(big.join(format!("part-{file}")), vec![file as u8; 50_000]).unwrap();
    }
    let wanted = digest(&big);
    let blessing = blessing(world.path(), &wanted, true, "");
    let mut cut_short = 0;
    for version in 1..=6 {
        let folder = world.path().join(format!("killed.{version}"));
        let destination = folder.join("serving");
        Attempt::new("push", &folder)
            .input("model", &big)
            .input("blessings", &blessing)
            .param("destination", destination.to_string_lossy().into_owned())
            .param("version", version)
            .save();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "push_in_a_process_of_its_own"])
            .env(CHILD, folder.join("in.json"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let published = destination.join("penguins");
        let staging = published.join(format!(".ropewalk-push-{version}"));
        // Struck once so many of its files are there: each version at another moment.
        let files = version as usize * 6;
        let enough = || fs::read_dir(&staging).is_ok_and(|entries| entries.count() >= files);
        while !enough() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let target = published.join(version.to_string());
        if target.exists() {
            assert_eq!(digest(&target), wanted);
        } else {
            cut_short += 1;
        }
        // The next attempt finishes what this one began, whatever it left.
        let again = folder.join("again");
        Attempt::new("push", &again)
            .input("model", &big)
            .input("blessings", &blessing)
            .param("destination", destination.to_string_lossy().into_owned())
            .param("version", version)
            .run()
            .succeeded();
        assert_eq!(digest(&target), wanted);
        assert!(!staging.exists());
    }
    assert!(cut_short > 0, "no push was struck before its end");
}
