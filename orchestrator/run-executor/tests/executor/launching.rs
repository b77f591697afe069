//! Launching: what an attempt is given, and how it is ended.

use std::collections::BTreeMap;
use std::fs;

use component_api::contract::ExecutorInput;
use component_api::files::FilesManifest;
use run_engine::decide::AttemptOutcome;
use run_engine::plan::Action;
use run_engine::seams::Effect;
use serde_json::{Value, json};

use crate::support::{Step, World, first_line};

#[test]
fn a_step_runs_and_its_outputs_are_recorded() {
    let mut world = World::new();
    let text = "mkdir \"$OUTPUT_MODEL\"; echo '{}' > \"$OUTPUT_MODEL/signature.json\"; \
                echo rows=42 >> \"$ROPEWALK_OUTPUT\"; echo said";
    let step = world.shell(text);
    let step = step.output("model", "Model").output("rows", "integer");
    let outputs = world.outputs(&step);
    assert_eq!(outputs.parameters["rows"], json!(42));
    let model = &outputs.artifacts["model"];
    assert_eq!(model.id, step.execution().artifact(1));
    assert_eq!(model.path, step.layout().output("model"));
    assert_eq!(model.files.len(), 1);
    assert_eq!(model.files[0].path, "signature.json");
    assert_eq!(
        model.files[0].digest,
        blake3::hash(b"{}\n").to_hex().to_string()
    );
    assert_eq!(model.size_bytes, 3);
    assert_eq!(step.log(), "said\n");
}

fn environment(step: &Step) -> BTreeMap<String, String> {
    let log = step.log();
    let lines = log.lines().filter_map(|line| line.split_once('='));
    lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn an_attempt_starts_from_the_runs_environment_and_the_contracts_alone() {
    let mut world = World::new();
    let mut step = world.shell("env; pwd");
    step.environment
        .insert("HOME".to_owned(), "/home/ada".to_owned());
    step.environment
        .insert("LEVEL".to_owned(), "of the run".to_owned());
    step.key
        .env
        .insert("LEVEL".to_owned(), "of the step".to_owned());
    let step = step
        .param("learning-rate", 0.5)
        .param("names", json!(["a", "b"]));
    world.outputs(&step);

    let layout = step.layout();
    let path = |relative: String| step.path(&relative).display().to_string();
    let project = world.project().display().to_string();
    let work = path(run_executor::layout::shared_work_folder(step.run));
    let mut expected = BTreeMap::from([
        ("HOME", "/home/ada".to_owned()),
        ("LEVEL", "of the step".to_owned()),
        ("PARAM_LEARNING_RATE", "0.5".to_owned()),
        ("PARAM_NAMES", "[\"a\",\"b\"]".to_owned()),
        ("PATH", "/usr/bin:/bin".to_owned()),
        // The shell's own.
        ("PWD", project.clone()),
        ("ROPEWALK_ATTEMPT", "1".to_owned()),
        ("ROPEWALK_EXECUTOR_INPUT", path(layout.executor_input())),
        ("ROPEWALK_OUTPUT", path(layout.output_values())),
        ("ROPEWALK_PIPELINE", "penguins".to_owned()),
        ("ROPEWALK_PROJECT_DIR", project.clone()),
        ("ROPEWALK_RUN_ID", step.run.to_string()),
        ("ROPEWALK_STEP", "train".to_owned()),
        ("ROPEWALK_WORK_DIR", work.clone()),
        ("TMPDIR", work),
    ]);
    let mut found = environment(&step);
    assert!(found.remove("ROPEWALK_ATTEMPT_COOKIE").is_some());
    found.retain(|name, _| name != "_");
    let found: BTreeMap<&str, String> = found
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    assert_eq!(found, std::mem::take(&mut expected));
    assert_eq!(step.log().lines().last(), Some(project.as_str()));
}

#[test]
fn a_value_that_no_environment_holds_stands_in_the_json() {
    let mut world = World::new();
    let long = "x".repeat(component_api::contract::VARIABLE_BYTES_MAX + 1);
    let step = world
        .shell("env")
        .param("long", long.clone())
        .param("nul", "a\0b");
    world.outputs(&step);
    let found = environment(&step);
    let json = step.path(&step.layout().executor_input());
    for name in ["PARAM_LONG", "PARAM_NUL"] {
        assert!(!found.contains_key(name), "{name}");
        assert_eq!(found[&format!("{name}_FILE")], json.display().to_string());
    }
    let input: ExecutorInput = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(input.inputs.parameter_values["long"], json!(long));
    assert_eq!(input.inputs.parameter_values["nul"], json!("a\0b"));
}

#[test]
fn files_come_by_their_paths_and_as_a_manifest() {
    let mut world = World::new();
    world.write("data/b.csv", "2\n");
    world.write("data/a.csv", "1\n");
    let mut task = world.preparation();
    task.files
        .insert("raw-rows".to_owned(), vec!["data/*.csv".to_owned()]);
    let prepared = world.prepare(&task).unwrap();
    let text = "echo \"$INPUT_RAW_ROWS\" | while read -r f; do cat \"$f\"; done";
    let step = world.shell(text).files("raw-rows", &prepared);
    world.outputs(&step);
    assert_eq!(step.log(), "1\n2\n");

    let json = step.path(&step.layout().executor_input());
    let input: ExecutorInput = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let artifact = &input.inputs.artifacts["raw-rows"].artifacts[0];
    assert_eq!(artifact.artifact_type.schema_title, "Files");
    let manifest = fs::read(format!("{}/files.json", artifact.uri)).unwrap();
    let manifest: FilesManifest = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest, prepared.files["raw-rows"].0);
    assert_eq!(manifest.files[0].name, "data/a.csv");
    assert_eq!(artifact.metadata["digest"], json!(manifest.digest()));
}

