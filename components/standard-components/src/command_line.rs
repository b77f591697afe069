//! `ropewalk component NAME ...`: one component, started by the engine or by hand.
//!
//! It turns arguments into an [`Invocation`] and an outcome into an exit status and an
//! `ExecutorOutput`. It does not know what any component does.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use component_api::contract::{
    ArtifactList, EXIT_REFUSED, ExecutorInput, ExecutorOutput, RuntimeArtifact, RuntimeType,
};
use component_api::manifest::{Manifest, ParamSpec};
use serde_json::Value;

use crate::infra_validate;
use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::{STANDARD_COMPONENTS, StandardComponent};
use crate::schema::evolve;

/// Exit status for arguments that make no sense.
const EXIT_USAGE: i32 = 2;

/// Runs a component with the arguments that follow `ropewalk component` and gives its exit status:
/// 0 success, 65 refusal, 1 failure, 2 usage.
pub fn run(arguments: &[String]) -> i32 {
    if let Some(text) = help(arguments) {
        // The reader may close the pipe early; there is nobody to tell then.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
        return 0;
    }
    if let Some(result) = evolve::run(arguments) {
        return match result {
            Ok(text) => {
                let _ = write!(std::io::stdout().lock(), "{text}");
                0
            }
            Err(failure) => {
                say(&failure);
                if failure.message == evolve::USAGE {
                    EXIT_USAGE
                } else {
                    1
                }
            }
        };
    }
    if let [first, rest @ ..] = arguments
        && first == infra_validate::PROBE
    {
        return infra_validate::run_probe(rest);
    }
    let (result, output_file) = match start(arguments) {
        Ok((component, mut invocation)) => {
            let result = (component.run)(&mut invocation);
            let (input, output) = invocation.finish();
            (result.map(|o| (o, output)), input.outputs.output_file)
        }
        Err(usage) => {
            say(&usage);
            return EXIT_USAGE;
        }
    };
    let (status, output) = match result {
        Ok((Outcome::Succeeded, output)) => (0, output),
        Ok((Outcome::Refused { reason }, mut output)) => {
            say(&Failure::new(format!("refused: {reason}")));
            output.reason = reason;
            (EXIT_REFUSED, output)
        }
        Err(failure) => {
            say(&failure);
            let output = ExecutorOutput {
                reason: failure.message,
                hint: failure.hint,
                ..ExecutorOutput::default()
            };
            (1, output)
        }
    };
    match write_output(&output_file, &output) {
        Ok(()) => status,
        Err(failure) => {
            say(&failure);
            1
        }
    }
}

/// What is asked for by `ropewalk component NAME --help`.
fn help(arguments: &[String]) -> Option<String> {
    let [name, flag] = arguments else { return None };
    let component = find(name).filter(|_| flag == "--help" || flag == "-h")?;
    let mut text = usage_text(&(component.manifest)());
    if name == "schema" {
        text.push_str("\n\n");
        text.push_str(evolve::USAGE);
    }
    Some(text)
}

fn find(name: &str) -> Option<&'static StandardComponent> {
    STANDARD_COMPONENTS
        .iter()
        .find(|component| (component.manifest)().name == name)
}

/// A failure as lines on standard error, which the engine keeps as the attempt's log.
fn say(failure: &Failure) {
    let mut stderr = std::io::stderr().lock();
    // Nothing can be told to anyone when standard error itself is gone.
    let _ = writeln!(stderr, "{}", failure.message);
    if !failure.hint.is_empty() {
        let _ = writeln!(stderr, "hint: {}", failure.hint);
    }
}

fn write_output(path: &str, output: &ExecutorOutput) -> Result<(), Failure> {
    if path.is_empty() {
        return Ok(());
    }
    let text = serde_json::to_string(output)?;
    fs::write(path, text).map_err(|e| Failure::new(format!("cannot write {path}: {e}")))
}

fn start(arguments: &[String]) -> Result<(&'static StandardComponent, Invocation), Failure> {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Failure::new("no component was named").hint("ropewalk component NAME --help"));
    };
    let component = find(name).ok_or_else(|| {
        let known: Vec<String> = STANDARD_COMPONENTS
            .iter()
            .map(|component| (component.manifest)().name)
            .collect();
        Failure::new(format!("there is no component `{name}`"))
            .hint(format!("there are {}", known.join(", ")))
    })?;
    let manifest = (component.manifest)();
    let input = match rest {
        [flag, file] if flag == "--executor-input" => read_input(Path::new(file))?,
        _ => by_hand(&manifest, rest)?,
    };
    Ok((component, Invocation::new(input)))
}

fn read_input(file: &Path) -> Result<ExecutorInput, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|e| Failure::new(format!("cannot read {}: {e}", file.display())))?;
    serde_json::from_str(&text)
        .map_err(|e| Failure::new(format!("{} is no ExecutorInput: {e}", file.display())))
}

