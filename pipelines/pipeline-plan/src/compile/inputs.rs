//! Inputs of a step: names to outputs, types to ports, and the edges that follow.

use std::collections::BTreeMap;

use component_api::artifact::{self, fits};
use component_api::manifest::{InputPort, ParamType};
use pipeline_spec::spec::{Action, Input, InputSource, OutputName, Port};
use pipeline_spec::{At, Code, Collector, Diagnostic, did_you_mean, nearest};

use super::Draft;
use super::steps::{Given, Steps};
use crate::plan::{InputPlan, NodeId, Source};

/// What external files are as an artifact.
const FILES: &str = "Files";
/// What a registry of models holds.
const MODEL: &str = "Model";

/// The inputs of the step of this number; sources name steps by their numbers in the table.
pub(super) fn compile(
    steps: &Steps<'_>,
    step: usize,
    at: &At<'_>,
    draft: &mut Draft,
    collector: &mut Collector,
) -> BTreeMap<String, InputPlan> {
    let entry = steps.get(step);
    let is_approval = matches!(entry.step.action, Action::Approve { .. });
    // Of an approval the model stands beside the question.
    let at_inputs = at.key(if is_approval { "approve" } else { "inputs" });
    let of_approval = is_approval.then(approved);
    let ports = entry.component.map(|c| &c.manifest.inputs);
    let ports = ports.or(of_approval.as_ref());
    let mut inputs = BTreeMap::new();
    let mut meant = Vec::new();
    for (name, input) in &entry.step.inputs {
        let at = at_inputs.key(name);
        let port = ports.and_then(|p| p.get(name));
        if let (Some(ports), None) = (ports, port) {
            meant.extend(nearest(name, ports.keys().map(String::as_str)));
            let hint = did_you_mean(name, ports.keys().map(String::as_str));
            let message = format!("`{}` has no input `{name}`", component_name(steps, step));
            let found = Diagnostic::error(Code::UnknownInput, at.pointer(), message);
            collector.push(found.at_key().hint(hint));
        }
        let own = input.port.as_ref();
        let declared = own.map(|own| declared_port(steps, step, input, own, &at, collector));
        let mut reading = Reading {
            steps,
            port: port.or(declared.as_ref()),
            draft,
            collector,
        };
        let from = at.key("from");
        let at = if own.is_some() { &from } else { &at };
        inputs.insert(name.clone(), reading.input(input, at));
    }
    // An approval may be about no model.
    let wanted = ports.filter(|_| !is_approval);
    for (name, port) in wanted.into_iter().flatten() {
        let is_given = match entry.step.inputs.get(name) {
            Some(input) => !input.sources.is_empty(),
            None => meant.contains(&name.as_str()),
        };
        if !is_given && !port.optional {
            let message = format!(
                "`{}` needs the input `{name}` ({})",
                component_name(steps, step),
                port.artifact_type
            );
            let found = Diagnostic::error(Code::MissingInput, at_inputs.pointer(), message);
            let hint = candidate(steps, step, name, &port.artifact_type);
            collector.push(found.at_key().hint(hint));
        }
    }
    inputs
}

/// A port that a command declares with what enters it.
fn declared_port(
    steps: &Steps<'_>,
    step: usize,
    input: &Input,
    port: &Port,
    at: &At<'_>,
    collector: &mut Collector,
) -> InputPort {
    if let Some(component) = steps.get(step).component {
        let message = format!("`{}` declares its inputs itself", component.manifest.name);
        let found = Diagnostic::error(Code::MisplacedKey, at.pointer(), message);
        collector.push(
            found
                .at_key()
                .hint("write what enters and nothing beside it"),
        );
    }
    let artifact_type = port.type_name.as_deref().unwrap_or(artifact::ANY);
    let own = steps.files.types();
    if artifact::find(artifact_type).is_none() && !own.contains_key(artifact_type) {
        let known = artifact::ARTIFACT_TYPES.iter().map(|t| t.name);
        let message = format!("there is no artifact type `{artifact_type}`");
        let pointer = at.key("type").pointer();
        let found = Diagnostic::error(Code::UnknownType, pointer, message);
        let known = known.chain(own.keys().map(String::as_str));
        collector.push(found.hint(did_you_mean(artifact_type, known)));
    }
    InputPort {
        artifact_type: artifact_type.to_owned(),
        optional: port.optional,
        many: port.many.unwrap_or(input.many),
        description: String::new(),
    }
}

