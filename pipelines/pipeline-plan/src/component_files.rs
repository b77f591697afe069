//! The component files of a pipeline: which it names, and what is in them.
//!
//! It reads no file: texts are handed in by the paths that `uses:` names.

use std::collections::{BTreeMap, BTreeSet};

use component_api::catalog::Component;
use pipeline_spec::spec::{Action, ComponentSpec, OwnType, is_component_file};
use pipeline_spec::{At, Code, Diagnostic, PipelineSpec, parse_component, parse_unplaced};

/// Component files by the path that `uses:` names.
#[derive(Debug, Default)]
pub(crate) struct ComponentFiles {
    files: BTreeMap<String, File>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct File {
    /// None if it could not be read.
    pub(crate) known: Option<Known>,
    /// What is wrong with it.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// What is in a file that could be read.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) component: Component,
    pub(crate) spec: ComponentSpec,
    /// BLAKE3 of its text.
    pub(crate) digest: String,
}

/// The paths of the component files that a pipeline's text names, as it writes them.
pub fn named_component_files(text: &str) -> BTreeSet<String> {
    // Most pipelines use none, and a large one is not read twice for that.
    if !text.contains("uses") || !text.contains('/') {
        return BTreeSet::new();
    }
    let (spec, _) = parse_unplaced(text);
    named(&spec).map(str::to_owned).collect()
}

fn named(spec: &PipelineSpec) -> impl Iterator<Item = &str> {
    spec.steps.values().filter_map(|step| match &step.action {
        Action::Uses(path) if is_component_file(path) => Some(path.as_str()),
        _ => None,
    })
}

impl ComponentFiles {
    /// The files that a pipeline names, of these texts.
    pub(crate) fn read(spec: &PipelineSpec, texts: &BTreeMap<String, String>) -> Self {
        let paths: BTreeSet<&str> = named(spec).collect();
        let files = paths.into_iter().filter_map(|path| {
            let text = texts.get(path)?;
            Some((path.to_owned(), File::read(text)))
        });
        let mut files = Self {
            files: files.collect(),
        };
        files.check_types();
        files
    }

    /// The file of this path, if its text is there.
    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// All artifact types that they declare.
    pub(crate) fn types(&self) -> BTreeMap<String, OwnType> {
        let known = self.files.values().filter_map(|file| file.known.as_ref());
        let types = known.flat_map(|known| &known.spec.types);
        types
            .map(|(name, own)| (name.clone(), own.clone()))
            .collect()
    }

    /// What is wrong with them, by path.
    pub(crate) fn into_diagnostics(self) -> BTreeMap<String, Vec<Diagnostic>> {
        let files = self.files.into_iter();
        files
            .map(|(path, file)| (path, file.diagnostics))
            .filter(|(_, found)| !found.is_empty())
            .collect()
    }

    /// A type that two files declare is the same in both.
    fn check_types(&mut self) {
        let mut seen: BTreeMap<String, (String, OwnType)> = BTreeMap::new();
        for (path, file) in &mut self.files {
            let Some(known) = &file.known else { continue };
            for (name, own) in &known.spec.types {
                let (first, same) = seen
                    .entry(name.clone())
                    .or_insert_with(|| (path.clone(), own.clone()));
                if same != own {
                    let at = At::ROOT.key("types");
                    let message = format!("`{first}` declares `{name}` otherwise");
                    let pointer = at.key(name).pointer();
                    let found = Diagnostic::error(Code::InvalidDeclaration, pointer, message);
                    let found = found
                        .at_key()
                        .hint("declare it alike in both, or rename one");
                    file.diagnostics.push(found);
                }
            }
        }
    }
}

impl File {
    fn read(text: &str) -> Self {
        let (spec, diagnostics) = parse_component(text);
        let is_whole = !diagnostics.iter().any(Diagnostic::is_error);
        let known = spec.filter(|_| is_whole).map(|spec| Known {
            component: Component {
                manifest: spec.manifest.clone(),
                // What a file declares is all that is known of its parameters.
                check: |_| Vec::new(),
            },
            spec,
            digest: blake3::hash(text.as_bytes()).to_hex().to_string(),
        });
        Self { known, diagnostics }
    }
}
