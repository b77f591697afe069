//! `evaluate`: how good a model is on rows that it did not learn from, and whether that is enough.
//!
//! It knows parameters and the worker contract; metrics, slices and thresholds are
//! `model-scoring`'s affair. A refused blessing ends the step well unless it is told otherwise:
//! it is the push that refuses.

mod files;
mod goal;
mod insight;
mod params;
mod report;
mod verdict;

use std::fs;
use std::path::Path;

use component_api::catalog::Problem;
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use example_data::examples::Examples;
use files::Judged;
use insight::Insight;
use model_scoring::evaluation::{self, Check, Evaluator, Measured, SliceMetrics, number_text};
use model_scoring::importance::Sample;
use model_scoring::metrics::Metric;
use model_scoring::model::Model;
use model_scoring::signature::Task;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use verdict::Verdict;

use crate::checks::{refuse, settled};
use crate::files::write_json;
use crate::folder_digest::folder_digest;
use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::StandardComponent;

/// The component.
pub(crate) const COMPONENT: StandardComponent = StandardComponent {
    manifest,
    check,
    run,
};

fn manifest() -> Manifest {
    Manifest::new(
        "evaluate",
        "2",
        "Measures a model on raw rows, overall and by slices, and blesses it if every threshold is met.",
    )
    .input("model", "Model", "The model to judge.")
    .input(
        "examples",
        "Examples",
        "Raw rows, as production will send them.",
    )
    .optional_input(
        "baseline",
        "Model",
        "The model to compare with; without it thresholds on the change are waived.",
    )
    .output(
        "evaluation",
        "Evaluation",
        "Every metric of every slice, with confidence intervals and the table of checks; `report.html` shows it.",
    )
    .output(
        "blessing",
        "Blessing",
        "Whether the model is good enough, and for every check why.",
    )
    .param(
        "split",
        ParamSpec::new(ParamType::String, "The split to measure on.").default_value("eval"),
    )
    .param(
        "slices",
        ParamSpec::new(
            ParamType::List,
            "Columns by whose values rows are measured apart: `[[sex], [island, sex]]`.",
        )
        .default_value(json!([])),
    )
    .param(
        "min_slice_size",
        ParamSpec::new(
            ParamType::Integer,
            "Slices of fewer rows are counted but not measured.",
        )
        .default_value(1)
        .between(1.0, f64::from(u32::MAX)),
    )
    .param(
        "thresholds",
        ParamSpec::new(
            ParamType::List,
            "What a blessing asks for: `{ metric: auc, min: 0.8 }`, also `max`, `change: { absolute: -0.005, relative: -0.01 }` and `slice: { sex: male }`.",
        )
        .default_value(json!([])),
    )
    .param(
        "goal",
        ParamSpec::new(
            ParamType::Map,
            "What the model is for: `{ metric: accuracy, human: 0.98, target: 0.95, by: 2027-01-31 }` and, as `value`, what each decision is worth for each label: `{ true: { true: 5, false: -5 }, false: { true: -1 } }`.",
        ),
    )
    .param(
        "train_split",
        ParamSpec::new(
            ParamType::String,
            "With a goal: the split that the model learned from, scored to tell bias from variance.",
        )
        .default_value("train"),
    )
    .param(
        "importances",
        ParamSpec::new(
            ParamType::Boolean,
            "Whether to find out which columns and features the model hangs on.",
        )
        .default_value(true),
    )
    .param(
        "refuse",
        ParamSpec::new(
            ParamType::Boolean,
            "Whether a model that is not blessed ends this step as refused.",
        )
        .default_value(false),
    )
}

fn check(params: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(params::slices(params).err().into_iter().flatten());
    problems.extend(params::thresholds(params).err().into_iter().flatten());
    problems.extend(goal::parse(params).err().into_iter().flatten());
    settled(problems, params)
}

/// The page for people, beside `evaluation.json`.
const REPORT_FILE: &str = "report.html";

