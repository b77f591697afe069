//! What steps gave within a turn, for lookups that come before its commit.
//!
//! It says what the store's rows will say once the turn is written, in the same order.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use run_engine::artifact::{Artifact, Outputs};
use run_engine::ids::ExecutionId;
use run_engine::seams::{PortName, RefusedSpan};

/// What was given and refused, in order.
#[derive(Debug, Default)]
pub(super) struct GivenInTurn(Vec<Note>);

#[derive(Debug)]
struct Note {
    pipeline: String,
    step: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Given(Arc<Outputs>),
    Refused { span: i64, execution: ExecutionId },
}

impl GivenInTurn {
    pub(super) fn give(&mut self, pipeline: &str, step: &str, outputs: &Arc<Outputs>) {
        if !outputs.artifacts.is_empty() {
            self.0.push(Note {
                pipeline: pipeline.to_owned(),
                step: step.to_owned(),
                what: What::Given(Arc::clone(outputs)),
            });
        }
    }

    pub(super) fn refuse(&mut self, refused: &RefusedSpan) {
        self.0.push(Note {
            pipeline: refused.pipeline.clone(),
            step: refused.step.clone(),
            what: What::Refused {
                span: refused.span,
                execution: refused.execution,
            },
        });
    }

    fn of<'a>(&'a self, port: &'a PortName) -> impl DoubleEndedIterator<Item = &'a What> {
        let notes = self.0.iter();
        let notes = notes.filter(|note| note.step == port.step && note.pipeline == port.pipeline);
        notes.map(|note| &note.what)
    }

    /// What was given last at a port.
    pub(super) fn latest(&self, port: &PortName) -> Option<Arc<Artifact>> {
        self.of(port).rev().find_map(|what| match what {
            What::Given(outputs) => outputs.artifacts.get(&port.port).cloned(),
            What::Refused { .. } => None,
        })
    }

    /// What this turn says of the spans of a port.
    pub(super) fn spans(&self, port: &PortName) -> SpanOverlay {
        let mut overlay = SpanOverlay::default();
        for what in self.of(port) {
            match what {
                What::Given(outputs) => {
                    let spans = outputs.artifacts.values().filter_map(|a| a.span());
                    for span in spans {
                        let artifact = outputs.artifacts.get(&port.port);
                        let artifact = artifact.filter(|a| a.span() == Some(span)).cloned();
                        overlay.given.insert(span, artifact);
                    }
                }
                What::Refused { span, execution } => match overlay.given.get_mut(span) {
                    Some(given) => {
                        given.take_if(|given| given.id.execution() == *execution);
                    }
                    None => overlay.refused.push((*span, *execution)),
                },
            }
        }
        overlay
    }
}

/// What a turn says of a port's spans, over what the store says.
#[derive(Debug, Default)]
pub(super) struct SpanOverlay {
    /// What was given of a span; none if that was refused, or given at other ports alone.
    given: BTreeMap<i64, Option<Arc<Artifact>>>,
    /// What the store holds and this turn refused.
    refused: Vec<(i64, ExecutionId)>,
}

impl SpanOverlay {
    /// How many spans it speaks of.
    pub(super) fn len(&self) -> usize {
        self.given.len() + self.refused.len()
    }

    /// The newest spans, at most so many, from what the store found.
    pub(super) fn over(
        self,
        mut found: Vec<Arc<Artifact>>,
        before: Option<i64>,
        count: usize,
    ) -> Vec<Arc<Artifact>> {
        found.retain(|artifact| {
            artifact.span().is_some_and(|span| {
                !self.given.contains_key(&span)
                    && !self.refused.contains(&(span, artifact.id.execution()))
            })
        });
        let given = self.given.into_iter();
        let given = given.filter(|(span, _)| before.is_none_or(|before| *span < before));
        found.extend(given.filter_map(|(_, artifact)| artifact));
        found.sort_by_key(|artifact| Reverse(artifact.span()));
        found.truncate(count);
        found
    }
}
