//! Steps that are done for each item of a list.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Project, kill_process, step, transcript};

const CITIES: &str = r#"name: cities
params: { bad: none }
steps:
  list:
    run: |
      echo 'cities=[{"name": "Delft", "n": 2}, {"name": "Gent", "n": 3}, {"name": "Köln", "n": 5}]' > "$ROPEWALK_OUTPUT"
    outputs: { cities: list }
    files: []
  count:
    foreach: ${{ steps.list.outputs.cities }}
    max_parallel: 2
    run: |
      [ "$PARAM_NAME" != "$BAD" ]
      echo "$PARAM_NAME $ROPEWALK_ITEM_INDEX" > "$OUTPUT_ROWS"
      echo "twice=$(($PARAM_N * 2))" >> "$ROPEWALK_OUTPUT"
      echo "$ROPEWALK_ITEM"
    with: { name: "${{ item.name }}", n: "${{ item.n }}" }
    env: { BAD: "${{ params.bad }}" }
    outputs: { rows: Artifact, twice: integer }
    files: []
  all:
    run: [sh, -c, 'cat $INPUT_ROWS > ../all; echo "$1" >> ../all', sh, "${{ steps.count.outputs.twice | join(',') }}"]
    inputs: { rows: count.rows }
"#;

/// The items of a step, in order.
fn items<'a>(status: &'a Value, id: &str) -> Vec<&'a Value> {
    let steps = status["steps"].as_array().expect("a status has steps");
    steps.iter().filter(|step| step["id"] == id).collect()
}

fn states<'a>(status: &'a Value, id: &str) -> Vec<&'a str> {
    let items = items(status, id).into_iter();
    items.filter_map(|item| item["state"].as_str()).collect()
}

