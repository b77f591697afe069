//! Compiling: a `PipelineSpec` and a catalog of components become a sealed plan.
//!
//! Pure. It knows neither runs nor stores; what an expression's names stand for is handed in.
#![deny(clippy::disallowed_methods)]

mod compile;
mod component_files;
pub mod expression;
pub mod limits;
pub mod params;
pub mod plan;
pub mod selection;

pub use compile::{Compiled, compile, compile_files, compile_text};
pub use component_api::manifest::ParamSpec;
pub use component_files::named_component_files;
pub use plan::{
    Action, ComponentFile, Concurrency, Condition, Foreach, InputPlan, Node, NodeId, OutputKind,
    OutputPlan, OwnType, PLAN_FORMAT_VERSION, Plan, Policy, Resources, Retry, Source, WhenBusy,
};