/// What an approval is about.
fn approved() -> BTreeMap<String, InputPort> {
    let port = InputPort {
        artifact_type: MODEL.to_owned(),
        optional: false,
        many: false,
        description: String::new(),
    };
    BTreeMap::from([("model".to_owned(), port)])
}

fn component_name<'a>(steps: &Steps<'a>, step: usize) -> &'a str {
    let component = steps.get(step).component;
    component.map_or("run", |c| &c.manifest.name)
}

/// How the missing input could be given, if a step has an output of just this type.
fn candidate(steps: &Steps<'_>, step: usize, name: &str, wanted: &str) -> String {
    /// In larger pipelines the first output of a type is hardly the one that is meant.
    const SEARCHED_MAX: usize = 100;
    if wanted == FILES {
        return format!("add `inputs: {{ {name}: {{ files: GLOB }} }}`");
    }
    for other in (0..steps.len().min(SEARCHED_MAX)).filter(|&s| s != step) {
        for port in steps.output_names(other) {
            if matches!(steps.output(other, port), Given::Type(t) if t == wanted) {
                let id = steps.get(other).id;
                return format!("add `inputs: {{ {name}: {id}.{port} }}`");
            }
        }
    }
    String::new()
}

/// Reads the sources of one input.
struct Reading<'a, 'c> {
    steps: &'a Steps<'a>,
    /// What the component or the command declares; nothing where every artifact is taken.
    port: Option<&'c InputPort>,
    draft: &'c mut Draft,
    collector: &'c mut Collector,
}

impl Reading<'_, '_> {
    fn input(&mut self, input: &Input, at: &At<'_>) -> InputPlan {
        let takes_one = self.port.is_some_and(|p| !p.many);
        if input.many && takes_one && !input.sources.is_empty() {
            let message = "this input takes one artifact, not a list".to_owned();
            let hint = match input.sources.as_slice() {
                [Some(InputSource::LatestSpans { .. })] => {
                    "`latest_spans` gives a list; the newest alone is `{ latest: step.port }`"
                }
                _ => "write the source without brackets",
            };
            self.error(Code::TooManyInputs, at, message, hint.to_owned());
        }
        let gives_list = self.steps.gives_list(input);
        if gives_list && takes_one {
            let message = "this input takes one artifact, but what enters is a list: one for each item of the step's `foreach`".to_owned();
            let hint = "name a step that takes the list and gives one";
            self.error(Code::TooManyInputs, at, message, hint.to_owned());
        }
        let mut sources = Vec::with_capacity(input.sources.len());
        for (index, source) in input.sources.iter().enumerate() {
            let item = at.item(index);
            let at = if input.many { &item } else { at };
            sources.extend(source.as_ref().and_then(|s| self.source(s, at)));
        }
        let mut pinned: Vec<_> = sources
            .iter()
            .filter_map(Source::files)
            .map(|f| f.1)
            .collect();
        pinned.dedup();
        if pinned.len() > 1 {
            let message = "all files of an input are of one span".to_owned();
            let hint = "write the paths as one list: `{ files: [A, B], span: N }`";
            self.error(Code::InvalidInput, at, message, hint.to_owned());
        }
        let resolved = sources.iter().any(Source::is_looked_up);
        InputPlan {
            artifact_type: self.wanted().to_owned(),
            optional: self.port.map_or(resolved, |p| p.optional),
            many: self.port.map_or(input.many || gives_list, |p| p.many),
            sources,
        }
    }

    fn wanted(&self) -> &str {
        self.port.map_or(artifact::ANY, |p| &p.artifact_type)
    }

    fn error(&mut self, code: Code, at: &At<'_>, message: String, hint: String) {
        let found = Diagnostic::error(code, at.pointer(), message);
        self.collector.push(found.hint(hint));
    }