#[test]
fn a_step_is_done_for_each_item_that_another_gave() {
    let project = Project::of("cities", CITIES);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let found = items(&status, "count");
    assert_eq!(found.len(), 3, "{status:#}");
    for (index, item) in found.iter().enumerate() {
        assert_eq!(item["item_index"], index);
    }
    assert_eq!(found[1]["item"], json!({ "name": "Gent", "n": 3 }));
    assert_eq!(found[2]["outputs"]["twice"], 10);
    let all = fs::read_to_string(project.folder().join("../all")).expect("`all` wrote it");
    assert_eq!(all, "Delft 0\nGent 1\nKöln 2\n4,6,10\n");
    let log = project.command(&["logs", "latest", "count[2]"]);
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    let item: Value = serde_json::from_str(&log).expect("an item is JSON");
    assert_eq!(item["name"], "Köln");
    let shown = project.json(&["show", "count[1].rows"]);
    assert_eq!(shown["step"], "count");
    assert_eq!(shown["item_index"], 1);
    let listed = project.json(&["runs"]);
    assert_eq!(listed["runs"][0]["steps_total"], 5, "{listed:#}");
    assert_eq!(listed["runs"][0]["steps_done"], 5, "{listed:#}");
    let unnamed = project.command(&["logs", "latest", "count"]);
    assert_eq!(unnamed.status.code(), Some(2), "{}", transcript(&unnamed));
    let unknown = project.command(&["logs", "latest", "count[3]"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", transcript(&unknown));
}

#[test]
fn only_items_that_changed_are_done_again() {
    let project = Project::of("cities-again", CITIES);
    project.run_to_end();
    let status = project.run_to_end();
    assert_eq!(states(&status, "count"), ["reused"; 3], "{status:#}");
    let changed = CITIES.replace("Gent", "Brugge");
    project.write("pipeline.yaml", &changed);
    let plan = project.json(&["plan", "pipeline.yaml"]);
    assert_eq!(plan["steps"][0]["action"], "run", "{plan:#}");
    let status = project.run_to_end();
    assert_eq!(states(&status, "count"), ["reused", "succeeded", "reused"]);
    let reason = &items(&status, "count")[1]["reason"];
    assert_eq!(reason["code"], "parameter_changed", "{status:#}");
    let plan = project.json(&["plan", "pipeline.yaml"]);
    let ids = plan["steps"].as_array().expect("a plan has steps").iter();
    let ids: Vec<&str> = ids.filter_map(|step| step["id"].as_str()).collect();
    assert_eq!(ids, ["list", "count[0]", "count[1]", "count[2]", "all"]);
}

#[test]
fn one_item_that_fails_fails_its_step_and_is_retried_alone() {
    let project = Project::of("cities-fail", CITIES);
    let status = project.run_with(&["-p", "bad=Gent"]);
    assert_eq!(status["state"], "failed", "{status:#}");
    assert_eq!(
        states(&status, "count"),
        ["succeeded", "failed", "succeeded"]
    );
    assert_eq!(step(&status, "all")["reason"]["code"], "upstream_failed");
    let text = status["reason"]["text"].as_str().unwrap_or_default();
    assert!(text.contains("`count[1]`"), "{status:#}");
    project.command(&["retry", "latest"]);
    let status = project.json(&["status"]);
    assert_eq!(states(&status, "count"), ["reused", "failed", "reused"]);
    let reason = items(&status, "count")[0]["reason"]["text"].as_str();
    assert!(
        reason.is_some_and(|text| text.starts_with("carried over")),
        "{status:#}"
    );
}

#[test]
fn a_list_without_items_is_done_at_once() {
    let pipeline = r#"name: nothing
params: { items: { type: list, default: [] } }
steps:
  each:
    foreach: ${{ params.items }}
    run: [sh, -c, 'echo "$1" > "$OUTPUT_FILE"', sh, "${{ item }}"]
    outputs: { file: Artifact }
    files: []
  after: { run: [echo, "${{ steps.each.outputs.file | length }}"], inputs: { files: each.file } }
"#;
    let project = Project::of("nothing", pipeline);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let each = step(&status, "each");
    assert_eq!(each["state"], "succeeded");
    assert_eq!(each["outputs"], json!({ "file": [] }));
    let log = project.command(&["logs", "latest", "after"]);
    assert_eq!(log.stdout, b"0\n");
    let status = project.run_with(&["-p", r#"items=["a; echo b", "$(c)"]"#]);
    assert_eq!(states(&status, "each"), ["succeeded"; 2], "{status:#}");
    let path = items(&status, "each")[1]["outputs"]["file"]["path"].as_str();
    let text = fs::read_to_string(path.expect("an artifact has a path"));
    assert_eq!(text.expect("it is there"), "$(c)\n");
    let bad = project.command(&["run", "pipeline.yaml", "-p", "items=3"]);
    assert_eq!(bad.status.code(), Some(2), "{}", transcript(&bad));
}

#[test]
fn items_in_progress_outlive_the_daemon() {
    let pipeline = r#"name: outlive
steps:
  each:
    foreach: [one, two, three, four]
    max_parallel: 2
    run: |
      while [ ! -e ../go ]; do sleep 0.05; done
      echo "$ROPEWALK_ITEM" >> ../done
"#;
    let project = Project::of("outlive", pipeline);
    let mut follower = project.start_run();
    let record = project.state_dir().join("daemon.json");
    let is_running = |status: &Value| {
        states(status, "each")
            .iter()
            .filter(|s| **s == "running")
            .count()
            == 2
    };
    let latest = project.state_dir().join("latest");
    while !(record.exists() && latest.exists() && is_running(&project.json(&["status"]))) {
        assert!(
            follower.try_wait().expect("it is ours").is_none(),
            "{}",
            project.follower_output()
        );
    }
    let status = project.json(&["status"]);
    assert_eq!(
        states(&status, "each"),
        ["running", "running", "waiting", "waiting"]
    );
    let daemon: Value = serde_json::from_str(&project.read(".ropewalk/daemon.json")).expect("JSON");
    let pid = daemon["pid"]
        .as_u64()
        .and_then(|pid| u32::try_from(pid).ok());
    assert!(kill_process(pid.expect("a daemon has a pid")));
    fs::write(project.folder().join("../go"), "").expect("a scratch folder can be written");
    let ended = follower.wait().expect("it is ours");
    assert!(ended.success(), "{}", project.follower_output());
    let status = project.json(&["status"]);
    assert_eq!(states(&status, "each"), ["succeeded"; 4]);
    let attempts = items(&status, "each").into_iter();
    let attempts = attempts.map(|item| item["attempts"].as_array().map_or(0, Vec::len));
    assert_eq!(attempts.collect::<Vec<_>>(), [1; 4]);
    let done = fs::read_to_string(project.folder().join("../done")).expect("each wrote it");
    let mut done: Vec<&str> = done.lines().collect();
    done.sort_unstable();
    assert_eq!(done, ["four", "one", "three", "two"]);
}

#[test]
fn items_are_retried_bounded_and_borne_one_by_one() {
    let pipeline = r#"name: items
steps:
  flaky:
    foreach: [a, b, c]
    run: '[ "$ROPEWALK_ATTEMPT" -gt 1 ] || [ "$ROPEWALK_ITEM" != b ]'
    retry: { attempts: 2, initial: 10ms }
  borne:
    foreach: [0, 1]
    allow_failure: true
    run: touch "$OUTPUT_FILE"; exit "$ROPEWALK_ITEM"
    outputs: { file: Artifact }
  after: { run: ["true"], needs: [borne] }
  takes: { run: ["true"], inputs: { files: borne.file } }
  asks: { run: ["true"], inputs: { files: borne.file }, if: '${{ steps.borne.state == "failed" }}' }
  few:
    foreach: [1, 2, 3, 4, 5, 6]
    max_parallel: 2
    run: |
      mkdir -p ../live && touch "../live/$ROPEWALK_ITEM"
      ls ../live | wc -l >> ../most
      rm "../live/$ROPEWALK_ITEM"
"#;
    let project = Project::of("items", pipeline);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let attempts = items(&status, "flaky").into_iter();
    let attempts = attempts.map(|item| item["attempts"].as_array().map_or(0, Vec::len));
    assert_eq!(attempts.collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(states(&status, "borne"), ["succeeded", "failed"]);
    assert_eq!(step(&status, "after")["state"], "succeeded");
    assert_eq!(step(&status, "takes")["state"], "skipped");
    // A list is never given with a gap.
    assert_eq!(step(&status, "asks")["state"], "skipped", "{status:#}");
    let most = fs::read_to_string(project.folder().join("../most")).expect("each wrote it");
    let counts: Vec<u32> = most.split_whitespace().flat_map(str::parse).collect();
    assert_eq!(counts.len(), 6, "{most}");
    assert!(counts.iter().all(|count| *count <= 2), "{most}");
}

#[test]
fn items_are_cancelled_with_their_run() {
    let pipeline = r#"name: cancelled-items
steps:
  each: { foreach: [1, 2, 3], max_parallel: 1, run: 'echo ready; sleep 600', grace: 0s }
finally:
  always: { foreach: [1, 2], run: [echo, "${{ run.state }}"] }
"#;
    let project = Project::of("cancelled-items", pipeline);
    project.json(&["run", "pipeline.yaml", "--detach"]);
    // The log of an item is there once it has been started.
    while project.command(&["logs", "latest", "each[0]"]).stdout != b"ready\n" {}
    project.command(&["cancel", "latest"]);
    project.command(&["resume", "latest"]);
    let status = project.json(&["status"]);
    assert_eq!(status["state"], "cancelled", "{status:#}");
    assert_eq!(states(&status, "each"), ["cancelled"; 3]);
    assert_eq!(states(&status, "always"), ["succeeded"; 2]);
    assert_eq!(items(&status, "each")[1]["attempts"], json!([]));
}

#[test]
fn items_stand_in_for_a_step_that_is_not_selected_and_one_may_be_done_again() {
    let project = Project::of("cities-part", CITIES);
    let first = project.run_to_end();
    let status = project.run_with(&["--only", "all"]);
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(states(&status, "count"), ["reused"; 3], "{status:#}");
    let reason = &items(&status, "count")[0]["reason"];
    assert_eq!(reason["code"], "not_selected", "{status:#}");
    assert_eq!(
        step(&status, "all")["attempts"].as_array().map(Vec::len),
        Some(1)
    );
    let all = fs::read_to_string(project.folder().join("../all")).expect("`all` wrote it");
    assert_eq!(all, "Delft 0\nGent 1\nKöln 2\n4,6,10\n");
    let plan = project.json(&["plan", "pipeline.yaml", "--only", "all"]);
    let actions = plan["steps"].as_array().expect("a plan has steps").iter();
    let actions: Vec<&str> = actions.filter_map(|step| step["action"].as_str()).collect();
    assert_eq!(
        actions,
        ["skip", "reuse", "reuse", "reuse", "run"],
        "{plan:#}"
    );

    let status = project.run_with(&["--from", "count", "--force", "count"]);
    assert_eq!(step(&status, "list")["reason"]["code"], "not_selected");
    assert_eq!(states(&status, "count"), ["succeeded"; 3], "{status:#}");

    let run = first["run_id"].as_str().expect("a run has an id");
    project.command(&["retry", run, "count[1]"]);
    let status = project.json(&["status"]);
    assert_eq!(
        states(&status, "count"),
        ["reused", "succeeded", "reused"],
        "{status:#}"
    );
    assert_eq!(step(&status, "all")["state"], "succeeded");
}

#[test]
fn too_long_a_list_fails_its_step_with_a_sentence() {
    let pipeline = r#"name: long-list
params: { items: { type: list, default: [] } }
steps:
  gives: { run: 'echo "n=3" >> "$ROPEWALK_OUTPUT"', outputs: { n: integer }, files: [] }
  each: { foreach: "${{ params.items }}", run: ["true"], needs: [gives] }
"#;
    let project = Project::of("long-list", pipeline);
    let long: Vec<u32> = (0..10_001).collect();
    project.write("params.json", &json!({ "items": long }).to_string());
    let status = project.run_with(&["--params-file", "params.json"]);
    assert_eq!(status["state"], "failed");
    let reason = step(&status, "each")["reason"]["text"].as_str();
    assert!(
        reason.is_some_and(|text| text.contains("10001 items, more than 10000")),
        "{reason:?}"
    );
}
