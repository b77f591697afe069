//! Diagnostics: what is wrong with a pipeline file, where, and what to do.
//!
//! They say *where* by a path into the document; [`crate::locate`] turns that into lines and
//! columns. They do not know the file's name, nor how they are shown.

use std::ops::Range;

use crate::code::Code;
use crate::limits::DIAGNOSTICS_MAX;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// Whether the pipeline can run all the same.
    pub severity: Severity,
    /// What is wrong, in a sentence without a full stop at its end.
    pub message: String,
    /// What to do about it, or empty; may be several lines of YAML.
    pub hint: String,
    /// Where, in terms of the document.
    pub place: Place,
    /// Where, in terms of the text; filled by [`crate::parse`] and [`crate::locate`].
    pub position: Option<Position>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pipeline cannot run.
    Error,
    /// It can, but is probably not what was meant.
    Warning,
}

/// A place in a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// A JSON pointer (RFC 6901): `/steps/train/inputs/examples`.
    pub pointer: String,
    /// Whether the key or the value there is meant.
    pub part: Part,
    /// A part of the text value there, in bytes of the text as YAML decodes it.
    pub bytes: Option<Range<usize>>,
}

/// One half of an entry of a map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// What stands before the colon.
    Key,
    /// What stands after it, or an item of a list.
    #[default]
    Value,
}

/// A range of the text; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// First line.
    pub line: usize,
    /// Column of the first character.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// Column after the last character.
    pub end_column: usize,
}

impl Severity {
    /// `error` or `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostic {
    /// An error at the value that this pointer names.
    pub fn error(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let place = Place {
            pointer: pointer.into(),
            ..Place::default()
        };
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            hint: String::new(),
            place,
            position: None,
        }
    }

    /// A warning at the value that this pointer names.
    pub fn warning(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, pointer, message)
        }
    }

    /// Means the key rather than the value.
    #[must_use]
    pub fn at_key(mut self) -> Self {
        self.place.part = Part::Key;
        self
    }

    /// Means these bytes of the text value.
    #[must_use]
    pub fn at_bytes(mut self, bytes: Range<usize>) -> Self {
        self.place.bytes = Some(bytes);
        self
    }

    /// At a position that is already known.
    #[must_use]
    pub fn at_position(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Whether the pipeline cannot run because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Collects diagnostics, up to [`DIAGNOSTICS_MAX`] errors and as many warnings.
#[derive(Debug, Default)]
pub struct Collector {
    list: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Collector {
    /// Keeps one more, unless there are too many already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if *count < DIAGNOSTICS_MAX {
            *count += 1;
            self.list.push(diagnostic);
        }
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// What was collected, in the order it came.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }
}

/// A pointer to an entry below another: `join("/steps", "a/b")` is `/steps/a~1b`.
pub fn join(pointer: &str, key: impl std::fmt::Display) -> String {
    let key = key.to_string();
    if key.contains(['~', '/']) {
        format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
    } else {
        format!("{pointer}/{key}")
    }
}

/// The segments of a pointer, unescaped.
pub(crate) fn segments(pointer: &str) -> impl Iterator<Item = String> {
    let inner = pointer.strip_prefix('/');
    inner
        .into_iter()
        .flat_map(|p| p.split('/'))
        .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
}
