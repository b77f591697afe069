//! `transform`: raw rows become features, by a graph that is fitted to the training split.
//!
//! Thin: `model-training::analyzers` fits the graph, `model-scoring::graph` applies it. The same graph
//! goes into the model's folder, so that serving computes what training saw.

mod apply;

use component_api::catalog::Problem;
use component_api::files::{FileEntry, manifest_digest};
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use example_data::examples::{Examples, split_folder};
use example_data::schema;
use example_data::statistics::{self, DatasetFeatureStatistics};
use model_scoring::graph::Graph;
use model_training::analyzers::{LabelSpec, Spec, TrainingSplit, fit};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::checks::{refuse, settled};
use crate::folder_digest::{files, folder_digest};
use crate::graph_folder;
use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::StandardComponent;

/// The component.
pub(crate) const COMPONENT: StandardComponent = StandardComponent {
    manifest,
    check,
    run,
};

fn manifest() -> Manifest {
    let manifest = Manifest::new(
        "transform",
        "1",
        "Fits a transformation to the training split and applies it to every split.",
    )
    .many_input(
        "examples",
        "Examples",
        false,
        "The raw rows; of several (spans) the splits of one name are taken together.",
    )
    .input(
        "schema",
        "Schema",
        "Goes into the graph's folder, for whoever scores rows later.",
    )
    .optional_input(
        "statistics",
        "Statistics",
        "Statistics of these rows, if they were computed before; otherwise they are computed here.",
    )
    .output(
        "graph",
        "TransformGraph",
        "The fitted transformation, with schema, statistics of the raw training split, and a sample.",
    )
    .output(
        "examples",
        "Examples",
        "The transformed rows: features, label, weight, key.",
    );
    params(manifest)
}

fn params(manifest: Manifest) -> Manifest {
    let any = |text| ParamSpec::new(ParamType::Any, text);
    let text = |text| ParamSpec::new(ParamType::String, text);
    manifest
        .param(
            "label",
            any("What is to be predicted: a column, or `{ expr: \"tips > 0.2 * fare\" }`. Rows without \
                 it are left out and counted."),
        )
        .param(
            "weight",
            any("How much a row counts: a column, or `{ expr: ... }`. Rows without it are left out."),
        )
        .param("key", text("The column that identifies a row."))
        .param(
            "features",
            ParamSpec::new(
                ParamType::List,
                "The features, `{ columns: [NAMES AND PATTERNS], ops: [...], as: NAME }`. Operations: \
                 z_score, min_max, bucketize: N, vocabulary: { top_k, min_frequency, oov_buckets }, \
                 hash: N, one_hot, impute: mean | median | VALUE, clip: [MIN, MAX], log, cross, \
                 date_parts, expr; none pass a column through.",
            )
            .required(),
        )
        .param(
            "split",
            text("The split that the transformation is fitted to.").default_value("train"),
        )
        .param(
            "eval_split",
            text("The split that the sample is taken of.").default_value("eval"),
        )
}

#[derive(Debug, Deserialize)]
struct Params {
    split: String,
    eval_split: String,
}

fn check(params: &Map<String, Value>) -> Vec<Problem> {
    let found = Spec::parse(params).err().unwrap_or_default();
    let problems = found.into_iter().map(|problem| Problem {
        path: problem.path,
        message: problem.message,
        hint: String::new(),
    });
    settled(problems.collect(), params)
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    refuse(check(invocation.params()))?;
    let params: Params = invocation.params_as()?;
    // The check has found whatever is wrong.
    let spec = Spec::parse(invocation.params()).unwrap_or_default();
    invocation.input("examples")?;
    let examples = invocation
        .input_paths("examples")
        .iter()
        .map(|path| Examples::open(path))
        .collect::<Result<Vec<_>, _>>()?;
    let schema = schema::read(invocation.input("schema")?)?;
    let digest = split_digest(&examples, &params.split)?;
    let data = TrainingSplit {
        examples: &examples,
        split: &params.split,
        digest: &digest,
    };
    let graph = fit(&spec, data)?;
    let folder = invocation.output("graph")?;
    graph.write(&folder)?;
    schema::write(&folder, &schema)?;
    let found = training_statistics(invocation, &examples, &params.split, &schema)?;
    graph_folder::write_statistics(&folder, &found)?;
    let splits = (params.split.as_str(), params.eval_split.as_str());
    graph_folder::write_sample(&folder, &examples, splits, &label_only(&spec, &graph))?;
    describe(invocation, &graph, &params.split);
    apply::apply(invocation, &graph, &examples, &params.split)?;
    Ok(Outcome::Succeeded)
}

/// The digest of a split's files, over all the examples that are taken together.
fn split_digest(examples: &[Examples], split: &str) -> Result<String, Failure> {
    for some in examples {
        // A split that is not there is told by the splits that are.
        some.row_count(split)?;
    }
    if let [only] = examples {
        return folder_digest(&split_folder(only.folder(), split));
    }
    let mut entries: Vec<FileEntry> = Vec::new();
    for (position, some) in examples.iter().enumerate() {
        for mut entry in files(&split_folder(some.folder(), split))? {
            entry.path = format!("{position}/{}", entry.path);
            entries.push(entry);
        }
    }
    Ok(manifest_digest(&entries))
}

/// The statistics of the raw training split: those given if they are of these rows, else computed.
fn training_statistics(
    invocation: &Invocation,
    examples: &[Examples],
    split: &str,
    schema: &schema::Schema,
) -> Result<DatasetFeatureStatistics, Failure> {
    if let Some(folder) = invocation.optional_input("statistics") {
        let given = statistics::read(folder, split)?;
        if are_of(&given, examples, split)? {
            return Ok(given);
        }
        invocation.note("the statistics given are not of these rows, so they are computed here");
    }
    let mut whole = None;
    for some in examples {
        let part = statistics::compute_split(some, split, Some(schema))?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => whole.merge(&part)?,
        }
    }
    Ok(whole.map(|sketch| sketch.finish(split)).unwrap_or_default())
}

fn are_of(
    given: &DatasetFeatureStatistics,
    examples: &[Examples],
    split: &str,
) -> Result<bool, Failure> {
    let mut rows = 0;
    for some in examples {
        rows += some.row_count(split)?;
    }
    let columns = examples.iter().all(|some| {
        let columns = some.schema();
        let names = columns.fields().iter().map(|field| field.name().as_str());
        names.eq(given.features.iter().map(|feature| feature.name.as_str()))
    });
    Ok(columns && rows == given.num_examples)
}

/// The columns that are read for the label and for no feature.
fn label_only(spec: &Spec, graph: &Graph) -> Vec<String> {
    let features = graph.feature_inputs();
    let label: Vec<&str> = match &spec.label {
        None => Vec::new(),
        Some(LabelSpec::Column(name)) => vec![name],
        Some(LabelSpec::Expression(expression)) => expression.columns(),
    };
    label
        .into_iter()
        .filter(|name| features.iter().all(|input| input.name != *name))
        .map(str::to_owned)
        .collect()
}

fn describe(invocation: &mut Invocation, graph: &Graph, split: &str) {
    let features = graph.feature_outputs().count();
    let width = graph.width();
    invocation.note(&format!(
        "fitted to split {split}: {features} features of {width} numbers in all"
    ));
    invocation.set_property("graph", "features", features);
    invocation.set_property("graph", "width", width);
    invocation.set_property("graph", "split", split);
}
