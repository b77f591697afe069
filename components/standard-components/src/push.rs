//! `push`: a blessed model into a versioned folder that servers watch.
//!
//! A version is written aside, synced and renamed: what is visible is complete. It does not know
//! how versions are chosen; the engine freezes one before the first attempt, so that a second
//! attempt cannot publish twice.

mod gate;
mod publish;

use std::path::{Path, PathBuf};

use component_api::catalog::{PUSH, Problem};
use component_api::files::{FileEntry, manifest_digest};
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use model_scoring::signature::{MODEL_NAME_HINT, Signature, is_model_name};
use publish::publish;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::files::write_json;
use crate::folder_digest::files;
use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::StandardComponent;

/// The component.
pub(crate) const COMPONENT: StandardComponent = StandardComponent {
    manifest,
    check,
    run,
};

fn manifest() -> Manifest {
    Manifest::new(
        PUSH,
        "1",
        "Publishes a blessed model as DESTINATION/MODEL/VERSION/, complete before it is visible.",
    )
    .input("model", "Model", "The model to publish.")
    .many_input(
        "blessings",
        "Blessing",
        true,
        "Verdicts on this very model; without one, or if one is against it, nothing is published.",
    )
    .output(
        "pushed",
        "PushedModel",
        "What was published, where, as which version.",
    )
    .param(
        "destination",
        ParamSpec::new(
            ParamType::String,
            "The folder below which models are published; a relative one starts at the pipeline file's folder.",
        )
        .required(),
    )
    .param(
        "version",
        ParamSpec::new(
            ParamType::Integer,
            "By hand only: the version to publish as. In a pipeline the engine gives it.",
        )
        .between(1.0, VERSION_MAX),
    )
    .always_runs()
}

/// Largest version: servers that watch such folders read versions as 63-bit integers, readers of
/// JSON often as floats.
const VERSION_MAX: f64 = 9_007_199_254_740_991.0;

/// The file of a `PushedModel` artifact.
const PUSHED_FILE: &str = "pushed.json";
/// The version of its form.
const FORMAT_VERSION: u32 = 1;

fn check(params: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |path: &str, message: &str, hint: &str| {
        problems.push(Problem {
            path: path.to_owned(),
            message: message.to_owned(),
            hint: hint.to_owned(),
        });
    };
    if params.get("destination").and_then(Value::as_str) == Some("") {
        let hint = "`.` is the pipeline file's folder";
        problem("/destination", "an empty text names no folder", hint);
    }
    if params
        .get("version")
        .is_some_and(|version| !version.is_null())
    {
        let hint = "leave `version` out of the pipeline";
        problem("/version", "the engine gives every push its version", hint);
    }
    problems
}

#[derive(Debug, Deserialize)]
struct Params {
    destination: String,
    version: Option<u64>,
}

/// The model that is to be published.
struct Source {
    name: String,
    folder: PathBuf,
    files: Vec<FileEntry>,
    digest: String,
}

impl Source {
    fn read(folder: &Path) -> Result<Self, Failure> {
        let name = Signature::read(folder)?.name;
        if !is_model_name(&name) {
            let message = format!("the model is called `{name}`, which cannot name a folder");
            return Err(Failure::new(message).hint(MODEL_NAME_HINT));
        }
        let files = files(folder)?;
        Ok(Self {
            name,
            folder: folder.to_owned(),
            digest: manifest_digest(&files),
            files,
        })
    }
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    let params: Params = invocation.params_as()?;
    if params.destination.is_empty() {
        return Err(Failure::new("`destination` is empty and names no folder"));
    }
    let model = Source::read(invocation.input("model")?)?;
    let blessings = invocation.input_paths("blessings");
    if let Err(reason) = gate::check(&blessings, &model, |line| invocation.note(line))? {
        record(invocation, &model, &params.destination, None)?;
        return Ok(Outcome::Refused { reason });
    }
    let version = params.version.ok_or_else(|| {
        Failure::new("the push was given no version").hint("by hand: --param version=NUMBER")
    })?;
    let destination = Path::new(&params.destination);
    let published = publish(&model, destination, version, |line| invocation.note(line))?;
    invocation.note(&format!(
        "{} is version {}{}",
        destination
            .join(&model.name)
            .join(published.version.to_string())
            .display(),
        published.version,
        if published.is_new {
            ""
        } else {
            ", which holds this very model already: nothing to do"
        },
    ));
    record(
        invocation,
        &model,
        &params.destination,
        Some(published.version),
    )?;
    Ok(Outcome::Succeeded)
}

/// Writes the output: what was pushed, where and as which version; where nothing was, these are null.
fn record(
    invocation: &mut Invocation,
    model: &Source,
    destination: &str,
    version: Option<u64>,
) -> Result<(), Failure> {
    let path = version.map(|version| {
        let path = Path::new(destination).join(&model.name);
        path.join(version.to_string())
            .to_string_lossy()
            .into_owned()
    });
    let pushed = json!({
        "format_version": FORMAT_VERSION,
        "pushed": version.is_some(),
        "destination": version.map(|_| destination),
        "model": model.name,
        "version": version,
        "digest": model.digest,
        "path": path,
    });
    write_json(&invocation.output("pushed")?, PUSHED_FILE, &pushed)?;
    for (property, field) in [
        ("pushed", "pushed"),
        ("destination", "destination"),
        ("name", "model"),
        ("version", "version"),
        ("model_digest", "digest"),
        ("path", "path"),
    ] {
        if !pushed[field].is_null() {
            invocation.set_property("pushed", property, pushed[field].clone());
        }
    }
    Ok(())
}
