//! Verifying: whether what an execution gave is still there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::World;

fn make_writable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn outputs_are_what_they_were_or_it_is_said_what_is_not() {
    let mut world = World::new();
    let text = "mkdir \"$OUTPUT_DATA\"; echo 1 > \"$OUTPUT_DATA/a\"; echo 2 > \"$OUTPUT_DATA/b\"";
    let step = world.shell(text).output("data", "Artifact");
    let outputs = world.outputs(&step);
    assert_eq!(world.verify(&outputs), None);
    let file = step.path(&outputs.artifacts["data"].path).join("b");

    // Touched and equal: digested again.
    make_writable(&file);
    let time = SystemTime::now() + Duration::from_mins(1);
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(time)
        .unwrap();
    assert_eq!(world.verify(&outputs), None);

    fs::write(&file, "3\n").unwrap();
    let said = world.verify(&outputs).unwrap();
    assert!(
        said.starts_with("train.data: ") && said.contains("data/b was changed"),
        "{said}"
    );

    fs::remove_file(&file).unwrap();
    let said = world.verify(&outputs).unwrap();
    assert!(said.contains("data/b is gone"), "{said}");

    fs::create_dir(&file).unwrap();
    let said = world.verify(&outputs).unwrap();
    assert!(said.contains("data/b is no file any more"), "{said}");
}

#[test]
fn an_empty_folder_can_be_missed_too() {
    let mut world = World::new();
    let step = world
        .shell("mkdir \"$OUTPUT_DATA\"")
        .output("data", "Artifact");
    let outputs = world.outputs(&step);
    assert_eq!(world.verify(&outputs), None);
    fs::remove_dir(step.path(&outputs.artifacts["data"].path)).unwrap();
    assert!(world.verify(&outputs).unwrap().contains("is gone"));
}
