//! What enters a step from other runs: spans that arrive one after the other, newest artifacts and
//! models, and what was made elsewhere. The data are the taxi trips of the example, by their time.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::spans::property;
use crate::support::{Project, step, transcript};

const TAXI: &str = include_str!("../../examples/taxi/data.csv");
const SCHEMA: &str = include_str!("../../examples/taxi/schema.yaml");

const TRAINING: &str = r#"name: tips
steps:
  schema: { uses: schema, inputs: { curated: { files: schema.yaml } } }
  ingest:
    uses: ingest
    inputs: { source: { files: "data/span-{SPAN}/*.csv" }, schema: schema.schema }
  statistics:
    uses: statistics
    inputs: { examples: ingest.examples, schema: schema.schema }
  validate:
    uses: validate
    inputs:
      statistics: statistics.statistics
      schema: schema.schema
      previous: { previous_span: statistics.statistics }
    with: { environment: TRAINING }
  transform:
    uses: transform
    needs: [validate]
    inputs: { examples: { latest_spans: ingest.examples, count: 3 }, schema: schema.schema }
    with:
      label: { expr: "tips > 0.2 * fare" }
      features: [{ columns: [trip_miles, fare, trip_seconds], ops: [{ impute: 0 }, z_score] }]
  train:
    uses: train
    inputs: { examples: transform.examples, graph: transform.graph }
    with: { model: tips, task: binary, algorithm: logistic }
  push:
    uses: push
    inputs: { model: train.model, blessings: [evaluate.blessing] }
    with: { destination: serving }
  evaluate:
    uses: evaluate
    inputs: { model: train.model, examples: ingest.examples, baseline: { latest_pushed: tips } }
    with: { thresholds: [{ metric: auc, min: 0.5 }] }
"#;

const REPORT: &str = r#"name: report
steps:
  report:
    run: [sh, -c, 'printf "%s\n" "$1" "$INPUT_EVALUATION" "$INPUT_MODEL" > ../told', sh, "${{ inputs.model.task }}"]
    inputs:
      evaluation: { latest: evaluate.evaluation, pipeline: tips }
      model: { latest_pushed: tips }
"#;

/// Writes the trips of one of `count` spans, by their time.
fn arrive(project: &Project, span: usize, count: usize, change: impl Fn(&str) -> String) {
    let mut lines = TAXI.lines();
    let header = lines.next().expect("there is a header");
    let column = |name: &str| header.split(',').position(|column| column == name);
    let time = column("trip_start_timestamp").expect("trips have a time");
    let mut rows: Vec<(i64, &str)> = lines
        .filter_map(|row| Some((row.split(',').nth(time)?.parse().ok()?, row)))
        .collect();
    rows.sort_unstable();
    let size = rows.len() / count;
    let rows = &rows[(span - 1) * size..span * size];
    let rows = rows.iter().map(|(_, row)| change(row));
    let text: Vec<String> = std::iter::once(header.to_owned()).chain(rows).collect();
    project.write(&format!("data/span-{span}/trips.csv"), &text.join("\n"));
}

/// The properties that a step of a run was given at a port.
fn given(project: &Project, status: &Value, step: &str, port: &str, name: &str) -> Vec<Value> {
    let run = status["run_id"].as_str().expect("a status has a run");
    let input = project.read(&format!(".ropewalk/runs/{run}/{step}.1.json"));
    let input: Value = serde_json::from_str(&input).expect("an ExecutorInput is JSON");
    let list = input["inputs"]["artifacts"][port]["artifacts"].as_array();
    let list = list.map_or(&[][..], Vec::as_slice);
    list.iter().map(|a| a["metadata"][name].clone()).collect()
}

