//! The table of all steps: by number, by id, and by the name that expressions use.
//!
//! Numbers are places in the order of ids; the plan's own numbers come later.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use component_api::catalog::{Catalog, Component};
use component_api::manifest::ParamType;
use pipeline_spec::spec::{Action, Input, InputSource, Step, is_component_file};
use pipeline_spec::{PipelineSpec, did_you_mean};

use crate::component_files::ComponentFiles;
use crate::expression::{PortType, normal};
use crate::limits::NEAREST_COMPARISONS_MAX;

/// The steps of a pipeline.
pub(super) struct Steps<'a> {
    pub(super) spec: &'a PipelineSpec,
    pub(super) catalog: &'a Catalog,
    pub(super) files: &'a ComponentFiles,
    entries: Vec<Entry<'a>>,
    by_name: HashMap<Cow<'a, str>, usize>,
    /// How many more names may be compared for hints.
    comparisons: Cell<usize>,
}

/// A step and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) id: &'a str,
    pub(super) step: &'a Step,
    /// The component that `uses:` names, if there is one.
    pub(super) component: Option<&'a Component>,
}

/// What a step gives at a port.
pub(super) enum Given<'a> {
    /// An artifact or parameter of this type.
    Type(&'a str),
    /// What it gives cannot be read from the file.
    Unknown,
    /// There is no such port.
    Nothing,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        spec: &'a PipelineSpec,
        catalog: &'a Catalog,
        files: &'a ComponentFiles,
    ) -> Self {
        let entry = |(id, step): (&'a String, &'a Step)| Entry {
            id,
            step,
            component: match &step.action {
                Action::Uses(path) if is_component_file(path) => {
                    let known = files.get(path).and_then(|file| file.known.as_ref());
                    known.map(|known| &known.component)
                }
                Action::Uses(name) => catalog.get(name),
                _ => None,
            },
        };
        let entries: Vec<Entry<'a>> = spec.steps.iter().map(entry).collect();
        let names = entries.iter().enumerate();
        let by_name = names.map(|(number, e)| (normal(e.id), number)).collect();
        Self {
            spec,
            catalog,
            files,
            entries,
            by_name,
            comparisons: Cell::new(NEAREST_COMPARISONS_MAX),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, step: usize) -> Entry<'a> {
        self.entries[step]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter()
    }

    /// The number of the step with this id.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.entries.binary_search_by(|e| e.id.cmp(id)).ok()
    }

    /// The number of the step that an expression names so.
    pub(super) fn find_named(&self, name: &str) -> Option<usize> {
        self.by_name.get(&normal(name)).copied()
    }

    /// A hint at the step that was meant.
    pub(super) fn hint(&self, id: &str) -> String {
        let Some(left) = self.comparisons.get().checked_sub(self.len()) else {
            return String::new();
        };
        self.comparisons.set(left);
        did_you_mean(id, self.entries.iter().map(|e| e.id))
    }

    /// What a step gives at a port of exactly this name.
    pub(super) fn output(&self, step: usize, port: &str) -> Given<'a> {
        let entry = self.get(step);
        match (&entry.step.action, entry.component) {
            (Action::Uses(_), Some(component)) => component
                .manifest
                .outputs
                .get(port)
                .map_or(Given::Nothing, |p| Given::Type(&p.artifact_type)),
            (Action::Uses(_), None) => Given::Unknown,
            (action, _) => match entry.step.outputs.get(port) {
                Some(output) if output.type_name.is_empty() => Given::Unknown,
                Some(output) => Given::Type(&output.type_name),
                None if *action == Action::Unreadable => Given::Unknown,
                None => Given::Nothing,
            },
        }
    }

    /// Whether a step is done for each item of a list, so that each of its outputs is a list.
    pub(super) fn is_list(&self, step: usize) -> bool {
        self.get(step).step.foreach.is_some()
    }

    /// Whether what enters an input is a list because of where it comes from.
    pub(super) fn gives_list(&self, input: &Input) -> bool {
        input.sources.iter().flatten().any(|source| match source {
            InputSource::Output { step, .. } => {
                self.find(step).is_some_and(|step| self.is_list(step))
            }
            _ => false,
        })
    }

    /// The names of a step's outputs, in order.
    pub(super) fn output_names(&self, step: usize) -> Vec<&'a str> {
        let entry = self.get(step);
        match entry.component {
            Some(component) => names(&component.manifest.outputs),
            None => names(&entry.step.outputs),
        }
    }

    /// The names of the inputs that a step takes, in order.
    pub(super) fn input_names(&self, step: usize) -> Vec<&'a str> {
        let entry = self.get(step);
        match entry.component {
            Some(component) => names(&component.manifest.inputs),
            None => names(&entry.step.inputs),
        }
    }

    /// What an expression finds at an output that it names so.
    pub(super) fn named_output(&self, step: usize, name: &str) -> Option<PortType> {
        let mut given = self.output(step, name);
        if matches!(given, Given::Nothing) {
            let ports = self.output_names(step);
            let port = ports.into_iter().find(|p| normal(p) == normal(name))?;
            given = self.output(step, port);
        }
        match given {
            Given::Type(_) if self.is_list(step) => Some(PortType::Parameter(ParamType::List)),
            Given::Type(name) => {
                Some(ParamType::from_word(name).map_or(PortType::Artifact, PortType::Parameter))
            }
            Given::Unknown => Some(PortType::Unknown),
            Given::Nothing => None,
        }
    }
}

fn names<T>(map: &BTreeMap<String, T>) -> Vec<&str> {
    map.keys().map(String::as_str).collect()
}
