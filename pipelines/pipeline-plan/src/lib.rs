//! A PipelineSpec and a catalog to a sealed plan.
