//! From CSV to transformed rows: what each component gives and says of it, and the same bytes whatever
//! the number of threads.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod attempt;

use std::fs;
use std::path::{Path, PathBuf};

use attempt::{Attempt, Ended, digest, json};
use example_data::examples::Examples;
use model_scoring::graph::Graph;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder in which each component leaves its attempt.
struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn attempt(&self, component: &str) -> Attempt {
        Attempt::new(component, &self.path(component))
    }

    /// A Files artifact of one file, as the engine makes it.
    fn files(&self, name: &str, file: &Path) -> PathBuf {
        let manifest = json!({
            "format_version": 1, "span": null, "version": null,
            "files": [{ "path": file, "name": name, "size_bytes": 0, "digest": "" }],
        });
        let path = self.path(&format!("files-{name}"));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("files.json"), manifest.to_string()).unwrap();
        path
    }

    fn example(&self, path: &str) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let file = root.join(path).canonicalize().unwrap();
        self.files(&file.file_name().unwrap().to_string_lossy(), &file)
    }
}

fn with(mut attempt: Attempt, params: &Value) -> Attempt {
    for (name, value) in params.as_object().unwrap() {
        attempt = attempt.param(name, value.clone());
    }
    attempt
}

/// The data steps of an example, with the parameters of its pipeline.
struct Chain {
    world: World,
    ended: Vec<(&'static str, Ended)>,
}

impl Chain {
    fn run(folder: &str, csv: &str, ingest: &Value, transform: &Value) -> Self {
        let world = World::new();
        let mut ended: Vec<(&'static str, Ended)> = Vec::new();
        let curated = world.example(&format!("{folder}/schema.yaml"));
        let source = world.example(&format!("{folder}/{csv}"));
        let schema = world.attempt("schema").input("curated", &curated).run();
        let schema_path = schema.path("schema");
        let attempt = with(world.attempt("ingest"), ingest)
            .input("source", &source)
            .input("schema", &schema_path);
        ended.push(("schema", schema.succeeded()));
        let ingest = attempt.run().succeeded();
        let examples = ingest.path("examples");
        ended.push(("ingest", ingest));
        let attempt = world.attempt("statistics").input("examples", &examples);
        let statistics = attempt.input("schema", &schema_path).run().succeeded();
        let statistics_path = statistics.path("statistics");
        ended.push(("statistics", statistics));
        let attempt = world.attempt("validate").param("environment", "TRAINING");
        let attempt = attempt.input("statistics", &statistics_path);
        let validate = attempt.input("schema", &schema_path).run().succeeded();
        ended.push(("validate", validate));
        let attempt = with(world.attempt("transform"), transform)
            .input("examples", &examples)
            .input("schema", &schema_path)
            .input("statistics", &statistics_path);
        ended.push(("transform", attempt.run().succeeded()));
        Self { world, ended }
    }

    fn penguins() -> Self {
        let features = json!([
            { "columns": ["bill_*", "flipper_length_mm", "body_mass_g"], "ops": [{ "impute": "median" }, "z_score"] },
            { "columns": ["sex"], "ops": [{ "impute": "unknown" }, { "vocabulary": { "oov_buckets": 1 } }, "one_hot"] },
        ]);
        Self::run(
            "penguins",
            "penguins.csv",
            &json!({ "null_values": ["", "NA"] }),
            &json!({ "label": "species", "features": features }),
        )
    }

    fn taxi() -> Self {
        let features = json!([
            { "columns": ["trip_miles", "fare", "trip_seconds"], "ops": [{ "impute": 0 }, "z_score"] },
            { "columns": ["payment_type", "company"], "ops": [{ "impute": "" }, { "vocabulary": { "top_k": 1000, "oov_buckets": 10 } }] },
            { "columns": ["*_latitude", "*_longitude"], "ops": [{ "impute": 0 }, { "bucketize": 10 }] },
            { "columns": ["trip_start_hour"], "ops": [] },
        ]);
        Self::run(
            "taxi",
            "data.csv",
            &json!({ "splits": { "eval": 1, "train": 2 } }),
            &json!({ "label": { "expr": "tips > 0.2 * fare" }, "features": features }),
        )
    }

    fn of(&self, step: &str) -> &Ended {
        &self.ended.iter().find(|(name, _)| *name == step).unwrap().1
    }

    /// The digest of every output of every step.
    fn digests(&self) -> Vec<String> {
        let mut digests = Vec::new();
        for (step, ended) in &self.ended {
            let outputs = ended.folder.join("outputs");
            let mut ports: Vec<PathBuf> = fs::read_dir(outputs)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            ports.sort();
            for port in ports {
                let name = port.file_name().unwrap().to_string_lossy().into_owned();
                digests.push(format!("{step}.{name} {}", digest(&port)));
            }
        }
        digests
    }
}

#[test]
fn penguins_become_features() {
    let chain = Chain::penguins();
    let ingest = chain.of("ingest");
    let expected = [
        ("split_names", json!(["train", "eval"])),
        ("row_counts", json!({ "train": 224, "eval": 120 })),
        ("rows", json!(344)),
        ("bad_rows", json!(0)),
        ("span", Value::Null),
    ];
    for (name, value) in expected {
        assert_eq!(ingest.property("examples", name), value, "{name}");
    }
    let schema = chain.of("schema");
    assert_eq!(schema.property("schema", "curated"), true);
    let statistics = chain.of("statistics").path("statistics");
    let train = json(&statistics.join("Split-train/statistics.json"));
    assert_eq!(train["num_examples"], 224);
    let validate = chain.of("validate");
    let verdict = json!({ "train": "pass", "eval": "pass" });
    assert_eq!(validate.property("anomalies", "verdict"), verdict);
    assert_eq!(validate.property("anomalies", "pass"), true);
    assert_eq!(validate.property("anomalies", "count"), 0);
    assert_eq!(validate.property("anomalies", "vacuous"), false);
    let transform = chain.of("transform");
    let rows = json!({ "train": 224, "eval": 120 });
    assert_eq!(transform.property("examples", "row_counts"), rows);
    let examples = Examples::open(&transform.path("examples")).unwrap();
    let columns = examples.schema();
    let names: Vec<&str> = columns.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(
        names,
        [
            "bill_length_mm",
            "bill_depth_mm",
            "flipper_length_mm",
            "body_mass_g",
            "sex.0",
            "sex.1",
            "sex.2",
            "sex.3",
            "label"
        ]
    );
}

#[test]
fn the_graphs_folder_carries_what_a_model_needs() {
    let chain = Chain::taxi();
    let graph = chain.of("transform").path("graph");
    let read = Graph::read(&graph).unwrap();
    let analysed = read.analysed.as_ref().unwrap();
    assert_eq!((analysed.rows, analysed.split.as_str()), (10_004, "train"));
    let raw = chain.of("ingest").path("examples").join("Split-train");
    assert_eq!(analysed.digest, digest(&raw));
    // The statistics are those that were given, the schema too.
    let given = chain.of("statistics").path("statistics");
    let same = |a: PathBuf, b: PathBuf| assert_eq!(fs::read(&a).unwrap(), fs::read(b).unwrap());
    same(
        graph.join("statistics.json"),
        given.join("Split-train/statistics.json"),
    );
    let schema = chain.of("schema").path("schema");
    same(graph.join("schema.yaml"), schema.join("schema.yaml"));
    // Sixteen raw eval rows: what only the label reads is not there, what features read is.
    let sample = fs::read_to_string(graph.join("sample.jsonl")).unwrap();
    let rows: Vec<Value> = sample
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 16);
    assert!(rows.iter().all(|row| row.get("tips").is_none()));
    assert!(rows.iter().all(|row| row.get("fare").is_some()));
    assert_eq!(
        read.label_output().unwrap().classes.as_ref().unwrap().len(),
        2
    );
}

#[test]
fn outputs_do_not_depend_on_the_run_or_on_the_number_of_threads() {
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let mut digests = Chain::taxi().digests();
            digests.extend(Chain::penguins().digests());
            digests
        })
    };
    let one = with_threads(1);
    assert_eq!(one.len(), 12);
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(5));
}