#[test]
fn spans_arrive_over_several_runs() {
    const SPANS: usize = 5;
    let project = Project::of("tips", TRAINING);
    // People paid by card more and more often, which is no fault of the data here.
    project.write(
        "schema.yaml",
        &SCHEMA.replace("threshold: 0.05", "threshold: 0.5"),
    );
    let as_it_is = |row: &str| row.to_owned();

    arrive(&project, 1, SPANS, as_it_is);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    for (step, port) in [
        ("ingest", "examples"),
        ("statistics", "statistics"),
        ("train", "model"),
    ] {
        assert_eq!(property(&project, step, port, "span"), 1, "{step}.{port}");
    }
    let previous = |status: &Value| given(&project, status, "validate", "previous", "span");
    let window = |status: &Value| given(&project, status, "transform", "examples", "span");
    assert_eq!(previous(&status), Vec::<Value>::new());
    assert_eq!(window(&status), [1]);
    assert_eq!(
        given(&project, &status, "evaluate", "baseline", "name"),
        Vec::<Value>::new()
    );

    arrive(&project, 2, SPANS, as_it_is);
    let plan = project.json(&["plan", "pipeline.yaml"]);
    let why = "input `source` is of span 2, and was of span 1";
    assert_eq!(step(&plan, "ingest")["reason"]["text"], why);
    assert_eq!(step(&plan, "transform")["action"], "unknown", "{plan:#}");
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(previous(&status), [1]);
    assert_eq!(window(&status), [2, 1]);
    assert_eq!(
        given(&project, &status, "evaluate", "baseline", "name"),
        ["tips"]
    );
    let reason = &step(&status, "transform")["reason"];
    assert_eq!(
        reason["text"],
        "the newest spans of `ingest.examples` are 2, 1"
    );

    // Nothing new: all is as it was, also what is looked up.
    let status = project.run_to_end();
    for id in ["ingest", "statistics", "validate", "transform", "train"] {
        assert_eq!(step(&status, id)["state"], "reused", "{id} of {status:#}");
    }

    // A span whose trips were paid for in a way that there is not is refused, and so nobody learns from it.
    arrive(&project, 3, SPANS, |row| {
        let mut cells: Vec<&str> = row.split(',').collect();
        let header = TAXI.lines().next().unwrap_or_default();
        let at = header.split(',').position(|name| name == "payment_type");
        cells[at.expect("trips are paid")] = "in kind";
        cells.join(",")
    });
    let status = project.run_to_end();
    assert_eq!(status["state"], "refused", "{status:#}");
    assert_eq!(step(&status, "validate")["state"], "refused");
    assert_eq!(step(&status, "transform")["state"], "skipped");
    assert_eq!(property(&project, "ingest", "examples", "span"), 3);

    arrive(&project, 4, SPANS, as_it_is);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(previous(&status), [2]);
    assert_eq!(window(&status), [4, 2, 1]);

    // Judged anew, and accepted: the span counts again.
    let lenient = TRAINING.replace(
        "environment: TRAINING",
        "environment: TRAINING, fail_on: never",
    );
    project.write(
        "pipeline.yaml",
        &lenient.replace("{SPAN}/*.csv\"", "{SPAN}/*.csv\", span: 3"),
    );
    let status = project.run_to_end();
    assert_eq!(step(&status, "ingest")["state"], "reused", "{status:#}");
    assert_eq!(window(&status), [4, 3, 2]);
    assert_eq!(previous(&status), [2]);

    project.write("report/pipeline.yaml", REPORT);
    let output = project.command(&["run", "report/pipeline.yaml"]);
    assert!(output.status.success(), "{}", transcript(&output));
    let report = project.read("told");
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], "binary");
    assert!(
        Path::new(lines[1]).join("evaluation.json").is_file(),
        "{report}"
    );
    assert!(
        Path::new(lines[2]).join("signature.json").is_file(),
        "{report}"
    );
}

#[test]
fn a_step_begins_with_what_its_own_last_run_gave() {
    let pipeline = r#"name: counting
steps:
  count:
    run: |
      before=0
      if [ -n "${INPUT_BEFORE:-}" ]; then before=$(cat "$INPUT_BEFORE"); fi
      echo $((before + 1)) > "$OUTPUT_COUNT"
    inputs: { before: { latest: count.count } }
    outputs: { count: Artifact }
    files: []
  show:
    run: [sh, -c, 'cat "$INPUT_COUNT" >> ../counts']
    inputs: { count: { latest: count.count } }
"#;
    let project = Project::of("counting", pipeline);
    for _ in 0..3 {
        let status = project.run_to_end();
        assert_eq!(status["state"], "succeeded", "{status:#}");
    }
    // What comes after a step sees what this run gave.
    assert_eq!(project.read("../counts"), "1\n2\n3\n");
    let plan = project.json(&["plan", "pipeline.yaml"]);
    let reason = &step(&plan, "count")["reason"];
    assert_eq!(
        reason["text"], "another `count.count` is the newest",
        "{plan:#}"
    );
}

