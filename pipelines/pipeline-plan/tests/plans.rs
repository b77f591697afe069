//! What a pipeline compiles to: steps in order, edges, types, defaults, and a stable identity.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fmt::Write as _;

use pipeline_plan::expression::environment_names;
use pipeline_plan::{Action, NodeId, OutputKind, Plan, Source};
use serde_json::json;
use support::{compiled, plan};

const TAXI: &str = r#"
name: taxi-tips
description: Will a rider tip more than 20 %?
params:
  min-auc: { type: number, default: 0.75, min: 0.5, max: 1 }
  place: serving
steps:
  schema: { uses: schema, inputs: { curated: { files: schema.yaml } } }
  ingest:
    uses: ingest
    inputs: { source: { files: ["data/*.csv", more.csv] }, schema: schema.schema }
    with: { splits: { train: 2, eval: 1 } }
  statistics: { uses: statistics, inputs: { examples: ingest.examples } }
  validate:
    uses: validate
    inputs: { statistics: statistics.statistics, schema: schema.schema }
  transform:
    uses: transform
    needs: [validate]
    inputs: { examples: [ingest.examples], schema: schema.schema }
    with: { label: tips }
  train:
    uses: train
    inputs: { examples: transform.examples, graph: transform.graph }
    with: { model: taxi-tips }
  evaluate:
    uses: evaluate
    inputs: { model: train.model, examples: ingest.examples, baseline: { latest_blessed: taxi-tips } }
    with: { thresholds: [{ metric: auc, min: "${{ params.min_auc }}" }] }
  push:
    uses: push
    inputs: { model: train.model, blessings: evaluate.blessing }
    with: { destination: "models/${{ params.place }}" }
  tell:
    run: [echo, "${{ steps.evaluate.outputs.evaluation.auc }}", "by ${{ env.USER }}"]
"#;

fn step<'a>(plan: &'a Plan, id: &str) -> &'a pipeline_plan::Node {
    plan.node(plan.find(id).unwrap())
}

fn needs(plan: &Plan, id: &str) -> Vec<String> {
    let needs = step(plan, id).needs.iter();
    needs.map(|need| plan.node(*need).id.clone()).collect()
}

fn order(plan: &Plan) -> Vec<&str> {
    plan.nodes.iter().map(|n| n.id.as_str()).collect()
}

#[test]
fn steps_stand_in_an_order_that_is_theirs_alone() {
    let plan = plan(TAXI);
    let expected = [
        "schema",
        "ingest",
        "statistics",
        "validate",
        "transform",
        "train",
        "evaluate",
        "push",
        "tell",
    ];
    assert_eq!(order(&plan), expected);
    for node in plan.node_ids() {
        assert!(plan.node(node).needs.iter().all(|need| *need < node));
    }
}

#[test]
fn among_equals_the_id_decides() {
    let text = "name: x\nsteps:\n  c: {run: [x]}\n  a: {run: [x], needs: [d]}\n  d: {run: [x]}\n  b: {run: [x]}\n";
    assert_eq!(order(&plan(text)), ["b", "c", "d", "a"]);
}

#[test]
fn inputs_needs_and_expressions_are_edges() {
    let plan = plan(TAXI);
    assert_eq!(needs(&plan, "schema"), Vec::<String>::new());
    assert_eq!(needs(&plan, "transform"), ["schema", "ingest", "validate"]);
    assert_eq!(needs(&plan, "evaluate"), ["ingest", "train"]);
    assert_eq!(needs(&plan, "tell"), ["evaluate"]);
}

#[test]
fn ports_have_the_types_of_their_manifests() {
    let plan = plan(TAXI);
    let examples = &step(&plan, "transform").inputs["examples"];
    assert!(examples.many && !examples.optional);
    let output = Source::Output {
        node: plan.find("ingest").unwrap(),
        port: "examples".to_owned(),
    };
    assert_eq!(examples.sources, [output]);
    let source = &step(&plan, "ingest").inputs["source"];
    let globs = ["data/*.csv", "more.csv"].map(str::to_owned).to_vec();
    assert_eq!(source.sources, [Source::Files(globs)]);
    let baseline = &step(&plan, "evaluate").inputs["baseline"];
    assert!(baseline.optional);
    assert_eq!(
        baseline.sources,
        [Source::LatestBlessed("taxi-tips".to_owned())]
    );
    let output = &step(&plan, "train").outputs["model"];
    assert_eq!(
        (output.type_name.as_str(), output.kind),
        ("Model", OutputKind::Artifact)
    );
}

