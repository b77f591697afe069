//! One step.

use std::collections::BTreeMap;

use component_api::artifact;
use component_api::manifest::ParamType;
use component_api::span::SpanPattern;
use serde_json::{Map, Value};

use super::{Reader, approve, defaults, foreach, input, policy, shell};
use crate::at::At;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Part};
use crate::nearest::nearest;
use crate::spec::{Action, Defaults, Output, Step, is_component_file};
use crate::template::{CLOSE, OPEN, Segment, has_expression, split};

pub(crate) const KEYS: &[&str] = &[
    "uses",
    "run",
    "approve",
    "inputs",
    "with",
    "outputs",
    "needs",
    "if",
    "foreach",
    "max_parallel",
    "env",
    "files",
    "cache",
    "workdir",
    "checkpoint",
    "pool",
    "resources",
    "timeout",
    "grace",
    "retry",
    "allow_failure",
    "description",
];

/// Keys of an output that is more than its type.
pub(crate) const OUTPUT_KEYS: &[&str] = &["type", "optional"];

/// What a step may do; it says one of these.
pub(crate) const KINDS: &[&str] = &["uses", "run", "approve"];

/// Keys that only a step with `run:` takes: a component's manifest says the same. All but the first
/// stand beside a component file too, which runs a command as well.
pub(crate) const RUN_ONLY: &[&str] = &["outputs", "files", "workdir"];

/// Reads a step. What it does not say of what `defaults:` may say too, it inherits.
pub(super) fn step(
    id: &str,
    value: Value,
    at: &At<'_>,
    defaults: &Defaults,
    reader: &mut Reader,
) -> Step {
    let mut step = own(id, value, at, defaults, reader);
    for (name, text) in &defaults.env {
        if !step.env.contains_key(name) {
            step.env.insert(name.clone(), text.clone());
            step.inherited.insert(format!("env/{name}"));
        }
    }
    step
}

fn own(id: &str, value: Value, at: &At<'_>, defaults: &Defaults, reader: &mut Reader) -> Step {
    let Value::Object(mut map) = value else {
        let message = format!("expected a step, found {}", super::kind(&value));
        let hint = "a step is a map with `uses:`, `run:` or `approve:`";
        reader.at_key(Code::WrongType, at, message, hint);
        return Step::default();
    };
    let meant = reader.known_keys(&map, KEYS, at, "a step");
    let model = approve::take_model(&mut map, at, reader);
    let action = action(id, &mut map, at, &meant, reader);
    let is_file = matches!(&action, Action::Uses(name) if is_component_file(name));
    match action {
        Action::Uses(_) => {
            let hint = "the component's manifest says what it gives and depends on; remove the key";
            let keys = if is_file { &RUN_ONLY[..1] } else { RUN_ONLY };
            misplaced(&map, "uses", keys, hint, at, reader);
        }
        Action::Approve { .. } => {
            let hint = "no program is started for it; remove the key";
            misplaced(&map, "approve", approve::NO_KEYS, hint, at, reader);
            map.retain(|key, _| !approve::NO_KEYS.contains(&key.as_str()));
        }
        _ => {}
    }
    let policy = policy::policy(&mut map, at, reader);
    let settings = defaults::settings(&mut map, at, reader);
    let is_command = is_file || matches!(action, Action::Command(_) | Action::Shell(_));
    let for_commands = |default: &Option<_>| default.clone().filter(|_| is_command);
    let inherits_key = settings.cache.is_none() && defaults.cache.is_some();
    let has_items = map.contains_key("foreach");
    let mut take = |key: &str| map.remove(key);
    let mut inputs = input::inputs(take("inputs"), &at.key("inputs"), reader);
    let mut outputs = outputs(take("outputs"), &at.key("outputs"), reader);
    if let Some(model) = model {
        inputs.extend([model]);
        outputs.extend([approve::blessing()]);
    }
    Step {
        inputs,
        with: with(take("with"), &at.key("with"), reader),
        outputs,
        needs: needs(take("needs"), &at.key("needs"), reader),
        env: env(take("env"), &at.key("env"), reader),
        files: settings.files.or_else(|| {
            let default = defaults.files.clone();
            default.filter(|_| is_command)
        }),
        cache: (settings.cache.or_else(|| defaults.cache.clone())).unwrap_or_default(),
        workdir: settings.workdir.or_else(|| for_commands(&defaults.workdir)),
        pool: settings.pool.or_else(|| defaults.pool.clone()),
        resources: settings.resources.or(defaults.resources),
        checkpoint: (settings.checkpoint.or(defaults.checkpoint)).unwrap_or(false),
        description: reader.literal_or_empty(take("description"), &at.key("description")),
        action,
        policy,
        condition: condition(take("if"), &at.key("if"), reader),
        foreach: foreach::items(take("foreach"), &at.key("foreach"), reader),
        max_parallel: foreach::max_parallel(
            take("max_parallel"),
            has_items,
            &at.key("max_parallel"),
            reader,
        ),
        allow_failure: (settings.allow_failure.or(defaults.allow_failure)).unwrap_or(false),
        inherited: inherits_key
            .then(|| "cache".to_owned())
            .into_iter()
            .collect(),
        finally: false,
    }
}

