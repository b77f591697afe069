//! From a `PipelineSpec` and a catalog to a [`Plan`].
//!
//! Every step is compiled by itself against the table of all steps; then the edges between them are
//! put in order. Everything that is wrong is told of at once.

mod awaited;
mod collisions;
mod cycle;
mod finally;
mod inputs;
mod order;
mod parameters;
mod policy;
mod step;
mod steps;
mod texts;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};

use component_api::catalog::Catalog;
use pipeline_spec::{Code, Collector, Diagnostic, PipelineSpec, locate, parse_unplaced, spec};

use crate::component_files::ComponentFiles;
use crate::plan::{
    Concurrency, Node, NodeId, OwnType, PLAN_FORMAT_VERSION, Plan, Source, WhenBusy,
};
use steps::Steps;

/// What became of a pipeline file.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The plan, if nothing is wrong but warnings.
    pub plan: Option<Plan>,
    /// What is wrong, by position.
    pub diagnostics: Vec<Diagnostic>,
    /// What is wrong in component files, by the path that `uses:` names.
    pub in_components: BTreeMap<String, Vec<Diagnostic>>,
}

/// Reads and compiles a pipeline file.
///
/// ```
/// use component_api::catalog::Catalog;
/// let text = "name: hello\nsteps:\n  greet: { run: [echo, hello] }\n  after: { run: [echo], needs: great }\n";
/// let compiled = pipeline_plan::compile_text(text, &Catalog::default());
/// assert!(compiled.plan.is_none());
/// assert_eq!(compiled.diagnostics[0].hint, "did you mean `greet`?");
/// ```
pub fn compile_text(text: &str, catalog: &Catalog) -> Compiled {
    compile_files(text, &BTreeMap::new(), catalog)
}

/// As [`compile_text`], with the texts of component files by the paths that `uses:` names.
pub fn compile_files(
    text: &str,
    components: &BTreeMap<String, String>,
    catalog: &Catalog,
) -> Compiled {
    let (spec, mut diagnostics) = parse_unplaced(text);
    let is_readable = !diagnostics.iter().any(Diagnostic::is_error);
    let files = ComponentFiles::read(&spec, components);
    let (plan, found) = compile_with(&spec, catalog, &files);
    let mut in_components = files.into_diagnostics();
    for (path, found) in &mut in_components {
        locate(components.get(path).map_or("", String::as_str), found);
    }
    let is_readable = is_readable && !in_components.values().flatten().any(Diagnostic::is_error);
    // What could not be read may be what uses a parameter.
    let is_certain = |d: &Diagnostic| is_readable || d.code != Code::UnusedParameter;
    diagnostics.extend(found.into_iter().filter(is_certain));
    locate(text, &mut diagnostics);
    diagnostics
        .sort_by(|a, b| (a.position, a.code, &a.message).cmp(&(b.position, b.code, &b.message)));
    // What an anchor or `defaults:` holds is wrong once, however often it is used.
    diagnostics
        .dedup_by(|a, b| (a.position, a.code, &a.message) == (b.position, b.code, &b.message));
    Compiled {
        plan: plan.filter(|_| is_readable),
        diagnostics,
        in_components,
    }
}

/// Compiles a pipeline: the plan, if no diagnostic is an error, and the diagnostics, which have no
/// positions yet. There is no plan either of a spec that does not say what each step does. What
/// [`pipeline_spec::parse`] found wrong is not known here: [`compile_text`] does both.
pub fn compile(spec: &PipelineSpec, catalog: &Catalog) -> (Option<Plan>, Vec<Diagnostic>) {
    compile_with(spec, catalog, &ComponentFiles::default())
}

fn compile_with(
    spec: &PipelineSpec,
    catalog: &Catalog,
    files: &ComponentFiles,
) -> (Option<Plan>, Vec<Diagnostic>) {
    let mut collector = Collector::default();
    let steps = Steps::new(spec, catalog, files);
    collisions::check_pipeline(spec, &mut collector);
    policy::check_defaults(&steps, &mut collector);
    let mut drafts: Vec<Draft> = Vec::with_capacity(steps.len());
    for step in 0..steps.len() {
        drafts.push(step::compile(&steps, step, &mut collector));
    }
    awaited::add(&steps, &mut drafts, &mut collector);
    let needs: Vec<&BTreeSet<usize>> = drafts.iter().map(|d| &d.needs).collect();
    let order = order::order(&needs);
    finally::check(&steps, &drafts, &mut collector);
    if let Err(cycles) = &order {
        for cycle in cycles {
            collector.push(cycle::diagnostic(&steps, cycle));
        }
    }
    warnings::unneeded_validates(&steps, &drafts, &mut collector);
    warnings::vacuous_schemas(&steps, &mut collector);
    if !collector.has_errors() {
        warnings::unused_params(spec, &drafts, &mut collector);
    }
    let is_whole = !collector.has_errors() && drafts.iter().all(|d| d.node.is_some());
    let plan = order
        .ok()
        .filter(|_| is_whole)
        .map(|o| seal(spec, files, drafts, &o));
    (plan, collector.into_vec())
}

/// A compiled step; the numbers of steps in it are those of the table of steps.
struct Draft {
    /// None if the spec does not say what the step does.
    node: Option<Node>,
    needs: BTreeSet<usize>,
    /// Those of its needs that give it something.
    data: BTreeSet<usize>,
    /// Steps whose outputs it looks up in the metadata store.
    looked_up: BTreeSet<usize>,
    /// Names of the pipeline parameters that its expressions use.
    params: BTreeSet<String>,
    /// Whether an expression uses all parameters at once.
    all_params: bool,
}

/// Gives every step its number in the plan.
fn seal(spec: &PipelineSpec, files: &ComponentFiles, drafts: Vec<Draft>, order: &[usize]) -> Plan {
    let mut numbers = vec![NodeId(0); drafts.len()];
    for (number, &step) in order.iter().enumerate() {
        numbers[step] = NodeId(number as u32);
    }
    let mut nodes: Vec<(NodeId, Node)> = Vec::with_capacity(drafts.len());
    for (step, draft) in drafts.into_iter().enumerate() {
        let Some(mut node) = draft.node else { continue };
        node.needs = draft.needs.iter().map(|&need| numbers[need]).collect();
        node.needs.sort_unstable();
        for need in &mut node.tolerates {
            *need = numbers[need.0 as usize];
        }
        node.tolerates.sort_unstable();
        for need in &mut node.awaits {
            *need = numbers[need.0 as usize];
        }
        node.awaits.sort_unstable();
        for source in node.inputs.values_mut().flat_map(|i| &mut i.sources) {
            if let Source::Output { node, .. } = source {
                *node = numbers[node.0 as usize];
            }
        }
        nodes.push((numbers[step], node));
    }
    nodes.sort_unstable_by_key(|(number, _)| *number);
    Plan {
        format_version: PLAN_FORMAT_VERSION,
        name: spec.name.clone(),
        params: spec.params.clone(),
        types: files.types().into_iter().map(own_type).collect(),
        concurrency: spec.concurrency.map(|written| Concurrency {
            max_runs: written.max_runs,
            when_busy: match written.when_busy {
                spec::WhenBusy::Queue => WhenBusy::Queue,
                spec::WhenBusy::Skip => WhenBusy::Skip,
                spec::WhenBusy::CancelRunning => WhenBusy::CancelRunning,
            },
        }),
        nodes: nodes.into_iter().map(|(_, node)| node).collect(),
    }
}

fn own_type((name, written): (String, spec::OwnType)) -> (String, OwnType) {
    let spec::OwnType { base, files } = written;
    (name, OwnType { base, files })
}
