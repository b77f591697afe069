//! Pipeline YAML to a PipelineSpec and diagnostics.
