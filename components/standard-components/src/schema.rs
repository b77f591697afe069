//! `schema`: what the data should look like, from git or inferred from statistics.
//!
//! Thin: `example_data::schema` reads and infers. It does not compare a schema with any data.

pub(crate) mod evolve;

use std::path::Path;

use component_api::catalog::Problem;
use component_api::manifest::Manifest;
use example_data::examples::split_names;
use example_data::schema::{self, RopewalkBlock, Schema};
use example_data::statistics;
use serde_json::{Map, Value};

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
        "schema",
        "1",
        "Takes a curated schema from a file, or infers one from statistics.",
    )
    .optional_input(
        "curated",
        "Files",
        "A `schema.yaml` that people keep in git: `curated: { files: schema.yaml }`.",
    )
    .optional_input(
        "statistics",
        "Statistics",
        "Without a curated schema: what to infer one from, by TFDV's rules, over all splits.",
    )
    .output(
        "schema",
        "Schema",
        "The schema, with the names of TensorFlow Metadata.",
    )
}

fn check(_params: &Map<String, Value>) -> Vec<Problem> {
    Vec::new()
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    let given = (
        !invocation.artifacts("curated").is_empty(),
        invocation.optional_input("statistics"),
    );
    let found = match given {
        (true, None) => curated(invocation)?,
        (false, Some(statistics)) => inferred(statistics)?,
        (true, Some(_)) => {
            return Err(Failure::new(
                "both a curated schema and statistics to infer one from were given",
            )
            .hint("leave one of the inputs out: `curated` or `statistics`"));
        }
        (false, None) => {
            return Err(Failure::new("neither a curated schema nor statistics were given").hint(
                "connect `curated: { files: schema.yaml }`, or `statistics: STEP.statistics` to infer one",
            ));
        }
    };
    let output = invocation.output("schema")?;
    write(&output, &found)?;
    let features = found.feature.len();
    let is_curated = given.0;
    let how = if is_curated { "curated" } else { "inferred" };
    invocation.note(&format!("{how} schema of {features} features"));
    invocation.set_property("schema", "curated", is_curated);
    invocation.set_property("schema", "features", features);
    Ok(Outcome::Succeeded)
}

/// The one file of the port, checked. Where it says from what it was once inferred, that is over:
/// a person took it into git.
fn curated(invocation: &Invocation) -> Result<Schema, Failure> {
    let files = invocation.files("curated")?.files;
    let [file] = files.as_slice() else {
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        return Err(Failure::new(format!(
            "a curated schema is one file, and {} were given: {}",
            names.len(),
            names.join(", ")
        )));
    };
    let mut found = schema::read(Path::new(&file.path))?;
    for unused in found.unused_fields() {
        invocation.note(&format!(
            "warning: {}: `{unused}` is not used by this version",
            file.name
        ));
    }
    if let Some(block) = &mut found.ropewalk {
        block.inferred_from = None;
    }
    found.ropewalk = found
        .ropewalk
        .filter(|block| *block != RopewalkBlock::default());
    Ok(found)
}

/// The schema that all splits obey, with the digest of what it was inferred from: `validate` says
/// so when it is held against the same statistics.
fn inferred(folder: &Path) -> Result<Schema, Failure> {
    let splits = split_names(folder)?
        .iter()
        .map(|split| statistics::read(folder, split))
        .collect::<Result<Vec<_>, _>>()?;
    let mut found = schema::infer(&splits);
    let block = found.ropewalk.get_or_insert_default();
    block.inferred_from = Some(statistics::digest(folder)?);
    Ok(found)
}

/// Writes the artifact's folder; by hand a path that ends in `.yaml` is the file itself.
fn write(output: &Path, found: &Schema) -> Result<(), Failure> {
    let is_file = output
        .extension()
        .is_some_and(|ending| ending == "yaml" || ending == "yml");
    if is_file {
        schema::write_file(output, found)?;
    } else {
        schema::write(output, found)?;
    }
    Ok(())
}