#[test]
fn a_step_waits_for_what_it_looks_up_unless_that_comes_later() {
    let plan = plan(
        r"name: x
steps:
  a: { run: [x], inputs: { i: { latest: b.o }, j: { previous_span: a.o } }, outputs: { o: Model } }
  b: { run: [x], inputs: { i: a.o }, outputs: { o: Model } }
  c: { run: [x], inputs: { i: { latest_spans: b.o, count: 2 }, j: { latest: a.o, pipeline: y } } }
  d: { run: [x], inputs: { i: { latest: b.o }, j: { latest: b.o, pipeline: x } }, needs: b }
  e: { run: [x], inputs: { i: { latest: f.o } } }
finally:
  f: { run: [x], inputs: { i: { latest: a.o } }, outputs: { o: Model } }
",
    );
    assert_eq!(needs(&plan, "a"), Vec::<&str>::new());
    assert_eq!(needs(&plan, "c"), ["b"]);
    assert_eq!(step(&plan, "c").awaits, [plan.find("b").unwrap()]);
    assert!(step(&plan, "c").inputs["i"].many && step(&plan, "c").inputs["i"].optional);
    // What it needs for another reason must end well.
    assert_eq!(needs(&plan, "d"), ["b"]);
    assert_eq!(step(&plan, "d").awaits, []);
    let own = Source::Latest {
        pipeline: None,
        step: "b".to_owned(),
        port: "o".to_owned(),
    };
    assert_eq!(step(&plan, "d").inputs["j"].sources, [own]);
    assert_eq!(needs(&plan, "e"), Vec::<&str>::new());
    assert_eq!(step(&plan, "f").awaits, [plan.find("a").unwrap()]);
}

#[test]
fn defaults_are_filled_in_and_expressions_stay() {
    let plan = plan(TAXI);
    let train = &step(&plan, "train").params;
    assert_eq!(
        json!(train),
        json!({ "model": "taxi-tips", "rate": 0.1, "seed": 1 })
    );
    let push = &step(&plan, "push").params;
    assert_eq!(
        json!(push),
        json!({ "destination": "models/${{ params.place }}" })
    );
}

#[test]
fn what_acts_on_the_world_is_not_reused() {
    let plan = plan(
        "name: x\nsteps:\n  quiet: {run: [x]}\n  gives: {run: [x], outputs: {m: Artifact}}\n  off: {run: [x], outputs: {m: Artifact}, cache: false}\n",
    );
    let cached = |id| step(&plan, id).cache;
    assert!(!cached("quiet") && cached("gives") && !cached("off"));
    let taxi = support::plan(TAXI);
    assert!(step(&taxi, "train").cache && !step(&taxi, "push").cache);
}

#[test]
fn commands_take_any_artifact_and_give_what_they_declare() {
    let plan = plan(
        r#"
name: x
steps:
  make:
    run: [python3, make.py, 5, true, 0.5]
    files: "*.py"
    outputs: { model: Model, rows: integer, note: { type: Artifact, optional: true } }
  use:
    run: |
      cat $INPUT_MODELS
    inputs: { models: [make.model, make.note], old: { latest_blessed: m }, data: { files: x.csv } }
    env: { ROWS: "${{ steps.make.outputs.rows }}", DEBUG: 1 }
    with: { depth: { a: [1, "${{ inputs.old.uri | default('none') }}"] } }
"#,
    );
    let make = step(&plan, "make");
    let words = ["python3", "make.py", "5", "true", "0.5"];
    assert_eq!(
        make.action,
        Action::Command(words.map(str::to_owned).to_vec())
    );
    assert_eq!(make.files, Some(vec!["*.py".to_owned()]));
    assert_eq!(make.outputs["rows"].kind, OutputKind::Parameter);
    assert!(make.outputs["note"].optional && !make.outputs["model"].optional);
    let used = step(&plan, "use");
    assert_eq!(used.action, Action::Shell("cat $INPUT_MODELS\n".to_owned()));
    assert_eq!(used.env["DEBUG"], "1");
    assert_eq!(used.files, None);
    let models = &used.inputs["models"];
    assert_eq!(
        (models.artifact_type.as_str(), models.many),
        ("Artifact", true)
    );
    assert!(used.inputs["old"].optional && !used.inputs["data"].optional);
    assert_eq!(used.needs, [NodeId(0)]);
}

