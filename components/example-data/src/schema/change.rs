//! The differences of two schemas, place by place.

use std::fmt;

use serde_yaml::Value;

use super::model::Schema;
use crate::DataError;

/// A step on the way to a place in a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A field.
    Field(String),
    /// The entry of a list that has this `name`.
    Named(String),
}

/// A difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where.
    pub place: Vec<Step>,
    /// What.
    pub edit: Edit,
}

/// What is different at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// The field was not there.
    Add(Value),
    /// The field has another value.
    Replace(Value, Value),
    /// The field, or the entry of a list, is not there any more.
    Remove(Value),
    /// The list has further entries.
    Append(Vec<Value>),
}

/// What turns one schema into another, in the order of the first.
pub fn changes(old: &Schema, new: &Schema) -> Result<Vec<Change>, DataError> {
    let value = |schema: &Schema| {
        serde_yaml::to_value(schema)
            .map_err(|error| DataError::Request(format!("the schema cannot be compared: {error}")))
    };
    let mut found = Vec::new();
    compare(&value(old)?, &value(new)?, &mut Vec::new(), &mut found);
    Ok(found)
}

impl Change {
    fn at(place: &[Step], edit: Edit) -> Self {
        Self {
            place: place.to_vec(),
            edit,
        }
    }

    /// The feature or domain that the change is about, where it is about one alone.
    pub fn subject(&self) -> Option<&str> {
        self.place.iter().find_map(|step| match step {
            Step::Named(name) => Some(name.as_str()),
            Step::Field(_) => None,
        })
    }
}

fn compare(old: &Value, new: &Value, place: &mut Vec<Step>, found: &mut Vec<Change>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Mapping(old), Value::Mapping(new)) => {
            let keys = old
                .keys()
                .chain(new.keys().filter(|key| !old.contains_key(key)));
            for key in keys.cloned().collect::<Vec<_>>() {
                place.push(Step::Field(key.as_str().unwrap_or_default().to_owned()));
                match (old.get(&key), new.get(&key)) {
                    (Some(old), Some(new)) => compare(old, new, place, found),
                    (Some(old), None) => {
                        found.push(Change::at(place, Edit::Remove(old.clone())));
                    }
                    (None, Some(new)) => {
                        found.push(Change::at(place, Edit::Add(new.clone())));
                    }
                    (None, None) => {}
                }
                place.pop();
            }
        }
        (Value::Sequence(before), Value::Sequence(after)) => {
            let names: Option<(Vec<&str>, Vec<&str>)> = names(before).zip(names(after));
            if let Some((old_names, new_names)) = names {
                for (name, entry) in old_names.iter().zip(before) {
                    place.push(Step::Named((*name).to_owned()));
                    match new_names.iter().position(|other| other == name) {
                        Some(index) => compare(entry, &after[index], place, found),
                        None => {
                            found.push(Change::at(place, Edit::Remove(entry.clone())));
                        }
                    }
                    place.pop();
                }
                let is_new = |(name, _): &(&&str, &Value)| !old_names.contains(*name);
                let added = new_names.iter().zip(after).filter(is_new);
                let added: Vec<Value> = added.map(|(_, entry)| entry.clone()).collect();
                if !added.is_empty() {
                    found.push(Change::at(place, Edit::Append(added)));
                }
            } else if after.starts_with(before) {
                found.push(Change::at(
                    place,
                    Edit::Append(after[before.len()..].to_vec()),
                ));
            } else {
                found.push(Change::at(place, Edit::Replace(old.clone(), new.clone())));
            }
        }
        (old, new) => found.push(Change::at(place, Edit::Replace(old.clone(), new.clone()))),
    }
}

/// The names of a list's entries, if all have one and no two the same.
fn names(list: &[Value]) -> Option<Vec<&str>> {
    let names: Option<Vec<&str>> = list
        .iter()
        .map(|entry| entry.get("name")?.as_str())
        .collect();
    let mut sorted = names.clone()?;
    sorted.sort_unstable();
    let unique = sorted
        .iter()
        .zip(sorted.iter().skip(1))
        .all(|(a, b)| a != b);
    names.filter(|_| unique)
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.edit {
            Edit::Add(_) | Edit::Append(_) => '+',
            Edit::Replace(..) => '~',
            Edit::Remove(_) => '-',
        };
        write!(formatter, "{sign} ")?;
        for (index, step) in self.place.iter().enumerate() {
            match step {
                Step::Field(name) if index == 0 => write!(formatter, "{name}")?,
                Step::Field(name) => write!(formatter, ".{name}")?,
                Step::Named(name) => write!(formatter, "[{name}]")?,
            }
        }
        match &self.edit {
            Edit::Add(value) | Edit::Remove(value) => write!(formatter, ": {}", flow(value)),
            Edit::Replace(old, new) => write!(formatter, ": {} -> {}", flow(old), flow(new)),
            Edit::Append(values) => {
                let texts: Vec<String> = values.iter().map(flow).collect();
                // Whole features and domains each on a line of their own.
                let are_maps = values.len() > 1 && values.iter().all(Value::is_mapping);
                let (first, between) = if are_maps {
                    (":\n    ", "\n    ")
                } else {
                    (": ", ", ")
                };
                write!(formatter, "{first}{}", texts.join(between))
            }
        }
    }
}

/// A value on one line, as it may stand anywhere in YAML.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Mapping(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", flow(key), flow(value)))
                .collect();
            if pairs.is_empty() {
                "{}".to_owned()
            } else {
                format!("{{ {} }}", pairs.join(", "))
            }
        }
        Value::Sequence(list) => {
            let texts: Vec<String> = list.iter().map(flow).collect();
            format!("[{}]", texts.join(", "))
        }
        Value::String(text) => quoted(text),
        scalar => serde_yaml::to_string(scalar)
            .unwrap_or_default()
            .trim_end()
            .to_owned(),
    }
}

/// A text in quotes unless it plainly needs none.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_text = serde_yaml::from_str::<Value>(text).is_ok_and(|value| value.is_string());
    // YAML 1.1, which other tools speak, has further words for true and false.
    let is_word = ["y", "n", "yes", "no", "on", "off"].contains(&text.to_lowercase().as_str());
    let starts_well = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if starts_well && text.bytes().all(plain) && is_text && !is_word {
        return text.to_owned();
    }
    serde_json::to_string(text).unwrap_or_default()
}
