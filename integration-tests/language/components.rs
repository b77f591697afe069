//! Components that a team shares as files.

use crate::support::{Project, step, transcript};

const EMBED: &str = r#"name: embed
version: "2"
description: Counts the words of a text
types:
  Embeddings: { base: system.Dataset, files: [vectors.txt] }
inputs:
  text: { type: Artifact, description: any text }
  stopwords: { type: Artifact, optional: true }
outputs:
  embeddings: Embeddings
  words: integer
params:
  scale: { type: number, default: 2, min: 0, max: 10 }
  mode: { type: string, values: [fast, exact], default: fast }
run: |
  mkdir "$OUTPUT_EMBEDDINGS"
  if [ "$PARAM_MODE" = fast ]; then name=vectors.txt; else name=wrong.txt; fi
  echo "$PARAM_SCALE ${INPUT_STOPWORDS-none}" > "$OUTPUT_EMBEDDINGS/$name"
  echo "words=$(wc -w < "$INPUT_TEXT")" >> "$ROPEWALK_OUTPUT"
"#;

const PIPELINE: &str = r#"name: shared-component
params: { scale: 3, mode: { type: string, default: fast } }
steps:
  read: { run: 'echo one two > "$OUTPUT_TEXT"', outputs: { text: Artifact }, files: [] }
  embed:
    uses: ./components/embed.yaml
    inputs: { text: read.text }
    with: { scale: "${{ params.scale }}", mode: "${{ params.mode }}" }
    files: []
  tell:
    run: [echo, "${{ steps.embed.outputs.words }} words"]
    inputs: { embeddings: embed.embeddings }
"#;

fn project(name: &str) -> Project {
    let project = Project::of(name, PIPELINE);
    project.write("components/embed.yaml", EMBED);
    project
}

#[test]
fn a_component_file_runs_as_its_manifest_says_and_is_part_of_the_key() {
    let project = project("component-file");
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(step(&status, "embed")["outputs"]["words"], 2);
    let vectors = project.read(".ropewalk/latest/embed.1/outputs/embeddings/vectors.txt");
    assert_eq!(vectors, "3 none\n");
    let artifacts = project.json(&["artifacts", "--type", "Embeddings"]);
    let artifacts = artifacts["artifacts"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let embeddings = artifacts.iter().find(|a| a["name"] == "embeddings");
    assert_eq!(embeddings.map(|a| &a["type"]), Some(&"Embeddings".into()));

    assert_eq!(step(&project.run_to_end(), "embed")["state"], "reused");
    project.write("components/embed.yaml", &EMBED.replace("Counts", "Tells"));
    let status = project.run_to_end();
    let reason = &step(&status, "embed")["reason"];
    assert_eq!(reason["code"], "component_changed", "{status:#}");
    let status = project.run_with(&["-p", "scale=4"]);
    let reason = &step(&status, "embed")["reason"];
    assert_eq!(reason["code"], "parameter_changed", "{status:#}");
}

#[test]
fn what_enters_and_leaves_a_component_file_is_checked() {
    let project = project("component-checked");
    let status = project.run_with(&["-p", "scale=11"]);
    let reason = &step(&status, "embed")["reason"]["text"];
    let told = "`with.scale` of step `embed`: 11 is more than the most allowed, 10";
    assert_eq!(reason, told, "{status:#}");
    let status = project.run_with(&["-p", "mode=exact"]);
    let error = &step(&status, "embed")["attempts"][0]["error"];
    assert_eq!(error["code"], "output_invalid", "{status:#}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(
        message.ends_with("is no Embeddings: there is no `vectors.txt` in it"),
        "{message}"
    );
}

#[test]
fn what_is_wrong_in_a_component_file_is_told_at_its_place_there() {
    let project = project("component-wrong");
    let wrong = r#"name: embed it
descriptoin: x
version: 1.10
types:
  Model: {}
  Own: { base: system.Dataest }
inputs: { text: integer, other: Modle }
outputs: { embeddings: Owm }
params: { scale: { type: float } }
image: python:3
run: [python3, "${{ params.scale }}"]
"#;
    project.write("components/embed.yaml", wrong);
    let output = project.command(&["validate", "pipeline.yaml"]);
    insta::assert_snapshot!("wrong_component", transcript(&output));
    project.write("components/embed.yaml", "- a list\n");
    let output = project.command(&["run", "pipeline.yaml"]);
    insta::assert_snapshot!("no_component", transcript(&output));
}

#[test]
fn what_is_wrong_with_the_use_of_a_component_file_is_told_where_it_is_used() {
    let project = project("component-misused");
    let pipeline = r#"name: misused
steps:
  read: { run: 'echo > "$OUTPUT_TEXT"', outputs: { text: Artifact, model: Model } }
  absent: { uses: ./components/none.yaml }
  embed:
    uses: ./components/embed.yaml
    inputs: { txt: read.text }
    with: { scale: 12, mod: fast }
    outputs: { more: Artifact }
  score: { uses: statistics, inputs: { examples: again.embeddings } }
  again: { uses: ./components/embed.yaml, inputs: { text: [read.text, read.model] } }
"#;
    project.write("pipeline.yaml", pipeline);
    let output = project.command(&["validate", "pipeline.yaml"]);
    insta::assert_snapshot!("misused_component", transcript(&output));
}
