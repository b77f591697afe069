//! Starter projects: what `init` writes is valid, runs at once, and is the files of
//! `pipelines/templates`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{Project, transcript};

const TEMPLATES: [&str; 3] = ["classification", "regression", "tasks"];

#[test]
fn each_starter_project_runs_at_once_and_is_reused_after_that() {
    for template in TEMPLATES {
        let project = Project::new("init");
        let output = project.command(&["init", "starter", "--template", template]);
        assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
        let pipeline = "starter/pipeline.yaml";
        let output = project.command(&["validate", pipeline]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, "starter/pipeline.yaml: valid\n", "no warning either");
        let first = project.command(&["run", pipeline]);
        assert_eq!(first.status.code(), Some(0), "{}", transcript(&first));
        let again = project.command(&["run", pipeline, "--format", "json"]);
        let lines = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(lines.contains("step_reused"), "{lines}");
        let state = project.folder().join("starter/.ropewalk");
        assert!(state.is_dir(), "its state lies beside it");
        let state = state.display().to_string();
        project.command(&["stop", "--state", &state]);
    }
}

#[test]
fn everything_of_a_template_is_written() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/templates");
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("it is there").file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(names(&templates), TEMPLATES.map(str::to_owned).into());
    for template in TEMPLATES {
        let project = Project::new("init");
        project.command(&["init", "starter", "--template", template]);
        let mut wanted = names(&templates.join(template));
        // Under its own name it would apply to the template itself.
        assert!(wanted.remove("gitignore"), "{wanted:?}");
        wanted.extend([".gitignore".to_owned(), "ropewalk.yaml".to_owned()]);
        assert_eq!(names(&project.folder().join("starter")), wanted);
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let project = Project::new("init");
    project.write("mine/README.md", "mine\n");
    let output = project.command(&["init", "mine", "--template", "tasks"]);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    assert_eq!(project.read("mine/README.md"), "mine\n");
    let output = project.command(&["init", "mine"]);
    let said = transcript(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("mine/pipeline.yaml"), "{said}");
    assert!(!project.folder().join("mine/customers.csv").exists());
}