#[test]
fn statistics_that_are_not_given_or_not_of_these_rows_are_computed() {
    let chain = Chain::penguins();
    let expected = fs::read(chain.of("transform").path("graph").join("statistics.json")).unwrap();
    let run = |name: &str, statistics: Option<&Path>| {
        let features = json!([{ "columns": ["body_mass_g"] }]);
        let mut attempt = Attempt::new("transform", &chain.world.path(name))
            .input("examples", &chain.of("ingest").path("examples"))
            .input("schema", &chain.of("schema").path("schema"))
            .param("label", "species")
            .param("features", features);
        if let Some(path) = statistics {
            attempt = attempt.input("statistics", path);
        }
        let ended = attempt.run().succeeded();
        fs::read(ended.path("graph").join("statistics.json")).unwrap()
    };
    assert_eq!(run("none", None), expected);
    let other = Chain::taxi();
    let path = other.of("statistics").path("statistics");
    assert_eq!(run("other", Some(&path)), expected);
}

#[test]
fn several_spans_are_one_training_split() {
    let world = World::new();
    let span = |name: &str, rows: std::ops::Range<u32>| {
        let lines: Vec<String> = rows.map(|i| format!("{i},{}", i % 3)).collect();
        let file = world.path(&format!("{name}.csv"));
        fs::write(&file, format!("x,y\n{}\n", lines.join("\n"))).unwrap();
        let source = world.files(name, &file);
        let attempt = Attempt::new("ingest", &world.path(name)).input("source", &source);
        attempt.run().succeeded()
    };
    let (first, second) = (span("a", 0..300), span("b", 300..500));
    let schema = world.path("schema.yaml");
    fs::write(&schema, "feature:\n- name: x\n  type: INT\n").unwrap();
    let ended = world
        .attempt("transform")
        .input("examples", &first.path("examples"))
        .input("examples", &second.path("examples"))
        .input("schema", &schema)
        .param("label", "y")
        .param(
            "features",
            json!([{ "columns": ["x"], "ops": ["z_score"] }]),
        )
        .run()
        .succeeded();
    let rows = |ended: &Ended, split: &str| {
        ended.property("examples", "row_counts")[split]
            .as_u64()
            .unwrap()
    };
    for split in ["train", "eval"] {
        assert_eq!(
            rows(&ended, split),
            rows(&first, split) + rows(&second, split)
        );
    }
    assert_eq!(ended.property("examples", "rows"), 500);
    let graph = Graph::read(&ended.path("graph")).unwrap();
    assert_eq!(graph.analysed.unwrap().rows, rows(&ended, "train"));
    let statistics = json(&ended.path("graph").join("statistics.json"));
    assert_eq!(statistics["num_examples"], rows(&ended, "train"));
}

