//! One step: what it does, and what it waits for.

use std::collections::{BTreeMap, BTreeSet};

use component_api::manifest::ParamType;
use pipeline_spec::spec::{Action as Written, Cache, is_component_file};
use pipeline_spec::{At, Code, Collector, Diagnostic, did_you_mean};

use serde_json::Value;

use super::steps::{Entry, Steps};
use super::texts::Texts;
use super::{Draft, collisions, inputs, parameters, policy};
use crate::expression::with_article;
use crate::plan::{
    Action, ComponentFile, Condition, Foreach, Node, NodeId, OutputKind, OutputPlan, Resources,
};

/// Compiles the step of this number.
pub(super) fn compile(steps: &Steps<'_>, step: usize, collector: &mut Collector) -> Draft {
    let entry = steps.get(step);
    let at_steps = At::ROOT.key(entry.step.section());
    let at = at_steps.key(entry.id);
    collisions::check_step(&entry, &at, collector);
    let mut draft = Draft {
        node: None,
        needs: BTreeSet::new(),
        data: BTreeSet::new(),
        looked_up: BTreeSet::new(),
        params: BTreeSet::new(),
        all_params: false,
    };
    needs(steps, &entry, &at, &mut draft, collector);
    let inputs = inputs::compile(steps, step, &at, &mut draft, collector);
    let mut texts = Texts {
        steps,
        step,
        draft: &mut draft,
        collector,
    };
    let params = parameters::compile(&entry, &at, &mut texts);
    let env = env(&entry, &at, &mut texts);
    let action = action(&entry, &at, &mut texts);
    let condition = condition(&entry, &at, &mut texts);
    let cache_key = cache_key(&entry, &at, &mut texts);
    let foreach = foreach(&entry, &at, &mut texts);
    let outputs = outputs(&entry);
    let policy = policy::compile(steps, &entry, &at, collector);
    // A command without outputs is run for what it does, and so is a component that says so.
    let always_runs = match entry.component {
        Some(component) => component.manifest.always_runs,
        // A question about no model cannot have been answered before.
        None => outputs.is_empty(),
    };
    let tolerates = tolerates(steps, &draft);
    draft.node = action.map(|action| Node {
        id: entry.id.to_owned(),
        action,
        component: component_file(&entry, steps),
        inputs,
        outputs,
        params,
        env,
        needs: Vec::new(),
        files: entry.step.files.clone(),
        cache: entry.step.cache != Cache::Off && !always_runs,
        cache_key,
        workdir: entry.step.workdir.clone(),
        checkpoint: entry.step.checkpoint,
        pool: entry.step.pool.clone(),
        resources: Resources {
            cpu_milli: entry.step.resources.cpu_milli,
            memory_bytes: entry.step.resources.memory_bytes,
            gpu: entry.step.resources.gpu,
        },
        policy,
        condition,
        foreach,
        allow_failure: entry.step.allow_failure,
        tolerates,
        awaits: Vec::new(),
        finally: entry.step.finally,
    });
    draft
}

fn needs(
    steps: &Steps<'_>,
    entry: &Entry<'_>,
    at: &At<'_>,
    draft: &mut Draft,
    collector: &mut Collector,
) {
    let at_needs = at.key("needs");
    for (index, id) in entry.step.needs.iter().enumerate() {
        if let Some(need) = steps.find(id) {
            draft.needs.insert(need);
            continue;
        }
        let at = at_needs.item(index);
        let message = format!("there is no step `{id}`");
        let found = Diagnostic::error(Code::UnknownStep, at.pointer(), message);
        collector.push(found.hint(steps.hint(id)));
    }
}

/// The steps that it needs for their order alone and that may fail, by their numbers in the table.
fn tolerates(steps: &Steps<'_>, draft: &Draft) -> Vec<NodeId> {
    let needs = draft.needs.difference(&draft.data);
    let may_fail = needs.filter(|need| steps.get(**need).step.allow_failure);
    may_fail.map(|need| NodeId(*need as u32)).collect()
}

/// `if:`, which is decided before the step's inputs are known.
fn condition(entry: &Entry<'_>, at: &At<'_>, texts: &mut Texts<'_, '_>) -> Option<Condition> {
    let text = entry.step.condition.as_ref()?;
    let at = at.key("if");
    let (condition, value_type) = texts.condition(text, &at);
    let is_usable = |t: ParamType| matches!(t, ParamType::Boolean | ParamType::Any);
    if let Some(given) = value_type.filter(|t| !is_usable(*t)) {
        let message = format!(
            "`if` takes true or false, but the expression gives {}",
            with_article(given)
        );
        let found = Diagnostic::error(Code::TypeMismatch, at.pointer(), message);
        texts
            .collector
            .push(found.hint("compare it with something: `==`, `>`"));
    }
    Some(condition)
}

