//! `blessing.json`: a verdict on a model, which a push reads.
//!
//! It does not know what was checked.

use serde_json::{Value, json};

use crate::files::write_json;
use crate::invocation::{Failure, Invocation};

/// The file of a Blessing artifact.
pub(crate) const FILE: &str = "blessing.json";
/// The version of its form.
const FORMAT_VERSION: u32 = 1;
/// The output port of every component that blesses.
const PORT: &str = "blessing";

/// What a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// How good its predictions are.
    Evaluation,
    /// Whether it can be loaded and served.
    Infra,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Infra => "infra",
        }
    }
}

/// A verdict on a model.
#[derive(Debug, Clone)]
pub(crate) struct Blessing {
    pub(crate) kind: Kind,
    /// The model's name.
    pub(crate) model: String,
    /// The digest of its folder: the verdict is about no other.
    pub(crate) model_digest: String,
    pub(crate) pass: bool,
    /// Why, in a sentence.
    pub(crate) reason: String,
    /// Every check: `check`, `value`, `bound`, `verdict`, `reason`, and more.
    pub(crate) checks: Vec<Value>,
}

impl Blessing {
    /// Writes the output `blessing` and what its artifact says of itself.
    pub(crate) fn write(&self, invocation: &mut Invocation) -> Result<(), Failure> {
        let document = json!({
            "format_version": FORMAT_VERSION,
            "kind": self.kind.name(),
            "model": self.model,
            "model_digest": self.model_digest,
            "pass": self.pass,
            "reason": self.reason,
            "checks": self.checks,
        });
        write_json(&invocation.output(PORT)?, FILE, &document)?;
        for property in ["kind", "model_digest", "pass", "reason"] {
            invocation.set_property(PORT, property, document[property].clone());
        }
        Ok(())
    }
}
