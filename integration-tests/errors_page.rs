//! docs/errors.md as a newcomer uses it: every example is told of what it stands for, every fix is
//! valid.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::Project;

/// Codes that take a file which nobody would read as an example.
const WITHOUT_EXAMPLE: [&str; 2] = ["file-too-large", "yaml-too-deep"];

/// A section of the page: its code, and the files in it.
struct Section {
    code: String,
    files: Vec<String>,
}

fn sections() -> Vec<Section> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let (page, _) = page
        .split_once("\n## While a pipeline runs\n")
        .unwrap_or((&page, ""));
    let sections = page.split("\n### `").skip(1);
    let read = |section: &str| {
        let (code, rest) = section.split_once('`').expect("a heading is a code");
        let files = rest.split("```yaml\n").skip(1);
        let files = files.map(|file| file.split("```").next().unwrap_or_default());
        Section {
            code: code.to_owned(),
            files: files.map(str::to_owned).collect(),
        }
    };
    sections.map(read).collect()
}

#[test]
fn each_example_is_told_of_its_code_and_each_fix_is_valid() {
    let project = Project::new("errors-page");
    let sections = sections();
    let mut names = Vec::new();
    for section in &sections {
        for (text, kind) in section.files.iter().zip(["example", "fix"]) {
            let name = format!("{}-{kind}.yaml", section.code);
            project.write(&name, text);
            names.push(name);
        }
    }
    let arguments: Vec<&str> = ["validate"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let document = project.json(&arguments);
    let mut told: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for diagnostic in document["diagnostics"].as_array().expect("it is a list") {
        let text = |field: &str| diagnostic[field].as_str().unwrap_or_default();
        told.entry(text("file")).or_default().push(text("code"));
    }
    let of = |file: String| told.get(file.as_str()).cloned().unwrap_or_default();
    for Section { code, files } in &sections {
        if WITHOUT_EXAMPLE.contains(&code.as_str()) {
            assert!(files.is_empty(), "{code} has an example after all");
            continue;
        }
        assert_eq!(files.len(), 2, "{code} has an example and its fix");
        let found = of(format!("{code}-example.yaml"));
        assert!(found.contains(&code.as_str()), "{code}: {found:?}");
        let found = of(format!("{code}-fix.yaml"));
        assert!(found.is_empty(), "the fix of {code} is told of {found:?}");
    }
    assert_eq!(document["valid"], Value::Bool(false));
}