    fn source(&mut self, source: &InputSource, at: &At<'_>) -> Option<Source> {
        match source {
            InputSource::Files { globs, span } => {
                self.fits(FILES, "files are of the type Files", at, String::new());
                let globs = globs.clone();
                Some(match *span {
                    Some(span) => Source::FilesOfSpan { globs, span },
                    None => Source::Files(globs),
                })
            }
            InputSource::LatestBlessed(model) => {
                let what = "`latest_blessed` gives a Model";
                self.fits(MODEL, what, at, String::new());
                Some(Source::LatestBlessed(model.clone()))
            }
            InputSource::LatestPushed(model) => {
                let what = "`latest_pushed` gives a Model";
                self.fits(MODEL, what, at, String::new());
                Some(Source::LatestPushed(model.clone()))
            }
            InputSource::Import { uri, type_name } => {
                let what = format!("what is imported is of the type {type_name}");
                self.fits(type_name, &what, at, String::new());
                Some(Source::Import {
                    uri: uri.clone(),
                    type_name: type_name.clone(),
                })
            }
            InputSource::Output { step, port } => {
                let node = self.output(step, port, at);
                // It waits for the step also where the port is misspelt.
                if let Some(step) = self.steps.find(step) {
                    self.draft.needs.insert(step);
                    self.draft.data.insert(step);
                }
                let node = node?;
                Some(Source::Output {
                    node: NodeId(node as u32),
                    port: port.clone(),
                })
            }
            InputSource::Latest { output, pipeline } => {
                let other = pipeline
                    .as_ref()
                    .filter(|name| **name != self.steps.spec.name);
                if other.is_none() {
                    self.looked_up(output, &at.key("latest"))?;
                }
                let OutputName { step, port } = output.clone();
                Some(Source::Latest {
                    pipeline: other.cloned(),
                    step,
                    port,
                })
            }
            InputSource::LatestSpans { output, count } => {
                self.looked_up(output, &at.key("latest_spans"))?;
                let OutputName { step, port } = output.clone();
                Some(Source::LatestSpans {
                    step,
                    port,
                    count: *count,
                })
            }
            InputSource::PreviousSpan(output) => {
                self.looked_up(output, &at.key("previous_span"))?;
                let OutputName { step, port } = output.clone();
                Some(Source::PreviousSpan { step, port })
            }
        }
    }

    /// An output of this pipeline that is looked up, in whatever run it was given.
    fn looked_up(&mut self, output: &OutputName, at: &At<'_>) -> Option<()> {
        let step = self.output(&output.step, &output.port, at)?;
        self.draft.looked_up.insert(step);
        Some(())
    }

    fn fits(&mut self, given: &str, what: &str, at: &At<'_>, hint: String) {
        let wanted = self.wanted();
        if !fits(given, wanted) {
            let message = format!("{what}; this input takes {wanted}");
            self.error(Code::TypeMismatch, at, message, hint);
        }
    }

    /// The step of this id, if the port is one of its outputs.
    fn output(&mut self, id: &str, port: &str, at: &At<'_>) -> Option<usize> {
        let Some(step) = self.steps.find(id) else {
            let message = format!("there is no step `{id}`");
            let hint = self.steps.hint(id);
            let found = Diagnostic::error(Code::UnknownStep, at.pointer(), message);
            self.collector.push(found.at_bytes(0..id.len()).hint(hint));
            return None;
        };
        match self.steps.output(step, port) {
            Given::Unknown => {}
            Given::Type(given) if ParamType::from_word(given).is_some() => {
                let message = format!("`{id}.{port}` is a value ({given}), not an artifact");
                let hint = format!(
                    "give it as a parameter: `with: {{ {port}: \"${{{{ steps.{id}.outputs.{port} }}}}\" }}`"
                );
                self.error(Code::TypeMismatch, at, message, hint);
            }
            Given::Type(given) => {
                let hint = self.port_that_fits(step);
                self.fits(
                    given,
                    &format!("`{id}.{port}` is of the type {given}"),
                    at,
                    hint,
                );
            }
            Given::Nothing => {
                let message = format!("step `{id}` has no output `{port}`");
                let names = self.steps.output_names(step);
                let hint = if names.is_empty() {
                    format!("declare it: `outputs: {{ {port}: Artifact }}`")
                } else {
                    did_you_mean(port, names)
                };
                let start = id.len() + 1;
                let found = Diagnostic::error(Code::UnknownOutput, at.pointer(), message);
                let bytes = start..start + port.len();
                self.collector.push(found.at_bytes(bytes).hint(hint));
                return None;
            }
        }
        Some(step)
    }

    /// The output of a step that would fit here, as a hint.
    fn port_that_fits(&self, step: usize) -> String {
        let fitting = self.steps.output_names(step).into_iter().find(
            |port| matches!(self.steps.output(step, port), Given::Type(t) if fits(t, self.wanted())),
        );
        let id = self.steps.get(step).id;
        fitting.map_or_else(String::new, |port| format!("did you mean `{id}.{port}`?"))
    }
}