/// `if:`: one expression, or `true` or `false`, as a text.
fn condition(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Option<String> {
    match value.filter(|v| !v.is_null())? {
        Value::Bool(value) => Some(format!("{OPEN} {value} {CLOSE}")),
        Value::String(text) if is_expression(&text) => Some(text.trim().to_owned()),
        Value::String(text) if has_expression(&text) => {
            let message = "`if` takes one expression and nothing beside it".to_owned();
            let hint = "write `and`, `or` and `not` inside of the expression";
            reader.at_value(Code::WrongType, at, message, hint);
            None
        }
        Value::String(text) => {
            let message = "`if` takes an expression".to_owned();
            let hint = format!("write `if: {OPEN} {} {CLOSE}`", text.trim());
            reader.at_value(Code::WrongType, at, message, hint);
            None
        }
        other => {
            reader.wrong_type(at, "an expression, true or false", &other);
            None
        }
    }
}

/// Whether a text is one expression. What is never closed is told of by whoever reads it.
pub(super) fn is_expression(text: &str) -> bool {
    match split(text.trim()) {
        Ok(segments) => matches!(segments.as_slice(), [Segment::Expression(_)]),
        Err(_) => true,
    }
}

fn action(
    id: &str,
    map: &mut Map<String, Value>,
    at: &At<'_>,
    meant: &[&str],
    reader: &mut Reader,
) -> Action {
    let in_shell = map.get("run").and_then(Value::as_str);
    if in_shell.is_some_and(has_expression) && !map.contains_key("uses") {
        let message =
            "an expression in a shell string: its value could become code, so it is not evaluated"
                .to_owned();
        let hint = shell::rewritten(id, map);
        let place = in_shell.and_then(shell::first_expression);
        let pointer = at.key("run").pointer();
        let mut found = Diagnostic::error(Code::ExpressionInShell, pointer, message).hint(hint);
        found.place.bytes = place;
        reader.collector.push(found);
        map.remove("run");
        return Action::Unreadable;
    }
    let given: Vec<&str> = KINDS
        .iter()
        .copied()
        .filter(|k| map.contains_key(*k))
        .collect();
    let mut take = |key: &str| map.remove(key).unwrap_or_default();
    match *given.as_slice() {
        ["uses"] => reader
            .literal(take("uses"), &at.key("uses"))
            .map_or(Action::Unreadable, Action::Uses),
        ["run"] => command(take("run"), &at.key("run"), reader),
        ["approve"] => approve::action(take("approve"), &at.key("approve"), reader),
        [] => {
            if !KINDS.iter().any(|kind| meant.contains(kind)) {
                let message = "the step says neither `uses:` nor `run:` nor `approve:`".to_owned();
                let hint =
                    "add `uses: COMPONENT`, `run: [PROGRAM, ARGUMENT]` or `approve: QUESTION`";
                reader.at_key(Code::StepKind, at, message, hint);
            }
            Action::Unreadable
        }
        _ => {
            let message = format!("a step has one of `{}:`, not more", given.join(":`, `"));
            let hint = "make a step of each, or remove the keys that are too many";
            reader.at_key(Code::StepKind, at, message, hint);
            for kind in given {
                take(kind);
            }
            Action::Unreadable
        }
    }
}

/// A list is executed as it is, text runs in a shell.
pub(super) fn command(value: Value, at: &At<'_>, reader: &mut Reader) -> Action {
    match value {
        Value::String(script) if !script.trim().is_empty() => {
            refuse_nul(&script, at, reader);
            Action::Shell(script)
        }
        Value::Array(items) if !items.is_empty() => {
            let mut arguments = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                let at = at.item(index);
                // One that is no text is an error, and keeps those behind it at their places.
                let argument = reader.text(item, &at).unwrap_or_default();
                refuse_nul(&argument, &at, reader);
                arguments.push(argument);
            }
            Action::Command(arguments)
        }
        Value::String(_) | Value::Array(_) | Value::Null => {
            let message = "the command is empty".to_owned();
            let hint = "`run: [PROGRAM, ARGUMENT]`, or text for a shell";
            reader.at_value(Code::WrongType, at, message, hint);
            Action::Unreadable
        }
        other => {
            reader.wrong_type(at, "text for a shell or a list of arguments", &other);
            Action::Unreadable
        }
    }
}

/// No program can be given an argument with a NUL in it.
fn refuse_nul(text: &str, at: &At<'_>, reader: &mut Reader) {
    if text.contains('\0') {
        let message = "a NUL character cannot be part of a command".to_owned();
        reader.at_value(Code::WrongType, at, message, "");
    }
}

