//! What the API tells of pipelines, versions, steps and attempts, page by page.

use serde_json::{Value, json};

use crate::server::{Response, Server};
use crate::support::Project;

const PIPELINE: &str = "name: routes\nparams: { n: { type: integer, default: 1 } }\nsteps:\n  \
    a: { run: [echo, hello] }\n  \
    b: { needs: [a], run: 'exit 3', retry: { attempts: 3, initial: 1ms } }\n  \
    c: { needs: [b], run: [echo, never] }\n";

/// All entries of a list by its pages of one, and how many pages there were.
fn by_pages(server: &Server, path: &str, list: &str) -> (Vec<Value>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("{path}?limit=1{cursor}"));
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let page = page.json();
        let entries = page[list].as_array().expect("a page has a list");
        assert!(entries.len() <= 1, "{page}");
        found.extend(entries.iter().cloned());
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (found, pages),
        }
    }
}

fn words(entries: &[Value], field: &str) -> Vec<String> {
    let words = entries.iter().map(|entry| match &entry[field] {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    });
    words.collect()
}

/// The same document again, asked for with its tag, is not sent.
fn is_kept(server: &Server, path: &str) -> Response {
    let first = server.get(path);
    assert_eq!(first.status, 200, "{path}: {}", first.text());
    let tag = &first.headers["etag"];
    let again = server.get_with(path, &[("If-None-Match", tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    first
}

#[test]
fn pipelines_and_their_versions_are_told_by_pages() {
    let project = Project::of("pipelines", PIPELINE);
    project.write(
        "other.yaml",
        "name: another\nsteps: { x: { run: [echo, x] } }\n",
    );
    let server = Server::start(&project);
    let run = |file: &str| project.command(&["run", file]);
    run("pipeline.yaml");
    run("other.yaml");
    let old = server.get("/api/v1/pipelines/routes").json();
    project.write("pipeline.yaml", &PIPELINE.replace("never", "still never"));
    run("pipeline.yaml");
    run("pipeline.yaml");

    let (pipelines, pages) = by_pages(&server, "/api/v1/pipelines", "pipelines");
    assert_eq!(
        (words(&pipelines, "pipeline"), pages),
        (vec!["another".into(), "routes".into()], 2)
    );
    let one = is_kept(&server, "/api/v1/pipelines/routes").json();
    assert_eq!(one["latest"]["state"], "failed");
    assert_eq!(one["latest"]["run_id"], project.json(&["status"])["run_id"]);
    let unknown = server.get("/api/v1/pipelines/route");
    assert_eq!(
        (unknown.status, &*unknown.problem()),
        (404, "unknown_pipeline")
    );
    assert!(unknown.text().contains("routes"), "{}", unknown.text());

    let path = "/api/v1/pipelines/routes/versions";
    let (versions, pages) = by_pages(&server, path, "versions");
    let ids = words(&versions, "plan_id");
    assert_eq!((ids.len(), pages), (2, 2));
    assert_eq!(
        [&json!(ids[0]), &json!(ids[1])],
        [&one["plan_id"], &old["plan_id"]]
    );
    let version = is_kept(&server, &format!("{path}/{}", ids[1])).json();
    let steps = version["steps"].as_array().expect("a version has steps");
    assert_eq!(words(steps, "id"), ["a", "b", "c"]);
    assert_eq!(steps[1]["command"], json!(["sh", "-eu", "-c", "exit 3"]));
    assert_eq!(steps[2]["needs"], json!(["b"]));
    assert_eq!(steps[2]["command"], json!(["echo", "never"]));
    assert_eq!(version["params"]["n"]["default"], 1);
    let newest = server.get(&format!("{path}/latest")).json();
    assert_eq!(
        newest["steps"][2]["command"],
        json!(["echo", "still never"])
    );
    let unknown = server.get(&format!("{path}/{}", "0".repeat(64)));
    assert_eq!(
        (unknown.status, &*unknown.problem()),
        (404, "unknown_version")
    );
}

#[test]
fn steps_and_attempts_are_told_by_pages_and_alone() {
    let project = Project::of("steps", PIPELINE);
    let server = Server::start(&project);
    let status = project.run_to_end();
    let whole = status["steps"].as_array().expect("a status has steps");

    let path = "/api/v1/runs/latest/steps";
    let (steps, pages) = by_pages(&server, path, "steps");
    assert_eq!((&steps, pages), (whole, 3));
    let mut one = is_kept(&server, &format!("{path}/b")).json();
    assert_eq!(one["run_id"], status["run_id"]);
    let fields = one.as_object_mut().expect("a document is a map");
    fields.remove("version");
    fields.remove("run_id");
    assert_eq!(one, whole[1]);
    let unknown = server.get(&format!("{path}/d"));
    assert_eq!((unknown.status, &*unknown.problem()), (404, "unknown_step"));

    let path = format!("{path}/b/attempts");
    let (attempts, pages) = by_pages(&server, &path, "attempts");
    assert_eq!((json!(attempts), pages), (whole[1]["attempts"].clone(), 3));
    let second = is_kept(&server, &format!("{path}/2")).json();
    assert_eq!(
        (&second["step"], &second["number"]),
        (&json!("b"), &json!(2))
    );
    assert_eq!(
        (&second["state"], &second["exit_code"]),
        (&json!("failed"), &json!(3))
    );
    let unknown = server.get(&format!("{path}/4"));
    assert_eq!(
        (unknown.status, &*unknown.problem()),
        (404, "unknown_attempt")
    );
    let none = server.get("/api/v1/runs/latest/steps/c/attempts").json();
    assert_eq!(none["attempts"], json!([]));
}