#[test]
fn rows_without_a_label_are_left_out_and_counted() {
    let world = World::new();
    let lines: Vec<String> = (0..90)
        .map(|i| {
            if i % 3 == 0 {
                format!("{i},")
            } else {
                format!("{i},{}", i % 2)
            }
        })
        .collect();
    let file = world.path("rows.csv");
    fs::write(&file, format!("x,y\n{}\n", lines.join("\n"))).unwrap();
    let ingest = world
        .attempt("ingest")
        .input("source", &file)
        .run()
        .succeeded();
    let schema = world.path("schema.yaml");
    fs::write(&schema, "feature:\n- name: x\n  type: INT\n").unwrap();
    let ended = world
        .attempt("transform")
        .input("examples", &ingest.path("examples"))
        .input("schema", &schema)
        .param("label", "y")
        .param("key", "x")
        .param("features", json!([{ "columns": ["*"] }]))
        .run();
    // The only other column is the key.
    assert_eq!(ended.status, 1);
    assert!(ended.output.reason.contains("no column matches `*`"));
    let ended = Attempt::new("transform", &world.path("again"))
        .input("examples", &ingest.path("examples"))
        .input("schema", &schema)
        .param("label", "y")
        .param("features", json!([{ "columns": ["*"] }]))
        .run()
        .succeeded();
    assert_eq!(ended.property("examples", "rows"), 60);
    let dropped = ended.property("examples", "dropped");
    let sum = dropped["train"].as_u64().unwrap() + dropped["eval"].as_u64().unwrap();
    assert_eq!(sum, 30, "{dropped}");
}

#[test]
fn buckets_follow_the_documented_order_or_the_lists() {
    // python3: sha256(b"x\x1f1\x1e").digest()[:8] as a big-endian integer, modulo 3, is 1 for 1 and 2 for 2.
    let world = World::new();
    let file = world.path("rows.csv");
    fs::write(&file, "x\n1\n2\n").unwrap();
    let split_of = |name: &str, splits: Value| {
        let ended = Attempt::new("ingest", &world.path(name))
            .input("source", &file)
            .param("splits", splits)
            .run()
            .succeeded();
        ended.property("examples", "row_counts")
    };
    let named = json!({ "zoo": 1, "eval": 1, "train": 1 });
    assert_eq!(
        split_of("map", named),
        json!({ "train": 0, "eval": 1, "zoo": 1 })
    );
    let listed = json!([{ "zoo": 1 }, { "eval": 1 }, { "train": 1 }]);
    assert_eq!(
        split_of("list", listed),
        json!({ "zoo": 0, "eval": 1, "train": 1 })
    );
}

