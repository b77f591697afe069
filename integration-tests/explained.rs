//! `ropewalk plan` says of each step whether it would run and why, and with `-v` what its key covers;
//! the run that follows does just that.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Project, step, transcript};

const PIPELINE: &str = r#"name: explained
params:
  scale: 2
  greeting: hello
  wanted: false
steps:
  read:
    run: cat "$INPUT_SOURCE" > "$OUTPUT_DATA"
    inputs: { source: { files: "data/*.txt" } }
    outputs: { data: Artifact }
    files: []
  count:
    uses: ./components/count.yaml
    inputs: { examples: read.data }
    with: { scale: "${{ params.scale }}" }
    files: []
  make:
    run: cat lib/x.py > "$OUTPUT_MADE"
    outputs: { made: Artifact }
    env: { GREETING: "${{ params.greeting }}" }
    files: ["lib/**"]
  fresh: { run: 'echo now > "$OUTPUT_AT"', outputs: { at: Artifact }, cache: false }
  tell: { run: [echo, done], needs: [count] }
  maybe: { run: [echo, maybe], if: "${{ params.wanted }}" }
  after: { run: [echo, after], needs: [maybe] }
"#;

const COUNT: &str = r#"name: count
version: "1"
inputs:
  examples: { type: Artifact }
outputs:
  number: Artifact
params:
  scale: { type: integer, default: 1 }
run: 'echo "$PARAM_SCALE" > "$OUTPUT_NUMBER"'
"#;

fn project(name: &str) -> Project {
    let project = Project::of(name, PIPELINE);
    project.write("components/count.yaml", COUNT);
    project.write("data/a.txt", "some data\n");
    project.write("lib/x.py", "x = 1\n");
    project
}

/// What a plan says of a step: action, reason's code, text and detail.
type Told<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Holds what is planned against these words; steps that are not named may be anything.
#[track_caller]
fn check(project: &Project, arguments: &[&str], expected: &[(&str, Told<'_>)]) {
    let plan = project.json(&[&["plan", "pipeline.yaml"], arguments].concat());
    for (id, told) in expected {
        let step = step(&plan, id);
        let reason = &step["reason"];
        let [action, code, text, detail] = [
            &step["action"],
            &reason["code"],
            &reason["text"],
            &reason["detail"],
        ]
        .map(|word| word.as_str().unwrap_or_default());
        assert_eq!((action, code, text, detail), *told, "{arguments:?}: {id}");
    }
}

/// Why the plan does with a step what it does.
fn reason(project: &Project, id: &str) -> Value {
    step(&project.json(&["plan", "pipeline.yaml"]), id)["reason"].clone()
}

/// Runs the pipeline; what was planned to run has run, and what was to be reused was.
fn run_as_planned(project: &Project, arguments: &[&str]) -> Value {
    let plan = project.json(&[&["plan", "pipeline.yaml"], arguments].concat());
    let status = project.run_with(arguments);
    for planned in plan["steps"].as_array().expect("a plan has steps") {
        let id = planned["id"].as_str().expect("a step has an id");
        let step = step(&status, id);
        let expected = match planned["action"].as_str() {
            Some("run") => "succeeded",
            Some("reuse") => "reused",
            Some("skip") => "skipped",
            _ => continue,
        };
        assert_eq!(step["state"], expected, "{id}: {planned:#} but {step:#}");
        if planned["action"] == "run" {
            assert_eq!(step["reason"]["code"], planned["reason"]["code"], "{id}");
        }
    }
    status
}

const NEW: Told<'_> = ("run", "new", "it has not run before", "");
const AFTER_READ: Told<'_> = (
    "unknown",
    "upstream_runs",
    "it depends on what `read` gives",
    "read",
);
const UNCHANGED: Told<'_> = (
    "reuse",
    "unchanged",
    "nothing that it depends on changed",
    "",
);

