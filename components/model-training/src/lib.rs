//! Analyzers and trainers that write a model folder.
