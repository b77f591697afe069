//! The reuse key: what a step's result depends on, its digest, and what differs between two.
//!
//! "May this be reused" and "why does this run again" read the same parts. It does not know
//! where digests come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use component_api::files::{FileEntry, manifest_digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::reason::{Reason, ReasonCode};

/// Everything that a step's result depends on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyParts {
    /// Name and version of the component, with the executable's digest in unreleased builds; or
    /// `command`.
    pub component: String,
    /// The resolved command; empty for a component.
    pub command: Vec<String>,
    /// The path that the command's first word was found at.
    pub program: Option<String>,
    /// Resolved parameters.
    pub params: BTreeMap<String, Value>,
    /// Digests of the artifacts of each input port.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// Declared environment variables, resolved.
    pub env: BTreeMap<String, String>,
    /// Declared outputs: type by port.
    pub outputs: BTreeMap<String, String>,
    /// Files that a command depends on; none where they are no part of the key.
    pub files: Option<Arc<FileSet>>,
    /// Where the command works, if not in the pipeline file's folder.
    pub workdir: Option<String>,
    /// What the author says that it depends on, resolved.
    pub cache_key: Option<String>,
    /// The item that it is done for, if it is one of a list.
    pub item: Option<Value>,
}

/// The files that a command depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSet {
    /// Digest over `files`; see `component_api::files::manifest_digest`.
    pub digest: String,
    /// By path relative to the pipeline file's folder, sorted.
    pub files: Vec<FileEntry>,
}

impl FileSet {
    /// A set of these files.
    pub fn new(mut files: Vec<FileEntry>) -> Self {
        files.sort();
        Self {
            digest: manifest_digest(&files),
            files,
        }
    }
}

impl KeyParts {
    /// BLAKE3 over the parts as JSON with sorted keys, in hex.
    pub fn digest(&self) -> String {
        let mut parts = json!({
            "component": self.component,
            "command": self.command,
            "program": self.program,
            "params": self.params,
            "inputs": self.inputs,
            "env": self.env,
            "outputs": self.outputs,
            "files": self.files.as_ref().map(|f| &f.digest),
        });
        // Absent rather than null: keys from before these parts existed stay valid.
        for (name, part) in [("workdir", &self.workdir), ("cache_key", &self.cache_key)] {
            if let Some(part) = part {
                parts[name] = part.as_str().into();
            }
        }
        // What is done once keeps the key that it had before there were items.
        if let Some(item) = &self.item {
            parts["item"] = item.clone();
        }
        blake3::hash(parts.to_string().as_bytes())
            .to_hex()
            .to_string()
    }

    /// Why a step with these parts runs although one with `before` did: the first difference, in
    /// the order in which people look for causes.
    pub fn differs_from(&self, before: &Self) -> Option<Reason> {
        if self.component != before.component {
            let text = component_changed(&before.component, &self.component);
            return Some(Reason::new(
                ReasonCode::ComponentChanged,
                text,
                &self.component,
            ));
        }
        if let Some((port, ..)) = first_difference(&before.outputs, &self.outputs) {
            let text = format!("output `{port}` changed");
            return Some(Reason::new(ReasonCode::ComponentChanged, text, port));
        }
        if self.command != before.command || self.program != before.program {
            let text = format!("its command changed{}", changed_word(before, self));
            return Some(Reason::new(ReasonCode::ParameterChanged, text, "run"));
        }
        if self.workdir != before.workdir {
            let text = "its working folder changed";
            return Some(Reason::new(ReasonCode::ParameterChanged, text, "workdir"));
        }
        if self.cache_key != before.cache_key {
            let value = |key: &Option<String>| key.as_deref().map(Value::from);
            let (old, new) = (value(&before.cache_key), value(&self.cache_key));
            let text = format!(
                "its cache key changed{}",
                from_to(old.as_ref(), new.as_ref())
            );
            return Some(Reason::new(ReasonCode::ParameterChanged, text, "cache"));
        }
        if let Some((name, old, new)) = first_difference(&before.params, &self.params) {
            let text = format!("parameter `{name}` changed{}", from_to(old, new));
            return Some(Reason::new(ReasonCode::ParameterChanged, text, name));
        }
        if self.item != before.item {
            let text = format!(
                "its item changed{}",
                from_to(before.item.as_ref(), self.item.as_ref())
            );
            return Some(Reason::new(ReasonCode::ParameterChanged, text, "item"));
        }
        if let Some((port, ..)) = first_difference(&before.inputs, &self.inputs) {
            let text = format!("input `{port}` changed");
            return Some(Reason::new(ReasonCode::InputChanged, text, port));
        }
        if let Some(path) = changed_file(before.files.as_deref(), self.files.as_deref()) {
            let text = format!("file `{path}` changed");
            return Some(Reason::new(ReasonCode::FileChanged, text, path));
        }
        if let Some((name, old, new)) = first_difference(&before.env, &self.env) {
            let text = format!("environment variable `{name}` changed{}", from_to(old, new));
            return Some(Reason::new(ReasonCode::EnvChanged, text, name));
        }
        None
    }
}

