//! The pipeline language, executed: what a file says is what happens.

mod attempts;
