//! `ingest`: external files become examples, every row in its split.
//!
//! Reading CSV, finding types and splitting is `example_data::csv`'s work; this turns the step's
//! parameters into its options. It does not know where the files were found.

mod options;

use std::path::Path;

use component_api::files::ExternalFile;
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use example_data::csv::{self, CsvFile, Ingested};
use example_data::schema;
use options::{Params, check, options};
use serde_json::json;

use crate::checks::refuse;
use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::StandardComponent;

pub(crate) const COMPONENT: StandardComponent = StandardComponent {
    manifest,
    check,
    run,
};

/// Endings of formats that a person may expect to be read, and that are not.
const OTHER_FORMATS: [&str; 9] = [
    "arrow", "feather", "gz", "json", "jsonl", "orc", "parquet", "xlsx", "zst",
];

fn manifest() -> Manifest {
    Manifest::new(
        "ingest",
        "1",
        "Reads CSV files as typed examples and puts every row into its split.",
    )
    .input(
        "source",
        "Files",
        "CSV files with the same header, UTF-8: `source: { files: \"data/*.csv\" }`.",
    )
    .optional_input(
        "schema",
        "Schema",
        "Gives columns their types; columns that it does not name get the first type that fits \
         all their cells: int64, float64, boolean, timestamp, string.",
    )
    .output("examples", "Examples", "The rows, a folder of Parquet for each split.")
    .param(
        "splits",
        ParamSpec::new(
            ParamType::Any,
            "The splits with their weights, `{ train: 2, eval: 1 }`. A row's place is the SHA-256 \
             of its cells modulo the sum of the weights; buckets follow in the order train, eval, \
             then the others by name, or as a list says: `[{ train: 8 }, { test: 1 }, { eval: 1 }]`.",
        )
        .default_value(json!({ "train": 2, "eval": 1 })),
    )
    .param(
        "split_key",
        ParamSpec::new(
            ParamType::String,
            "The one column whose cell decides where a row goes, so that rows with the same key \
             stay together; without it all cells do.",
        ),
    )
    .param(
        "null_values",
        ParamSpec::new(
            ParamType::List,
            "Cells that mean a missing value, as texts.",
        )
        .default_value(json!([""])),
    )
    .param(
        "on_bad_rows",
        ParamSpec::new(
            ParamType::Map,
            "What to do about malformed rows: `{ skip: 10 }` leaves out at most ten, \
             `{ skip: 0.01 }` at most that fraction; without it the first one fails the step.",
        ),
    )
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    refuse(check(invocation.params()))?;
    let params: Params = invocation.params_as()?;
    let options = options(&params)?;
    let source = invocation.files("source")?;
    let schema = invocation
        .optional_input("schema")
        .map(schema::read)
        .transpose()?;
    let files = csv_files(&source.files)?;
    let output = invocation.output("examples")?;
    let ingested = csv::ingest(&files, schema.as_ref(), &options, &output)?;
    report(invocation, &ingested);
    let rows: u64 = ingested.rows.iter().map(|(_, rows)| rows).sum();
    if rows == 0 {
        return Err(Failure::new(format!(
            "there is no row in {}: only the header",
            names(&source.files)
        ))
        .hint("give ingest files that hold data"));
    }
    invocation.set_examples_properties("examples", &ingested.rows);
    invocation.set_property("examples", "bad_rows", ingested.bad_rows);
    invocation.set_property("examples", "span", source.span);
    invocation.set_property("examples", "version", source.version);
    Ok(Outcome::Succeeded)
}

/// What a person wants to see in the log.
fn report(invocation: &Invocation, ingested: &Ingested) {
    for (split, rows) in &ingested.rows {
        invocation.note(&format!("{split}: {rows} rows"));
        if *rows == 0 {
            invocation.note(&format!(
                "warning: the split {split} is empty; there are too few rows for these weights"
            ));
        }
    }
    if let Some(first) = &ingested.first_bad_row {
        invocation.note(&format!(
            "warning: {} malformed rows were left out, the first: {first}",
            ingested.bad_rows
        ));
    }
}

fn csv_files(files: &[ExternalFile]) -> Result<Vec<CsvFile>, Failure> {
    let file = |file: &ExternalFile| {
        let ending = Path::new(&file.name)
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        if OTHER_FORMATS.contains(&ending.as_str()) {
            return Err(Failure::new(format!(
                "{}: ingest reads CSV, and `.{ending}` is another format",
                file.name
            ))
            .hint("convert the file to CSV, or write the examples in a `run:` step of your own"));
        }
        Ok(CsvFile {
            path: file.path.clone().into(),
            name: file.name.clone(),
        })
    };
    files.iter().map(file).collect()
}

fn names(files: &[ExternalFile]) -> String {
    match files {
        [one] => one.name.clone(),
        several => format!("the {} files", several.len()),
    }
}
