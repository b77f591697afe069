//! `ropewalk components [NAME]`: what the components take, give and may be told, by their manifests.

use clap::Args;
use component_api::catalog::Catalog;
use component_api::manifest::{InputPort, Manifest, ParamSpec};
use orchestrator_api::DocumentVersion;
use serde::Serialize;

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::tables::table;
use crate::output::text::short_value;
use crate::printing;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The component; without one, all of them are listed
    name: Option<String>,
}

/// Manifests for programs.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: DocumentVersion,
    components: Vec<&'a Manifest>,
}

pub(crate) fn execute(arguments: &Arguments, context: &Context) -> Outcome {
    let catalog = standard_components::catalog();
    let components = match &arguments.name {
        Some(name) => vec![find(&catalog, name)?],
        None => catalog
            .iter()
            .map(|component| &component.manifest)
            .collect(),
    };
    if context.is_json() {
        let version = DocumentVersion;
        printing::document(&Document {
            version,
            components,
        })?;
    } else if arguments.name.is_some() {
        let pages: Vec<String> = components.iter().map(|manifest| page(manifest)).collect();
        printing::print(&pages.join("\n"))?;
    } else {
        printing::print(&list(&components))?;
    }
    Ok(Exit::Success)
}

fn find<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Manifest, CliError> {
    let found = catalog.get(name).map(|component| &component.manifest);
    found.ok_or_else(|| {
        let known = catalog
            .iter()
            .map(|component| component.manifest.name.as_str());
        CliError::usage(format!("there is no component `{name}`"))
            .hint(pipeline_spec::did_you_mean(name, known))
    })
}

fn list(components: &[&Manifest]) -> String {
    let names = |names: Vec<String>| names.join(", ");
    let row = |manifest: &&Manifest| {
        let inputs = manifest.inputs.iter();
        vec![
            manifest.name.clone(),
            names(
                inputs
                    .map(|(name, port)| format!("{name}{}", sign(port)))
                    .collect(),
            ),
            names(manifest.outputs.keys().cloned().collect()),
            manifest.description.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = components.iter().map(row).collect();
    let rows = table(&["COMPONENT", "TAKES", "GIVES", "WHAT IT DOES"], &rows);
    format!("{rows}\n\n? may be left out, * takes a list. `ropewalk components NAME` tells more.")
}

/// Whether a port may be left out, and whether it takes a list.
fn sign(port: &InputPort) -> &'static str {
    match (port.optional, port.many) {
        (false, false) => "",
        (true, false) => "?",
        (false, true) => "*",
        (true, true) => "?*",
    }
}

fn page(manifest: &Manifest) -> String {
    let Manifest {
        name,
        version,
        description,
        inputs,
        outputs,
        params,
        always_runs,
    } = manifest;
    let mut parts = vec![format!("{name} {version}\n{description}")];
    if *always_runs {
        parts.push("It acts on the world beside its outputs, so it always runs.".to_owned());
    }
    let ports = inputs.iter().map(|(name, port)| {
        let given = match (port.optional, port.many) {
            (false, false) => "one",
            (true, false) => "one or none",
            (false, true) => "a list",
            (true, true) => "a list or none",
        };
        let cells = [name, &port.artifact_type, given, &port.description];
        cells.map(ToString::to_string).to_vec()
    });
    parts.push(section(
        "INPUT",
        &["TYPE", "GIVEN", ""],
        &ports.collect::<Vec<_>>(),
    ));
    let ports = outputs.iter().map(|(name, port)| {
        let cells = [name, &port.artifact_type, &port.description];
        cells.map(ToString::to_string).to_vec()
    });
    parts.push(section("OUTPUT", &["TYPE", ""], &ports.collect::<Vec<_>>()));
    let rows = params.iter().map(|(name, spec)| {
        vec![
            name.clone(),
            spec.param_type.word().to_owned(),
            default(spec),
            bounds(spec),
            spec.description.clone(),
        ]
    });
    let header = ["TYPE", "DEFAULT", "TAKES", ""];
    parts.push(section("PARAMETER", &header, &rows.collect::<Vec<_>>()));
    parts.push(format!("In a pipeline:\n\n{}", example(manifest)));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

fn section(first: &str, header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    table(&[&[first], header].concat(), rows)
}

fn default(spec: &ParamSpec) -> String {
    if spec.required {
        "must be given".to_owned()
    } else if spec.default.is_null() {
        String::new()
    } else {
        short_value(&spec.default)
    }
}

fn bounds(spec: &ParamSpec) -> String {
    let values: Vec<String> = spec.values.iter().map(short_value).collect();
    // The greatest number that there is is no bound.
    let max = spec.max.filter(|max| *max < f64::MAX);
    match (spec.min, max) {
        _ if !values.is_empty() => values.join(" | "),
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} or more"),
        (None, Some(max)) => format!("{max} or less"),
        (None, None) => String::new(),
    }
}

/// The step with what it must be given.
fn example(manifest: &Manifest) -> String {
    let mut text = format!("  {0}:\n    uses: {0}", manifest.name);
    let inputs = manifest.inputs.iter().filter(|(_, port)| !port.optional);
    let inputs: Vec<String> = inputs
        .map(
            |(name, port)| match (port.artifact_type.as_str(), port.many) {
                ("Files", _) => format!("{name}: {{ files: GLOB }}"),
                (_, true) => format!("{name}: [STEP.PORT]"),
                (_, false) => format!("{name}: STEP.PORT"),
            },
        )
        .collect();
    if !inputs.is_empty() {
        text += &format!("\n    inputs: {{ {} }}", inputs.join(", "));
    }
    let params = manifest.params.iter().filter(|(_, spec)| spec.required);
    let params: Vec<String> = params.map(|(name, _)| format!("{name}: ...")).collect();
    if !params.is_empty() {
        text += &format!("\n    with: {{ {} }}", params.join(", "));
    }
    text
}