#[test]
fn each_reason_is_told_and_is_the_one_that_decides() {
    let project = project("explained");
    let without_outputs = "a command without outputs always runs";
    check(
        &project,
        &[],
        &[
            ("read", NEW),
            ("count", AFTER_READ),
            ("make", NEW),
            (
                "fresh",
                ("run", "cache_off", "it is declared never to be reused", ""),
            ),
            ("tell", ("run", "cache_off", without_outputs, "")),
            (
                "maybe",
                (
                    "skip",
                    "condition_false",
                    "its `if` is false: params.wanted",
                    "if",
                ),
            ),
            (
                "after",
                (
                    "skip",
                    "upstream_skipped",
                    "skipped with `maybe`: its `if` is false: params.wanted",
                    "maybe",
                ),
            ),
        ],
    );
    let first = run_as_planned(&project, &[]);
    let plan = project.json(&["plan", "pipeline.yaml"]);
    for id in ["read", "count", "make"] {
        let step = step(&plan, id);
        assert_eq!(step["reused_from"]["run_id"], first["run_id"], "{step:#}");
    }
    check(
        &project,
        &[],
        &[
            ("read", UNCHANGED),
            ("count", UNCHANGED),
            ("make", UNCHANGED),
        ],
    );
    let words = transcript(&project.command(&["plan", "pipeline.yaml"]));
    let since = format!(
        "nothing that it depends on changed since run {}",
        first["run_id"].as_str().expect("text")
    );
    assert_eq!(words.matches(&since).count(), 3, "{words}");
    parameters(&project);
    files(&project);
    run_as_planned(&project, &[]);
    what_an_earlier_step_gave(&project);
    run_as_planned(&project, &[]);
    what_is_gone(&project);
}

/// What the user gives by hand.
fn parameters(project: &Project) {
    check(
        project,
        &["-p", "scale=3"],
        &[
            ("read", UNCHANGED),
            (
                "count",
                (
                    "run",
                    "parameter_changed",
                    "parameter `scale` changed from 2 to 3",
                    "scale",
                ),
            ),
        ],
    );
    check(
        project,
        &["-p", "greeting=welcome"],
        &[(
            "make",
            (
                "run",
                "env_changed",
                "environment variable `GREETING` changed from \"hello\" to \"welcome\"",
                "GREETING",
            ),
        )],
    );
    check(
        project,
        &["-p", "wanted=true"],
        &[(
            "maybe",
            (
                "run",
                "cache_off",
                "a command without outputs always runs",
                "",
            ),
        )],
    );
    check(
        project,
        &["--force", "make"],
        &[
            ("read", UNCHANGED),
            ("make", ("run", "forced", "its run was asked for", "")),
        ],
    );
}

