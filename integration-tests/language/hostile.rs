//! Values never become code: hostile texts through every place where a value meets a shell, an
//! argument, a variable, a path or a log.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Project, step, transcript};

/// Hands the value on by every way, and each way tells what arrived.
const PIPELINE: &str = r#"name: hostile
params: { text: { type: string, default: harmless } }
steps:
  command:
    run: [python3, probe.py, "${{ params.text }}", "a ${{ params.text }} b"]
    with: { text: "${{ params.text }}", deep: { list: ["${{ params.text }}"] } }
    env: { TEXT: "${{ params.text }}" }
    outputs: { seen: Artifact, said: string, written: string }
  shell:
    run: printf '%s' "$TEXT" > "$OUTPUT_SEEN"; printf '%s\n' "$TEXT"
    env: { TEXT: "${{ steps.command.outputs.said }}" }
    outputs: { seen: Artifact }
  condition: { run: [echo], if: '${{ params.text == steps.command.outputs.written }}' }
"#;

const PROBE: &str = r#"import json, os, sys
given = json.load(open(os.environ["ROPEWALK_EXECUTOR_INPUT"]))
values = given["inputs"]["parameterValues"]
seen = {
    "argument": sys.argv[1], "within": sys.argv[2], "variable": os.environ["TEXT"],
    "parameter": os.environ["PARAM_TEXT"], "json": values["text"], "deep": values["deep"],
    "deep_text": os.environ["PARAM_DEEP"],
}
json.dump(seen, open(os.environ["OUTPUT_SEEN"], "w"))
with open(os.environ["ROPEWALK_OUTPUT"], "w") as out:
    out.write("said<<THE-END\n" + sys.argv[1] + "\nTHE-END\n")
with open(given["outputs"]["parameters"]["written"]["outputFile"], "w") as out:
    out.write(sys.argv[1])
print(sys.argv[1])
"#;

const HOSTILE: [&str; 20] = [
    "a'b\"c`d",
    "one\ntwo\n\nfour",
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    "\"; touch pwned; \"",
    "&& touch pwned ||",
    "-rf",
    "--executor-input=/etc/passwd",
    "${PATH} $HOME ~ *",
    "%s%n%x \\n \\0 \\",
    "../../../../etc/passwd",
    "said=other\nwritten=other",
    "{{$}}",
    "{{ 7 * 7 }} {% raw %}",
    "\u{202e}gnp.exe \u{feff}\u{1f980}",
    "\u{1b}]0;owned\u{7}\u{1b}[2J\r\u{8}",
    "null",
    "# no comment: [1, 2",
    " leading and trailing ",
];

fn project() -> Project {
    let project = Project::of("hostile", PIPELINE);
    project.write("probe.py", PROBE);
    project
}

/// Runs the pipeline with this value.
fn run(project: &Project, text: &str) -> Value {
    let params = project.folder().join("../params.json");
    fs::write(&params, json!({ "text": text }).to_string()).expect("scratch can be written");
    project.run_with(&["--params-file", &params.to_string_lossy()])
}