#[test]
fn an_earlier_output_comes_by_its_path_with_its_properties() {
    let mut world = World::new();
    let first = world.shell("echo '{\"auc\": 0.9}' > \"$OUTPUT_METRICS\"");
    let first = first.output("metrics", "Metrics");
    let metrics = world.outputs(&first).artifacts["metrics"].clone();
    let second = world
        .shell("cat \"$INPUT_METRICS\"")
        .input("metrics", (*metrics).clone());
    world.outputs(&second);
    assert_eq!(second.log(), "{\"auc\": 0.9}\n");
    let json = second.path(&second.layout().executor_input());
    let input: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(
        input["inputs"]["artifacts"]["metrics"]["artifacts"],
        json!([{
            "name": "train.metrics",
            "type": {"schemaTitle": "Metrics", "schemaVersion": "0.0.1"},
            "uri": first.path(&metrics.path),
            "metadata": {"auc": 0.9, "digest": metrics.digest},
        }])
    );
}

#[test]
fn a_command_is_executed_as_it_is_and_may_hold_the_executor_input() {
    let mut world = World::new();
    let words = ["printf", "%s|", "$HOME *", "{{$}}"];
    let words = words.map(str::to_owned).to_vec();
    let mut step = world.step(Action::Command(words.clone()));
    step.key.command = words;
    let step = step
        .output("table", "Artifact")
        .optional("table")
        .param("k", 3);
    world.outputs(&step);
    let log = step.log();
    let (first, json) = log.split_once('|').unwrap();
    assert_eq!(first, "$HOME *");
    let input: Value = serde_json::from_str(json.trim_end_matches('|')).unwrap();
    let uri = step.path(&step.layout().output("table"));
    let expected = json!({
        "inputs": {"parameterValues": {"k": 3}, "artifacts": {}},
        "outputs": {
            "parameters": {},
            "artifacts": {"table": {"artifacts": [{
                "name": "train.table",
                "type": {"schemaTitle": "Artifact", "schemaVersion": "0.0.1"},
                "uri": uri,
                "metadata": {},
            }]}},
            "outputFile": step.path(&step.layout().executor_output()),
        },
    });
    assert_eq!(input, expected);
    // Its parent exists beforehand, itself not.
    assert!(uri.parent().unwrap().is_dir() && !uri.exists());
}

