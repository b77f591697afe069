//! What is to be looked at in files before a step can be started or reused.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipeline_plan::{Action, Node, NodeId, Source};
use run_engine::seams::{Import, KeyFiles, PrepareTask};
use run_engine::state::RunState;

use super::scope::StepScope;
use super::{RunContext, never_reused};

/// The look at files that a ready step takes; none where there is nothing to look at.
///
/// A program is looked up for its key only: an attempt finds its program by itself.
pub(crate) fn prepare_task(
    context: &RunContext,
    state: &RunState,
    id: NodeId,
) -> Option<PrepareTask> {
    let node = state.planned(id);
    let keyed = never_reused(node).is_none();
    let key_files = if keyed {
        key_files(node)
    } else {
        KeyFiles::None
    };
    let program = keyed.then(|| program(context, state, id)).flatten();
    let (files, spans) = external_files(node);
    let imports = imports(node);
    if files.is_empty() && imports.is_empty() && key_files == KeyFiles::None && program.is_none() {
        return None;
    }
    let environment = &context.created.environment;
    Some(PrepareTask {
        run: state.id(),
        node: id,
        project_dir: context.project_dir().to_path_buf(),
        workdir: context
            .project_dir()
            .join(node.workdir.as_deref().unwrap_or("")),
        files,
        spans,
        imports,
        key_files,
        excluded: Arc::clone(&context.excluded),
        program,
        search_path: environment.get("PATH").cloned().unwrap_or_default(),
    })
}

/// Globs of external files by input port, and the spans that are pinned.
fn external_files(node: &Node) -> (BTreeMap<String, Vec<String>>, BTreeMap<String, i64>) {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut spans = BTreeMap::new();
    for (port, input) in &node.inputs {
        for (globs, span) in input.sources.iter().filter_map(Source::files) {
            let of_port = files.entry(port.clone()).or_default();
            of_port.extend(globs.iter().cloned());
            spans.extend(span.map(|span| (port.clone(), span)));
        }
    }
    (files, spans)
}

/// Things made elsewhere by input port.
fn imports(node: &Node) -> BTreeMap<String, Vec<Import>> {
    let mut imports: BTreeMap<String, Vec<Import>> = BTreeMap::new();
    for (port, input) in &node.inputs {
        for source in &input.sources {
            if let Source::Import { uri, type_name } = source {
                imports.entry(port.clone()).or_default().push(Import {
                    uri: uri.clone(),
                    type_name: type_name.clone(),
                });
            }
        }
    }
    imports
}

/// Which files the result depends on beside its inputs. A component is named by its version, and a key
/// of the author's own stands in place of files.
fn key_files(node: &Node) -> KeyFiles {
    match (&node.files, &node.action) {
        (_, Action::Approve(_)) | (None, Action::Component { .. }) => KeyFiles::None,
        (Some(globs), _) => KeyFiles::Globs(globs.clone()),
        (None, _) if node.cache_key.is_some() => KeyFiles::None,
        (None, Action::Command(_) | Action::Shell(_)) => KeyFiles::Project,
    }
}

/// The command's first word. One that speaks of the step's own inputs cannot be told yet; then the
/// word itself stands in the key alone.
fn program(context: &RunContext, state: &RunState, id: NodeId) -> Option<String> {
    match &state.planned(id).action {
        Action::Component { .. } | Action::Approve(_) => None,
        Action::Shell(_) => Some("sh".to_owned()),
        Action::Command(words) => {
            let nothing = BTreeMap::new();
            let scope = StepScope::new(context, state, id, &nothing);
            scope.text(words.first()?, String::new).ok()
        }
    }
}