/// The path of what a step of the latest run gave.
fn given(project: &Project, name: &str) -> String {
    let output = project.command(&["show", name, "--path"]);
    assert!(output.status.success(), "{}", transcript(&output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_value_arrives_as_it_is_and_does_nothing() {
    let project = project();
    for text in HOSTILE {
        let status = run(&project, text);
        assert_eq!(status["state"], "succeeded", "{text:?}: {status:#}");
        let seen = fs::read(given(&project, "command.seen")).expect("the probe wrote it");
        let seen: Value = serde_json::from_slice(&seen).expect("the probe writes JSON");
        let deep = json!({ "list": [text] });
        let expected = json!({
            "argument": text, "within": format!("a {text} b"), "variable": text,
            "parameter": text, "json": text, "deep": deep, "deep_text": deep.to_string(),
        });
        assert_eq!(seen, expected, "{text:?}");
        let copy = fs::read_to_string(given(&project, "shell.seen")).expect("the shell wrote it");
        assert_eq!(copy, text);
        let condition = step(&status, "condition");
        assert_eq!(condition["state"], "succeeded", "{text:?}: {condition:#}");
        assert_eq!(status["params"]["text"], text);
        // What documents and tables say of it is one text, too.
        let output = project.command(&["runs", "--columns", "params.text"]);
        assert!(output.status.success(), "{}", transcript(&output));
        assert!(
            !project.folder().join("pwned").exists(),
            "{text:?} became code"
        );
    }
}

#[test]
fn items_arrive_as_they_are_and_do_nothing() {
    let pipeline = r#"name: hostile-items
params: { items: { type: list, default: [] } }
steps:
  each:
    foreach: "${{ params.items }}"
    run: [python3, item.py, "${{ item }}"]
    with: { text: "${{ item }}" }
    env: { TEXT: "${{ item }}" }
    outputs: { said: string, file: Artifact }
  all:
    run: printf '%s' "$SAID" > "$OUTPUT_SEEN"
    env: { SAID: "${{ steps.each.outputs.said | tojson }}" }
    inputs: { files: each.file }
    outputs: { seen: Artifact }
"#;
    let item = r#"import json, os, sys
given = json.load(open(os.environ["ROPEWALK_EXECUTOR_INPUT"]))
text = given["inputs"]["parameterValues"]["text"]
assert [text] * 4 == [sys.argv[1], *(os.environ[n] for n in ("TEXT", "PARAM_TEXT", "ROPEWALK_ITEM"))]
open(os.environ["OUTPUT_FILE"], "w").write(text)
open(given["outputs"]["parameters"]["said"]["outputFile"], "w").write(text)
"#;
    let project = Project::of("hostile-items", pipeline);
    project.write("item.py", item);
    let params = project.folder().join("../params.json");
    fs::write(&params, json!({ "items": HOSTILE }).to_string()).expect("scratch can be written");
    let status = project.run_with(&["--params-file", &params.to_string_lossy()]);
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let steps = status["steps"].as_array().expect("a status has steps");
    for (step, text) in steps.iter().zip(HOSTILE) {
        assert_eq!(step["item"], text);
        assert_eq!(step["outputs"]["said"], text);
    }
    let seen = fs::read(given(&project, "all.seen")).expect("the shell wrote it");
    let seen: Value = serde_json::from_slice(&seen).expect("it is a list");
    assert_eq!(seen, json!(HOSTILE));
    assert!(!project.folder().join("pwned").exists());
}

#[test]
fn what_no_program_can_be_given_is_said_so_and_stands_in_the_json() {
    let project = project();
    let long = "x".repeat(1 << 20);
    for (text, why) in [
        ("a\0b", "argument 2 holds a NUL character"),
        (long.as_str(), "argument 2 has 1048576 bytes"),
    ] {
        let status = run(&project, text);
        let reason = &step(&status, "command")["reason"]["text"];
        assert!(
            reason.as_str().is_some_and(|r| r.contains(why)),
            "{reason:#}"
        );
        assert_eq!(
            step(&status, "command")["attempts"][0]["error"]["code"],
            "launch_refused"
        );
    }
    let by_json = r#"name: by-json
params: { text: { type: string, default: "" } }
steps:
  command:
    run: [python3, large.py]
    with: { text: "${{ params.text }}" }
    outputs: { seen: Artifact }
"#;
    let large = r#"import json, os
assert "PARAM_TEXT" not in os.environ
given = json.load(open(os.environ["PARAM_TEXT_FILE"]))
open(os.environ["OUTPUT_SEEN"], "w").write(given["inputs"]["parameterValues"]["text"])
"#;
    project.write("pipeline.yaml", by_json);
    project.write("large.py", large);
    for text in ["a\0b", &long] {
        let status = run(&project, text);
        assert_eq!(status["state"], "succeeded", "{status:#}");
        let seen = fs::read_to_string(given(&project, "command.seen"));
        assert_eq!(seen.expect("it was written"), text);
    }
}

#[test]
fn names_of_files_do_nothing() {
    let pipeline = r#"name: names
steps:
  size:
    run: |
      total=0
      printf '%s\n' "$INPUT_ROWS" > "$ROPEWALK_WORK_DIR/names"
      while IFS= read -r name; do
        total=$((total + $(wc -c < "$name")))
      done < "$ROPEWALK_WORK_DIR/names"
      echo "bytes=$total" >> "$ROPEWALK_OUTPUT"
    inputs: { rows: { files: "data/**" } }
    outputs: { bytes: integer }
"#;
    let project = Project::of("names", pipeline);
    let names = [
        "$(touch pwned)",
        "`touch pwned`",
        "; touch pwned",
        "-rf",
        "--help",
        "a b",
        "'",
        "\"",
        "*",
        "{SPAN}",
        "%s",
        "\u{1b}[2J",
    ];
    for name in names {
        project.write(&format!("data/{name}/{name}"), "12345");
    }
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(step(&status, "size")["outputs"]["bytes"], 5 * names.len());
    assert!(!project.folder().join("pwned").exists());
}

#[test]
fn names_that_could_lead_elsewhere_are_refused() {
    let project = Project::new("bad-names");
    let bad = [
        "../up",
        "a/b",
        "$(touch pwned)",
        "-rf",
        "a b",
        "a\\nb",
        "",
        ".",
        "\u{1f980}",
    ];
    for name in bad {
        let quoted = json!(name).to_string();
        for pipeline in [
            format!("name: x\nsteps: {{ {quoted}: {{ run: [echo] }} }}\n"),
            format!(
                "name: x\nsteps: {{ a: {{ run: [echo], outputs: {{ {quoted}: Artifact }} }} }}\n"
            ),
            format!(
                "name: x\nsteps: {{ a: {{ run: [echo], inputs: {{ {quoted}: {{ files: x }} }} }} }}\n"
            ),
            format!("name: x\nsteps: {{ a: {{ run: [echo], with: {{ {quoted}: 1 }} }} }}\n"),
            format!("name: x\nsteps: {{ a: {{ run: [echo], env: {{ {quoted}: x }} }} }}\n"),
            format!("name: x\nparams: {{ {quoted}: 1 }}\nsteps: {{ a: {{ run: [echo] }} }}\n"),
        ] {
            project.write("pipeline.yaml", &pipeline);
            let found = project.json(&["validate", "pipeline.yaml"]);
            assert_eq!(
                found["diagnostics"][0]["code"], "invalid-name",
                "{pipeline}\n{found:#}"
            );
        }
    }
}

#[test]
fn a_model_is_pushed_nowhere_else() {
    let pipeline = r#"name: pushed
params: { model: { type: string, default: fine } }
steps:
  ingest: { uses: ingest, inputs: { source: { files: rows.csv } } }
  train:
    uses: train
    inputs: { examples: ingest.examples }
    with: { model: "${{ params.model }}", task: regression, algorithm: linear, label: b }
  push: { uses: push, inputs: { model: train.model }, with: { destination: serving } }
"#;
    let project = Project::of("pushed", pipeline);
    let rows: Vec<String> = (0..60).map(|n| format!("{n},{}", 2 * n)).collect();
    project.write("rows.csv", &format!("a,b\n{}\n", rows.join("\n")));
    for model in [
        "../../escaped",
        "/tmp/escaped",
        "a/../../escaped",
        "..",
        "-rf\n",
    ] {
        let status = project.run_with(&["-p", &format!("model={model}")]);
        assert_ne!(status["state"], "succeeded", "{model:?}: {status:#}");
    }
    let above = project.folder().join("..");
    let left: Vec<_> = fs::read_dir(above)
        .expect("it is there")
        .flatten()
        .collect();
    assert!(
        left.iter().all(|entry| entry.file_name() != "escaped"),
        "{left:?}"
    );
    assert!(!Path::new("/tmp/escaped").exists());
}

#[test]
fn a_log_tells_a_terminal_nothing() {
    let pipeline = r#"name: noisy
steps:
  fail: { run: 'printf "\033]0;owned\007\033[2Jgone\r\n"; exit 1' }
"#;
    let project = Project::of("noisy", pipeline);
    let output = project.command(&["run", "pipeline.yaml"]);
    let text = transcript(&output);
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{7}'),
        "{text:?}"
    );
    assert!(text.contains("\\u{1b}[2Jgone"), "{text}");
    // The log itself is what the program wrote.
    let log = project.command(&["logs", "latest", "fail"]);
    assert!(log.stdout.contains(&0x1b), "{}", transcript(&log));
}
