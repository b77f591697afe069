//! Files as examples: CSV, JSON Lines, Parquet and Arrow IPC.
//!
//! Texts are read in two passes, each in bounded memory: the first finds the columns and their
//! types, the second writes the rows into their splits. CSV with a schema that names every column
//! needs the second alone, and so do files that carry types of their own.
//!
//! It does not know where the files were found, nor what the columns mean.

mod columnar;
mod csv;
mod format;
mod json_lines;
mod options;
mod placement;
mod run;
mod source;

pub use format::FileKind;
pub use options::{BadRows, IngestOptions, Ingested, InputFile};
pub use run::ingest;
