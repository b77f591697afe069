//! `ingest`: external files become examples, every row in its split.
//!
//! Reading files, finding types and splitting is `example_data::ingest`'s work; this turns the
//! step's parameters into its options. It does not know where the files were found.

mod options;
mod splits;

use component_api::files::ExternalFile;
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use example_data::ingest::{self, Ingested, InputFile};
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

fn manifest() -> Manifest {
    Manifest::new(
        "ingest",
        "1",
        "Reads files of rows as typed examples and puts every row into its split.",
    )
    .input(
        "source",
        "Files",
        "Files of one kind with the same columns, `source: { files: \"data/*.csv\" }`. The ending says \
         which: `.jsonl` and `.ndjson` JSON Lines, `.parquet` Parquet, `.arrow`, `.arrows`, `.feather` and \
         `.ipc` Arrow IPC, any other CSV with a header; `.gz` and `.zst` after it are compressed. Texts are \
         UTF-8.",
    )
    .optional_input(
        "schema",
        "Schema",
        "Gives columns their types; columns that it does not name have the file's own or, in texts, \
         the first type that fits all their cells: int64, float64, boolean, timestamp, string.",
    )
    .output("examples", "Examples", "The rows, a folder of Parquet for each split.")
    .param(
        "splits",
        ParamSpec::new(
            ParamType::Any,
            "By weights, `{ train: 2, eval: 1 }`: a row's place is the SHA-256 of its cells modulo the sum \
             of the weights; buckets follow in the order train, eval, then the others by name, or as a list \
             says: `[{ train: 8 }, { test: 1 }, { eval: 1 }]`. By files, `{ train: { files: \"data/train-*\" }, \
             eval: { files: \"data/eval-*\" } }`: a pattern or a list of them for each split. By time, \
             `{ by: COLUMN, train: { before: 2026-03-01 }, eval: { from: 2026-03-01 } }`: `from` is in the \
             range and `before` is not; rows outside of all ranges are left out and counted.",
        )
        .default_value(json!({ "train": 2, "eval": 1 })),
    )
    .param(
        "split_key",
        ParamSpec::new(
            ParamType::String,
            "With weights: the one column whose cell decides where a row goes, so that rows with the \
             same key stay together; without it all cells do.",
        ),
    )
    .param(
        "null_values",
        ParamSpec::new(
            ParamType::List,
            "Texts that mean a missing value: cells of CSV, strings of JSON Lines.",
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
    let files: Vec<InputFile> = source.files.iter().map(input_file).collect();
    let output = invocation.output("examples")?;
    let ingested = ingest::ingest(&files, schema.as_ref(), &options, &output)?;
    report(invocation, &ingested);
    let rows: u64 = ingested.rows.iter().map(|(_, rows)| rows).sum();
    if rows == 0 {
        return Err(Failure::new(format!(
            "there is no row in {}{}",
            names(&source.files),
            match (ingested.bad_rows, ingested.rows_outside) {
                (0, 0) => ": only the columns' names".to_owned(),
                (bad, outside) => format!(
                    " that can be used: {bad} are malformed and {outside} lie outside of all splits"
                ),
            }
        ))
        .hint("give ingest files that hold data"));
    }
    invocation.set_examples_properties("examples", &ingested.rows);
    invocation.set_property("examples", "bad_rows", ingested.bad_rows);
    invocation.set_property("examples", "rows_outside", ingested.rows_outside);
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
                "warning: the split {split} is empty; there are too few rows for these splits"
            ));
        }
    }
    if ingested.rows_outside > 0 {
        invocation.note(&format!(
            "{} rows were left out: their time lies in no split's range",
            ingested.rows_outside
        ));
    }
    if let Some(first) = &ingested.first_bad_row {
        invocation.note(&format!(
            "warning: {} malformed rows were left out, the first: {first}",
            ingested.bad_rows
        ));
    }
}

fn input_file(file: &ExternalFile) -> InputFile {
    InputFile {
        path: file.path.clone().into(),
        name: file.name.clone(),
    }
}

fn names(files: &[ExternalFile]) -> String {
    match files {
        [one] => one.name.clone(),
        several => format!("the {} files", several.len()),
    }
}
