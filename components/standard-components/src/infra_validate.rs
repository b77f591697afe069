//! `infra-validate`: can this model be loaded and served, as production will do it?
//!
//! A process of its own loads the model and scores raw rows; what it says is held against bounds. It
//! knows parameters, checks and the worker contract; [`probe`] does the work in that process,
//! [`process`] starts and ends it.

mod checks;
mod probe;
mod process;

use std::path::PathBuf;
use std::time::Duration;

use component_api::catalog::Problem;
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use model_scoring::signature::Signature;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::blessing::{Blessing, Kind};
use crate::checks::refuse;
use crate::folder_digest::folder_digest;
use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::StandardComponent;
use checks::{Bounds, Check};
use probe::{Answer, Request};

pub(crate) use probe::{PROBE, run as run_probe};

/// The component.
pub(crate) const COMPONENT: StandardComponent = StandardComponent {
    manifest,
    check,
    run,
};

/// Longest wait for one try, in seconds: a day.
const TIMEOUT_S_MAX: f64 = 86_400.0;
/// Shortest wait for one try, in seconds: no process starts faster.
const TIMEOUT_S_MIN: f64 = 0.05;
/// Most tries after the first; whoever needs more has no model that can be served.
const RETRIES_MAX: f64 = 100.0;
/// Most rows that are scored one by one: the 99th percentile of their times does not get surer.
const ROWS_MAX: f64 = 1_000_000.0;

fn manifest() -> Manifest {
    Manifest::new(
        "infra-validate",
        "1",
        "Loads a model in a process of its own, scores rows there, and blesses it if that works within bounds.",
    )
    .input("model", "Model", "The model to try.")
    .input(
        "examples",
        "Examples",
        "Raw rows, as production will send them.",
    )
    .output(
        "blessing",
        "Blessing",
        "Whether the model can be served, and for every check why.",
    )
    .param(
        "split",
        ParamSpec::new(ParamType::String, "The split whose rows are scored.").default_value("eval"),
    )
    .param(
        "rows",
        ParamSpec::new(ParamType::Integer, "How many rows are scored, one by one.")
            .default_value(200)
            .between(1.0, ROWS_MAX),
    )
    .param(
        "max_latency_ms",
        ParamSpec::new(
            ParamType::Number,
            "The most that 99 of 100 single rows may take, in milliseconds.",
        )
        .between(0.0, f64::MAX),
    )
    .param(
        "max_memory_mb",
        ParamSpec::new(
            ParamType::Number,
            "The most memory that the process may ever hold, in megabytes.",
        )
        .between(0.0, f64::MAX),
    )
    .param(
        "timeout_s",
        ParamSpec::new(
            ParamType::Number,
            "How long one try may take in all, in seconds; then its process is killed.",
        )
        .default_value(60)
        .between(TIMEOUT_S_MIN, TIMEOUT_S_MAX),
    )
    .param(
        "retries",
        ParamSpec::new(
            ParamType::Integer,
            "How often it is tried again when a try does not pass: the machine may have been busy.",
        )
        .default_value(2)
        .between(0.0, RETRIES_MAX),
    )
    .param(
        "refuse",
        ParamSpec::new(
            ParamType::Boolean,
            "Whether a model that is not blessed ends this step as refused.",
        )
        .default_value(false),
    )
}

/// Types and bounds say all that can be wrong.
fn check(_: &Map<String, Value>) -> Vec<Problem> {
    Vec::new()
}

#[derive(Debug, Deserialize)]
struct Params {
    split: String,
    rows: usize,
    timeout_s: f64,
    retries: u32,
    refuse: bool,
    #[serde(flatten)]
    bounds: Bounds,
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    refuse(check(invocation.params()))?;
    let params: Params = invocation.params_as()?;
    let folder = invocation.input("model")?.to_owned();
    let request = Request {
        model: folder.clone(),
        examples: PathBuf::from(invocation.input("examples")?),
        split: params.split,
        rows: params.rows,
    };
    // A folder that names no model cannot be judged at all: that is no verdict on a model.
    let signature = Signature::read(&folder)?;
    let timeout = Duration::try_from_secs_f64(params.timeout_s)
        .map_err(|e| Failure::new(format!("`timeout_s` is {}: {e}", params.timeout_s)))?;
    let mut attempt = 0;
    let checks = loop {
        let answer = process::ask(&request, timeout)?;
        note(invocation, &answer);
        let checks = checks::of(&answer, params.bounds);
        if attempt == params.retries || checks.iter().all(|check| check.passed) {
            break checks;
        }
        attempt += 1;
        invocation.note(&format!(
            "{}; trying again ({attempt} of {})",
            reason(&checks),
            params.retries
        ));
    };
    let blessing = Blessing {
        kind: Kind::Infra,
        model: signature.name,
        model_digest: folder_digest(&folder)?,
        pass: checks.iter().all(|check| check.passed),
        reason: reason(&checks),
        checks: checks.iter().map(Check::json).collect(),
    };
    let word = if blessing.pass {
        "blessed"
    } else {
        "not blessed"
    };
    invocation.note(&format!("{word}: {}", blessing.reason));
    blessing.write(invocation)?;
    if params.refuse && !blessing.pass {
        return Ok(Outcome::Refused {
            reason: blessing.reason,
        });
    }
    Ok(Outcome::Succeeded)
}

fn note(invocation: &Invocation, answer: &Answer) {
    if let Answer::Scored(report) = answer {
        for line in report.lines() {
            invocation.note(&line);
        }
    }
}

/// What a person reads first: every check that failed, or that none did.
fn reason(checks: &[Check]) -> String {
    let failed = checks.iter().filter(|check| !check.passed);
    let failed: Vec<String> = failed
        .map(|check| format!("{}: {}", check.name, check.reason))
        .collect();
    if failed.is_empty() {
        format!("all {} checks are met", checks.len())
    } else {
        failed.join("; ")
    }
}
