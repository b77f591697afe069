//! `package-model`: a model that another trainer wrote as ONNX becomes a model folder.
//!
//! What the graph's folder carries is copied, as the built-in trainer does, so that such a model is
//! evaluated, checked and published by the same steps. It does not know the other trainer.

use std::fs;

use component_api::catalog::Problem;
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use model_scoring::model::ONNX_FLAVOUR;
use model_scoring::onnx;
use model_scoring::signature::{MODEL_NAME_HINT, is_model_name};
use model_training::model_folder;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::checks::{refuse, settled};
use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::StandardComponent;

/// The component.
pub(crate) const COMPONENT: StandardComponent = StandardComponent {
    manifest,
    check,
    run,
};

/// Largest ONNX file, in bytes: it is held in memory whole, and the largest message that protocol
/// buffers know is as long.
const ONNX_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

fn manifest() -> Manifest {
    Manifest::new(
        "package-model",
        "1",
        "Makes a model folder of an ONNX file that any trainer wrote.",
    )
    .input(
        "model",
        "Artifact",
        "The ONNX file: a linear or tree model over one float tensor, as skl2onnx writes it with `zipmap=False`.",
    )
    .input(
        "graph",
        "TransformGraph",
        "How raw rows become the features that the model was trained on, from `transform`.",
    )
    .output(
        "model",
        "Model",
        "The model: signature, ONNX, transform graph, schema, statistics and a scored sample.",
    )
    .param(
        "name",
        ParamSpec::new(
            ParamType::String,
            "The model's name, by which it is compared, blessed and pushed.",
        )
        .default_value("model"),
    )
    .param(
        "framework",
        ParamSpec::new(
            ParamType::String,
            "What trained the model, for whoever looks at it; what wrote the file if not given.",
        ),
    )
}

fn check(params: &Map<String, Value>) -> Vec<Problem> {
    let name = params.get("name").and_then(Value::as_str);
    let problem = name
        .filter(|name| !is_model_name(name))
        .map(|name| Problem {
            path: "/name".to_owned(),
            message: format!("`{name}` cannot name a model"),
            hint: MODEL_NAME_HINT.to_owned(),
        });
    settled(problem.into_iter().collect(), params)
}

#[derive(Debug, Deserialize)]
struct Params {
    name: String,
    framework: Option<String>,
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    refuse(check(invocation.params()))?;
    let params: Params = invocation.params_as()?;
    let path = invocation.input("model")?;
    let cannot =
        |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let size_bytes = fs::metadata(path).map_err(cannot)?.len();
    if size_bytes > ONNX_BYTES_MAX {
        return Err(Failure::new(format!(
            "{} has {size_bytes} bytes; at most {ONNX_BYTES_MAX} are read",
            path.display()
        )));
    }
    let bytes = fs::read(path).map_err(cannot)?;
    let found = onnx::describe(&bytes)?;
    let folder = invocation.output("model")?;
    model_folder::carry(invocation.input("graph")?, &folder)?;
    let model = model_folder::package(&folder, &params.name, &bytes)?;
    let signature = model.signature();
    invocation.note(&format!(
        "{}: {} features, {}",
        signature.name,
        model.predictor().features(),
        match signature.label.classes.len() {
            0 => "a number is predicted".to_owned(),
            classes => format!("{classes} classes"),
        }
    ));
    let task = serde_json::to_value(signature.task)?;
    let framework = params.framework.unwrap_or(found.producer);
    for (name, value) in [
        ("name", Value::from(params.name)),
        ("task", task),
        ("flavour", Value::from(ONNX_FLAVOUR)),
        ("framework", Value::from(framework)),
    ] {
        invocation.set_property("model", name, value);
    }
    Ok(Outcome::Succeeded)
}
