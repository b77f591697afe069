//! `validate`: statistics against a schema, and the gate that refuses what is not as it should be.
//!
//! Thin: `example_data::anomalies` compares. What it found is recorded whatever the gate decides.

mod report;

use std::collections::BTreeMap;
use std::path::Path;

use component_api::catalog::Problem;
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use example_data::anomalies::{
    self, Anomalies, AnomalyKind, Severity, ValidationOptions, table, validate,
};
use example_data::examples::split_names;
use example_data::schema::{self, Schema};
use example_data::statistics::{self, DatasetFeatureStatistics};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::checks::{refuse, settled};
use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::StandardComponent;

/// The component.
pub(crate) const COMPONENT: StandardComponent = StandardComponent {
    manifest,
    check,
    run,
};

fn manifest() -> Manifest {
    let manifest = Manifest::new(
        "validate",
        "1",
        "Compares statistics with a schema, finds drift and skew, and refuses data that is not as it should be.",
    )
    .input("statistics", "Statistics", "What the data is.")
    .input("schema", "Schema", "What it should be.")
    .optional_input(
        "previous",
        "Statistics",
        "Statistics of the previous span: drift is measured against them, split by split.",
    )
    .optional_input(
        "serving",
        "Statistics",
        "Statistics of what was served: skew is measured against them.",
    )
    .output("anomalies", "Anomalies", "What was found, for each split.");
    params(manifest)
}

fn params(manifest: Manifest) -> Manifest {
    manifest
        .param(
            "environment",
            ParamSpec::new(
                ParamType::String,
                "The environment that the data is for, such as TRAINING; the schema says which \
                 features belong to it.",
            ),
        )
        .param(
            "fail_on",
            ParamSpec::new(
                ParamType::String,
                "The least severity that refuses the data; never: record only.",
            )
            .default_value("error")
            .one_of(&["error", "warning", "never"]),
        )
        .param(
            "severities",
            ParamSpec::new(
                ParamType::Map,
                "Severities other than error by kind: `{ SCHEMA_NEW_COLUMN: warning }`.",
            ),
        )
}

#[derive(Debug, Deserialize)]
struct Params {
    environment: Option<String>,
    #[serde(default)]
    fail_on: FailOn,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FailOn {
    #[default]
    Error,
    Warning,
    Never,
}

impl FailOn {
    /// The least severity that refuses.
    fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Never => None,
        }
    }
}

fn check(params: &Map<String, Value>) -> Vec<Problem> {
    settled(severities(params).err().unwrap_or_default(), params)
}