#[derive(Debug, Deserialize)]
struct Params {
    split: String,
    min_slice_size: usize,
    train_split: String,
    importances: bool,
    refuse: bool,
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    refuse(check(invocation.params()))?;
    let params: Params = invocation.params_as()?;
    let thresholds = params::thresholds(invocation.params()).unwrap_or_default();
    let mut crosses = params::slices(invocation.params()).unwrap_or_default();
    crosses.extend(thresholds.iter().map(|threshold| threshold.slice.columns()));
    let model = load(invocation.input("model")?)?;
    let baseline = invocation
        .optional_input("baseline")
        .map(load)
        .transpose()?;
    let examples = Examples::open(invocation.input("examples")?)?;
    let task = model.0.signature().task;
    let goal = goal::parse(invocation.params()).unwrap_or_default();
    if let Some(goal) = &goal {
        goal.check(&model.0.signature().label.classes, &Metric::of_task(task))?;
    }
    let mut sample = Sample::of(examples.row_count(&params.split)?);
    let mut evaluator = Evaluator::new(&model.0, baseline.as_ref().map(|b| &b.0), crosses)?;
    for batch in examples.read(&params.split)? {
        let batch = batch?;
        evaluator.add(&batch)?;
        if params.importances {
            sample.add(&batch)?;
        }
    }
    let measured = evaluator.finish(params.min_slice_size);
    note_left_out(invocation, &params.split, &measured);
    if measured.outcomes.rows() == 0 {
        return Err(Failure::new(format!(
            "the split `{}` has no row with a label, so there is nothing to measure",
            params.split
        ))
        .hint("check the splits of `ingest` and the label of the model's graph"));
    }
    let checks = evaluation::check(&thresholds, &measured.slices, baseline.is_some());
    let verdict = Verdict::of(&checks);
    let candidate = judged(&model);
    let compared = baseline.as_ref().map(judged);
    note_metrics(invocation, &measured.slices);
    let goal = goal.map(|goal| {
        let train = params.train_split.as_str();
        insight::assess(invocation, &goal, &model.0, &examples, train, &measured)
    });
    let insight = Insight {
        importances: insight::importances(invocation, &model.0, &sample, headline(task))?,
        goal: goal.transpose()?,
    };
    let document = files::evaluation(
        &candidate,
        compared.as_ref(),
        &params.split,
        &measured,
        &checks,
        &insight,
    );
    write_evaluation(&invocation.output("evaluation")?, &document, &verdict)?;
    files::write_blessing(invocation, &candidate, &verdict, &checks)?;
    note_verdict(invocation, &checks, &verdict);
    set_properties(invocation, task, &measured.slices[0], &checks);
    if params.refuse && !verdict.pass {
        return Ok(Outcome::Refused {
            reason: verdict.reason,
        });
    }
    Ok(Outcome::Succeeded)
}

/// Writes what was measured for programs and for people.
fn write_evaluation(folder: &Path, document: &Value, verdict: &Verdict) -> Result<(), Failure> {
    write_json(folder, files::EVALUATION_FILE, document)?;
    let path = folder.join(REPORT_FILE);
    let page = report::page(document, verdict.pass, &verdict.reason);
    fs::write(&path, page)
        .map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display())))
}

/// The metric that is looked at first where no threshold names one.
fn headline(task: Task) -> Metric {
    match task {
        Task::Binary => Metric::Auc,
        Task::Multiclass => Metric::Accuracy,
        Task::Regression => Metric::Rmse,
    }
}

fn load(folder: &Path) -> Result<(Model, String), Failure> {
    Ok((Model::load(folder)?, folder_digest(folder)?))
}

fn judged((model, digest): &(Model, String)) -> Judged<'_> {
    Judged {
        model,
        digest: digest.clone(),
    }
}

fn note_left_out(invocation: &Invocation, split: &str, measured: &Measured) {
    invocation.note(&format!("{split}: {} rows", measured.outcomes.rows()));
    let left_out = measured.left_out;
    for (count, why) in [
        (left_out.without_label, "their label is missing"),
        (
            left_out.unknown_class,
            "their class is none that the model knows; it would be wrong about every one of them",
        ),
        (left_out.without_weight, "their weight is missing"),
    ] {
        if count > 0 {
            invocation.note(&format!("{split}: {count} rows were left out: {why}"));
        }
    }
}

/// The metrics of all rows with their intervals, and how many slices there are.
fn note_metrics(invocation: &Invocation, slices: &[SliceMetrics]) {
    for m in slices.iter().take(1).flat_map(|overall| &overall.metrics) {
        let interval = m.interval.map_or_else(String::new, |interval| {
            let (low, high) = (number_text(interval.low), number_text(interval.high));
            format!(" (95 % between {low} and {high})")
        });
        let baseline = m.baseline.map_or_else(String::new, |baseline| {
            format!(", baseline {}", number_text(baseline))
        });
        let (name, value) = (m.metric.name(), number_text(m.value));
        invocation.note(&format!("{name}: {value}{interval}{baseline}"));
    }
    let (measured, small): (Vec<_>, Vec<_>) = slices
        .iter()
        .skip(1)
        .partition(|slice| !slice.metrics.is_empty());
    if slices.len() > 1 {
        invocation.note(&format!(
            "{} slices were measured; {} have too few rows",
            measured.len(),
            small.len()
        ));
    }
}

fn note_verdict(invocation: &Invocation, checks: &[Check], verdict: &Verdict) {
    if !checks.is_empty() {
        for line in verdict::table(checks) {
            invocation.note(&line);
        }
    }
    let word = if verdict.pass {
        "blessed"
    } else {
        "not blessed"
    };
    invocation.note(&format!("{word}: {}", verdict.reason));
}

/// The metrics of all rows, and which of them people look at first.
fn set_properties(
    invocation: &mut Invocation,
    task: Task,
    overall: &SliceMetrics,
    checks: &[Check],
) {
    for m in overall.metrics.iter().filter(|m| m.value.is_finite()) {
        invocation.set_property("evaluation", m.metric.name(), m.value);
    }
    let mut metrics: Vec<Metric> = checks.iter().map(|check| check.threshold.metric).collect();
    if metrics.is_empty() {
        metrics.push(headline(task));
    }
    metrics.sort_unstable();
    metrics.dedup();
    let names: Vec<&str> = metrics.iter().map(|metric| metric.name()).collect();
    invocation.set_property("evaluation", "headline", names);
}
