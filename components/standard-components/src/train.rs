//! `train`: from examples to a model folder, with the built-in trainers.
//!
//! It knows parameters, splits and the worker contract; how a model is fitted is
//! `model-training`'s affair, what lies in a model folder too.

mod options;
mod own_graph;
mod report;

use std::path::Path;

use component_api::catalog::Problem;
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use example_data::examples::{Examples, split_folder};
use model_scoring::graph::Graph;
use model_scoring::model::ONNX_FLAVOUR;
use model_scoring::signature::{Class, MODEL_NAME_HINT, Task, is_model_name};
use model_training::split::Form;
use model_training::{
    Dataset, Fit, Iteration, baseline, boosted_trees, linear, logistic, model_folder, split,
};
use options::{Algorithm, Options};
use report::Results;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::checks::{refuse, settled};
use crate::folder_digest::folder_digest;
use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::StandardComponent;

/// The component.
pub(crate) const COMPONENT: StandardComponent = StandardComponent {
    manifest,
    check,
    run,
};

/// What the model was trained with, as its properties say.
const FRAMEWORK: &str = "ropewalk";

fn manifest() -> Manifest {
    let manifest = Manifest::new(
        "train",
        "1",
        "Trains a linear model, a logistic regression or boosted trees and writes a model folder.",
    )
    .input(
        "examples",
        "Examples",
        "The rows to learn from: raw, or as `transform` gave them.",
    )
    .optional_input(
        "graph",
        "TransformGraph",
        "How raw rows become features, from `transform`; without it `label` and `features` name columns.",
    )
    .output(
        "model",
        "Model",
        "The model: signature, ONNX, transform graph, schema, statistics and a scored sample.",
    )
    .output(
        "metrics",
        "Metrics",
        "Losses and metrics of the training and eval split, and those of the baseline beside them.",
    );
    options::params(manifest)
        .param(
            "model",
            ParamSpec::new(
                ParamType::String,
                "The model's name, by which it is compared, blessed and pushed.",
            )
            .required(),
        )
        .param(
            "label",
            ParamSpec::new(
                ParamType::String,
                "Without a graph: the column to predict.",
            ),
        )
        .param(
            "features",
            ParamSpec::new(
                ParamType::List,
                "Without a graph: the columns to predict from, as names and patterns such as `bill_*`.",
            ),
        )
        .param(
            "split",
            ParamSpec::new(ParamType::String, "The split to learn from.").default_value("train"),
        )
        .param(
            "eval_split",
            ParamSpec::new(
                ParamType::String,
                "The split that early stopping looks at; if there is none, training never stops early.",
            )
            .default_value("eval"),
        )
}

fn check(params: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(Value::String(name)) = params.get("model")
        && !is_model_name(name)
    {
        problems.push(Problem {
            path: "/model".to_owned(),
            message: format!("`{name}` cannot name a model"),
            hint: MODEL_NAME_HINT.to_owned(),
        });
    }
    let features = params.get("features").and_then(Value::as_array);
    for (at, pattern) in features.into_iter().flatten().enumerate() {
        if !pattern.is_string() {
            problems.push(Problem {
                path: format!("/features/{at}"),
                message: format!("{pattern} is no column"),
                hint: "a feature is a column's name or a pattern such as `bill_*`".to_owned(),
            });
        }
    }
    problems.extend(options::check(params));
    settled(problems, params)
}

#[derive(Debug, Deserialize)]
struct Params {
    model: String,
    label: Option<String>,
    features: Option<Vec<String>>,
    split: String,
    eval_split: String,
    #[serde(flatten)]
    options: Options,
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    refuse(check(invocation.params()))?;
    let params: Params = invocation.params_as()?;
    let examples = Examples::open(invocation.input("examples")?)?;
    let folder = invocation.output("model")?;
    prepare_graph(invocation, &params, &examples, &folder)?;
    let graph = Graph::read(&folder)?;
    let data = Data::read(invocation, &params, &examples, &graph)?;
    let fit = fit(invocation, &params.options, &data)?;
    invocation.note(&report::end_line(&fit.history));
    let task = params.options.task;
    // What is measured is what will be loaded, not what was in memory.
    let model = model_folder::complete(&folder, &params.model, task, &fit.predictor)?;
    let baseline = baseline::fit(&data.train)?;
    let judged = data.eval.as_ref().unwrap_or(&data.train);
    let results = Results {
        task,
        train: split::outcomes(model.predictor(), &data.train),
        eval: data
            .eval
            .as_ref()
            .map(|eval| split::outcomes(model.predictor(), eval)),
        baseline: split::outcomes(&baseline, judged),
        iterations: fit.history.kept,
        features: graph.width(),
    };
    for line in results.table() {
        invocation.note(&line);
    }
    let metrics = results.metrics();
    report::write(&invocation.output("metrics")?, &metrics)?;
    for (name, value) in &metrics {
        invocation.set_property("metrics", name, value.clone());
    }
    for (name, value) in [
        ("name", Value::from(params.model)),
        ("task", serde_json::to_value(task)?),
        ("flavour", Value::from(ONNX_FLAVOUR)),
        ("framework", Value::from(FRAMEWORK)),
        ("algorithm", Value::from(params.options.algorithm.name())),
        ("metrics", Value::Object(metrics)),
    ] {
        invocation.set_property("model", name, value);
    }
    Ok(Outcome::Succeeded)
}

