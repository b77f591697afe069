//! Training and serving cannot differ: a pushed folder alone, given raw rows, predicts bit for bit what
//! the trainer predicted, whatever form the rows come in.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod attempt;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use attempt::{Attempt, Ended};
use example_data::examples::Examples;
use model_scoring::model::{Model, score};
use model_scoring::rows::{self, Row};
use serde_json::{Value, json};

/// Trips with a column of every type, each with missing values.
fn trips(root: &Path) -> PathBuf {
    let mut text = "miles,seconds,company,cash,started,tips\n".to_owned();
    for row in 0_u32..600 {
        let cell = |every: u32, value: String| {
            if row % every == 3 {
                String::new()
            } else {
                value
            }
        };
        let company = ["Yellow", "Blue & Co", "Zoë's", "a, b", "one"][(row * row % 5) as usize];
        writeln!(
            text,
            "{},{},{},{},{},{}",
            cell(11, format!("{:.3}", f64::from(row * 37 % 101) / 7.0)),
            cell(13, (row * 53 % 997).to_string()),
            cell(17, format!("\"{company}\"")),
            cell(19, (row % 3 == 0).to_string()),
            cell(
                23,
                format!(
                    "2024-{:02}-{:02}T{:02}:30:00+02:00",
                    row % 12 + 1,
                    row % 28 + 1,
                    row % 24
                )
            ),
            f64::from(row * 29 % 83) / 10.0,
        )
        .unwrap();
    }
    let path = root.join("trips.csv");
    fs::write(&path, text).unwrap();
    path
}

/// Every operation that there is.
fn features() -> Value {
    json!([
        { "columns": ["miles"], "ops": [{ "impute": "mean" }, "z_score"], "as": "miles_z" },
        { "columns": ["miles"], "ops": [{ "impute": "median" }, "min_max"], "as": "miles_m" },
        { "columns": ["seconds"], "ops": [{ "impute": 7 }, { "bucketize": 6 }, "one_hot"], "as": "seconds_b" },
        { "columns": ["seconds"], "ops": [{ "impute": 1 }, { "clip": [10, 900] }, "log"], "as": "seconds_l" },
        { "columns": ["company"], "ops": [{ "impute": "none" }, { "vocabulary": { "top_k": 3, "oov_buckets": 2 } }, "one_hot"], "as": "company_v" },
        { "columns": ["company"], "ops": [{ "impute": "none" }, { "hash": 8 }, "one_hot"], "as": "company_h" },
        { "columns": ["company", "cash"], "ops": [{ "cross": 16 }, "one_hot"], "as": "crossed" },
        { "columns": ["started"], "ops": [{ "date_parts": ["month", "weekday", "hour"] }, { "impute": 0 }] },
        { "ops": [{ "expr": "seconds / 60 + miles * 2 - 1" }, { "impute": 0 }], "as": "computed" },
        { "ops": [{ "expr": "cash is null or not cash and miles > 3" }, { "impute": false }], "as": "told" },
    ])
}

struct World {
    root: tempfile::TempDir,
    raw: Examples,
    transform: Ended,
}

impl World {
    fn new(label: &Value, more: &Value) -> Self {
        let root = tempfile::tempdir().unwrap();
        let ingest = Attempt::new("ingest", &root.path().join("ingest"))
            .input("source", &trips(root.path()))
            .run()
            .succeeded();
        let examples = ingest.path("examples");
        let statistics = Attempt::new("statistics", &root.path().join("statistics"))
            .input("examples", &examples)
            .run()
            .succeeded();
        let schema = Attempt::new("schema", &root.path().join("schema"))
            .input("statistics", &statistics.path("statistics"))
            .run()
            .succeeded();
        let mut all = features();
        all.as_array_mut()
            .unwrap()
            .extend(more.as_array().cloned().unwrap());
        let transform = Attempt::new("transform", &root.path().join("transform"))
            .input("examples", &examples)
            .input("schema", &schema.path("schema"))
            .param("label", label.clone())
            .param("features", all)
            .run()
            .succeeded();
        Self {
            raw: Examples::open(&examples).unwrap(),
            transform,
            root,
        }
    }