/// Severities by kind, or everything that is wrong with them.
fn severities(
    params: &Map<String, Value>,
) -> Result<BTreeMap<AnomalyKind, Severity>, Vec<Problem>> {
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    let given = params.get("severities").and_then(Value::as_object);
    for (name, value) in given.into_iter().flatten() {
        let problem = |message: String, hint: &str| Problem {
            path: format!("/severities/{name}"),
            message,
            hint: hint.to_owned(),
        };
        let Ok(kind) = serde_json::from_value::<AnomalyKind>(json!(name)) else {
            problems.push(problem(
                format!("`{name}` is no kind of anomaly"),
                "kinds have TFDV's names, such as ENUM_TYPE_UNEXPECTED_STRING_VALUES",
            ));
            continue;
        };
        match value.as_str() {
            Some("error") => drop(found.insert(kind, Severity::Error)),
            Some("warning") => drop(found.insert(kind, Severity::Warning)),
            _ => problems.push(problem(
                format!("a severity is error or warning, not {value}"),
                "",
            )),
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    refuse(check(invocation.params()))?;
    let params: Params = invocation.params_as()?;
    let folder = invocation.input("statistics")?;
    let schema = schema::read(invocation.input("schema")?)?;
    let inferred_from = schema
        .ropewalk
        .as_ref()
        .and_then(|r| r.inferred_from.clone());
    let vacuous =
        inferred_from.is_some_and(|digest| statistics::digest(folder).is_ok_and(|d| d == digest));
    let subject = Subject {
        schema,
        environment: params.environment,
        previous: Control::open(invocation.optional_input("previous"))?,
        serving: Control::open(invocation.optional_input("serving"))?,
        severities: severities(invocation.params()).unwrap_or_default(),
    };
    let mut found = Vec::new();
    for split in split_names(folder)? {
        let mut anomalies = subject.validate(&statistics::read(folder, &split)?, &split)?;
        anomalies.vacuous = vacuous;
        found.push((split, anomalies));
    }
    let output = invocation.output("anomalies")?;
    for (split, anomalies) in &found {
        anomalies::write(&output, split, anomalies)?;
    }
    let splits = found
        .iter()
        .map(|(split, anomalies)| (split.as_str(), anomalies));
    invocation.note(table(splits).trim_end());
    if vacuous {
        invocation.note(report::VACUOUS);
    }
    Ok(decide(invocation, &found, params.fail_on, vacuous))
}

/// Records the verdict and gives it.
fn decide(
    invocation: &mut Invocation,
    found: &[(String, Anomalies)],
    fail_on: FailOn,
    vacuous: bool,
) -> Outcome {
    let bound = fail_on.severity();
    let passes =
        |anomalies: &Anomalies| bound.is_none_or(|bound| anomalies.severity() < Some(bound));
    let verdict: Map<String, Value> = found
        .iter()
        .map(|(split, anomalies)| {
            let word = if passes(anomalies) { "pass" } else { "fail" };
            (split.clone(), Value::from(word))
        })
        .collect();
    let pass = found.iter().all(|(_, anomalies)| passes(anomalies));
    let count: usize = found.iter().map(|(_, a)| a.count(Severity::Unknown)).sum();
    let splits: Vec<&str> = found.iter().map(|(split, _)| split.as_str()).collect();
    invocation.set_property("anomalies", "split_names", splits);
    invocation.set_property("anomalies", "verdict", verdict);
    invocation.set_property("anomalies", "pass", pass);
    invocation.set_property("anomalies", "count", count);
    invocation.set_property("anomalies", "vacuous", vacuous);
    let span = invocation.input_property("statistics", "span");
    invocation.set_property("anomalies", "span", span);
    match bound {
        Some(bound) if !pass => Outcome::Refused {
            reason: report::reason(found, bound),
        },
        _ => Outcome::Succeeded,
    }
}

/// What every split is held against.
struct Subject {
    schema: Schema,
    environment: Option<String>,
    previous: Control,
    serving: Control,
    severities: BTreeMap<AnomalyKind, Severity>,
}

impl Subject {
    fn validate(
        &self,
        statistics: &DatasetFeatureStatistics,
        split: &str,
    ) -> Result<Anomalies, Failure> {
        let options = ValidationOptions {
            environment: self.environment.as_deref(),
            previous: self.previous.of(split),
            serving: self.serving.of(split),
            severities: self.severities.clone(),
        };
        Ok(validate(statistics, &self.schema, &options)?)
    }
}

/// The statistics of other data, by split.
#[derive(Default)]
struct Control(BTreeMap<String, DatasetFeatureStatistics>);

impl Control {
    fn open(folder: Option<&Path>) -> Result<Self, Failure> {
        let Some(folder) = folder else {
            return Ok(Self::default());
        };
        let read = |split: String| Ok((split.clone(), statistics::read(folder, &split)?));
        let splits = split_names(folder)?.into_iter().map(read);
        Ok(Self(splits.collect::<Result<_, Failure>>()?))
    }

    /// The split of the same name, or the only one: what was served is not split.
    fn of(&self, split: &str) -> Option<&DatasetFeatureStatistics> {
        let only = || self.0.values().next().filter(|_| self.0.len() == 1);
        self.0.get(split).or_else(only)
    }
}