/// Tells of keys that a step of this kind does not take.
fn misplaced(
    map: &Map<String, Value>,
    kind: &str,
    keys: &[&str],
    hint: &str,
    at: &At<'_>,
    reader: &mut Reader,
) {
    for key in keys.iter().filter(|k| map.contains_key(**k)) {
        let message = format!("a step with `{kind}:` takes no `{key}:`");
        reader.at_key(Code::MisplacedKey, &at.key(key), message, hint);
    }
}

fn with(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> BTreeMap<String, Value> {
    let map = reader.map(value, at, "a map of parameters");
    reader.named(map, at, "a parameter").collect()
}

fn outputs(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> BTreeMap<String, Output> {
    let map = reader.map(value, at, "a map of outputs");
    let mut outputs = BTreeMap::new();
    for (port, value) in reader.named(map, at, "an output") {
        let output = output(value, &at.key(&port), reader);
        outputs.insert(port, output);
    }
    outputs
}

/// `Type`, or `{ type, optional }`.
fn output(value: Value, at: &At<'_>, reader: &mut Reader) -> Output {
    let (value, optional) = match value {
        Value::Object(mut map) => {
            let meant = reader.known_keys(&map, OUTPUT_KEYS, at, "an output");
            let optional = reader.boolean(map.remove("optional"), &at.key("optional"), false);
            let Some(value) = map.remove("type") else {
                if meant.contains(&"type") {
                    return unreadable_output(optional);
                }
                let message = "the output has no type".to_owned();
                let hint = "`NAME: Artifact`, or `NAME: { type: Artifact, optional: true }`";
                reader.at_key(Code::MissingKey, &at.key("type"), message, hint);
                return unreadable_output(optional);
            };
            return type_name(value, &at.key("type"), reader).map_or(
                unreadable_output(optional),
                |type_name| Output {
                    type_name,
                    optional,
                },
            );
        }
        other => (other, false),
    };
    type_name(value, at, reader).map_or(unreadable_output(optional), |type_name| Output {
        type_name,
        optional,
    })
}

fn unreadable_output(optional: bool) -> Output {
    Output {
        type_name: String::new(),
        optional,
    }
}

pub(super) fn type_name(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<String> {
    let name = reader.literal(value, at)?;
    if artifact::find(&name).is_some() || ParamType::from_word(&name).is_some() {
        return Some(name);
    }
    let words = ["string", "integer", "number", "boolean", "list", "map"];
    let artifacts = artifact::ARTIFACT_TYPES.iter().map(|t| t.name);
    let message = format!("there is no type `{name}`");
    let hint = match nearest(&name, artifacts.chain(words)) {
        Some(found) => format!("did you mean `{found}`?"),
        None => "any file or folder is an `Artifact`".to_owned(),
    };
    reader.at_value(Code::UnknownType, at, message, hint);
    None
}

fn needs(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Vec<String> {
    let Some(value) = value.filter(|v| !v.is_null()) else {
        return Vec::new();
    };
    reader.literals(value, at, "a list of steps")
}

pub(super) fn env(
    value: Option<Value>,
    at: &At<'_>,
    reader: &mut Reader,
) -> BTreeMap<String, String> {
    let map = reader.map(value, at, "a map of variables");
    let mut variables = BTreeMap::new();
    for (name, value) in map {
        let at = at.key(&name);
        if !is_variable(&name) {
            let message = format!("`{}` cannot be a variable's name", name.escape_debug());
            let hint = "a letter or `_`, then letters, digits and `_`";
            reader.error(Code::InvalidName, &at, Part::Key, message, hint.to_owned());
        } else if let Some(text) = reader.text(value, &at) {
            variables.insert(name, text);
        }
    }
    variables
}

/// What a shell can expand as `$NAME`.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `files:` of a step. `[]` says that it depends on none.
pub(super) fn key_files(value: Value, at: &At<'_>, reader: &mut Reader) -> Vec<String> {
    globs(value, at, reader, |glob| match SpanPattern::parse(glob) {
        Ok(None) => None,
        Ok(Some(_)) | Err(_) => Some((
            format!("no span is looked for in `{glob}`: these files are part of the program"),
            "data enters by `inputs:`; here match the folder with `*`",
        )),
    })
}

/// One glob or several, and what is wrong with one, as its reader sees it.
pub(super) fn globs(
    value: Value,
    at: &At<'_>,
    reader: &mut Reader,
    wrong: impl Fn(&str) -> Option<(String, &'static str)>,
) -> Vec<String> {
    let is_list = value.is_array();
    let globs = reader.literals(value, at, "a path or glob, or a list of these");
    for (index, glob) in globs.iter().enumerate() {
        let item = at.item(index);
        let at = if is_list { &item } else { at };
        if glob.is_empty() || glob.contains('\0') {
            let message = "a path is not empty and holds no NUL character".to_owned();
            reader.at_value(Code::WrongType, at, message, "");
        }
        if let Some((message, hint)) = wrong(glob) {
            reader.at_value(Code::InvalidInput, at, message, hint);
        }
    }
    globs
}