/// `--input PORT=PATH --output PORT=PATH --param NAME=JSON` or, for short, `--PORT PATH --NAME JSON`
/// and `--output PATH` where there is only one; with the manifest's defaults.
fn by_hand(manifest: &Manifest, arguments: &[String]) -> Result<ExecutorInput, Failure> {
    let mut input = ExecutorInput::default();
    for (name, spec) in &manifest.params {
        if !spec.default.is_null() {
            let values = &mut input.inputs.parameter_values;
            values.insert(name.clone(), spec.default.clone());
        }
    }
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let given = rest.next().and_then(|text| given(manifest, flag, text));
        match given.ok_or_else(|| Failure::new(usage_text(manifest)))? {
            Given::Input(name, type_name, path) => {
                let artifact = runtime_artifact(name, type_name, path)?;
                let ports = &mut input.inputs.artifacts;
                push(ports.entry(name.to_owned()).or_default(), artifact);
            }
            Given::Output(name, type_name, path) => {
                let artifact = runtime_artifact(name, type_name, path)?;
                let ports = &mut input.outputs.artifacts;
                push(ports.entry(name.to_owned()).or_default(), artifact);
            }
            Given::Param(name, spec, value) => {
                // What is no JSON is text, so that `--param algorithm=linear` does as one expects.
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                spec.check(&value)
                    .map_err(|e| Failure::new(format!("--param {name}: {e}")))?;
                input.inputs.parameter_values.insert(name.to_owned(), value);
            }
        }
    }
    let values = &input.inputs.parameter_values;
    let missing = |(name, spec): &(&String, &ParamSpec)| {
        spec.required && values.get(*name).is_none_or(Value::is_null)
    };
    match manifest.params.iter().find(missing) {
        None => Ok(input),
        Some((name, spec)) => Err(Failure::new(format!("the parameter `{name}` is required"))
            .hint(format!("--param {name}=JSON: {}", spec.description))),
    }
}

/// What a flag and the word after it give: a port with its type and path, or a parameter.
enum Given<'a> {
    Input(&'a str, &'a str, &'a str),
    Output(&'a str, &'a str, &'a str),
    Param(&'a str, &'a ParamSpec, &'a str),
}

/// `None` where the manifest knows no such port or parameter.
fn given<'a>(manifest: &'a Manifest, flag: &str, text: &'a str) -> Option<Given<'a>> {
    let input = |name: &str, path| {
        let (name, port) = manifest.inputs.get_key_value(name)?;
        Some(Given::Input(name, &port.artifact_type, path))
    };
    let output = |name: &str, path| {
        let (name, port) = manifest.outputs.get_key_value(name)?;
        Some(Given::Output(name, &port.artifact_type, path))
    };
    let param = |name: &str, value| {
        let (name, spec) = manifest.params.get_key_value(name)?;
        Some(Given::Param(name, spec, value))
    };
    let pair = text.split_once('=');
    match flag {
        "--input" => pair.and_then(|(name, path)| input(name, path)),
        "--param" => pair.and_then(|(name, value)| param(name, value)),
        "--output" => pair
            .and_then(|(name, path)| output(name, path))
            .or_else(|| {
                let mut names = manifest.outputs.keys();
                let only = names.next().filter(|_| manifest.outputs.len() == 1)?;
                output(only, text)
            }),
        other => {
            let name = other.strip_prefix("--")?;
            input(name, text).or_else(|| param(name, text))
        }
    }
}

fn push(list: &mut ArtifactList, artifact: RuntimeArtifact) {
    list.artifacts.push(artifact);
}

fn runtime_artifact(
    port: &str,
    artifact_type: &str,
    path: &str,
) -> Result<RuntimeArtifact, Failure> {
    let path: PathBuf =
        std::path::absolute(path).map_err(|e| Failure::new(format!("`{path}` is no path: {e}")))?;
    Ok(RuntimeArtifact {
        name: port.to_owned(),
        artifact_type: RuntimeType {
            schema_title: artifact_type.to_owned(),
            schema_version: "0.0.1".to_owned(),
        },
        uri: path.to_string_lossy().into_owned(),
        metadata: serde_json::Map::new(),
    })
}

fn usage_text(manifest: &Manifest) -> String {
    let name = &manifest.name;
    let mut lines = vec![
        manifest.description.clone(),
        String::new(),
        format!("usage: ropewalk component {name} --executor-input FILE"),
        format!(
            "   or: ropewalk component {name} [--input PORT=PATH] [--output PORT=PATH] [--param NAME=JSON] ..."
        ),
        "for short: --PORT PATH for an input, --NAME JSON for a parameter, --output PATH where there is one"
            .to_owned(),
        String::new(),
    ];
    for (name, port) in &manifest.inputs {
        let mark = match (port.optional, port.many) {
            (_, true) => "*",
            (true, false) => "?",
            (false, false) => "",
        };
        let (type_name, text) = (&port.artifact_type, &port.description);
        lines.push(format!("  --input {name}{mark} ({type_name}): {text}"));
    }
    for (name, port) in &manifest.outputs {
        let (type_name, text) = (&port.artifact_type, &port.description);
        lines.push(format!("  --output {name} ({type_name}): {text}"));
    }
    for (name, spec) in &manifest.params {
        let (type_name, text) = (spec.param_type.word(), &spec.description);
        lines.push(format!("  --param {name} ({type_name}): {text}"));
    }
    lines.join("\n")
}
