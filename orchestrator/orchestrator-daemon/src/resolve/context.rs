//! What resolving takes of a run as a whole, worked out once per run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use component_api::catalog::PUSH;
use component_api::span::SpanPattern;
use pipeline_plan::{Action, Node, Plan};
use run_engine::event::RunCreated;
use serde_json::{Value, json};

use super::scope;

/// What resolving takes of the daemon.
#[derive(Debug, Clone, Default)]
pub struct ResolveSettings {
    /// The state folder; recorded paths start here.
    pub state_dir: PathBuf,
    /// What tells this build's components from those of another build with the same version; empty
    /// in releases.
    pub build: String,
}

/// What resolving takes of a run as a whole.
#[derive(Debug, Clone)]
pub(crate) struct RunContext {
    /// How the run was made.
    pub(crate) created: Arc<RunCreated>,
    /// What is the same for all runs.
    pub(crate) settings: Arc<ResolveSettings>,
    /// `run`, `trigger` and `env` for expressions.
    pub(super) values: BTreeMap<String, Value>,
    /// Paths below the project that are part of no key: globs.
    pub(super) excluded: Arc<Vec<String>>,
}

impl RunContext {
    /// The context of a run.
    pub(crate) fn new(created: Arc<RunCreated>, settings: Arc<ResolveSettings>) -> Self {
        let values = BTreeMap::from([
            (
                "run".to_owned(),
                json!({
                    "id": created.run.to_string(),
                    "pipeline": created.plan.name,
                    "created_at": created.at.to_rfc3339(),
                }),
            ),
            (
                "trigger".to_owned(),
                json!({ "kind": created.trigger.kind, "detail": created.trigger.detail }),
            ),
            ("env".to_owned(), json!(created.environment)),
        ]);
        let excluded = excluded(&created.plan, project_dir(&created), &created.params);
        Self {
            created,
            settings,
            values,
            excluded: Arc::new(excluded),
        }
    }

    /// Folder of the pipeline file; relative paths start here.
    pub(super) fn project_dir(&self) -> &Path {
        project_dir(&self.created)
    }
}

fn project_dir(created: &RunCreated) -> &Path {
    let parent = created.pipeline_file.parent();
    parent.unwrap_or(Path::new("/"))
}

/// Where the plan pushes to, and what its `files:` inputs match: such files change without a
/// change of any program.
fn excluded(plan: &Plan, project_dir: &Path, params: &BTreeMap<String, Value>) -> Vec<String> {
    let mut globs = Vec::new();
    for node in &plan.nodes {
        if let Some(destination) = destination(node, params)
            && let Some(folder) = below(project_dir, &destination)
        {
            globs.push(literal(&folder));
        }
        let sources = node.inputs.values().flat_map(|input| &input.sources);
        for source in sources {
            let patterns = source.files().map_or(&[][..], |(globs, _)| globs);
            let patterns = patterns.iter().map(|pattern| of_all_spans(pattern));
            globs.extend(patterns.filter_map(|glob| below(project_dir, &glob)));
        }
    }
    globs.sort();
    globs.dedup();
    globs
}

/// A glob for what the pattern matches, whatever the span.
fn of_all_spans(pattern: &str) -> String {
    match SpanPattern::parse(pattern) {
        Ok(Some(pattern)) => pattern.glob(),
        Ok(None) | Err(_) => pattern.to_owned(),
    }
}

/// Where a step pushes to, as far as the run's parameters tell.
fn destination(node: &Node, params: &BTreeMap<String, Value>) -> Option<String> {
    let Action::Component { name, .. } = &node.action else {
        return None;
    };
    let destination = node.params.get("destination")?.as_str()?;
    if name != PUSH || destination.contains("://") {
        return None;
    }
    scope::text_of_params(destination, params)
}

/// A glob that matches this path alone.
fn literal(path: &str) -> String {
    let mut glob = String::with_capacity(path.len());
    for c in path.chars() {
        if "*?[]{}\\".contains(c) {
            glob.push('\\');
        }
        glob.push(c);
    }
    glob
}

/// A path or glob relative to the project, if it lies below it.
fn below(project_dir: &Path, path: &str) -> Option<String> {
    let path = Path::new(path);
    let path = if path.is_absolute() {
        path.strip_prefix(project_dir).ok()?
    } else {
        path.strip_prefix("./").unwrap_or(path)
    };
    let text = path.to_str()?.trim_end_matches('/');
    (!text.is_empty() && text != "." && !text.starts_with("..")).then(|| text.to_owned())
}
