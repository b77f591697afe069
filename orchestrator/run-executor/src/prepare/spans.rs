//! Patterns with a span in them: the newest span, the newest version of it, and their files.
//!
//! As the `ExampleGen` of TFX: all patterns of an input resolve to one span and one version. A pattern is
//! walked once, for all spans. It does not know what a span means.

use std::path::PathBuf;

use component_api::span::{self, SpanPattern, SpanVariable};
use globset::GlobBuilder;
use regex::bytes::{Captures, Regex};
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;

use super::globs::{Files, GlobError, Place, Search, add, clean, expand_one, no_match};

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: Files,
    /// None if no pattern has a span.
    pub(super) span: Option<i64>,
    pub(super) version: Option<i64>,
}

/// The files that the patterns name; of the patterns with a span those of `pinned`, or of the newest.
pub(super) fn find(
    patterns: &[String],
    pinned: Option<i64>,
    place: &Place<'_>,
) -> Result<Found, GlobError> {
    let mut found = Found::default();
    let mut first: Option<(&str, Newest)> = None;
    for pattern in patterns {
        let parsed = SpanPattern::parse(pattern);
        let parsed = parsed
            .map_err(|why| Failure::new(FailureCode::NoMatch, format!("`{pattern}`: {why}")))?;
        let Some(parsed) = parsed else {
            let before = found.files.len();
            if !expand_one(pattern, place, &mut found.files)? && found.files.len() == before {
                return Err(no_match(pattern, place.project_dir).into());
            }
            continue;
        };
        let newest = Walk::new(pattern, &parsed, pinned, place)?.run(place)?;
        match &first {
            Some((other, other_newest)) if other_newest.at() != newest.at() => {
                return Err(apart((other, other_newest), (pattern, &newest)).into());
            }
            Some(_) => {}
            None => {
                (found.span, found.version) = (Some(newest.span), newest.version);
                first = Some((
                    pattern,
                    Newest {
                        files: Vec::new(),
                        ..newest.clone()
                    },
                ));
            }
        }
        for path in newest.files {
            add(&mut found.files, path, place)?;
        }
    }
    Ok(found)
}

fn apart(one: (&str, &Newest), other: (&str, &Newest)) -> Failure {
    let words = |newest: &Newest| span::words(newest.span, newest.version);
    let message = format!(
        "`{}` has span {} as its newest, and `{}` has {}",
        one.0,
        words(one.1),
        other.0,
        words(other.1)
    );
    Failure::new(FailureCode::NoMatch, message)
        .hint("wait until both have the same, or take one that both have with `span: N`")
}

/// The newest span of a pattern.
#[derive(Clone)]
struct Newest {
    span: i64,
    version: Option<i64>,
    files: Vec<PathBuf>,
}

impl Newest {
    fn at(&self) -> (i64, Option<i64>) {
        (self.span, self.version)
    }
}

/// A walk over the files of all spans of a pattern.
struct Walk<'a> {
    pattern: &'a str,
    search: Search,
    /// Finds the digits in a path relative to the search's base.
    digits: Regex,
    is_dated: bool,
    pinned: Option<i64>,
}

