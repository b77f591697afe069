//! Rows as text: the key's letter and parts, the value as JSON with binary in hex.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

/// A row as `docs/store-format.md` shows it: the key, and in the lines below it the value's fields.
pub(crate) fn render(key: &[u8], value: &[u8]) -> String {
    let letter = char::from(key[0]);
    let widths: &[usize] = match letter {
        'j' | 's' | 'p' => &[16, 16],
        'l' => &[8, 16],
        'b' | 'm' => &[16, 8, 2],
        'g' | 'n' => &[16, 16, 8],
        'k' => &[32],
        _ => &[16],
    };
    let mut parts = Vec::new();
    let mut rest = &key[1..];
    for width in widths {
        let (part, behind) = rest.split_at(rest.len().min(*width));
        parts.push(hex(part));
        rest = behind;
    }
    let (header, content) = value.split_at(2);
    let shown = match header[0] {
        1 => rmp_serde::from_slice::<Shown>(content).unwrap().0,
        _ => Value::from(hex(content)),
    };
    let fields = match shown {
        Value::Object(fields) => fields,
        other => Map::from_iter([("object".to_owned(), other)]),
    };
    let lines = fields
        .iter()
        .map(|(name, value)| format!("    {name}: {value}"));
    let lines: Vec<String> = lines.collect();
    let title = format!(
        "{letter} {}  ({}, {})",
        parts.join(" "),
        header[0],
        header[1]
    );
    [vec![title], lines].concat().join("\n")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

/// Any `MessagePack` as JSON.
struct Shown(Value);

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShownVisitor)
    }
}

struct ShownVisitor;

impl<'de> Visitor<'de> for ShownVisitor {
    type Value = Shown;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shown, E> {
        Ok(Shown(json!(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shown, E> {
        Ok(Shown(json!(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shown, E> {
        Ok(Shown(json!(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Shown, E> {
        Ok(Shown(json!(value)))
    }

    fn visit_unit<E>(self) -> Result<Shown, E> {
        Ok(Shown(Value::Null))
    }

    fn visit_str<E>(self, value: &str) -> Result<Shown, E> {
        Ok(Shown(json!(value)))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Shown, E> {
        Ok(Shown(json!(hex(value))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shown, A::Error> {
        let mut items = Vec::new();
        while let Some(Shown(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Shown(Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shown, A::Error> {
        let mut fields = Map::new();
        while let Some((Shown(name), Shown(value))) = map.next_entry()? {
            let name = name
                .as_str()
                .map_or_else(|| name.to_string(), ToOwned::to_owned);
            fields.insert(name, value);
        }
        Ok(Shown(Value::Object(fields)))
    }
}
