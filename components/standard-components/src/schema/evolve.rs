//! `ropewalk component schema diff` and `accept`: a schema follows its data, with a person between.
//!
//! Thin: `example_data::schema` compares, updates and writes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use example_data::examples::split_names;
use example_data::schema::{self, Change, Schema};
use example_data::statistics;

use crate::invocation::Failure;

/// How the two are called.
pub(crate) const USAGE: &str = "\
Beside being a step, a schema is evolved by hand:

  ropewalk component schema diff SCHEMA DATA [--environment NAME]
      lists what would have to change in a schema's file. DATA is a Statistics artifact's folder (the least
      change with which the schema admits that data) or another schema's file.
  ropewalk component schema accept SCHEMA DATA [--environment NAME] [--only FEATURE] ...
      writes these changes, or those of the named features and domains, into the file; its comments and
      everything else stay as they are.";

/// Runs `schema diff` or `schema accept`; none if the arguments are for something else.
pub(crate) fn run(arguments: &[String]) -> Option<Result<String, Failure>> {
    let [name, verb, rest @ ..] = arguments else {
        return None;
    };
    match (name.as_str(), verb.as_str()) {
        ("schema", "diff") => Some(request(rest).and_then(|request| diff(&request))),
        ("schema", "accept") => Some(request(rest).and_then(|request| accept(&request))),
        _ => None,
    }
}

/// What is asked for.
#[derive(Debug, Default)]
struct Request {
    schema: PathBuf,
    data: PathBuf,
    environment: Option<String>,
    only: Vec<String>,
}

fn request(arguments: &[String]) -> Result<Request, Failure> {
    let usage = || Failure::new(USAGE);
    let mut request = Request::default();
    let mut paths = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--environment" => request.environment = Some(rest.next().ok_or_else(usage)?.clone()),
            "--only" => request.only.push(rest.next().ok_or_else(usage)?.clone()),
            flag if flag.starts_with('-') => return Err(usage()),
            path => paths.push(PathBuf::from(path)),
        }
    }
    let [schema, data] = paths.try_into().map_err(|_| usage())?;
    Ok(Request {
        schema,
        data,
        ..request
    })
}

fn diff(request: &Request) -> Result<String, Failure> {
    let old = schema::read(&request.schema)?;
    let found = schema::changes(&old, &wanted(request, &old)?)?;
    if found.is_empty() {
        return Ok("no changes: the schema says this already\n".to_owned());
    }
    let mut text = list(&found);
    let _ = writeln!(
        text,
        "\n{} to take them all: ropewalk component schema accept {} {}",
        count(found.len()),
        request.schema.display(),
        request.data.display()
    );
    Ok(text)
}

fn accept(request: &Request) -> Result<String, Failure> {
    let old = schema::read(&request.schema)?;
    let new = wanted(request, &old)?;
    if !request.only.is_empty() {
        let all = schema::changes(&old, &new)?;
        let known = |name: &str| {
            new.find(name).or_else(|| old.find(name)).is_some()
                || new.find_string_domain(name).is_some()
        };
        if let Some(unknown) = request.only.iter().find(|name| !known(name)) {
            let subjects: Vec<&str> = all.iter().filter_map(Change::subject).collect();
            return Err(Failure::new(format!(
                "--only {unknown}: there is no such feature or domain"
            ))
            .hint(format!("changes concern: {}", subjects.join(", "))));
        }
    }
    let written = schema::accept(&request.schema, &new, &request.only)?;
    if written.is_empty() {
        return Ok("no changes: the schema says this already\n".to_owned());
    }
    let mut text = list(&written);
    let shown = request.schema.display();
    let _ = writeln!(
        text,
        "\n{} written into {shown}; read it before you commit it",
        count(written.len())
    );
    Ok(text)
}

/// The schema that the other side asks for.
fn wanted(request: &Request, old: &Schema) -> Result<Schema, Failure> {
    if !is_statistics(&request.data) {
        let mut other = schema::read(&request.data)?;
        // Where one came from is no part of what it says.
        if let Some(block) = &mut other.ropewalk {
            block.inferred_from = None;
        }
        other.ropewalk = other
            .ropewalk
            .filter(|block| *block != schema::RopewalkBlock::default());
        return Ok(other);
    }
    let environment = request.environment.as_deref();
    if let Some(name) = environment
        && !old.environments().contains(&name)
    {
        return Err(Failure::new(format!(
            "--environment {name}: the schema mentions {}",
            match old.environments().as_slice() {
                [] => "no environment".to_owned(),
                some => format!("only {}", some.join(", ")),
            }
        )));
    }
    let splits = split_names(&request.data)?
        .iter()
        .map(|split| statistics::read(&request.data, split))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(schema::update(old, &splits, environment))
}

fn is_statistics(path: &Path) -> bool {
    path.is_dir() && !path.join(schema::SCHEMA_FILE).exists()
}

fn list(changes: &[Change]) -> String {
    changes.iter().fold(String::new(), |mut text, change| {
        let _ = writeln!(text, "{change}");
        text
    })
}

fn count(changes: usize) -> String {
    format!("{changes} change{}", if changes == 1 { "" } else { "s" })
}