/// Puts the graph, and what its folder carries, into the model's folder.
fn prepare_graph(
    invocation: &Invocation,
    params: &Params,
    examples: &Examples,
    folder: &Path,
) -> Result<(), Failure> {
    let named = params.label.is_some() || params.features.is_some();
    match (invocation.optional_input("graph"), &params.label, &params.features) {
        (Some(_), ..) if named => Err(Failure::new(
            "`label` and `features` were given together with a graph, which says both already",
        )
        .hint("leave them out, or leave out the input `graph`")),
        (Some(graph), ..) => Ok(model_folder::carry(graph, folder)?),
        (None, Some(label), Some(features)) => {
            let splits = (params.split.as_str(), params.eval_split.as_str());
            own_graph::write(examples, label, features, params.options.task, splits, folder)
        }
        (None, ..) => Err(Failure::new(
            "without a graph training has to know its columns, and `label` or `features` is missing",
        )
        .hint("connect `graph: transform.graph`, or give `label: COLUMN` and `features: [COLUMNS]`")),
    }
}

/// What is learned from.
struct Data {
    classes: Vec<Class>,
    train: Dataset,
    eval: Option<Dataset>,
}

impl Data {
    fn read(
        invocation: &Invocation,
        params: &Params,
        examples: &Examples,
        graph: &Graph,
    ) -> Result<Self, Failure> {
        let task = params.options.task;
        let form = form(examples, graph)?;
        let read = |name: &str| -> Result<Dataset, Failure> {
            let found = split::read(examples, name, graph, form, task)?;
            invocation.note(&format!(
                "{name}: {} rows of {} features",
                found.dataset.rows(),
                found.dataset.width()
            ));
            if found.left_out > 0 {
                invocation.note(&format!(
                    "{name}: {} rows without a label or weight were left out",
                    found.left_out
                ));
            }
            Ok(found.dataset)
        };
        if form == Form::Transformed && task == Task::Regression {
            warn_of_classes(invocation, graph);
        }
        let classes = split::classes(graph, task)?;
        if !classes.is_empty() {
            let names: Vec<String> = classes.iter().map(Class::to_string).collect();
            invocation.note(&format!("classes: {}", names.join(", ")));
        }
        let train = read(&params.split)?;
        let has_eval = examples.splits().contains(&params.eval_split);
        let eval = if has_eval {
            Some(read(&params.eval_split)?).filter(|eval| eval.rows() > 0)
        } else {
            None
        };
        if eval.is_none() {
            invocation.note(&format!(
                "there are no rows in a split `{}`: nothing is measured on unseen rows, and training does not stop early",
                params.eval_split
            ));
        }
        Ok(Self {
            classes,
            train,
            eval,
        })
    }
}

/// A label of few integers is told apart as classes when rows are transformed, before anyone knows that
/// it is meant as a number.
fn warn_of_classes(invocation: &Invocation, graph: &Graph) {
    if graph
        .label_output()
        .is_some_and(|label| label.classes.is_some())
    {
        invocation.note(
            "warning: the label is an integer of few values, so transform left out eval rows with \
             values that the training split does not have; to keep them, give `examples` the raw \
             rows, or make the label a number: `label: { expr: \"COLUMN + 0.0\" }`",
        );
    }
}

/// Whether the examples are raw or transformed. Where raw columns happen to look like transformed ones,
/// the graph knows the raw split that it was fitted to by its digest.
fn form(examples: &Examples, graph: &Graph) -> Result<Form, Failure> {
    let form = split::form(examples, graph)?;
    if let (Form::Transformed, Some(analysed)) = (form, &graph.analysed)
        && examples.splits().contains(&analysed.split)
        && folder_digest(&split_folder(examples.folder(), &analysed.split))? == analysed.digest
    {
        return Ok(Form::Raw);
    }
    Ok(form)
}

fn fit(invocation: &Invocation, options: &Options, data: &Data) -> Result<Fit, Failure> {
    let eval = data.eval.as_ref();
    let progress = &mut |iteration: &Iteration| {
        invocation.note(&report::progress_line(iteration));
    };
    Ok(match options.algorithm {
        Algorithm::Linear => linear::fit(&data.train, &options.linear(), eval, progress)?,
        Algorithm::Logistic => {
            logistic::fit(&data.train, &options.logistic(&data.classes)?, progress)?
        }
        Algorithm::BoostedTrees => {
            let options = options.boosted_trees(&data.classes)?;
            boosted_trees::fit(&data.train, &options, eval, progress)?
        }
    })
}
