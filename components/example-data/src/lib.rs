//! Examples, schemas and statistics over Arrow batches.
