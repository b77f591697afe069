//! What is wrong with a pipeline file, as entries of a document.

use orchestrator_api as api;
use pipeline_spec::{Diagnostic, Severity};

use super::some_text;

/// A diagnostic as an entry. `file` is named as the client named it.
pub(crate) fn diagnostic(diagnostic: &Diagnostic, file: &str) -> api::DiagnosticEntry {
    let position = diagnostic.position;
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    api::DiagnosticEntry {
        code: diagnostic.code.name().to_owned(),
        severity: match diagnostic.severity {
            Severity::Error => api::Severity::Error,
            Severity::Warning => api::Severity::Warning,
        },
        message: diagnostic.message.clone(),
        file: file.to_owned(),
        line: position.map(|p| number(p.line)),
        column: position.map(|p| number(p.column)),
        end_line: position.map(|p| number(p.end_line)),
        end_column: position.map(|p| number(p.end_column)),
        hint: some_text(&diagnostic.hint),
    }
}