#[test]
fn a_component_is_this_programs_own() {
    let mut world = World::new();
    let step = world.step(Action::Component {
        name: "ingest".to_owned(),
        version: "1".to_owned(),
    });
    world.outputs(&step);
    let json = step.path(&step.layout().executor_input());
    let expected = format!("component ingest --executor-input {}\n", json.display());
    assert_eq!(step.log(), expected);
}

#[test]
fn a_shell_text_ends_at_its_first_error_and_at_what_is_not_set() {
    let mut world = World::new();
    for text in ["false; echo further", "echo \"$NOT_SET\"; echo further"] {
        let step = world.shell(text);
        assert_eq!(world.failure(&step).code, "exit_status", "{text}");
        assert!(!step.log().contains("further"), "{text}");
    }
}

#[test]
fn an_attempt_without_artifacts_makes_no_folder() {
    let mut world = World::new();
    let step = world
        .shell("echo n=1 > \"$ROPEWALK_OUTPUT\"")
        .output("n", "integer");
    world.outputs(&step);
    let run = step.path(&run_executor::layout::run_folder(step.run));
    let entries = fs::read_dir(run)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut entries: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    entries.sort();
    assert_eq!(
        entries,
        ["train.1.json", "train.1.log", "train.1.output", "work"]
    );
}

#[test]
fn a_kill_ends_an_attempt_politely() {
    let mut world = World::new();
    let started = world.project().join("started");
    let text = "trap 'echo asked; exit 3' TERM; echo yes > started; while :; do sleep 0.01; done";
    let step = world.shell(text);
    world.launch(&step);
    first_line(&started);
    world.submit(Effect::Kill(step.task().attempt()));
    let report = world.ended(&step);
    assert_eq!(report.exit.unwrap().code, Some(3));
    let AttemptOutcome::Failed(failure) = report.outcome else {
        panic!("{:?}", report.outcome);
    };
    assert_eq!(failure.code, "killed");
    // The shell tells of the signal too.
    assert!(step.log().ends_with("asked\n"), "{}", step.log());
}

#[test]
fn a_success_counts_although_it_was_to_be_killed() {
    let mut world = World::new();
    let text = "trap 'echo 1 > \"$OUTPUT_N\"; exit 0' TERM; echo yes > started; \
                while :; do sleep 0.01; done";
    let step = world.shell(text).output("n", "integer");
    world.launch(&step);
    first_line(&world.project().join("started"));
    world.submit(Effect::Kill(step.task().attempt()));
    let outcome = world.ended(&step).outcome;
    assert!(
        matches!(outcome, AttemptOutcome::Succeeded(_)),
        "{outcome:?}"
    );
}

#[test]
fn a_kill_in_the_same_breath_as_the_launch_is_obeyed() {
    let mut world = World::new();
    let step = world.shell("sleep 600");
    let attempt = step.task().attempt();
    let effects = vec![Effect::Launch(step.task()), Effect::Kill(attempt)];
    run_engine::seams::Executor::submit(world.executor(), effects);
    let AttemptOutcome::Failed(failure) = world.ended(&step).outcome else {
        panic!("it must not succeed");
    };
    assert_eq!(failure.code, "killed");
}

#[test]
fn a_push_is_given_its_version() {
    let mut world = World::new();
    let mut step = world.step(Action::Component {
        name: "push".to_owned(),
        version: "1".to_owned(),
    });
    step.push_version = Some(1_764_000_000);
    let step = step.param("version", Value::Null);
    world.outputs(&step);
    let json = step.path(&step.layout().executor_input());
    let input: ExecutorInput = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(
        input.inputs.parameter_values["version"],
        json!(1_764_000_000)
    );
}
