//! What the field's other engines document of triggers, conditions, retries and loops, held against ours.
//!
//! Each table names the page that it is taken from. Where ours differs on purpose, the table says so.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::{Project, step};

/// How a step that others need ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Success,
    Failed,
    Skipped,
}

use End::{Failed, Skipped, Success};

/// Two needs, in each way in which they can have ended.
const PAIRS: [(End, End); 6] = [
    (Success, Success),
    (Success, Failed),
    (Success, Skipped),
    (Failed, Failed),
    (Failed, Skipped),
    (Skipped, Skipped),
];

const GOOD: &str = r#"["succeeded", "reused"]"#;

/// Airflow, "Core concepts: Dags", section "Trigger rules"
/// (airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#trigger-rules): the rule,
/// what stands for it here (A and B are the states of the two needs), and for which pairs it runs.
///
/// On purpose ours differs in this: `one_failed`, `one_success` and `one_done` wait here until both
/// needs have ended, so that what a run does never depends on which of them was faster; and what
/// Airflow calls `upstream_failed` is a skipped step whose reason is `upstream_failed`.
const TRIGGER_RULES: &[(&str, &str, [bool; 6])] = &[
    ("all_success", "", [true, false, false, false, false, false]),
    (
        "all_failed",
        r#"A == "failed" and B == "failed""#,
        [false, false, false, true, false, false],
    ),
    (
        "all_skipped",
        r#"A == "skipped" and B == "skipped""#,
        [false, false, false, false, false, true],
    ),
    ("all_done", r#"A != "" and B != """#, [true; 6]),
    ("always", r#"A != "" or true"#, [true; 6]),
    (
        "one_failed",
        r#"A == "failed" or B == "failed""#,
        [false, true, false, true, true, false],
    ),
    (
        "one_success",
        "A in GOOD or B in GOOD",
        [true, true, true, false, false, false],
    ),
    (
        "one_done",
        r#"A != "skipped" or B != "skipped""#,
        [true, true, true, true, true, false],
    ),
    (
        "none_failed",
        r#"A != "failed" and B != "failed""#,
        [true, false, true, false, false, true],
    ),
    (
        "none_failed_min_one_success",
        r#"A != "failed" and B != "failed" and (A in GOOD or B in GOOD)"#,
        [true, false, true, false, false, false],
    ),
    (
        "none_skipped",
        r#"A != "skipped" and B != "skipped""#,
        [true, true, false, true, false, false],
    ),
];

/// A step that ends so; two of each, for pairs of a kind.
fn upstream(end: End, number: usize) -> (String, &'static str) {
    match end {
        Success => (format!("good{number}"), "{ run: [\"true\"] }"),
        Failed => (format!("bad{number}"), "{ run: [\"false\"] }"),
        Skipped => (format!("out{number}"), "{ run: [\"true\"], if: false }"),
    }
}

#[test]
fn trigger_rules_of_airflow() {
    let mut pipeline = "name: airflow\nsteps:\n".to_owned();
    for (end, number) in [Success, Failed, Skipped]
        .iter()
        .flat_map(|e| [(*e, 1), (*e, 2)])
    {
        let (id, step) = upstream(end, number);
        let _ = writeln!(pipeline, "  {id}: {step}");
    }
    let id = |rule: &str, pair: usize| format!("{rule}_{pair}");
    for (rule, condition, _) in TRIGGER_RULES {
        for (number, (a, b)) in PAIRS.iter().enumerate() {
            let (a, b) = (upstream(*a, 1).0, upstream(*b, 2).0);
            let condition = condition
                .replace("GOOD", GOOD)
                .replace("A ", &format!("steps.{a}.state "))
                .replace("B ", &format!("steps.{b}.state "));
            let condition = match condition.as_str() {
                "" => String::new(),
                text => format!(", if: '${{{{ {text} }}}}'"),
            };
            let id = id(rule, number);
            let _ = writeln!(
                pipeline,
                "  {id}: {{ run: [\"true\"], needs: [{a}, {b}]{condition} }}"
            );
        }
    }
    let project = Project::of("airflow", &pipeline);
    let status = project.run_to_end();
    // As in Airflow a run fails whose steps failed, whatever else ran because of it.
    assert_eq!(status["state"], "failed", "{status:#}");
    for (rule, _, runs) in TRIGGER_RULES {
        for (number, runs) in runs.iter().enumerate() {
            let step = step(&status, &id(rule, number));
            let expected = if *runs { "succeeded" } else { "skipped" };
            assert_eq!(
                step["state"], expected,
                "{rule} of {:?}: {step:#}",
                PAIRS[number]
            );
        }
    }
    let reason = |id: &str| step(&status, id)["reason"]["code"].clone();
    assert_eq!(reason("all_success_1"), "upstream_failed");
    assert_eq!(reason("all_success_2"), "upstream_skipped");
}

/// GitHub Actions, "Workflow syntax", `jobs.<job_id>.needs` and `jobs.<job_id>.continue-on-error`, and
/// "Expressions", section "Status check functions" (docs.github.com/en/actions/reference): the job,
/// what stands for it here, and how it ends.
///
/// On purpose ours differs in this: `failure()` there is true if any ancestor failed; here an `if`
/// names the step that it asks for, and `run.state` in `finally:` tells of all of them.
const GITHUB: &[(&str, &str, &str)] = &[
    ("failing", "{ run: [\"false\"] }", "failed"),
    // "If a job fails or is skipped, all jobs that need it are skipped unless the jobs use a
    // conditional expression that causes the job to continue."
    (
        "needs_failing",
        "{ run: [\"true\"], needs: [failing] }",
        "skipped",
    ),
    (
        "chained",
        "{ run: [\"true\"], needs: [needs_failing] }",
        "skipped",
    ),
    ("never", "{ run: [\"true\"], if: false }", "skipped"),
    (
        "needs_never",
        "{ run: [\"true\"], needs: never }",
        "skipped",
    ),
    // if: always()
    (
        "always",
        "{ run: [\"true\"], needs: [failing], if: '${{ steps.failing.state != \"\" }}' }",
        "succeeded",
    ),
    // if: failure()
    (
        "failure",
        "{ run: [\"true\"], if: '${{ steps.failing.state == \"failed\" }}' }",
        "succeeded",
    ),
    // if: success(), which is what no `if` means, and what one without a status function is joined to:
    // "a default status check of success() is applied unless you include one of these functions".
    (
        "joined",
        "{ run: [\"true\"], needs: [failing], if: '${{ 1 == 1 }}' }",
        "skipped",
    ),
    // continue-on-error: "prevents a workflow run from failing when a job fails".
    (
        "borne",
        "{ run: [\"false\"], allow_failure: true }",
        "failed",
    ),
    (
        "needs_borne",
        "{ run: [\"true\"], needs: [borne] }",
        "succeeded",
    ),
    // timeout-minutes: the job is ended, which is a failure.
    (
        "slow",
        "{ run: [sleep, \"600\"], timeout: 100ms, allow_failure: true }",
        "failed",
    ),
];

#[test]
fn conditions_of_github_actions() {
    let mut pipeline = "name: github\nsteps:\n".to_owned();
    for (id, step, _) in GITHUB {
        let _ = writeln!(pipeline, "  {id}: {step}");
    }
    let project = Project::of("github", &pipeline);
    let status = project.run_to_end();
    assert_eq!(status["state"], "failed");
    for (id, _, expected) in GITHUB {
        let step = step(&status, id);
        assert_eq!(step["state"], *expected, "{id}: {step:#}");
    }
    let borne: Vec<_> = GITHUB
        .iter()
        .filter(|row| row.0.contains("borne"))
        .collect();
    let steps: Vec<String> = borne
        .iter()
        .map(|row| format!("  {}: {}", row.0, row.1))
        .collect();
    project.write(
        "pipeline.yaml",
        &format!("name: borne\nsteps:\n{}\n", steps.join("\n")),
    );
    assert_eq!(project.run_to_end()["state"], "succeeded");
}

/// Argo Workflows, "Retries" (argo-workflows.readthedocs.io/en/latest/retries): `limit`, in how many
/// attempts the step would fail, and how many it has and how it ends. "limit is the maximum number of
/// times the container will be retried."
///
/// On purpose ours differs in this: `attempts` counts the first one too, as most people read it, so it is
/// one more than `limit`; `max` bounds each wait and not their sum; and a retry without a number of
/// attempts is one attempt, not endlessly many.
const RETRIES: &[(u32, u32, usize, &str)] = &[
    (0, 0, 1, "succeeded"),
    (0, 9, 1, "failed"),
    (2, 9, 3, "failed"),
    (2, 1, 2, "succeeded"),
    (2, 2, 3, "succeeded"),
    (4, 2, 3, "succeeded"),
];

#[test]
fn retries_of_argo() {
    let mut pipeline = "name: argo\nsteps:\n".to_owned();
    for (number, (limit, fails, ..)) in RETRIES.iter().enumerate() {
        let _ = writeln!(
            pipeline,
            "  s{number}: {{ run: '[ \"$ROPEWALK_ATTEMPT\" -gt {fails} ]', retry: {{ attempts: {}, initial: 10ms }} }}",
            limit + 1
        );
    }
    let project = Project::of("argo", &pipeline);
    let status = project.run_to_end();
    for (number, (_, _, attempts, end)) in RETRIES.iter().enumerate() {
        let step = step(&status, &format!("s{number}"));
        let count = step["attempts"].as_array().map(Vec::len);
        assert_eq!(
            (count, &step["state"]),
            (Some(*attempts), &Value::from(*end)),
            "{step:#}"
        );
    }
}

/// Argo Workflows, "Enhanced depends logic"
/// (argo-workflows.readthedocs.io/en/latest/enhanced-depends-logic): `depends`, what stands for it here
/// where `task` is a step that succeeded, failed, or was skipped, and for which of these it runs.
///
/// On purpose ours differs in this: plain `depends: task` there is `task.Succeeded || task.Skipped ||
/// task.Daemoned`; here a need that was skipped skips the step, as in Airflow and GitHub Actions, and who
/// wants Argo's rule says so.
const DEPENDS: &[(&str, &str, [bool; 3])] = &[
    ("task.Succeeded", "", [true, false, false]),
    ("task.Failed", r#"S == "failed""#, [false, true, false]),
    ("task.Skipped", r#"S == "skipped""#, [false, false, true]),
    ("task", r#"S != "failed""#, [true, false, true]),
    ("!task.Succeeded", "S not in GOOD", [false, true, true]),
    (
        "task.Succeeded || task.Failed",
        r#"S != "skipped""#,
        [true, true, false],
    ),
];

#[test]
fn dependencies_of_argo() {
    let tasks = [Success, Failed, Skipped].map(|end| upstream(end, 1));
    let mut pipeline = "name: depends\nsteps:\n".to_owned();
    for (id, step) in &tasks {
        let _ = writeln!(pipeline, "  {id}: {step}");
    }
    for (number, (_, condition, _)) in DEPENDS.iter().enumerate() {
        for (task, _) in &tasks {
            let condition = condition
                .replace("GOOD", GOOD)
                .replace("S ", &format!("steps.{task}.state "));
            let condition = match condition.as_str() {
                "" => String::new(),
                text => format!(", if: '${{{{ {text} }}}}'"),
            };
            let _ = writeln!(
                pipeline,
                "  d{number}_{task}: {{ run: [\"true\"], needs: [{task}]{condition} }}"
            );
        }
    }
    let project = Project::of("depends", &pipeline);
    let status = project.run_to_end();
    for (number, (depends, _, runs)) in DEPENDS.iter().enumerate() {
        for ((task, _), runs) in tasks.iter().zip(runs) {
            let step = step(&status, &format!("d{number}_{task}"));
            let expected = if *runs { "succeeded" } else { "skipped" };
            assert_eq!(step["state"], expected, "{depends} of {task}: {step:#}");
        }
    }
}

/// Loops: the peer's case, what stands for it here, how the items end, and what becomes of a step that
/// needs them.
///
/// Airflow, "Dynamic Task Mapping"
/// (airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/dynamic-task-mapping.html);
/// GitHub Actions, "Workflow syntax", `jobs.<job_id>.strategy`
/// (docs.github.com/en/actions/reference/workflow-syntax-for-github-actions); Argo Workflows, "Loops"
/// (argo-workflows.readthedocs.io/en/latest/walk-through/loops).
///
/// On purpose ours differs in this: a mapping over nothing is skipped in Airflow, and an empty matrix is an
/// error in GitHub Actions; here nothing to do is done. `fail-fast: true`, which GitHub takes for granted,
/// ends the other jobs of a matrix when one fails; here all items are done, as in Airflow and as with
/// `fail-fast: false`, so that what a run gives never depends on which of them was faster.
const LOOPS: &[(&str, &str, &[&str], &str)] = &[
    (
        "airflow_expand",
        "{ foreach: [0, 0], run: EXIT }",
        &["succeeded", "succeeded"],
        "succeeded",
    ),
    // "upstream_failed" of what follows a mapped task with the default trigger rule.
    (
        "airflow_one_fails",
        "{ foreach: [0, 1, 0], run: EXIT }",
        &["succeeded", "failed", "succeeded"],
        "skipped",
    ),
    // "If the input is empty (zero length), no new tasks will be created."
    (
        "airflow_zero_length",
        "{ foreach: [], run: EXIT }",
        &["succeeded"],
        "succeeded",
    ),
    (
        "github_no_fail_fast",
        "{ foreach: [1, 0, 0], max_parallel: 1, run: EXIT }",
        &["failed", "succeeded", "succeeded"],
        "skipped",
    ),
    // `continue-on-error: true` of a job with a matrix.
    (
        "github_continue_on_error",
        "{ foreach: [1, 0], allow_failure: true, run: EXIT }",
        &["failed", "succeeded"],
        "succeeded",
    ),
    // `withParam`: a list that a step gave.
    (
        "argo_with_param",
        "{ foreach: \"${{ steps.list.outputs.codes }}\", run: EXIT }",
        &["succeeded", "succeeded"],
        "succeeded",
    ),
    // `withItems` of maps, with `{{item.code}}`.
    (
        "argo_with_items",
        "{ foreach: [{ code: 0 }, { code: 1 }], run: [sh, -c, 'exit \"$1\"', sh, \"${{ item.code }}\"] }",
        &["succeeded", "failed"],
        "skipped",
    ),
];

#[test]
fn loops_of_airflow_github_and_argo() {
    let mut pipeline = "name: loops\nsteps:\n".to_owned();
    pipeline += "  list: { run: 'echo \"codes=[0, 0]\" >> \"$ROPEWALK_OUTPUT\"', outputs: { codes: list } }\n";
    for (id, step, ..) in LOOPS {
        let step = step.replace("EXIT", r#"'exit "$ROPEWALK_ITEM"'"#);
        let _ = writeln!(pipeline, "  {id}: {step}");
        let _ = writeln!(
            pipeline,
            "  after_{id}: {{ run: [\"true\"], needs: [{id}] }}"
        );
    }
    // Argo: "The output of all iterations can be accessed as a JSON array, once the loop is done."
    pipeline += r#"  argo_each:
    foreach: [3, 1, 2]
    run: echo "n=$ROPEWALK_ITEM" >> "$ROPEWALK_OUTPUT"
    outputs: { n: integer }
  argo_all:
    run: printf '%s' "$ALL" > "$OUTPUT_ALL"
    env: { ALL: "${{ steps.argo_each.outputs.n }}" }
    outputs: { all: string }
"#;
    let project = Project::of("loops", &pipeline);
    let status = project.run_to_end();
    assert_eq!(status["state"], "failed", "{status:#}");
    let steps = status["steps"].as_array().expect("a status has steps");
    for (id, _, items, after) in LOOPS {
        let states = steps.iter().filter(|step| step["id"] == **id);
        let states: Vec<&Value> = states.map(|step| &step["state"]).collect();
        assert_eq!(states, *items, "{id}");
        let after_it = step(&status, &format!("after_{id}"));
        assert_eq!(after_it["state"], **after, "{id}: {after_it:#}");
    }
    let reason = &step(&status, "after_airflow_one_fails")["reason"]["code"];
    assert_eq!(reason, "upstream_failed");
    assert_eq!(step(&status, "argo_all")["outputs"]["all"], "[3,1,2]");
}
