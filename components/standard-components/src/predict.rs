//! `predict`: what a model says of every raw row.
//!
//! The rows are kept with all their columns, the predictions beside them, so that what comes out is
//! accepted wherever examples are. Batches stream through; it does not know how a row is scored.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{Field, Schema, SchemaRef};
use component_api::catalog::Problem;
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use example_data::examples::{Examples, SplitWriter};
use model_scoring::model::{FIELD_PREFIX, MODEL_DIGEST_FIELD, Model, Predictions, score};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::batches;
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

fn manifest() -> Manifest {
    Manifest::new(
        "predict",
        "1",
        "Scores raw rows, batch by batch, and keeps each beside what the model says of it.",
    )
    .input("model", "Model", "The model that predicts.")
    .input(
        "examples",
        "Examples",
        "Raw rows, as production will send them; a label is not needed.",
    )
    .output(
        "predictions",
        "Predictions",
        "The rows with `prediction.value`, or `prediction.probability` with one number per class.",
    )
    .param(
        "splits",
        ParamSpec::new(
            ParamType::List,
            "The splits to score; all of them if not given.",
        )
        .default_value(Value::Array(Vec::new())),
    )
}

fn check(params: &Map<String, Value>) -> Vec<Problem> {
    let splits = params.get("splits").and_then(Value::as_array);
    let wrong = splits.into_iter().flatten().enumerate();
    let problems = wrong.filter(|(_, split)| !split.is_string());
    let problems = problems.map(|(at, split)| Problem {
        path: format!("/splits/{at}"),
        message: format!("{split} is no split"),
        hint: "a split is a name, such as `eval`".to_owned(),
    });
    settled(problems.collect(), params)
}

#[derive(Debug, Deserialize)]
struct Params {
    splits: Vec<String>,
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    refuse(check(invocation.params()))?;
    let params: Params = invocation.params_as()?;
    let folder = invocation.input("model")?;
    let (model, digest) = (Model::load(folder)?, folder_digest(folder)?);
    let examples = Examples::open(invocation.input("examples")?)?;
    let splits = if params.splits.is_empty() {
        examples.splits().to_vec()
    } else {
        params.splits
    };
    for split in &splits {
        // A split that is not there is told before anything is written.
        examples.row_count(split)?;
    }
    let output = invocation.output("predictions")?;
    let mut counts = Vec::new();
    for split in splits {
        let predict = |batch: &RecordBatch| beside(batch, &score(&model, batch)?, &digest);
        let empty = predict(&RecordBatch::new_empty(examples.schema()))?;
        let mut writer = SplitWriter::create(&output, &split, empty.schema())?;
        batches::for_each(examples.read(&split)?, predict, |batch| {
            Ok(writer.write(&batch)?)
        })?;
        let rows = writer.finish()?;
        invocation.note(&format!("{split}: {rows} rows"));
        counts.push((split, rows));
    }
    invocation.set_examples_properties("predictions", &counts);
    let span = invocation.input_property("examples", "span");
    if !span.is_null() {
        invocation.set_property("predictions", "span", span);
    }
    let name = model.signature().name.as_str();
    invocation.set_property("predictions", "name", name);
    invocation.set_property("predictions", "model_digest", digest);
    Ok(Outcome::Succeeded)
}

/// The rows with the predictions beside them, in the place of those of another model.
fn beside(
    batch: &RecordBatch,
    predictions: &Predictions,
    model_digest: &str,
) -> Result<RecordBatch, Failure> {
    let schema = batch.schema();
    let own = schema.fields().iter().zip(batch.columns());
    let (mut fields, mut columns): (Vec<Arc<Field>>, Vec<ArrayRef>) = own
        .filter(|(field, _)| !field.name().starts_with(FIELD_PREFIX))
        .map(|(field, column)| (Arc::clone(field), Arc::clone(column)))
        .unzip();
    let digests = StringArray::from_iter_values(vec![model_digest; batch.num_rows()]);
    for (name, column) in [
        predictions.column(),
        (MODEL_DIGEST_FIELD, Arc::new(digests) as ArrayRef),
    ] {
        fields.push(Arc::new(Field::new(name, column.data_type().clone(), true)));
        columns.push(column);
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new(schema, columns)?)
}
