//! The text as a tree of values, aliases expanded and merges (`<<`) applied.
//!
//! Reads through the YAML crate, but into JSON values and past what is wrong: a number that does not
//! fit or a bad merge is said, and reading goes on. The guard has bounded the text before.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use crate::at::At;
use crate::code::Code;
use crate::diagnostic::{Collector, Diagnostic};
use crate::position::Lines;

/// Reads a text that the guard let through. Without a value, a diagnostic says why.
pub(crate) fn read(text: &str, collector: &mut Collector) -> Option<Value> {
    let seed = Node {
        collector,
        at: At::ROOT,
    };
    match seed.deserialize(serde_yaml::Deserializer::from_str(text)) {
        Ok(value) => Some(value),
        Err(error) => {
            // Tags and keys of other kinds can end the reading; then they were told of already.
            if !collector.has_errors() {
                collector.push(unreadable(text, &error));
            }
            None
        }
    }
}

fn unreadable(text: &str, error: &serde_yaml::Error) -> Diagnostic {
    let byte = error.location().map_or(0, |l| l.index()).min(text.len());
    let byte = text.floor_char_boundary(byte);
    let message = format!("not valid YAML: {error}");
    let position = Lines::new(text).position(&(byte..byte));
    Diagnostic::error(Code::YamlSyntax, "", message).at_position(position)
}

/// Reads one value.
struct Node<'a> {
    collector: &'a mut Collector,
    at: At<'a>,
}

impl Node<'_> {
    fn number(self, number: Option<Number>, shown: impl std::fmt::Display) -> Value {
        if let Some(number) = number {
            return Value::Number(number);
        }
        let message =
            format!("the number {shown} is not finite or does not fit in 64 bits with a sign");
        self.collector.push(
            Diagnostic::error(Code::YamlNumber, self.at.pointer(), message)
                .hint("put quotes around it if it is meant as text"),
        );
        // Any number: that a number stands here is not wrong.
        Value::from(0)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(self.number(i64::try_from(value).ok().map(Number::from), value))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        Ok(self.number(i64::try_from(value).ok().map(Number::from), value))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        Ok(self.number(i64::try_from(value).ok().map(Number::from), value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(self.number(Number::from_f64(value), value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    /// A text without any value.
    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let seed = Node {
                collector: &mut *self.collector,
                at: self.at.item(list.len()),
            };
            match items.next_element_seed(seed)? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut merges = Vec::new();
        while let Some(key) = entries.next_key_seed(Key)? {
            let Some(key) = key else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            let seed = Node {
                collector: &mut *self.collector,
                at: self.at.key(&key),
            };
            let value = entries.next_value_seed(seed)?;
            if key == "<<" {
                merges.push(value);
            } else {
                map.entry(key).or_insert(value);
            }
        }
        for merged in merges {
            merge(&mut map, merged, &self.at.key("<<"), self.collector);
        }
        Ok(Value::Object(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (_, content) = tagged.variant::<String>()?;
        content.newtype_variant_seed(self)
    }
}

/// Adds what `map` does not have itself; of several maps, the first that has a key gives it.
fn merge(map: &mut Map<String, Value>, merged: Value, at: &At<'_>, collector: &mut Collector) {
    match merged {
        Value::Object(entries) => {
            for (key, value) in entries {
                map.entry(key).or_insert(value);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.into_iter().enumerate() {
                match item {
                    Value::Object(_) => merge(map, item, at, collector),
                    _ => refuse_merge(&at.item(index), collector),
                }
            }
        }
        _ => refuse_merge(at, collector),
    }
}

fn refuse_merge(at: &At<'_>, collector: &mut Collector) {
    let message = "a merge takes a map or a list of maps";
    let found = Diagnostic::error(Code::YamlMerge, at.pointer(), message);
    collector.push(found.hint("write `<<: *name`, where `&name` stands at a map"));
}

/// Reads a key: text, or nothing for any other kind, which the guard has told of.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.to_owned()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Self::Value, A::Error> {
        let (_, content) = tagged.variant::<String>()?;
        content.newtype_variant_seed(self)
    }
}
