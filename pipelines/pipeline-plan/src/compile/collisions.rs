//! Names that would become one: in expressions, where `-` is written `_`, and in the variables that
//! a step is started with.

use std::collections::BTreeMap;

use component_api::contract::variable_name;
use pipeline_spec::{At, Code, Collector, Diagnostic, PipelineSpec};

use super::steps::Entry;
use crate::expression::normal;

/// Variables that begin so are set by the engine.
const RESERVED_PREFIXES: &[&str] = &["INPUT_", "OUTPUT_", "PARAM_", "ROPEWALK_"];
/// Points at the step's scratch folder.
const RESERVED_NAME: &str = "TMPDIR";

/// Names of steps and of parameters.
pub(super) fn check_pipeline(spec: &PipelineSpec, collector: &mut Collector) {
    let root = At::ROOT;
    let sections = ["steps", "finally"];
    let places = sections.map(|section| root.key(section));
    let place = |name: &str| &places[usize::from(spec.steps[name].finally)];
    let steps = spec.steps.keys().map(String::as_str);
    in_expressions(steps, place, collector);
    let params = spec.params.keys().map(String::as_str);
    let place = root.key("params");
    in_expressions(params, |_| &place, collector);
    let defaults = root.key("defaults");
    reserved(spec.defaults.env.keys(), &defaults.key("env"), collector);
}

fn in_expressions<'a, 'p>(
    names: impl Iterator<Item = &'a str>,
    place: impl Fn(&str) -> &'p At<'p>,
    collector: &mut Collector,
) {
    let become_one = |name: &str| normal(name).into_owned();
    distinct(
        names,
        place,
        collector,
        become_one,
        "in expressions, where `-` is written `_`",
    );
}

/// Variables of a step.
pub(super) fn check_step(entry: &Entry<'_>, at: &At<'_>, collector: &mut Collector) {
    let step = entry.step;
    let variables = "as variables";
    let places = ["inputs", "outputs", "with"].map(|key| at.key(key));
    let names = step.inputs.keys().map(String::as_str);
    let become_one = |name: &str| variable_name("INPUT", name);
    distinct(names, |_| &places[0], collector, become_one, variables);
    let names = step.outputs.keys().map(String::as_str);
    let become_one = |name: &str| variable_name("OUTPUT", name);
    distinct(names, |_| &places[1], collector, become_one, variables);
    let names = step.with.keys().map(String::as_str);
    let become_one = |name: &str| variable_name("PARAM", name);
    distinct(names, |_| &places[2], collector, become_one, variables);
    let own = |name: &&String| !step.inherited.contains(&format!("env/{name}"));
    reserved(step.env.keys().filter(own), &at.key("env"), collector);
}

/// Tells of variables that the engine sets itself.
fn reserved<'a>(
    names: impl Iterator<Item = &'a String>,
    at_env: &At<'_>,
    collector: &mut Collector,
) {
    for name in names.filter(|name| is_reserved(name)) {
        let message = format!("the variable `{name}` is one that the engine sets");
        let pointer = at_env.key(name).pointer();
        let found = Diagnostic::error(Code::ReservedName, pointer, message);
        let hint = format!(
            "choose another name: {} and those that begin with {} are taken",
            RESERVED_NAME,
            RESERVED_PREFIXES.join(", ")
        );
        collector.push(found.at_key().hint(hint));
    }
}

fn is_reserved(name: &str) -> bool {
    name == RESERVED_NAME || RESERVED_PREFIXES.iter().any(|p| name.starts_with(p))
}

/// Tells of each name that becomes the same as one before it.
fn distinct<'a, 'p>(
    names: impl Iterator<Item = &'a str>,
    place: impl Fn(&str) -> &'p At<'p>,
    collector: &mut Collector,
    become_one: impl Fn(&str) -> String,
    how: &str,
) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        let result = become_one(name);
        if let Some(first) = seen.get(&result) {
            let message = format!("`{first}` and `{name}` become one {how}: `{result}`");
            let pointer = place(name).key(name).pointer();
            let found = Diagnostic::error(Code::NameCollision, pointer, message);
            collector.push(found.at_key().hint("rename one of the two"));
        } else {
            seen.insert(result, name);
        }
    }
}
