//! How things are shown: text, tables, progress, diagnostics, errors.
//!
//! Everything here turns documents into text. It asks no daemon and decides no exit status.

pub(crate) mod artifact_text;
pub(crate) mod colors;
pub(crate) mod diagnostics;
pub(crate) mod errors;
pub(crate) mod gates;
pub(crate) mod progress;
pub(crate) mod summary;
pub(crate) mod tables;
pub(crate) mod text;
