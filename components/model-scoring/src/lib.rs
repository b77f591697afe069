//! A model folder as a function from raw rows to predictions.
