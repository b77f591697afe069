//! Inputs that are looked up in the metadata store: what was given before, newest spans, models.
//!
//! What the run itself gave counts as newest: the step waits for it, if it can. The answers are the
//! inputs of the execution, so nothing of this is done again for its later attempts.

use std::collections::BTreeMap;
use std::sync::Arc;

use component_api::artifact::fits;
use pipeline_plan::{Node, NodeId, Source};
use run_engine::artifact::Artifact;
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;
use run_engine::seams::{Lookups, PortName};
use run_engine::state::RunState;

use super::inputs::{Given, output};
use super::{Unresolved, refusals};

/// What enters, by port.
type Inputs = BTreeMap<String, Vec<Given>>;

/// Adds what the store knows to what enters a step from steps and files. The order matters: a
/// previous span is smaller than those of the other inputs, and a baseline is another model than any.
pub(super) fn add(
    state: &RunState,
    node: &Node,
    lookups: &impl Lookups,
    inputs: &mut Inputs,
) -> Result<(), Unresolved> {
    let mut looking = Looking {
        state,
        node,
        lookups,
        inputs,
    };
    looking.each(|source| matches!(source, Source::Latest { .. } | Source::LatestSpans { .. }))?;
    looking.each(|source| matches!(source, Source::PreviousSpan { .. }))?;
    looking.each(|source| matches!(source, Source::LatestBlessed(_) | Source::LatestPushed(_)))
}

struct Looking<'a, L> {
    state: &'a RunState,
    node: &'a Node,
    lookups: &'a L,
    inputs: &'a mut Inputs,
}

impl<L: Lookups> Looking<'_, L> {
    /// Looks up the sources of one kind.
    fn each(&mut self, kind: impl Fn(&Source) -> bool) -> Result<(), Unresolved> {
        for (port, input) in &self.node.inputs {
            for source in input.sources.iter().filter(|source| kind(source)) {
                let found = self.look_up(source)?;
                for artifact in &found {
                    check_type(port, artifact, &input.artifact_type)?;
                }
                if !found.is_empty() {
                    let given = self.inputs.entry(port.clone()).or_default();
                    given.extend(found.into_iter().map(Given::Artifact));
                }
            }
        }
        Ok(())
    }

    fn look_up(&self, source: &Source) -> Result<Vec<Arc<Artifact>>, Unresolved> {
        Ok(match source {
            Source::Latest {
                pipeline,
                step,
                port,
            } => {
                let own = pipeline.is_none().then(|| self.own(step, port)).flatten();
                if let Some(own) = own {
                    return Ok(vec![own]);
                }
                let name = self.name(pipeline.as_ref(), step, port);
                self.lookups.latest(&name)?.into_iter().collect()
            }
            Source::LatestSpans { step, port, count } => self.spans(step, port, None, *count)?,
            Source::PreviousSpan { step, port } => match self.own_span(step, port) {
                Some(span) => self.spans(step, port, Some(span), 1)?,
                None => Vec::new(),
            },
            Source::LatestBlessed(model) => {
                let others = self.digests();
                let found = self.lookups.latest_blessed(model, &others)?;
                found.into_iter().collect()
            }
            Source::LatestPushed(model) => {
                let others = self.digests();
                let found = self.lookups.latest_pushed(model, &others)?;
                found.into_iter().collect()
            }
            Source::Output { .. }
            | Source::Files(_)
            | Source::FilesOfSpan { .. }
            | Source::Import { .. } => Vec::new(),
        })
    }

    fn name(&self, pipeline: Option<&String>, step: &str, port: &str) -> PortName {
        PortName {
            pipeline: pipeline.unwrap_or(&self.state.plan().name).clone(),
            step: step.to_owned(),
            port: port.to_owned(),
        }
    }

    fn digests(&self) -> Vec<String> {
        self.inputs.values().flatten().map(Given::digest).collect()
    }

    /// The step of this id, if the step waits for it: else nothing of this run is known of it.
    fn awaited(&self, step: &str) -> Option<NodeId> {
        let plan = self.state.plan();
        let mut needs = self.node.needs.iter().copied();
        needs.find(|need| plan.node(*need).id == step)
    }

    /// What this run gave at a port, last if it gave a list.
    fn own(&self, step: &str, port: &str) -> Option<Arc<Artifact>> {
        let node = self.awaited(step)?;
        let is_good = self.state.step(node).phase.is_good();
        is_good
            .then(|| output(self.state, node, port).pop())
            .flatten()
    }

    /// The newest spans of a port, this run's own among them unless this run refused it.
    fn spans(
        &self,
        step: &str,
        port: &str,
        before: Option<i64>,
        count: usize,
    ) -> Result<Vec<Arc<Artifact>>, Unresolved> {
        let name = self.name(None, step, port);
        let own = self.own(step, port).filter(|own| own.span().is_some());
        let own = own.filter(|own| before.is_none_or(|before| own.span() < Some(before)));
        let Some(own) = own else {
            return Ok(self.lookups.spans(&name, before, count)?);
        };
        let mut found = self.lookups.spans(&name, before, count + 1)?;
        found.retain(|artifact| artifact.span() != own.span());
        let is_refused = self
            .awaited(step)
            .is_some_and(|node| refusals::is_refused(self.state, node));
        if !is_refused {
            found.push(own);
        }
        found.sort_by_key(|artifact| std::cmp::Reverse(artifact.span()));
        found.truncate(count);
        Ok(found)
    }

    /// The span that the step works on: the greatest of its inputs', else that of what this run gave
    /// at the port.
    fn own_span(&self, step: &str, port: &str) -> Option<i64> {
        let spans = self.inputs.values().flatten().filter_map(Given::span);
        spans.max().or_else(|| self.own(step, port)?.span())
    }
}

/// What another pipeline gives is not known when a pipeline is compiled.
fn check_type(port: &str, artifact: &Artifact, wanted: &str) -> Result<(), Failure> {
    if fits(&artifact.type_name, wanted) {
        return Ok(());
    }
    let message = format!(
        "input `{port}` takes {wanted}, but `{}.{}` gave {}",
        artifact.step, artifact.port, artifact.type_name
    );
    Err(Failure::new(FailureCode::InputInvalid, message))
}

/// Why a port that must be given stays empty.
pub(super) fn nothing(port: &str, source: &Source) -> Failure {
    let (message, hint) = match source {
        Source::LatestBlessed(model) => (
            format!("no other model named `{model}` has passed an evaluation yet"),
            "give a port that is optional, or run the pipeline that trains and evaluates it first",
        ),
        Source::LatestPushed(model) => (
            format!("no other model named `{model}` has been pushed yet"),
            "give a port that is optional, or run the pipeline that pushes it first",
        ),
        Source::PreviousSpan { step, port } => (
            format!("`{step}.{port}` was not given for any earlier span"),
            "give a port that is optional, or run an earlier span first",
        ),
        Source::LatestSpans { step, port, .. } => (
            format!("no run has given `{step}.{port}` for a span that was not refused"),
            "a span stands in a path of `files:`, as in `data/span-{SPAN}/*.csv`",
        ),
        Source::Latest {
            pipeline,
            step,
            port,
        } => (
            match pipeline {
                Some(name) => format!("no run of pipeline `{name}` has given `{step}.{port}` yet"),
                None => format!("no run has given `{step}.{port}` yet"),
            },
            "give a port that is optional, or run what gives it first",
        ),
        _ => (String::from("it is empty"), ""),
    };
    Failure::new(
        FailureCode::InputMissing,
        format!("input `{port}`: {message}"),
    )
    .hint(hint)
}