#[test]
fn what_gives_nothing_leaves_the_newest_that_there_was() {
    let pipeline = r#"name: weekly
params: { train: true }
steps:
  train:
    run: echo 1 > "$OUTPUT_MODEL"
    outputs: { model: Artifact }
    if: ${{ params.train }}
  predict:
    run: cp "$INPUT_MODEL" "$OUTPUT_SCORES"
    inputs: { model: { latest: train.model } }
    outputs: { scores: Artifact }
  tell: { run: [echo], inputs: { nothing: { latest: absent.port, pipeline: elsewhere } } }
  must: { uses: statistics, inputs: { examples: { latest: absent.port, pipeline: elsewhere } }, allow_failure: true }
"#;
    let project = Project::of("weekly", pipeline);
    let status = project.run_with(&["-p", "train=false"]);
    // There never was one: the command is not given it.
    assert_eq!(step(&status, "predict")["state"], "failed", "{status:#}");
    assert_eq!(step(&status, "tell")["state"], "succeeded", "{status:#}");
    let why = "input `examples`: no run of pipeline `elsewhere` has given `absent.port` yet";
    assert_eq!(step(&status, "must")["reason"]["text"], why);
    let status = project.run_to_end();
    assert_eq!(step(&status, "predict")["state"], "succeeded", "{status:#}");
    let status = project.run_with(&["-p", "train=false"]);
    assert_eq!(step(&status, "train")["state"], "skipped", "{status:#}");
    assert_eq!(step(&status, "predict")["state"], "reused", "{status:#}");
}

#[test]
fn what_was_made_elsewhere_is_imported_as_it_is() {
    let project = Project::of(
        "source",
        "name: source\nsteps:\n  ingest: { uses: ingest, inputs: { source: { files: rows.csv } } }\n",
    );
    let rows: Vec<String> = (0..40).map(|n| format!("{n},{}", n % 3)).collect();
    project.write("rows.csv", &format!("a,b\n{}\n", rows.join("\n")));
    assert_eq!(project.run_to_end()["state"], "succeeded");
    let output = project.command(&["show", "ingest.examples", "--path"]);
    let made = String::from_utf8_lossy(&output.stdout).trim().to_owned();

    let import = |uri: &str, kind: &str| {
        format!(
            "name: taken\nsteps:\n  statistics: {{ uses: statistics, inputs: {{ examples: {{ import: \"{uri}\", type: {kind} }} }} }}\n"
        )
    };
    let uri = format!("file://{}", made.replace('-', "%2D"));
    project.write("pipeline.yaml", &import(&uri, "Examples"));
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let splits = given(&project, &status, "statistics", "examples", "split_names");
    assert_eq!(splits, [json!(["eval", "train"])]);
    let list = project.json(&["artifacts", "--type", "Examples"]);
    let found = &list["artifacts"][0];
    assert_eq!(
        (&found["step"], &found["path"]),
        (&json!("statistics"), &json!(made))
    );
    let status = project.run_to_end();
    assert_eq!(step(&status, "statistics")["state"], "reused", "{status:#}");

    // A copy with the same content is the same data; a relative path starts at the pipeline's folder.
    let copy = project.folder().join("copy");
    for split in ["Split-train", "Split-eval"] {
        fs::create_dir_all(copy.join(split)).expect("a scratch folder can be written");
        for file in fs::read_dir(Path::new(&made).join(split)).expect("the split is there") {
            let file = file.expect("a split can be listed").path();
            let name = file.file_name().expect("a file has a name");
            let copied = fs::read(&file).and_then(|b| fs::write(copy.join(split).join(name), b));
            copied.expect("a file can be copied");
        }
    }
    project.write("pipeline.yaml", &import("./copy", "Examples"));
    let status = project.run_to_end();
    assert_eq!(step(&status, "statistics")["state"], "reused", "{status:#}");
    fs::remove_dir_all(copy.join("Split-eval")).expect("a scratch folder can be written");
    let plan = project.json(&["plan", "pipeline.yaml"]);
    let reason = &step(&plan, "statistics")["reason"]["text"];
    assert_eq!(reason, "what lies at `./copy` changed", "{plan:#}");

    for (uri, why) in [
        ("nowhere", "there is nothing at "),
        (
            "copy/Split-train",
            "is no Examples: there is no folder `Split-NAME` in it",
        ),
        (
            ".ropewalk",
            "latest is a symbolic link; an artifact holds files and folders only",
        ),
    ] {
        project.write("pipeline.yaml", &import(uri, "Examples"));
        let status = project.run_to_end();
        let reason = step(&status, "statistics")["reason"]["text"].as_str();
        assert!(reason.is_some_and(|text| text.contains(why)), "{status:#}");
    }
}