/// What lies beside the pipeline, and what it says itself.
fn files(project: &Project) {
    project.write("lib/x.py", "x = 2\n");
    project.write("data/a.txt", "other data\n");
    project.write("components/count.yaml", &COUNT.replace("\"1\"", "\"2\""));
    check(
        project,
        &[],
        &[
            (
                "make",
                ("run", "file_changed", "file `lib/x.py` changed", "lib/x.py"),
            ),
            (
                "read",
                (
                    "run",
                    "input_changed",
                    "file `data/a.txt` of input `source` changed",
                    "data/a.txt",
                ),
            ),
            ("count", AFTER_READ),
        ],
    );
    project.write("data/a.txt", "some data\n");
    check(project, &[], &[("read", UNCHANGED)]);
    let component = reason(project, "count");
    assert_eq!(component["code"], "component_changed", "{component:#}");
    let expected = "its component changed from count 1 to count 2";
    assert_eq!(component["text"], expected);
    let before = project.read("pipeline.yaml");
    project.write(
        "pipeline.yaml",
        &before.replace("cat \"$INPUT_SOURCE\"", "sort \"$INPUT_SOURCE\""),
    );
    let command = reason(project, "read");
    assert_eq!(command["code"], "parameter_changed", "{command:#}");
    let text = command["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("its command changed"), "{command:#}");
    project.write("pipeline.yaml", &before);
}

/// The first step gives something else, and the next one has not run since.
fn what_an_earlier_step_gave(project: &Project) {
    project.write("data/a.txt", "quite other data\n");
    project.run_with(&["--only", "read"]);
    check(
        project,
        &[],
        &[
            ("read", UNCHANGED),
            (
                "count",
                (
                    "run",
                    "upstream_changed",
                    "step `read` gave another `data` than before",
                    "read",
                ),
            ),
        ],
    );
}

/// What a step gave was taken away.
fn what_is_gone(project: &Project) {
    let shown = project.command(&["show", "make.made", "--path"]);
    let path = String::from_utf8_lossy(&shown.stdout).trim().to_owned();
    // Its folder, whatever is allowed within it.
    let folder = Path::new(&path).parent().and_then(Path::parent);
    let folder = folder.expect("an output lies in its attempt's folder");
    fs::rename(folder, folder.with_extension("gone")).expect("the run's folder can be written");
    let plan = project.json(&["plan", "pipeline.yaml"]);
    let make = step(&plan, "make");
    assert_eq!(make["action"], "run", "{make:#}");
    assert_eq!(make["reason"]["code"], "output_missing", "{make:#}");
    let text = make["reason"]["text"].as_str().unwrap_or_default();
    let expected = "what it gave earlier is not as it was recorded: ";
    assert!(
        text.starts_with(expected) && text.contains(&path),
        "{text} does not name {path}"
    );
    run_as_planned(project, &[]);
}

#[test]
fn what_never_succeeded_is_told_so() {
    let project = Project::of(
        "explained-failed",
        "name: failed\nsteps:\n  bad: { run: [\"false\"], outputs: { x: Artifact }, files: [] }\n",
    );
    assert_eq!(project.run_to_end()["state"], "failed");
    let text = "no earlier execution of it with these inputs succeeded";
    check(&project, &[], &[("bad", ("run", "new", text, ""))]);
}

#[test]
fn the_long_form_shows_what_a_key_covers() {
    let project = project("explained-key");
    project.run_to_end();
    let plan = project.json(&["plan", "pipeline.yaml", "-v"]);
    let key = |id: &str| step(&plan, id)["key"].clone();
    let (read, count, make) = (key("read"), key("count"), key("make"));
    let command = read["command"].as_array().expect("a key has a command");
    assert_eq!(
        command.last(),
        Some(&json!("cat \"$INPUT_SOURCE\" > \"$OUTPUT_DATA\""))
    );
    assert!(
        read["program"]
            .as_str()
            .is_some_and(|path| path.starts_with('/'))
    );
    assert_eq!(read["outputs"], json!({ "data": "Artifact" }));
    let component = count["component"].as_str().unwrap_or_default();
    assert!(component.starts_with("count 1 "), "{component}");
    assert_eq!(count["params"], json!({ "scale": 2 }));
    assert_eq!(make["env"], json!({ "GREETING": "hello" }));
    assert_eq!(make["files"], json!(["lib/x.py"]));
    // What entered the step in the run is what the key has of it.
    let artifacts = project.json(&["artifacts", "latest"]);
    let artifacts = artifacts["artifacts"].as_array().expect("a list");
    let digests: BTreeMap<(&str, &str), &Value> = artifacts
        .iter()
        .map(|a| ((a["step"].as_str(), a["name"].as_str()), &a["digest"]))
        .map(|((step, port), digest)| ((step.unwrap_or(""), port.unwrap_or("")), digest))
        .collect();
    assert_eq!(
        count["inputs"]["examples"],
        json!([digests[&("read", "data")]])
    );

    let words = transcript(&project.command(&["plan", "pipeline.yaml", "-v"]));
    for line in [
        "read depends on",
        "count depends on",
        "make depends on",
        "scale = 2",
        "GREETING = hello",
        "lib/x.py",
        "number = Artifact",
        "cat lib/x.py > \"$OUTPUT_MADE\"",
    ] {
        assert!(words.contains(line), "{line:?} is not in\n{words}");
    }
    let short = transcript(&project.command(&["plan", "pipeline.yaml"]));
    assert!(!short.contains("depends on\n"), "{short}");
}
