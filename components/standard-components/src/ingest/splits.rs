//! The parameter `splits`: by weights, by files, or by time.

use component_api::catalog::Problem;
use example_data::splits::{FileSplits, HashSplits, Splits, TimeBound, TimeRange, TimeSplits};
use serde_json::{Map, Value};

/// The key that says which column's time decides; no split can be called so where it holds a text.
const BY: &str = "by";

/// What the parameter says, or the first thing that is wrong with it.
pub(super) fn splits(value: &Value, key: Option<&str>) -> Result<Splits, Problem> {
    let entries = entries(value)?;
    if entries
        .iter()
        .any(|entry| entry.name == BY && entry.value.is_string())
    {
        without_key(key)?;
        return by_time(&entries);
    }
    let says_files = |entry: &Entry<'_>| entry.value.get("files").is_some();
    if entries.iter().any(says_files) {
        without_key(key)?;
        return by_files(&entries);
    }
    let key = key.map(str::to_owned);
    Ok(Splits::Hash {
        buckets: by_weights(&entries)?,
        key,
    })
}

/// A split with what is said of it.
struct Entry<'a> {
    name: &'a str,
    value: &'a Value,
    path: String,
}

fn problem(path: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem {
        path: path.into(),
        message: message.into(),
        hint: "for example `{ train: 8, eval: 1, test: 1 }`, `{ train: { files: \"data/train-*\" }, eval: \
               { files: \"data/eval-*\" } }` or `{ by: COLUMN, train: { before: 2026-03-01 }, eval: { from: \
               2026-03-01 } }`"
            .to_owned(),
    }
}

fn without_key(key: Option<&str>) -> Result<(), Problem> {
    match key {
        None => Ok(()),
        Some(_) => Err(problem(
            "/split_key",
            "`split_key` belongs to splits by weights, and these are by files or by time",
        )),
    }
}

/// The order of splits where they are a map, which has none of its own: the usual two first.
fn place(name: &str) -> (u8, &str) {
    match name {
        "train" => (0, name),
        "eval" => (1, name),
        other => (2, other),
    }
}

fn entries<'a>(value: &'a Value) -> Result<Vec<Entry<'a>>, Problem> {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<Entry<'_>> = map
                .iter()
                .map(|(name, value)| Entry {
                    name,
                    value,
                    path: format!("/splits/{name}"),
                })
                .collect();
            entries.sort_by(|a, b| place(a.name).cmp(&place(b.name)));
            Ok(entries)
        }
        Value::Array(list) => {
            let entry = |(index, entry): (usize, &'a Value)| {
                let single = entry.as_object().filter(|map| map.len() == 1);
                let Some((name, value)) = single.and_then(|map| map.iter().next()) else {
                    return Err(problem(
                        format!("/splits/{index}"),
                        "an entry of the list is a map of one split to its weight",
                    ));
                };
                let path = format!("/splits/{index}/{name}");
                Ok(Entry { name, value, path })
            };
            list.iter().enumerate().map(entry).collect()
        }
        other => Err(problem(
            "/splits",
            format!("the splits are a map of names to weights, not {other}"),
        )),
    }
}

fn by_weights(entries: &[Entry<'_>]) -> Result<HashSplits, Problem> {
    let weight = |entry: &Entry<'_>| {
        let Entry { name, value, path } = entry;
        let weight = value.as_u64().ok_or_else(|| {
            problem(
                path,
                format!("the weight of the split `{name}` is a whole number, not {value}"),
            )
        })?;
        Ok(((*name).to_owned(), weight))
    };
    let found = entries
        .iter()
        .map(weight)
        .collect::<Result<Vec<_>, Problem>>()?;
    HashSplits::new(found).map_err(|error| problem("/splits", error.to_string()))
}

fn by_files(entries: &[Entry<'_>]) -> Result<Splits, Problem> {
    let patterns = |entry: &Entry<'_>| {
        let Entry { name, value, path } = entry;
        let wrong = || {
            problem(
                path,
                format!(
                    "the split `{name}` is by files like the others: `{{ files: PATTERN }}`, or a list of patterns"
                ),
            )
        };
        let only = value.as_object().filter(|map| map.len() == 1);
        let given = only.and_then(|map| map.get("files")).ok_or_else(wrong)?;
        let texts = match given {
            Value::String(text) => vec![text.as_str()],
            Value::Array(list) => {
                let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                texts.ok_or_else(wrong)?
            }
            _ => return Err(wrong()),
        };
        Ok((
            (*name).to_owned(),
            texts.into_iter().flat_map(also_absolute).collect(),
        ))
    };
    let found = entries
        .iter()
        .map(patterns)
        .collect::<Result<Vec<_>, Problem>>()?;
    let splits = FileSplits::new(found).map_err(|error| problem("/splits", error.to_string()))?;
    Ok(Splits::Files(splits))
}

/// A pattern, and from the folder where the component was started: by hand files have absolute names.
fn also_absolute(pattern: &str) -> Vec<String> {
    let mut both = vec![pattern.to_owned()];
    if !pattern.starts_with('/')
        && let Ok(folder) = std::env::current_dir()
    {
        let mut text = String::new();
        for character in folder.to_string_lossy().chars() {
            // What is special in a pattern means itself in a folder's name.
            if "*?[]{}!\\".contains(character) {
                text.push('\\');
            }
            text.push(character);
        }
        both.push(format!("{text}/{}", pattern.trim_start_matches("./")));
    }
    both
}

fn by_time(entries: &[Entry<'_>]) -> Result<Splits, Problem> {
    let mut column = String::new();
    let mut ranges = Vec::new();
    for Entry { name, value, path } in entries {
        if *name == BY {
            value.as_str().unwrap_or_default().clone_into(&mut column);
            continue;
        }
        let Some(map) = value.as_object() else {
            return Err(problem(
                path,
                format!(
                    "the split `{name}` is by time like the others: `{{ from: TIME, before: TIME }}`"
                ),
            ));
        };
        if let Some(other) = map.keys().find(|key| *key != "from" && *key != "before") {
            let path = format!("{path}/{other}");
            return Err(problem(
                path,
                format!("there are `from` and `before` and no `{other}`"),
            ));
        }
        ranges.push(TimeRange {
            name: (*name).to_owned(),
            from: bound(map, "from", path)?,
            before: bound(map, "before", path)?,
        });
    }
    let splits =
        TimeSplits::new(column, ranges).map_err(|error| problem("/splits", error.to_string()))?;
    Ok(Splits::Time(splits))
}

fn bound(map: &Map<String, Value>, name: &str, path: &str) -> Result<Option<TimeBound>, Problem> {
    let Some(value) = map.get(name) else {
        return Ok(None);
    };
    let found = match value {
        Value::String(text) => TimeBound::parse(text),
        other => other.as_i64().map(TimeBound::Number),
    };
    let wrong = || {
        problem(
            format!("{path}/{name}"),
            format!(
                "{value} is no time: a date such as 2026-03-01 (midnight in UTC), a time with its zone such as \
                 2026-03-01T12:00:00Z, or a whole number for a column of integers"
            ),
        )
    };
    found.map(Some).ok_or_else(wrong)
}
