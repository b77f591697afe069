//! From files of one kind to an Examples artifact.

use std::path::Path;

use rayon::prelude::*;

use super::columnar::Columnar;
use super::csv::Csv;
use super::format::{FileKind, format_of};
use super::json_lines::JsonLines;
use super::placement::Placement;
use super::source::Source;
use super::{BadRows, IngestOptions, Ingested, InputFile};
use crate::DataError;
use crate::error::RowError;
use crate::examples::SplitWriter;
use crate::schema::Schema;

/// Reads files, in their order, into an Examples artifact at `folder`.
///
/// The ending of their names says of which kind they are, all the same. Types of columns that the
/// schema does not name are the files' own or, in texts, those that fit all the cells of all the
/// files. On an error the folder is left incomplete: write into one that becomes visible by a rename.
pub fn ingest(
    files: &[InputFile],
    schema: Option<&Schema>,
    options: &IngestOptions,
    folder: &Path,
) -> Result<Ingested, DataError> {
    match common_kind(files)? {
        FileKind::Csv => write(
            &Csv::prepare(files, schema, options)?,
            files,
            options,
            folder,
        ),
        FileKind::JsonLines => {
            let source = JsonLines::prepare(files, schema, options)?;
            write(&source, files, options, folder)
        }
        kind @ (FileKind::Parquet | FileKind::Arrow) => {
            let source = Columnar::prepare(kind, files, schema)?;
            write(&source, files, options, folder)
        }
    }
}

/// The kind that all the files are of.
fn common_kind(files: &[InputFile]) -> Result<FileKind, DataError> {
    let mut common: Option<(FileKind, &InputFile)> = None;
    for file in files {
        let (kind, _) = format_of(file)?;
        match common {
            Some((expected, first)) if expected != kind => {
                return Err(DataError::input(
                    &file.name,
                    format!(
                        "it is {}, and {} is {}; the files of one run are of one kind",
                        kind.name(),
                        first.name,
                        expected.name()
                    ),
                ));
            }
            Some(_) => {}
            None => common = Some((kind, file)),
        }
    }
    common.map(|(kind, _)| kind).ok_or_else(|| {
        DataError::Request("there is no file to read; does the pattern match one?".to_owned())
    })
}

/// Writes every row into its split.
fn write(
    source: &impl Source,
    files: &[InputFile],
    options: &IngestOptions,
    folder: &Path,
) -> Result<Ingested, DataError> {
    let placement = Placement::new(&options.splits, source.columns())?;
    // Files that no split wants are refused before anything is read.
    let of_files = files
        .iter()
        .map(|file| placement.of_file(file))
        .collect::<Result<Vec<_>, _>>()?;
    let names = options.splits.names();
    let mut writers = names
        .iter()
        .map(|split| SplitWriter::create(folder, split, placement.columns().clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut bad = BadRowCount::new(options.bad_rows);
    let mut rows_outside = 0;
    for (file, of_file) in files.iter().zip(of_files) {
        source.read(
            file,
            placement.key(),
            |rows| placement.place(rows, file, of_file),
            |parts| {
                bad.take(parts.bad, parts.read)?;
                rows_outside += parts.outside;
                writers
                    .par_iter_mut()
                    .zip(parts.batches)
                    .try_for_each(|(writer, part)| writer.write(&part))
            },
        )?;
    }
    bad.finish()?;
    let rows = names
        .into_iter()
        .zip(writers)
        .map(|(name, writer)| Ok((name, writer.finish()?)))
        .collect::<Result<Vec<_>, DataError>>()?;
    Ok(Ingested {
        columns: placement.columns().clone(),
        rows,
        bad_rows: bad.count,
        first_bad_row: bad.first,
        rows_outside,
    })
}

/// Malformed rows against what is allowed.
struct BadRowCount {
    allowed: BadRows,
    count: u64,
    rows: u64,
    first: Option<RowError>,
}

impl BadRowCount {
    fn new(allowed: BadRows) -> Self {
        Self {
            allowed,
            count: 0,
            rows: 0,
            first: None,
        }
    }

    fn take(&mut self, errors: Vec<RowError>, rows: u64) -> Result<(), DataError> {
        self.rows += rows;
        for error in errors {
            self.count += 1;
            match self.allowed {
                BadRows::Fail => return Err(DataError::Row(error)),
                BadRows::SkipCount(most) if self.count > most => {
                    return Err(DataError::Row(RowError {
                        problem: format!(
                            "{}; this is malformed row {}, and on_bad_rows allows {most}",
                            error.problem, self.count
                        ),
                        ..error
                    }));
                }
                BadRows::SkipCount(_) | BadRows::SkipFraction(_) => {}
            }
            self.first.get_or_insert(error);
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), DataError> {
        let (BadRows::SkipFraction(most), Some(first)) = (self.allowed, &self.first) else {
            return Ok(());
        };
        if self.count as f64 <= most * self.rows as f64 {
            return Ok(());
        }
        Err(DataError::Row(RowError {
            problem: format!(
                "{}; this is the first of {} malformed rows among {}, and on_bad_rows allows a \
                 fraction of {most}",
                first.problem, self.count, self.rows
            ),
            ..first.clone()
        }))
    }
}
