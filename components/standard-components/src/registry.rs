//! The table of standard components.

use component_api::catalog::{Catalog, Check, Component};
use component_api::manifest::Manifest;

use crate::invocation::{Failure, Invocation, Outcome};
use crate::{
    evaluate, infra_validate, ingest, package_model, predict, push, schema, statistics, train,
    transform, validate,
};

/// A standard component: what it promises, the compiler's look at its parameters, its work.
pub(crate) struct StandardComponent {
    pub(crate) manifest: fn() -> Manifest,
    pub(crate) check: Check,
    pub(crate) run: fn(&mut Invocation) -> Result<Outcome, Failure>,
}

/// Every standard component, in the order of a pipeline.
pub(crate) const STANDARD_COMPONENTS: &[StandardComponent] = &[
    ingest::COMPONENT,
    statistics::COMPONENT,
    schema::COMPONENT,
    validate::COMPONENT,
    transform::COMPONENT,
    train::COMPONENT,
    package_model::COMPONENT,
    evaluate::COMPONENT,
    infra_validate::COMPONENT,
    push::COMPONENT,
    predict::COMPONENT,
];

/// The catalog for the compiler.
pub fn catalog() -> Catalog {
    Catalog::new(STANDARD_COMPONENTS.iter().map(|c| Component {
        manifest: (c.manifest)(),
        check: c.check,
    }))
}
