//! CSV files as examples.
//!
//! Two passes over the files, each in bounded memory: the first finds the columns' types, the
//! second writes the rows into their splits. With a schema that names every column the first is
//! left out.
//!
//! It does not know where the files were found, nor what the columns mean.

mod blocks;
mod columns;
mod ingest;
mod records;

pub use ingest::{BadRows, CsvFile, CsvOptions, Ingested, ingest};
