//! The API's description, and a page of it for people.
//!
//! Both follow from the types and the handlers; the page loads nothing from anywhere.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::Json;
use axum::response::Html;
use orchestrator_api::{EventLine, Overview, Problem};
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::front::escape;
use super::{
    answer, artifact_files, artifacts, create, events, front, log, metrics, pipelines, plan, retry,
    runs, shell, steps,
};

/// The description of everything that is routed.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ropewalk",
        description = "The API of a Ropewalk daemon. Every error is a problem document (RFC 9457).",
    ),
    paths(
        super::daemon,
        super::stop,
        plan::plan,
        pipelines::list,
        pipelines::one,
        pipelines::versions,
        pipelines::version,
        runs::list,
        create::create,
        runs::status,
        runs::cancel,
        runs::resume,
        retry::retry,
        events::of_run,
        events::of_all,
        steps::list,
        steps::one,
        steps::attempts,
        steps::attempt,
        log::log,
        shell::shell,
        answer::approve,
        answer::reject,
        artifacts::list,
        artifacts::one,
        artifact_files::list,
        artifact_files::one,
        front::status,
        front::healthz,
        front::readyz,
        metrics::metrics,
    ),
    components(schemas(EventLine, Overview, Problem)),
    security(("token" = [])),
    modifiers(&Token),
)]
struct Description;

/// The way in which a token is sent.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "Of scope `read` for GET, `operator` for all. A server on loopback may have none.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    // What is derived can be written.
    serde_json::to_value(Description::openapi()).unwrap_or_default()
});

static PAGE: LazyLock<String> = LazyLock::new(|| in_words(&DESCRIPTION));

pub(super) async fn document() -> Json<&'static Value> {
    Json(&DESCRIPTION)
}

pub(super) async fn page() -> Html<&'static str> {
    Html(&PAGE)
}

/// The description as a page.
fn in_words(description: &Value) -> String {
    let mut operations = String::new();
    for (path, methods) in description["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let _ = write!(
                operations,
                "<details><summary><b>{}</b> <code>{}</code></summary>{}{}{}</details>",
                escape(&method.to_uppercase()),
                escape(path),
                parameters(operation),
                body(operation),
                responses(operation),
            );
        }
    }
    let mut schemas = String::new();
    let named = description["components"]["schemas"].as_object();
    for (name, schema) in named.into_iter().flatten() {
        let text = serde_json::to_string_pretty(schema).unwrap_or_default();
        let _ = write!(
            schemas,
            "<details id=\"{name}\"><summary><code>{name}</code></summary><pre>{}</pre></details>",
            escape(&text)
        );
    }
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Ropewalk API</title>\
         <style>body{{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;color-scheme:light dark}}\
         details{{margin:.3em 0;padding:.2em .6em;border:1px solid #8884;border-radius:4px}}summary{{cursor:pointer}}\
         td{{padding:.1em 1em .1em 0;vertical-align:top}}pre{{overflow:auto}}</style>\
         <h1>Ropewalk API</h1><p>{}</p><p><a href=\"/openapi.json\">openapi.json</a></p>\
         <h2>Operations</h2>{operations}<h2>Documents</h2>{schemas}</html>\n",
        escape(
            description["info"]["description"]
                .as_str()
                .unwrap_or_default()
        )
    )
}

fn parameters(operation: &Value) -> String {
    let mut rows = String::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let text = |field: &str| escape(parameter[field].as_str().unwrap_or_default());
        let _ = write!(
            rows,
            "<tr><td><code>{}</code><td>{}<td>{}",
            text("name"),
            text("in"),
            text("description")
        );
    }
    format!("<table>{rows}</table>")
}

fn body(operation: &Value) -> String {
    let content = &operation["requestBody"]["content"];
    content
        .as_object()
        .map_or_else(String::new, |_| format!("<p>Body: {}</p>", forms(content)))
}

fn responses(operation: &Value) -> String {
    let mut rows = String::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let description = response["description"].as_str().unwrap_or_default();
        let _ = write!(
            rows,
            "<tr><td>{}<td>{}<td>{}",
            escape(status),
            escape(description),
            forms(&response["content"])
        );
    }
    format!("<table>{rows}</table>")
}

/// Media types with the documents that come in them.
fn forms(content: &Value) -> String {
    let forms = content
        .as_object()
        .into_iter()
        .flatten()
        .map(|(media_type, form)| {
            let name = form["schema"]["$ref"]
                .as_str()
                .and_then(|name| name.rsplit('/').next());
            let name = name.map_or_else(String::new, |name| {
                format!(" <a href=\"#{0}\">{0}</a>", escape(name))
            });
            format!("<code>{}</code>{name}", escape(media_type))
        });
    let forms: Vec<String> = forms.collect();
    forms.join(", ")
}
