//! The artifact types: their names, their Kubeflow base types and the files each must hold.
//!
//! It does not know the content of those files; that is their reader's affair.

/// A type of artifact that pipelines may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArtifactType {
    /// The name as written in pipelines, for example `Examples`.
    pub name: &'static str,
    /// The Kubeflow Pipelines type that it specialises, for example `system.Dataset`.
    pub base: &'static str,
    /// Version of the layout in the artifact's folder; it is recorded with every artifact.
    pub version: u32,
    /// What the artifact's folder must hold for the step that made it to succeed.
    pub layout: Layout,
}

/// What an artifact's path must hold, checked while it is digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Any file or folder.
    Anything,
    /// A folder that holds each of these files, named relative to it.
    Files(&'static [&'static str]),
    /// A folder of `Split-<name>` folders, each of which holds at least one file with this ending.
    Splits(&'static str),
    /// A file of JSON, or a folder that holds at least one.
    Json,
}

/// `Artifact`: any file or folder, unchecked. A port of this type takes every type.
pub const ANY: &str = "Artifact";

/// All types that are compiled in, in alphabetical order.
pub const ARTIFACT_TYPES: &[ArtifactType] = &[
    artifact_type("Anomalies", "system.Artifact", Layout::Splits(".json")),
    artifact_type(ANY, "system.Artifact", Layout::Anything),
    artifact_type(
        "Blessing",
        "system.Artifact",
        Layout::Files(&["blessing.json"]),
    ),
    artifact_type(
        "Evaluation",
        "system.Metrics",
        Layout::Files(&["evaluation.json"]),
    ),
    artifact_type("Examples", "system.Dataset", Layout::Splits(".parquet")),
    artifact_type("Files", "system.Dataset", Layout::Files(&["files.json"])),
    artifact_type("HyperParameters", "system.Artifact", Layout::Json),
    artifact_type("Metrics", "system.Metrics", Layout::Json),
    artifact_type("Model", "system.Model", Layout::Files(&["signature.json"])),
    artifact_type("Predictions", "system.Dataset", Layout::Splits(".parquet")),
    artifact_type(
        "PushedModel",
        "system.Model",
        Layout::Files(&["pushed.json"]),
    ),
    artifact_type("Schema", "system.Artifact", Layout::Files(&["schema.yaml"])),
    artifact_type("Statistics", "system.Artifact", Layout::Splits(".json")),
    artifact_type(
        "TransformGraph",
        "system.Artifact",
        Layout::Files(&["transform.json"]),
    ),
];

const fn artifact_type(name: &'static str, base: &'static str, layout: Layout) -> ArtifactType {
    ArtifactType {
        name,
        base,
        version: 1,
        layout,
    }
}

/// The type of this name, if there is one.
///
/// ```
/// let model = component_api::artifact::find("Model").unwrap();
/// assert_eq!(model.base, "system.Model");
/// ```
pub fn find(name: &str) -> Option<&'static ArtifactType> {
    ARTIFACT_TYPES.iter().find(|t| t.name == name)
}

/// Whether an artifact of type `given` may enter a port of type `wanted`.
///
/// Equal names fit, `Artifact` takes everything, and `Predictions` fit wherever `Examples` do
/// (they are Examples with a column more).
pub fn fits(given: &str, wanted: &str) -> bool {
    given == wanted || wanted == ANY || (given == "Predictions" && wanted == "Examples")
}