#[test]
fn a_schema_is_inferred_and_said_to_prove_nothing_of_its_own_statistics() {
    let chain = Chain::penguins();
    let statistics = chain.of("statistics").path("statistics");
    let inferred = Attempt::new("schema", &chain.world.path("inferred"))
        .input("statistics", &statistics)
        .run()
        .succeeded();
    assert_eq!(inferred.property("schema", "curated"), false);
    let validate = |name: &str, schema: &Path| {
        Attempt::new("validate", &chain.world.path(name))
            .input("statistics", &statistics)
            .input("schema", schema)
            .run()
            .succeeded()
            .property("anomalies", "vacuous")
    };
    assert_eq!(validate("vacuous", &inferred.path("schema")), true);
    // Once a person has taken it into git it is curated.
    let file = inferred.path("schema").join("schema.yaml");
    let source = chain.world.files("schema.yaml", &file);
    let curated = Attempt::new("schema", &chain.world.path("curated"))
        .input("curated", &source)
        .run()
        .succeeded();
    assert_eq!(validate("curated-validate", &curated.path("schema")), false);
}

#[test]
fn files_or_times_may_decide_where_rows_go() {
    let world = World::new();
    let write = |name: &str, text: &str| {
        fs::write(world.path(name), text).unwrap();
        world.path(name)
    };
    let jan = write("jan.jsonl", "{\"day\": 1, \"x\": 0.5}\n{\"day\": 12}\n");
    let feb = write("feb.jsonl", "{\"day\": 40, \"x\": 1.5}\n");
    let ingest = |name: &str, splits: Value| {
        Attempt::new("ingest", &world.path(name))
            .input("source", &jan)
            .input("source", &feb)
            .param("splits", splits)
            .run()
    };
    let pattern = |file: &str| format!("{}/{file}", world.path("").display()).replace("//", "/");
    let by_files = json!({
        "train": { "files": [pattern("j*.jsonl")] },
        "eval": { "files": pattern("f*.jsonl") },
    });
    let ended = ingest("by-files", by_files).succeeded();
    let counts = json!({ "train": 2, "eval": 1 });
    assert_eq!(ended.property("examples", "row_counts"), counts);
    let by_time = json!({ "by": "day", "eval": { "from": 32 }, "train": { "before": 10 } });
    let ended = ingest("by-time", by_time).succeeded();
    let counts = json!({ "train": 1, "eval": 1 });
    assert_eq!(ended.property("examples", "row_counts"), counts);
    assert_eq!(ended.property("examples", "rows_outside"), 1);
    assert_eq!(
        ended.property("examples", "split_names"),
        json!(["train", "eval"])
    );
}

#[test]
fn a_schema_file_follows_its_data_by_hand() {
    let chain = Chain::penguins();
    let statistics = chain.of("statistics").path("statistics");
    let file = chain.world.path("evolving.yaml");
    let text = "feature:\n- name: island # where\n  type: BYTES\n  string_domain: { value: [Biscoe, Dream] }\n";
    fs::write(&file, text).unwrap();
    let run = |verb: &str, more: &[&str]| {
        let paths = [&file, &statistics].map(|path| path.to_string_lossy().into_owned());
        let mut arguments = vec!["schema".to_owned(), verb.to_owned()];
        arguments.extend(paths);
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        standard_components::run(&arguments)
    };
    assert_eq!(run("diff", &[]), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(run("accept", &["--only", "nobody"]), 1);
    assert_eq!(run("accept", &["--environment", "SERVING"]), 1);
    assert_eq!(run("accept", &["--onyl", "island"]), 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(run("accept", &["--only", "island"]), 0);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        text.replace("Dream]", "Dream, Torgersen]")
    );
    assert_eq!(run("accept", &[]), 0);
    let validated = Attempt::new("validate", &chain.world.path("validated"))
        .input("statistics", &statistics)
        .input("schema", &file)
        .run()
        .succeeded();
    assert_eq!(validated.property("anomalies", "count"), 0);
}