#[test]
fn expressions_name_steps_by_their_own_ids() {
    let plan = plan(
        r#"
name: x
steps:
  my-step: { run: [x], outputs: { row-count: integer } }
  a_b: { run: [x] }
  use:
    run: [x, "é ${{ steps.my_step.outputs.row_count ~ steps . my_step . state }}", "${{ steps['my-step'].state ~ steps.a_b.state }}"]
    env: { A: "${{ steps.my_step.state }}" }
    with: { b: ["${{ steps.my_step.state }}"] }
"#,
    );
    let node = step(&plan, "use");
    let words = [
        "x",
        "é ${{ steps[\"my-step\"].outputs.row_count ~ steps[\"my-step\"] . state }}",
        "${{ steps['my-step'].state ~ steps.a_b.state }}",
    ];
    assert_eq!(
        node.action,
        Action::Command(words.map(str::to_owned).to_vec())
    );
    assert_eq!(node.env["A"], "${{ steps[\"my-step\"].state }}");
    assert_eq!(
        json!(node.params["b"]),
        json!(["${{ steps[\"my-step\"].state }}"])
    );
    assert_eq!(needs(&plan, "use"), ["a_b", "my-step"]);
}

#[test]
fn the_environment_that_a_plan_asks_for_is_known() {
    let text = "name: x\nsteps:\n  a: {run: [x, \"${{ env.USER ~ env['HOME'] }}\"], env: {B: \"${{ env.B | default('') }}\"}, with: {c: [\"${{ env.C }}\"]}}\n";
    let names: Vec<String> = environment_names(&plan(text)).into_iter().collect();
    assert_eq!(names, ["B", "C", "HOME", "USER"]);
}

/// A stored plan is found again by its id: what is no part of a plan leaves the id as it is.
#[test]
fn the_id_follows_what_is_executed_and_nothing_else() {
    let id = plan(TAXI).id();
    assert_eq!(
        id,
        "ea4b69dc3266bd4012f9f0875a66bdbdeff0b663b93c1c393b016d126f8ac07a"
    );
    let same = [
        TAXI.replace("Will a rider tip more than 20 %?", "another text"),
        TAXI.replace("steps:", "# a comment\nsteps:"),
        TAXI.replace("needs: [validate]", "needs:\n      - validate"),
        TAXI.replace(
            "type: number, default: 0.75",
            "default: 0.75, type: number, description: x",
        ),
        TAXI.replace(
            "with: { model: taxi-tips }",
            "with: { model: taxi-tips, seed: 1 }",
        ),
    ];
    for text in same {
        assert_ne!(text, TAXI);
        assert_eq!(plan(&text).id(), id);
    }
    let other = [
        TAXI.replace("name: taxi-tips", "name: taxi"),
        TAXI.replace("default: 0.75", "default: 0.76"),
        TAXI.replace("more.csv", "less.csv"),
        TAXI.replace("model: taxi-tips", "model: taxi-tips, seed: 2"),
    ];
    for text in other {
        assert_ne!(plan(&text).id(), id);
    }
}

#[test]
fn a_plan_outlives_being_written_and_read() {
    let plan = plan(TAXI);
    let text = serde_json::to_string(&plan).unwrap();
    let read: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(read, plan);
    assert_eq!(read.id(), plan.id());
}

/// No step is looked up by going through all of them, and no recursion is as deep as the file.
#[test]
fn ten_thousand_steps_compile() {
    let mut chain = String::from("name: x\nsteps:\n");
    for i in 0..10_000 {
        let (before, far) = (i - 1, i / 2);
        if i == 0 {
            writeln!(chain, "  s-0: {{run: [x], outputs: {{m: Artifact}}}}").unwrap();
        } else {
            writeln!(
                chain,
                "  s-{i}: {{run: [x, \"${{{{ steps.s_{far}.state }}}}\"], inputs: {{m: s-{before}.m}}, outputs: {{m: Artifact}}}}"
            )
            .unwrap();
        }
    }
    let plan = plan(&chain);
    assert_eq!(plan.nodes.len(), 10_000);
    assert_eq!(plan.nodes[9_999].id, "s-9999");

    let circle = chain.replace("  s-0: {run: [x]", "  s-0: {run: [x], needs: [s-9999]");
    let compiled = compiled(&circle);
    let [cycle] = compiled.diagnostics.as_slice() else {
        panic!("{:?}", compiled.diagnostics)
    };
    assert!(
        cycle
            .message
            .starts_with("these steps wait for each other: s-0 -> s-9999 -> ")
    );
    assert!(cycle.message.len() < 1_000, "{}", cycle.message);
}