/// By name and version; the digest that may follow tells a person nothing.
fn component_changed(before: &str, now: &str) -> String {
    let named = |identity: &str| {
        let words: Vec<&str> = identity.split(' ').take(2).collect();
        words.join(" ")
    };
    let (before, now) = (named(before), named(now));
    if before == now {
        return format!("its component {now} changed, but not its version");
    }
    format!("its component changed from {before} to {now}")
}

/// Longest value shown in a reason, in characters.
const SHOWN_VALUE_CHARACTERS_MAX: usize = 40;

fn from_to<V: Serialize>(old: Option<&V>, new: Option<&V>) -> String {
    let shown =
        |value: Option<&V>| value.map_or("nothing".to_owned(), |value| json!(value).to_string());
    let (old, new) = (shown(old), shown(new));
    if old.chars().count().max(new.chars().count()) > SHOWN_VALUE_CHARACTERS_MAX {
        return String::new();
    }
    format!(" from {old} to {new}")
}

/// The one word of a command that differs, if all others stayed.
fn changed_word(before: &KeyParts, now: &KeyParts) -> String {
    let (old, new) = (&before.command, &now.command);
    let mut changed = old.iter().zip(new).filter(|(old, new)| old != new);
    match (changed.next(), changed.next()) {
        (Some((old, new)), None) if before.command.len() == now.command.len() => {
            from_to(Some(old), Some(new))
        }
        _ => String::new(),
    }
}

/// The first key whose values differ, with both values.
fn first_difference<'a, V: PartialEq>(
    before: &'a BTreeMap<String, V>,
    now: &'a BTreeMap<String, V>,
) -> Option<(&'a str, Option<&'a V>, Option<&'a V>)> {
    let mut keys: Vec<&String> = before.keys().chain(now.keys()).collect();
    keys.sort();
    keys.into_iter()
        .map(|key| (key.as_str(), before.get(key), now.get(key)))
        .find(|(_, old, new)| old != new)
}

fn changed_file(before: Option<&FileSet>, now: Option<&FileSet>) -> Option<String> {
    let (before, now) = match (before, now) {
        (Some(before), Some(now)) if before.digest != now.digest => (before, now),
        (None, None) | (Some(_), Some(_)) => return None,
        // The step began or ceased to depend on files: that is a change of `files:` itself.
        (None, Some(_)) | (Some(_), None) => return Some("files".to_owned()),
    };
    let index = |set: &FileSet| -> BTreeMap<String, String> {
        let pairs = set.files.iter();
        pairs.map(|f| (f.path.clone(), f.digest.clone())).collect()
    };
    let (before, now) = (index(before), index(now));
    first_difference(&before, &now).map(|(path, ..)| path.to_owned())
}
