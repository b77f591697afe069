//! The process that holds attempts.
