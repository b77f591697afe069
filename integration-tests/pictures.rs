//! Pipelines as pictures, components as pages, the command line for shells and readers.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::{Project, transcript};

/// Steps that fan out and come together, one on a condition, and one that always follows.
const DIAMONDS: &str = r#"name: diamonds
steps:
  fetch: { run: [./fetch.sh], outputs: { rows: Artifact } }
  clean: { run: [./clean.sh], inputs: { rows: fetch.rows }, outputs: { rows: Artifact } }
  count: { run: [wc, -l], inputs: { rows: clean.rows }, outputs: { n: integer } }
  trees: { run: [./train.sh, trees], inputs: { rows: clean.rows }, outputs: { model: Artifact } }
  linear: { run: [./train.sh, linear], inputs: { rows: clean.rows }, outputs: { model: Artifact } }
  compare:
    run: |
      ./compare.sh
      echo done
    inputs: { a: trees.model, b: linear.model, rows: clean.rows }
    outputs: { better: boolean }
  tell: { run: [echo], needs: [compare, count], if: "${{ steps.compare.outputs.better }}" }
  apart: { run: [date] }
finally:
  tidy: { run: [rm, -rf, scratch] }
"#;

fn check(name: &str, text: &str) {
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, text) });
}

fn said(project: &Project, arguments: &[&str]) -> String {
    let output = project.command(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_pipeline_is_drawn_in_every_form() {
    let project = Project::of("graph", DIAMONDS);
    for form in ["text", "dot", "mermaid", "svg"] {
        let picture = said(&project, &["graph", "pipeline.yaml", "--as", form]);
        check(&format!("graph-{form}"), &picture);
    }
    let document = project.json(&["graph", "pipeline.yaml"]);
    assert_eq!(document["nodes"].as_array().map(Vec::len), Some(9));
}

#[test]
fn the_taxi_pipeline_and_one_of_fifty_steps_are_drawn_as_text() {
    let project = Project::new("graph");
    let taxi = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/taxi/pipeline.yaml");
    let taxi = taxi.display().to_string();
    check("graph-taxi", &said(&project, &["graph", &taxi]));
    // Ten regions, each with a chain of its own, that come together.
    let mut text = "name: regions\nsteps:\n  fetch: { run: [x] }\n".to_owned();
    for region in 0..12 {
        for (step, before) in [
            ("read", None),
            ("clean", Some("read")),
            ("train", Some("clean")),
            ("judge", Some("train")),
        ] {
            let before = before.map_or("fetch".to_owned(), |before| format!("{before}_{region}"));
            let _ = writeln!(text, "  {step}_{region}: {{ run: [x], needs: [{before}] }}");
        }
    }
    let judges: Vec<String> = (0..12).map(|region| format!("judge_{region}")).collect();
    let _ = writeln!(
        text,
        "  best: {{ run: [x], needs: [{}] }}",
        judges.join(", ")
    );
    project.write("pipeline.yaml", &text);
    check(
        "graph-regions",
        &said(&project, &["graph", "pipeline.yaml"]),
    );
}

#[test]
fn pictures_are_read_by_those_they_are_for() {
    let project = Project::of(
        "graph",
        "name: \"<quotes> & \\\"marks\\\"\"\nsteps:\n  end: { run: [echo, '\"<a> & `b` #1\"'] }\n  class: { run: [echo], needs: end }\n",
    );
    let svg = said(&project, &["graph", "pipeline.yaml", "--as", "svg"]);
    project.write("picture.svg", &svg);
    let parsed = std::process::Command::new("python3")
        .args([
            "-c",
            "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])",
        ])
        .arg(project.folder().join("picture.svg"))
        .output()
        .expect("python3 is there");
    assert!(parsed.status.success(), "{}", transcript(&parsed));
    let mermaid = said(&project, &["graph", "pipeline.yaml", "--as", "mermaid"]);
    assert!(
        mermaid.contains("#quot;#lt;a#gt; #amp; #96;b#96; #35;1#quot;"),
        "{mermaid}"
    );
    let dot = said(&project, &["graph", "pipeline.yaml", "--as", "dot"]);
    assert!(dot.contains(r#"\"<a> & `b` #1\""#), "{dot}");
}

#[test]
fn each_component_has_a_page() {
    let project = Project::new("components");
    let list = said(&project, &["components"]);
    check("components", &list);
    check(
        "components-train",
        &said(&project, &["components", "train"]),
    );
    let document = project.json(&["components"]);
    for component in document["components"].as_array().expect("it is a list") {
        let name = component["name"].as_str().expect("it has a name");
        let page = said(&project, &["components", name]);
        for part in ["inputs", "outputs", "params"] {
            for key in component[part].as_object().expect("it is a map").keys() {
                assert!(page.contains(key), "{name}: nothing about {key}\n{page}");
            }
        }
    }
    let output = project.command(&["components", "trian"]);
    let said = transcript(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("did you mean `train`?"), "{said}");
}

#[test]
fn shells_and_man_know_every_command() {
    let project = Project::new("completions");
    let help = said(&project, &["--help"]);
    let commands = help
        .split("\nCommands:\n")
        .nth(1)
        .expect("commands are listed");
    let commands = commands.lines().take_while(|line| line.starts_with("  "));
    let commands: Vec<&str> = commands
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase()))
        .collect();
    assert!(commands.contains(&"run"), "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = said(&project, &["completions", shell]);
        for command in &commands {
            assert!(script.contains(command), "{shell}: nothing about {command}");
        }
    }
    project.write(
        "completions.bash",
        &said(&project, &["completions", "bash"]),
    );
    let read = std::process::Command::new("bash")
        .args(["-n", "completions.bash"])
        .current_dir(project.folder())
        .output()
        .expect("bash is there");
    assert!(read.status.success(), "{}", transcript(&read));
    let page = said(&project, &["man"]);
    assert!(
        page.starts_with(".ie") && page.contains(".TH ropewalk 1"),
        "{page}"
    );
    let page = said(&project, &["man", "run"]);
    assert!(
        page.contains(".TH ropewalk-run 1") && page.contains("force"),
        "{page}"
    );
    assert_eq!(project.command(&["man", "keeper"]).status.code(), Some(2));
}