/// `foreach:`, which is decided before any item is known.
fn foreach(entry: &Entry<'_>, at: &At<'_>, texts: &mut Texts<'_, '_>) -> Option<Foreach> {
    let items = entry.step.foreach.as_ref()?;
    let at = at.key("foreach");
    let items = match items {
        Value::String(text) => {
            let (text, value_type) = texts.list(text, &at);
            let is_usable = |t: ParamType| matches!(t, ParamType::List | ParamType::Any);
            if let Some(given) = value_type.filter(|t| !is_usable(*t)) {
                let message = format!(
                    "`foreach` takes a list, but the expression gives {}",
                    with_article(given)
                );
                let found = Diagnostic::error(Code::TypeMismatch, at.pointer(), message);
                texts.collector.push(found);
            }
            Value::String(text)
        }
        items => texts.items(items, &at),
    };
    Some(Foreach {
        items,
        max_parallel: entry.step.max_parallel,
    })
}

fn env(entry: &Entry<'_>, at: &At<'_>, texts: &mut Texts<'_, '_>) -> BTreeMap<String, String> {
    let defaults = At::ROOT.key("defaults");
    let places = [at.key("env"), defaults.key("env")];
    let variables = entry.step.env.iter();
    variables
        .map(|(name, text)| {
            let is_default = entry.step.inherited.contains(&format!("env/{name}"));
            let at = places[usize::from(is_default)].key(name);
            (name.clone(), texts.variable(text, &at))
        })
        .collect()
}

/// `cache: { key: ... }`.
fn cache_key(entry: &Entry<'_>, at: &At<'_>, texts: &mut Texts<'_, '_>) -> Option<String> {
    let Cache::Key(text) = &entry.step.cache else {
        return None;
    };
    let defaults = At::ROOT.key("defaults");
    let is_default = entry.step.inherited.contains("cache");
    let at = if is_default { &defaults } else { at }.key("cache");
    Some(texts.text(text, &at.key("key")).0)
}

fn action(entry: &Entry<'_>, at: &At<'_>, texts: &mut Texts<'_, '_>) -> Option<Action> {
    match &entry.step.action {
        Written::Uses(path) if is_component_file(path) => file_action(path, at, texts),
        Written::Uses(name) => {
            let Some(component) = entry.component else {
                let known = texts.steps.catalog.iter().map(|c| c.manifest.name.as_str());
                let message = format!("there is no component `{name}`");
                let pointer = at.key("uses").pointer();
                let found = Diagnostic::error(Code::UnknownComponent, pointer, message);
                texts.collector.push(found.hint(did_you_mean(name, known)));
                return None;
            };
            Some(Action::Component {
                name: component.manifest.name.clone(),
                version: component.manifest.version.clone(),
            })
        }
        Written::Command(arguments) => {
            let at = at.key("run");
            let arguments = arguments.iter().enumerate();
            Some(Action::Command(
                arguments
                    .map(|(index, text)| texts.text(text, &at.item(index)).0)
                    .collect(),
            ))
        }
        Written::Shell(script) => Some(Action::Shell(script.clone())),
        Written::Approve { message, is_short } => {
            let at = at.key("approve");
            let at_message = at.key("message");
            let at = if *is_short { &at } else { &at_message };
            Some(Action::Approve(texts.text(message, at).0))
        }
        Written::Unreadable => None,
    }
}

/// What a component file runs.
fn file_action(path: &str, at: &At<'_>, texts: &mut Texts<'_, '_>) -> Option<Action> {
    let Some(file) = texts.steps.files.get(path) else {
        let message = format!("the component file `{path}` cannot be read");
        let pointer = at.key("uses").pointer();
        let found = Diagnostic::error(Code::UnknownComponent, pointer, message);
        let hint = "its path starts at the pipeline file's folder";
        texts.collector.push(found.hint(hint));
        return None;
    };
    match &file.known.as_ref()?.spec.run {
        Written::Command(words) => Some(Action::Command(words.clone())),
        Written::Shell(script) => Some(Action::Shell(script.clone())),
        Written::Uses(_) | Written::Approve { .. } | Written::Unreadable => None,
    }
}

/// The component file that a step uses, if it uses one.
fn component_file(entry: &Entry<'_>, steps: &Steps<'_>) -> Option<ComponentFile> {
    let Written::Uses(path) = &entry.step.action else {
        return None;
    };
    let known = steps.files.get(path)?.known.as_ref()?;
    let manifest = &known.component.manifest;
    Some(ComponentFile {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        digest: known.digest.clone(),
        params: manifest.params.clone(),
    })
}

fn outputs(entry: &Entry<'_>) -> BTreeMap<String, OutputPlan> {
    let plan = |type_name: &str, optional| OutputPlan {
        type_name: type_name.to_owned(),
        kind: if ParamType::from_word(type_name).is_some() {
            OutputKind::Parameter
        } else {
            OutputKind::Artifact
        },
        optional,
    };
    if let Some(component) = entry.component {
        let ports = component.manifest.outputs.iter();
        return ports
            .map(|(port, output)| (port.clone(), plan(&output.artifact_type, false)))
            .collect();
    }
    let ports = entry.step.outputs.iter();
    ports
        .map(|(port, output)| (port.clone(), plan(&output.type_name, output.optional)))
        .collect()
}