impl<'a> Walk<'a> {
    fn new(
        pattern: &'a str,
        parsed: &SpanPattern,
        pinned: Option<i64>,
        place: &Place<'_>,
    ) -> Result<Self, Failure> {
        let glob = parsed.glob();
        let whole = clean(&place.project_dir.join(&glob));
        let search = Search::new(&glob, &whole, place)?;
        let search = search.ok_or_else(|| no_match(pattern, place.project_dir))?;
        // Words in the place of the variables go through the glob as they are, and become groups of
        // digits in the expression that it is.
        let word = |variable: SpanVariable| format!("Q{}Q", group(variable).to_uppercase());
        let worded = clean(&place.project_dir.join(parsed.with(word)));
        let parts: Vec<_> = worded.components().collect();
        let special = parts
            .len()
            .saturating_sub(search.special.split('/').count());
        let special: PathBuf = parts[special..].iter().collect();
        let glob = GlobBuilder::new(&special.to_string_lossy())
            .literal_separator(true)
            .build();
        let wrong = |why: &dyn std::fmt::Display| {
            Failure::new(
                FailureCode::NoMatch,
                format!("`{pattern}` is no pattern: {why}"),
            )
        };
        let mut expression = glob
            .map_err(|error| wrong(error.kind()))?
            .regex()
            .to_owned();
        for variable in parsed.variables() {
            let digits = match variable.digits() {
                Some(width) => format!("[0-9]{{{width}}}"),
                None => "[0-9]+".to_owned(),
            };
            let digits = format!("(?P<{}>{digits})", group(variable));
            expression = expression.replacen(&word(variable), &digits, 1);
        }
        Ok(Self {
            pattern,
            search,
            digits: Regex::new(&expression).map_err(|error| wrong(&error))?,
            is_dated: parsed.is_dated(),
            pinned,
        })
    }

    /// The newest span, or the pinned one, with its newest version and their files.
    fn run(&self, place: &Place<'_>) -> Result<Newest, GlobError> {
        let mut newest: Option<Newest> = None;
        let mut seen: Option<i64> = None;
        self.search.run(place, &mut |path| {
            let relative = path.strip_prefix(&self.search.base).unwrap_or(&path);
            let bytes = relative.as_os_str().as_encoded_bytes();
            let Some(captures) = self.digits.captures(bytes) else {
                return Ok(());
            };
            let span = self.span(&captures, &path)?;
            let version = number(&captures, "version");
            seen = seen.max(Some(span));
            if self.pinned.is_some_and(|pinned| pinned != span) {
                return Ok(());
            }
            match &mut newest {
                Some(found) if found.at() > (span, version) => {}
                Some(found) if found.at() == (span, version) => {
                    if found.files.len() == place.files_max {
                        return Err(GlobError::TooMany);
                    }
                    found.files.push(path);
                }
                _ => {
                    newest = Some(Newest {
                        span,
                        version,
                        files: vec![path],
                    });
                }
            }
            Ok(())
        })?;
        newest.ok_or_else(|| self.nothing(seen, place).into())
    }

    fn span(&self, captures: &Captures<'_>, path: &std::path::Path) -> Result<i64, Failure> {
        let span = if self.is_dated {
            let part = |name| number(captures, name).unwrap_or_default();
            span::day_number(part("year"), part("month"), part("day"))
        } else {
            number(captures, "span")
        };
        span.ok_or_else(|| {
            let what = if self.is_dated {
                "day"
            } else {
                "number of a span"
            };
            let message = format!(
                "{} matches `{}`, but there is no such {what}",
                path.display(),
                self.pattern
            );
            Failure::new(FailureCode::NoMatch, message).hint("rename it, or narrow the pattern")
        })
    }

    fn nothing(&self, newest: Option<i64>, place: &Place<'_>) -> Failure {
        match (self.pinned, newest) {
            (Some(pinned), Some(newest)) => {
                let message = format!("no file of span {pinned} matches `{}`", self.pattern);
                Failure::new(FailureCode::NoMatch, message)
                    .hint(format!("the newest span that is there is {newest}"))
            }
            _ => no_match(self.pattern, place.project_dir),
        }
    }
}

/// The name of a variable's digits.
fn group(variable: SpanVariable) -> &'static str {
    match variable {
        SpanVariable::Span(_) => "span",
        SpanVariable::Version(_) => "version",
        SpanVariable::Year => "year",
        SpanVariable::Month => "month",
        SpanVariable::Day => "day",
    }
}

/// The number of a group; none if it does not fit in 64 bits.
fn number(captures: &Captures<'_>, group: &str) -> Option<i64> {
    let digits = captures.name(group)?.as_bytes();
    std::str::from_utf8(digits).ok()?.parse().ok()
}
