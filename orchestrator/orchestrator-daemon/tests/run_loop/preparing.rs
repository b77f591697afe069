//! What is looked at in files before a step starts.

use pipeline_plan::{Action, Node, NodeId, Source};
use run_engine::seams::{KeyFiles, PrepareTask};
use serde_json::json;

use crate::support::plans::{command, component, input, output, param, run_of};
use crate::support::world::World;

/// The looks at files that a run of these steps takes.
fn looks(steps: Vec<Node>) -> Vec<PrepareTask> {
    let mut world = World::new(4);
    let content = ("data.csv".to_owned(), "one".to_owned());
    world.machine.state().files.extend([content]);
    let mut run = run_of(steps);
    run.params.insert("where".to_owned(), json!("/project/out"));
    world.run_to_end(run);
    std::mem::take(&mut world.machine.state().prepared)
}

fn keyed(id: &str) -> Node {
    output(command(id, &[]), "out", "Artifact")
}

#[test]
fn a_command_is_keyed_by_its_program_and_the_projects_files() {
    let [task] = looks(vec![keyed("a")]).try_into().unwrap();
    assert_eq!(task.key_files, KeyFiles::Project);
    assert_eq!(task.program.as_deref(), Some("do"));
    assert_eq!(task.search_path, "/bin");
    assert_eq!(task.project_dir, std::path::Path::new("/project"));
}

#[test]
fn text_for_the_shell_is_keyed_by_the_shell() {
    let mut node = keyed("a");
    node.action = Action::Shell("echo $HOME".to_owned());
    let [task] = looks(vec![node]).try_into().unwrap();
    assert_eq!(task.program.as_deref(), Some("sh"));
}

#[test]
fn named_files_narrow_the_key() {
    let mut node = keyed("a");
    node.files = Some(vec!["train.py".to_owned()]);
    let [task] = looks(vec![node]).try_into().unwrap();
    assert_eq!(task.key_files, KeyFiles::Globs(vec!["train.py".to_owned()]));
}

#[test]
fn a_component_needs_no_look_but_at_its_external_files() {
    let source = Source::Files(vec!["data.csv".to_owned()]);
    let steps = vec![
        component("plain", &[]),
        input(component("ingest", &[]), "source", "Files", source),
    ];
    let [task] = looks(steps).try_into().unwrap();
    assert_eq!(task.node, NodeId(1));
    assert_eq!(task.files["source"], ["data.csv"]);
    assert_eq!((task.key_files, task.program), (KeyFiles::None, None));
}

#[test]
fn what_is_never_reused_needs_no_key() {
    let mut node = keyed("a");
    node.cache = false;
    assert!(looks(vec![node, command("b", &[])]).is_empty());
}

#[test]
fn what_runs_change_is_no_part_of_a_key() {
    let push = |id: &str, destination: &str| {
        let mut node = param(component(id, &[]), "destination", destination);
        node.action = Action::Component {
            name: "push".to_owned(),
            version: "1".to_owned(),
        };
        node.cache = false;
        node
    };
    let source = Source::Files(vec!["data.csv".to_owned(), "/elsewhere/*.csv".to_owned()]);
    let steps = vec![
        push("relative", "./serving/"),
        push("resolved", "${{ params.where }}"),
        push("odd", "a[1]"),
        push("url", "https://models.example/x"),
        keyed("a"),
        input(component("ingest", &[]), "source", "Files", source),
    ];
    let tasks = looks(steps);
    let expected = ["a\\[1\\]", "data.csv", "out", "serving"];
    assert_eq!(*tasks[0].excluded, expected);
}
