//! Why a step runs: what differs from the newest earlier intent, in a sentence.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipeline_plan::{Action, Node, Source};
use run_engine::artifact::Artifact;
use run_engine::event::StepStarted;
use run_engine::failure_code::FailureCode;
use run_engine::reason::{Failure, Reason, ReasonCode};
use run_engine::seams::{Lookups, StoreError};

use super::{FILES, Given, Resolved, Reuse, RunContext};

/// Why no earlier execution may ever stand in for a step, by its plan alone.
pub(crate) fn never_reused(node: &Node) -> Option<Reason> {
    let text = match &node.action {
        Action::Command(_) | Action::Shell(_) if node.outputs.is_empty() => {
            "a command without outputs always runs"
        }
        Action::Approve(_) if node.outputs.is_empty() => {
            "a question about no model is asked in every run"
        }
        _ if node.cache => return None,
        Action::Component { name, .. } if name == component_api::catalog::PUSH => {
            "a push always looks at its destination"
        }
        Action::Component { .. } | Action::Command(_) | Action::Shell(_) | Action::Approve(_) => {
            "it is declared never to be reused"
        }
    };
    Some(Reason::new(ReasonCode::CacheOff, text, ""))
}

/// The key of the step could not be worked out.
pub(super) fn unkeyable(why: &str) -> Reason {
    Reason::new(
        ReasonCode::CacheOff,
        format!("it cannot be reused: {why}"),
        "",
    )
}

/// The user asked for it.
pub(crate) fn forced() -> Reason {
    Reason::new(ReasonCode::Forced, "its run was asked for", "")
}

/// What an earlier execution gave is not there any more as it was.
pub(crate) fn gone(missing: &str) -> Reason {
    let text = format!("what it gave earlier is not as it was recorded: {missing}");
    Reason::new(ReasonCode::OutputMissing, text, "")
}

/// Nothing stands in any more for a step that the run was not made of.
pub(crate) fn stand_in_gone() -> Failure {
    let message = "it was not selected, and what it gave before is not as it was recorded";
    let hint = "run it again: select it too, or run the whole pipeline";
    Failure::new(FailureCode::ArtifactVanished, message).hint(hint)
}

/// Why a step runs, or an item of it, for which nothing stands in. `name` is what it is called.
pub(crate) fn why_it_runs(
    context: &RunContext,
    (node, name): (&Node, &str),
    resolved: &Resolved,
    lookups: &impl Lookups,
) -> Result<Reason, StoreError> {
    if let Reuse::Never(reason) | Reuse::NotNow(_, reason) = &resolved.reuse {
        return Ok(reason.clone());
    }
    let Some(before) = lookups.newest_start(&context.created.plan.name, name)? else {
        let text = "it has not run before";
        return Ok(Reason::new(ReasonCode::New, text, ""));
    };
    let Some(reason) = resolved.key.differs_from(&before.key) else {
        let text = "no earlier execution of it with these inputs succeeded";
        return Ok(Reason::new(ReasonCode::New, text, ""));
    };
    Ok(match reason.code {
        ReasonCode::InputChanged => input_reason(context, node, resolved, &before, &reason.detail),
        _ => reason,
    })
}

/// Says of a changed input where it comes from, and of changed files which one changed.
fn input_reason(
    context: &RunContext,
    node: &Node,
    resolved: &Resolved,
    before: &StepStarted,
    port: &str,
) -> Reason {
    let sources = node.inputs.get(port).map(|input| input.sources.as_slice());
    match sources.and_then(<[Source]>::first) {
        Some(Source::Output { node, port: from }) => {
            let step = &context.created.plan.node(*node).id;
            let text = format!("step `{step}` gave another `{from}` than before");
            Reason::new(ReasonCode::UpstreamChanged, text, step)
        }
        Some(Source::Files(_) | Source::FilesOfSpan { .. }) => {
            let given = resolved.inputs.get(port).map(Vec::as_slice);
            let old = before.inputs.get(port).map(Vec::as_slice);
            if let Some(reason) = other_span(port, given, old) {
                return reason;
            }
            match changed_file(given.unwrap_or_default(), old.unwrap_or_default()) {
                Some(file) => {
                    let text = format!("file `{file}` of input `{port}` changed");
                    Reason::new(ReasonCode::InputChanged, text, file)
                }
                None => Reason::new(
                    ReasonCode::InputChanged,
                    format!("the files of input `{port}` changed"),
                    port,
                ),
            }
        }
        Some(source) => {
            let given = resolved.inputs.get(port).map(Vec::as_slice);
            let text = another(port, source, given.unwrap_or_default());
            Reason::new(ReasonCode::InputChanged, text, port)
        }
        None => Reason::new(
            ReasonCode::InputChanged,
            format!("input `{port}` is not given any more"),
            port,
        ),
    }
}

/// Says of what was looked up that it is another than before.
fn another(port: &str, source: &Source, given: &[Given]) -> String {
    let spans = given
        .iter()
        .filter_map(Given::span)
        .map(|span| span.to_string());
    let spans = spans.collect::<Vec<_>>().join(", ");
    match source {
        Source::LatestBlessed(model) => {
            format!("another model named `{model}` is the newest blessed one")
        }
        Source::LatestPushed(model) => {
            format!("another model named `{model}` is the newest pushed one")
        }
        Source::LatestSpans { step, port, .. } => {
            format!("the newest spans of `{step}.{port}` are {spans}")
        }
        Source::PreviousSpan { step, port } if spans.is_empty() => {
            format!("there is no earlier span of `{step}.{port}`")
        }
        Source::PreviousSpan { step, port } => {
            format!("the previous span of `{step}.{port}` is {spans}")
        }
        Source::Latest { step, port, .. } => format!("another `{step}.{port}` is the newest"),
        Source::Import { uri, .. } => format!("what lies at `{uri}` changed"),
        Source::Output { .. } | Source::Files(_) | Source::FilesOfSpan { .. } => {
            format!("input `{port}` changed")
        }
    }
}

/// The files are of another span than before.
fn other_span(
    port: &str,
    now: Option<&[Given]>,
    before: Option<&[Arc<Artifact>]>,
) -> Option<Reason> {
    let now = now?.iter().find_map(Given::span)?;
    let before = before?.iter().find_map(|artifact| artifact.span());
    if before == Some(now) {
        return None;
    }
    let text = match before {
        Some(before) => format!("input `{port}` is of span {now}, and was of span {before}"),
        None => format!("input `{port}` is of span {now}"),
    };
    Some(Reason::new(ReasonCode::InputChanged, text, port))
}

/// The first file that is new, gone, or has another content.
fn changed_file(now: &[Given], before: &[Arc<Artifact>]) -> Option<String> {
    let found = now.iter().find_map(|given| match given {
        Given::Files(found) => Some(&found.manifest.files),
        Given::Artifact(_) | Given::Imported(_) => None,
    })?;
    let old = before.iter().find(|artifact| artifact.type_name == FILES)?;
    let old = old.files.iter();
    let mut old: BTreeMap<&str, &str> = old
        .map(|file| (file.path.as_str(), file.digest.as_str()))
        .collect();
    for file in found {
        if old.remove(file.path.as_str()) != Some(&file.digest) {
            return Some(file.name.clone());
        }
    }
    old.keys().next().map(|&gone| gone.to_owned())
}
