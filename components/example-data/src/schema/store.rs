//! A Schema artifact's file, `schema.yaml`.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::model::Schema;
use crate::DataError;
use crate::limits::SCHEMA_FILE_BYTES_MAX;

/// The name of the file in a Schema artifact's folder.
pub const SCHEMA_FILE: &str = "schema.yaml";

/// Reads a schema from a file, or from `schema.yaml` in a folder, and checks what would make
/// every use of it meaningless: two features of one name, two domains of one feature. What a
/// validation reports as an anomaly of the schema is left to it.
pub fn read(path: &Path) -> Result<Schema, DataError> {
    let file = if path.is_dir() {
        path.join(SCHEMA_FILE)
    } else {
        path.to_path_buf()
    };
    let mut text = String::new();
    File::open(&file)
        .map_err(|error| DataError::io("open", &file, error))?
        .take(SCHEMA_FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| DataError::io("read", &file, error))?;
    if text.len() as u64 > SCHEMA_FILE_BYTES_MAX {
        return Err(DataError::schema(
            &file,
            format!(
                "larger than {} MiB, too large for a schema",
                SCHEMA_FILE_BYTES_MAX >> 20
            ),
        ));
    }
    parse(&text).map_err(|problem| DataError::schema(&file, problem))
}

/// Writes a schema as `schema.yaml` in a folder.
pub fn write(folder: &Path, schema: &Schema) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(|error| DataError::io("create", folder, error))?;
    write_file(&folder.join(SCHEMA_FILE), schema)
}

/// Writes a schema as a file of this name.
pub fn write_file(path: &Path, schema: &Schema) -> Result<(), DataError> {
    let text = serde_yaml::to_string(schema)
        .map_err(|error| DataError::schema(path, format!("cannot be written: {error}")))?;
    fs::write(path, text).map_err(|error| DataError::io("write", path, error))
}

pub(super) fn parse(text: &str) -> Result<Schema, String> {
    if text.trim().is_empty() {
        return Err("the file is empty; `ropewalk component schema` infers one".to_owned());
    }
    let schema: Schema =
        serde_yaml::from_str(text).map_err(|error| format!("not a schema: {error}"))?;
    let mut names: Vec<&str> = schema
        .feature
        .iter()
        .filter_map(|feature| feature.name.as_deref())
        .collect();
    names.sort_unstable();
    if let Some((name, _)) = names
        .iter()
        .zip(&names[1.min(names.len())..])
        .find(|(a, b)| a == b)
    {
        return Err(format!("feature `{name}` stands in it twice"));
    }
    for feature in &schema.feature {
        let domains = feature.domains();
        if domains.len() > 1 {
            return Err(format!(
                "feature `{}` has the domains {}; it can have one",
                feature.name.as_deref().unwrap_or_default(),
                domains.join(" and "),
            ));
        }
    }
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_used_is_kept() {
        let text = "\
feature:
- name: species
  type: BYTES
  presence:
    min_fraction: 1.0
    min_count: 1
  string_domain:
    value:
    - Adelie
    - yes
    - '1'
  annotation:
    tag:
    - biology
ropewalk:
  entity: id
represent_negative_as_nan: true
";
        let schema = parse(text).unwrap();
        assert_eq!(
            schema.feature[0].string_domain.as_ref().unwrap().value[2],
            "1"
        );
        assert_eq!(
            schema.ropewalk.as_ref().unwrap().entity.as_deref(),
            Some("id")
        );
        assert_eq!(serde_yaml::to_string(&schema).unwrap(), text);
    }

    #[test]
    fn a_schema_that_makes_no_sense_is_refused_with_the_reason() {
        let check = |text: &str, part: &str| {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        };
        check("", "empty");
        check("feature: {}", "expected a sequence");
        check("feature:\n- name: a\n  type: INTEGER\n", "INTEGER");
        check("feature:\n- name: a\n- name: a\n", "`a` stands in it twice");
        check(
            "feature:\n- name: a\n  int_domain: {}\n  bool_domain: {}\n",
            "int_domain and bool_domain",
        );
        check(
            "feature:\n- name: a\n  presence: { min_count: many }\n",
            "many",
        );
        check("ropewalk: { entitty: id }\n", "entitty");
        check(
            "feature:\n- name: a\n  presence: { min_fracton: 1 }\n",
            "unknown field `min_fracton`",
        );
        check("a: [", "line 2");
    }
}