    /// Trains, publishes, and removes everything but what was published; gives that folder, and what the
    /// trainer's own model says of the transformed eval rows.
    fn publish(&self, task: &str, algorithm: &str) -> (PathBuf, Vec<u32>) {
        let folder = self.root.path().join(format!("{task}-{algorithm}"));
        let trained = Attempt::new("train", &folder.join("train"))
            .input("examples", &self.transform.path("examples"))
            .input("graph", &self.transform.path("graph"))
            .param("model", "trips")
            .param("task", task)
            .param("algorithm", algorithm)
            .param("rounds", 15)
            .run()
            .succeeded();
        let model = Model::load(&trained.path("model")).unwrap();
        let transformed = Examples::open(&self.transform.path("examples")).unwrap();
        let transformed = transformed.read_all("eval").unwrap();
        let features = model
            .graph()
            .unwrap()
            .transformed_features(&transformed)
            .unwrap();
        let own = bits(&model.predict(&features).values);
        let blessing = folder.join("blessing");
        fs::create_dir_all(&blessing).unwrap();
        let verdict = json!({
            "kind": "evaluation", "pass": true, "reason": "",
            "model_digest": attempt::digest(&trained.path("model")),
        });
        fs::write(blessing.join("blessing.json"), verdict.to_string()).unwrap();
        let serving = folder.join("serving");
        Attempt::new("push", &folder.join("push"))
            .input("model", &trained.path("model"))
            .input("blessings", &blessing)
            .param("destination", serving.to_string_lossy().into_owned())
            .param("version", 1)
            .run()
            .succeeded();
        fs::remove_dir_all(folder.join("train")).unwrap();
        (serving.join("trips/1"), own)
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// What a model says of rows, as bits.
fn says(model: &Model, batch: &RecordBatch) -> Vec<u32> {
    bits(&score(model, batch).unwrap().values)
}

/// The rows one by one, whatever form they take.
fn one_by_one(
    batch: &RecordBatch,
    form: impl Fn(RecordBatch) -> RecordBatch,
    model: &Model,
) -> Vec<u32> {
    let rows = (0..batch.num_rows()).map(|row| form(batch.slice(row, 1)));
    rows.flat_map(|row| says(model, &row)).collect()
}

/// A batch without some columns, and with others put in.
fn with(batch: &RecordBatch, without: &[&str], more: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let schema = batch.schema();
    let own = schema.fields().iter().zip(batch.columns());
    let own = own.filter(|(field, _)| !without.contains(&field.name().as_str()));
    let mut columns: Vec<(String, ArrayRef)> = own
        .map(|(field, column)| (field.name().clone(), Arc::clone(column)))
        .collect();
    columns.extend(
        more.into_iter()
            .map(|(name, column)| (name.to_owned(), column)),
    );
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(name, column.data_type().clone(), true))
        .collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn a_pushed_folder_predicts_what_its_trainer_predicted() {
    let classes = World::new(&json!({ "expr": "tips > 4" }), &json!([]));
    // Trees take missing values as they are.
    let passed = json!([{ "columns": ["miles", "seconds"], "ops": [] }]);
    let numbers = World::new(&json!("tips"), &passed);
    let plain = World::new(&json!("tips"), &json!([]));
    for (world, task, algorithm) in [
        (&classes, "binary", "logistic"),
        (&classes, "binary", "boosted_trees"),
        (&numbers, "regression", "boosted_trees"),
        (&plain, "regression", "linear"),
    ] {
        let (folder, own) = world.publish(task, algorithm);
        let model = Model::load(&folder).unwrap();
        let rows_of_eval = world.raw.read_all("eval").unwrap();
        let batch = with(&rows_of_eval, &["tips"], Vec::new());
        assert!(!own.is_empty());
        // All at once, without the label.
        assert_eq!(says(&model, &batch), own, "{algorithm}: at once");
        // One by one.
        assert_eq!(
            one_by_one(&batch, |row| row, &model),
            own,
            "{algorithm}: one by one"
        );
        // As requests: JSON there and back.
        let inputs = &model.signature().raw_inputs;
        let through_json = |row: RecordBatch| {
            let text = serde_json::to_string(&rows::to_json(&row).unwrap()).unwrap();
            let back: Vec<Row> = serde_json::from_str(&text).unwrap();
            rows::from_json(&back, inputs).unwrap()
        };
        assert_eq!(
            one_by_one(&batch, through_json, &model),
            own,
            "{algorithm}: JSON"
        );
        // The columns the other way round, and among others.
        let places: Vec<usize> = (0..batch.num_columns()).rev().collect();
        let reversed = batch.project(&places).unwrap();
        let nonsense: ArrayRef = Arc::new(StringArray::from(vec!["?"; batch.num_rows()]));
        let among = with(
            &reversed,
            &[],
            vec![("tips", Arc::clone(&nonsense)), ("more", nonsense)],
        );
        assert_eq!(says(&model, &among), own, "{algorithm}: among others");
        // The sample proves it to whoever has the folder only.
        let sample = rows::read_jsonl(&folder.join("sample.jsonl")).unwrap();
        let scored = score(&model, &rows::from_json(&sample, inputs).unwrap()).unwrap();
        for (at, row) in sample.iter().enumerate() {
            let (field, value) = scored.field(at);
            assert_eq!(row.get(field), Some(&value));
        }
    }
}

#[test]
fn rows_that_are_not_as_they_were_get_the_documented_answer() {
    let world = World::new(&json!({ "expr": "tips > 4" }), &json!([]));
    let (folder, _) = world.publish("binary", "boosted_trees");
    let model = Model::load(&folder).unwrap();
    let row = |value: Value| {
        let row: Row = serde_json::from_value(value).unwrap();
        rows::from_json(&[row], &model.signature().raw_inputs)
    };
    let whole = json!({
        "miles": 3.25, "seconds": 120, "company": "Yellow", "cash": true,
        "started": "2024-05-06T07:30:00Z",
    });
    let changed = |name: &str, value: Value| {
        let mut changed = whole.clone();
        changed[name] = value;
        changed
    };
    let of = |value: Value| says(&model, &row(value).unwrap());
    // A category that training never met falls into a bucket of its own kind: a prediction like any.
    assert_eq!(of(changed("company", json!("Nobody"))).len(), 2);
    // Missing and null are the same, and mean what the graph puts there.
    let mut absent = whole.clone();
    absent.as_object_mut().unwrap().remove("seconds");
    assert_eq!(of(absent), of(changed("seconds", Value::Null)));
    let filled = of(changed("company", json!("none")));
    let crossed_is_null = of(changed("company", Value::Null));
    assert_eq!(filled.len(), crossed_is_null.len());
    // A row of nothing is a row.
    assert_eq!(of(json!({})).len(), 2);
    // Another zone is the same moment.
    assert_eq!(
        of(changed("started", json!("2024-05-06T09:30:00+02:00"))),
        of(whole.clone())
    );
    // A field that nothing reads is passed over.
    assert_eq!(of(changed("colour", json!("red"))), of(whole.clone()));
    // What is of another type is refused, with the column's name.
    let error = row(changed("miles", json!("far"))).unwrap_err().to_string();
    assert!(
        error.contains("`miles`") && error.contains("\"far\""),
        "{error}"
    );

    let batch = world.raw.read_all("eval").unwrap();
    // A column that is not there at all is no missing value: somebody forgot it.
    let error = score(&model, &with(&batch, &["cash"], Vec::new())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `cash` is missing: the model's features are computed from it"
    );
    // Integers stand for the floats that they are.
    let whole_miles: ArrayRef = Arc::new(Int64Array::from(vec![4; batch.num_rows()]));
    let float_miles = arrow_array::Float64Array::from(vec![4.0; batch.num_rows()]);
    assert_eq!(
        says(
            &model,
            &with(&batch, &["miles"], vec![("miles", whole_miles)])
        ),
        says(
            &model,
            &with(&batch, &["miles"], vec![("miles", Arc::new(float_miles))])
        ),
    );
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["4"; batch.num_rows()]));
    let error = score(&model, &with(&batch, &["miles"], vec![("miles", texts)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `miles` is string, but the model was trained with float64"
    );
    // A column of nothing but nulls may have lost its type on the way.
    let nulls = arrow_array::new_null_array(&DataType::Null, batch.num_rows());
    assert_eq!(
        score(&model, &with(&batch, &["miles"], vec![("miles", nulls)]))
            .unwrap()
            .rows,
        batch.num_rows()
    );
}
