//! The catalog: the components that a compiler may resolve `uses:` to.
//!
//! It does not know how they run; the binary that holds them fills it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::manifest::Manifest;

/// Name of the component that publishes models. The engine knows it, because it freezes the
/// version of a push before the push begins, so that a retry cannot publish twice.
pub const PUSH: &str = "push";

/// Something wrong with a step's parameters that no type can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in `with:`, as a JSON pointer: `/features/0/ops`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it, or empty.
    pub hint: String,
}

/// A pure look at a step's parameters, called by the compiler.
pub type Check = fn(&Map<String, Value>) -> Vec<Problem>;

/// A component as the compiler knows it.
#[derive(Debug, Clone)]
pub struct Component {
    /// Ports and parameters.
    pub manifest: Manifest,
    /// What the manifest's types cannot say.
    pub check: Check,
}

/// Components by the name that `uses:` gives.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    components: BTreeMap<String, Component>,
}

impl Catalog {
    /// A catalog of these; of two with one name, the last stays.
    pub fn new(components: impl IntoIterator<Item = Component>) -> Self {
        let components = components
            .into_iter()
            .map(|c| (c.manifest.name.clone(), c))
            .collect();
        Self { components }
    }

    /// The component of this name.
    pub fn get(&self, name: &str) -> Option<&Component> {
        self.components.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Component> {
        self.components.values()
    }
}
