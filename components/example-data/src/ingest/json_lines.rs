//! JSON Lines as rows: one object in each line, its keys the columns.
//!
//! The columns are the keys of all lines in the order of their first appearance; a key that a line
//! lacks is missing there, and so is null. Values keep JSON's types: a text in quotes is never taken
//! for a number unless the schema says that it is one. A list of values is a list.
//!
//! A row's hash is over its own keys that are not null, sorted by name, and their texts: a string as
//! it is, anything else as compact JSON. So a key that other rows have moves no row.
//!
//! It does not know where rows go.

mod columns;
mod lines;
mod observe;

use std::sync::Arc;

use arrow_schema::{Field, Schema as ArrowSchema, SchemaRef};
use serde_json::Value;

use super::source::{Key, Rows, Source, for_each_block};
use super::{BadRows, IngestOptions, InputFile};
use crate::DataError;
use crate::schema::Schema;
use crate::splits::row_hash;
use columns::{JsonColumn, convert};
use lines::{Line, LineReader, Lines};
use observe::Keys;

/// Files of JSON Lines whose columns are known.
pub(super) struct JsonLines {
    schema: SchemaRef,
    columns: Vec<JsonColumn>,
    null_values: Vec<String>,
}

impl JsonLines {
    /// Reads all the lines for their keys and types.
    pub(super) fn prepare(
        files: &[InputFile],
        schema: Option<&Schema>,
        options: &IngestOptions,
    ) -> Result<Self, DataError> {
        let mut keys = Keys::default();
        for file in files {
            let mut reader = LineReader::open(file)?;
            for_each_block(
                || reader.next_block(),
                |lines| Ok(observe::observe(lines, &options.null_values)),
                |(part, bad)| {
                    // Where bad rows may be left out, the second pass counts them.
                    if options.bad_rows == BadRows::Fail
                        && let Some(first) = bad.into_iter().next()
                    {
                        return Err(DataError::Row(first));
                    }
                    keys.merge(part)
                },
            )?;
        }
        let columns = keys.columns(schema)?;
        if columns.is_empty() {
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            return Err(DataError::input(
                &names.join(", "),
                "there is no line with a key, so there are no columns",
            ));
        }
        let fields: Vec<Field> = columns
            .iter()
            .map(|column| Field::new(&column.name, column.arrow(), true))
            .collect();
        Ok(Self {
            schema: Arc::new(ArrowSchema::new(fields)),
            columns,
            null_values: options.null_values.clone(),
        })
    }

    fn rows(&self, lines: &Lines, key: Key) -> Result<Rows, DataError> {
        let (mut parsed, mut bad) = lines.parse();
        let read = (parsed.len() + bad.len()) as u64;
        let batch = convert(
            &self.columns,
            &self.schema,
            &self.null_values,
            &lines.file,
            &mut parsed,
            &mut bad,
        )?;
        bad.sort_by_key(|error| error.position);
        let mut scratch = Vec::new();
        let hashes = match key {
            Key::None => Vec::new(),
            Key::All => parsed
                .iter()
                .map(|line| hash_of(line, None, &mut scratch))
                .collect(),
            Key::Column(column) => {
                let name = Some(self.columns[column].name.as_str());
                parsed
                    .iter()
                    .map(|line| hash_of(line, name, &mut scratch))
                    .collect()
            }
        };
        Ok(Rows {
            batch,
            hashes,
            positions: parsed.iter().map(|line| line.position).collect(),
            bad,
            read,
        })
    }
}

impl Source for JsonLines {
    fn columns(&self) -> &SchemaRef {
        &self.schema
    }

    fn read<T: Send>(
        &self,
        file: &InputFile,
        key: Key,
        place: impl Fn(Rows) -> Result<T, DataError> + Sync,
        take: impl FnMut(T) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut reader = LineReader::open(file)?;
        for_each_block(
            || reader.next_block(),
            |lines| place(self.rows(lines, key)?),
            take,
        )
    }
}

/// The hash of a line's keys, or of the one key; a key that is not there has an empty text.
fn hash_of(line: &Line, key: Option<&str>, scratch: &mut Vec<u8>) -> u64 {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut cells: Vec<(&str, String)> = match key {
        Some(key) => {
            let found = line.cells.iter().find(|(name, _)| name == key);
            vec![(
                key,
                found.map_or_else(String::new, |(_, value)| text(value)),
            )]
        }
        None => line
            .cells
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.as_str(), text(value)))
            .collect(),
    };
    cells.sort_unstable_by(|a, b| a.0.cmp(b.0));
    let cells = cells
        .iter()
        .map(|(name, text)| (name.as_bytes(), text.as_bytes()));
    row_hash(cells, scratch)
}
