//! A component's manifest: its ports and parameters.
//!
//! It does not know where a manifest came from: compiled in, or a team's component file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a component takes, gives and may be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name that `uses:` gives.
    pub name: String,
    /// Changed whenever the same inputs and parameters may give other outputs; part of the reuse key.
    pub version: String,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
    /// Input ports by name.
    #[serde(default)]
    pub inputs: BTreeMap<String, InputPort>,
    /// Output ports by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, OutputPort>,
    /// Parameters by name.
    #[serde(default)]
    pub params: BTreeMap<String, ParamSpec>,
    /// Whether it acts on the world beside its outputs, so that no earlier execution stands in.
    #[serde(default)]
    pub always_runs: bool,
}

/// An input port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputPort {
    /// Name of the artifact type it takes.
    #[serde(rename = "type")]
    pub artifact_type: String,
    /// Whether the step runs without it.
    #[serde(default)]
    pub optional: bool,
    /// Whether it takes a list.
    #[serde(default)]
    pub many: bool,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
}

/// An output port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputPort {
    /// Name of the artifact type that it gives, or of a parameter type (`integer`, ...).
    #[serde(rename = "type")]
    pub artifact_type: String,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// Text.
    String,
    /// A whole number in the range of `i64`.
    Integer,
    /// Any finite number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list of anything.
    List,
    /// A map with text keys.
    Map,
    /// Any of the others; what it may hold is the component's `check`.
    Any,
}

/// A parameter's type, default and bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParamSpec {
    /// What values it takes.
    #[serde(rename = "type")]
    pub param_type: ParamType,
    /// The value when none is given; null means that there is none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub default: Value,
    /// Least number, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Greatest number, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The only values allowed, where not empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// Whether a value must be given.
    #[serde(default)]
    pub required: bool,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
}

impl ParamType {
    /// The word for this type in pipelines and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Map => "map",
            Self::Any => "any value",
        }
    }

    /// The type of this word, if it is one that a pipeline may write.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::String,
            Self::Integer,
            Self::Number,
            Self::Boolean,
            Self::List,
            Self::Map,
        ]
        .into_iter()
        .find(|t| t.word() == word)
    }

    /// Whether a value is of this type. A whole number is a `number` too.
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Map => value.is_object(),
            Self::Any => true,
        }
    }

    /// The type that a bare default value stands for; null has none.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(n) if n.is_i64() || n.is_u64() => Some(Self::Integer),
            Value::Number(_) => Some(Self::Number),
            Value::String(_) => Some(Self::String),
            Value::Array(_) => Some(Self::List),
            Value::Object(_) => Some(Self::Map),
        }
    }
}

impl ParamSpec {
    /// A parameter of this type without default or bounds.
    pub fn new(param_type: ParamType, description: &str) -> Self {
        Self {
            param_type,
            default: Value::Null,
            min: None,
            max: None,
            values: Vec::new(),
            required: false,
            description: description.to_owned(),
        }
    }

    /// Says why a value may not be given to this parameter: type, bounds, or the list of values.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        if !self.param_type.accepts(value) {
            return Err(format!(
                "expected {}, got {}",
                self.param_type.word(),
                ParamType::of(value).map_or("null", ParamType::word)
            ));
        }
        if let Some(number) = value.as_f64() {
            if let Some(min) = self.min.filter(|min| number < *min) {
                return Err(format!("{number} is less than the least allowed, {min}"));
            }
            if let Some(max) = self.max.filter(|max| number > *max) {
                return Err(format!("{number} is more than the most allowed, {max}"));
            }
        }
        if !self.values.is_empty() && !self.values.contains(value) {
            let allowed: Vec<String> = self.values.iter().map(Value::to_string).collect();
            return Err(format!("{value} is none of {}", allowed.join(", ")));
        }
        Ok(())
    }
}

/// Building a manifest in code, for the components that are compiled in.
impl Manifest {
    /// A manifest without ports.
    pub fn new(name: &str, version: &str, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            description: description.to_owned(),
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            params: BTreeMap::new(),
            always_runs: false,
        }
    }

    /// It is never reused.
    #[must_use]
    pub fn always_runs(mut self) -> Self {
        self.always_runs = true;
        self
    }

    /// Adds a required input that takes one artifact.
    #[must_use]
    pub fn input(self, port: &str, artifact_type: &str, description: &str) -> Self {
        self.port(port, artifact_type, false, false, description)
    }

    /// Adds an input that may be absent.
    #[must_use]
    pub fn optional_input(self, port: &str, artifact_type: &str, description: &str) -> Self {
        self.port(port, artifact_type, true, false, description)
    }

    /// Adds an input that takes a list, which may be empty if `optional`.
    #[must_use]
    pub fn many_input(
        self,
        port: &str,
        artifact_type: &str,
        optional: bool,
        description: &str,
    ) -> Self {
        self.port(port, artifact_type, optional, true, description)
    }

    fn port(
        mut self,
        port: &str,
        artifact_type: &str,
        optional: bool,
        many: bool,
        text: &str,
    ) -> Self {
        let value = InputPort {
            artifact_type: artifact_type.to_owned(),
            optional,
            many,
            description: text.to_owned(),
        };
        self.inputs.insert(port.to_owned(), value);
        self
    }

    /// Adds an output.
    #[must_use]
    pub fn output(mut self, port: &str, artifact_type: &str, description: &str) -> Self {
        let value = OutputPort {
            artifact_type: artifact_type.to_owned(),
            description: description.to_owned(),
        };
        self.outputs.insert(port.to_owned(), value);
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub fn param(mut self, name: &str, spec: ParamSpec) -> Self {
        self.params.insert(name.to_owned(), spec);
        self
    }
}

/// Building a parameter in code.
impl ParamSpec {
    /// With a default.
    #[must_use]
    pub fn default_value(mut self, value: impl Into<Value>) -> Self {
        self.default = value.into();
        self
    }

    /// That must be given.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Within inclusive bounds.
    #[must_use]
    pub fn between(mut self, min: f64, max: f64) -> Self {
        (self.min, self.max) = (Some(min), Some(max));
        self
    }

    /// One of these.
    #[must_use]
    pub fn one_of(mut self, values: &[&str]) -> Self {
        self.values = values.iter().map(|v| Value::from(*v)).collect();
        self
    }
}
