//! What ARCHITECTURE.md says about the crates, held against their manifests and sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crates that do no IO and read no clock, environment or random source.
const PURE: [&str; 5] = [
    "pipeline-spec",
    "pipeline-plan",
    "cron-schedule",
    "component-api",
    "run-engine",
];

/// What has no use but input, output, time, threads or chance.
const IMPURE: [&str; 18] = [
    "axum",
    "hyper",
    "hyper-util",
    "ignore",
    "indicatif",
    "libc",
    "notify",
    "rand",
    "rayon",
    "reqwest",
    "rustix",
    "rustls",
    "sled",
    "tempfile",
    "tokio",
    "tokio-rustls",
    "tokio-stream",
    "tracing-subscriber",
];

/// Libraries that shape the design, and the only crates that name them.
const OWNED: [(&str, &[&str]); 8] = [
    ("sled", &["run-store"]),
    ("axum", &["orchestrator-daemon"]),
    ("hyper", &["orchestrator-daemon"]),
    ("petgraph", &["pipeline-plan"]),
    ("minijinja", &["pipeline-plan"]),
    ("chrono-tz", &["cron-schedule"]),
    (
        "yaml_serde",
        &["pipeline-spec", "example-data", "orchestrator-daemon"],
    ),
    ("saphyr-parser", &["pipeline-spec", "example-data"]),
];

/// The only crate that starts processes.
const SPAWNS: &str = "attempt-keeper";

/// The only other file that does: it starts this very program again, to try a model in there.
const SPAWNS_ITSELF: &str = "standard-components/src/infra_validate/process.rs";

/// What the keeper never links.
const NOT_IN_KEEPER: [&str; 3] = ["tokio", "sled", "axum"];

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .join("../..")
        .canonicalize()
        .expect("the workspace is there")
}

fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {error}"))
}

/// The crates of the workspace, each with the packages that its manifest names for its own code.
fn manifests() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata(&["--no-deps"]);
    let packages = list(&metadata["packages"]).iter().map(|package| {
        let own = list(&package["dependencies"])
            .iter()
            .filter(|d| d["kind"].is_null());
        (
            text(&package["name"]),
            own.map(|d| text(&d["name"])).collect(),
        )
    });
    packages.collect()
}

/// The edges that ARCHITECTURE.md allows.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it is there");
    let mut allowed = BTreeMap::new();
    for line in document.lines().filter(|line| line.starts_with("    ")) {
        let Some((left, right)) = line.split_once(" -> ") else {
            continue;
        };
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let from: Vec<&str> = left.split(',').map(str::trim).collect();
        if !from.iter().all(is_name) {
            continue;
        }
        let to = right.split(',').map(str::trim).filter(is_name);
        let to: BTreeSet<String> = to.map(str::to_owned).collect();
        for name in from {
            allowed.insert(name.to_owned(), to.clone());
        }
    }
    allowed
}

#[test]
fn crates_know_only_whom_they_may_know() {
    let manifests = manifests();
    let allowed = allowed();
    let crates: BTreeSet<&String> = manifests.keys().collect();
    assert_eq!(
        crates,
        allowed.keys().collect(),
        "the table names other crates than there are"
    );
    for (name, dependencies) in &manifests {
        let ours = dependencies.iter().filter(|d| crates.contains(d));
        let forbidden: Vec<&String> = ours.filter(|d| !allowed[name].contains(*d)).collect();
        assert!(
            forbidden.is_empty(),
            "{name} must not depend on {forbidden:?}"
        );
    }
}

#[test]
fn libraries_that_shape_the_design_have_one_owner() {
    let manifests = manifests();
    for (library, owners) in OWNED {
        let naming = manifests
            .iter()
            .filter(|(_, dependencies)| dependencies.contains(library));
        let naming: BTreeSet<&str> = naming.map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            naming,
            owners.iter().copied().collect(),
            "who names {library}"
        );
    }
}

#[test]
fn pure_crates_stay_pure() {
    let manifests = manifests();
    for name in PURE {
        let impure: Vec<&str> = IMPURE
            .into_iter()
            .filter(|library| manifests[name].contains(*library))
            .collect();
        assert!(impure.is_empty(), "{name} names {impure:?}");
        let source = fs::read_to_string(folder(name).join("src/lib.rs")).expect("it is there");
        let denied = "#![deny(clippy::disallowed_methods)]";
        assert!(
            source.contains(denied),
            "the root of {name} does not say {denied}"
        );
    }
}

#[test]
fn the_keeper_links_neither_runtime_nor_store() {
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let nodes: BTreeMap<String, &Value> = list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| (text(&node["id"]), node))
        .collect();
    let names: BTreeMap<String, String> = list(&metadata["packages"])
        .iter()
        .map(|p| (text(&p["id"]), text(&p["name"])))
        .collect();
    let start = names
        .iter()
        .find(|(_, name)| *name == SPAWNS)
        .expect("it is a crate")
        .0;
    let mut linked = BTreeSet::new();
    let mut rest = vec![start.clone()];
    while let Some(id) = rest.pop() {
        for dependency in list(&nodes[&id]["deps"]) {
            let used = list(&dependency["dep_kinds"])
                .iter()
                .any(|kind| kind["kind"].is_null());
            let id = text(&dependency["pkg"]);
            if used && linked.insert(names[&id].clone()) {
                rest.push(id);
            }
        }
    }
    assert!(
        linked.contains("rustix"),
        "the walk found nothing: {linked:?}"
    );
    for library in NOT_IN_KEEPER {
        assert!(!linked.contains(library), "the keeper links {library}");
    }
}

#[test]
fn only_one_crate_starts_processes() {
    for name in manifests().keys().filter(|name| *name != SPAWNS) {
        for file in sources(&folder(name).join("src")) {
            if file.ends_with(SPAWNS_ITSELF) {
                continue;
            }
            let source = fs::read_to_string(&file).expect("sources are text");
            let spawns = source.contains("process::Command") || source.contains("Command::new(");
            assert!(
                !spawns,
                "{} starts processes; that is {SPAWNS}'s",
                file.display()
            );
        }
    }
}

#[test]
fn every_path_that_the_document_names_exists() {
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it is there");
    let folders = [
        "pipelines/",
        "components/",
        "orchestrator/",
        "docs/",
        "integration-tests",
    ];
    let quoted = document.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted
        .filter(|text| folders.iter().any(|f| text.starts_with(f)))
        .collect();
    assert!(paths.len() >= 15, "the document names few paths: {paths:?}");
    for path in paths {
        assert!(
            root().join(path).exists(),
            "ARCHITECTURE.md names {path}, which is not there"
        );
    }
}

/// The folder of a crate.
fn folder(name: &str) -> PathBuf {
    let groups = ["pipelines", "components", "orchestrator"];
    let folders = groups.iter().map(|group| root().join(group).join(name));
    folders
        .into_iter()
        .find(|folder| folder.is_dir())
        .expect("folder name = crate name")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a crate has sources") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
