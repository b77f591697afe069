//! Splits by the files that rows came from.

use globset::{GlobBuilder, GlobMatcher};

use super::check_names;
use crate::DataError;

/// Splits with the patterns of their files.
///
/// A pattern is matched against the name that the user knows a file by. `*` and `?` stay within a
/// folder, `**` crosses folders, as in the pattern that found the files.
#[derive(Debug, Clone)]
pub struct FileSplits {
    splits: Vec<(String, Vec<GlobMatcher>)>,
}

impl FileSplits {
    /// Splits with their patterns, in order.
    ///
    /// # Errors
    ///
    /// No split, a name that cannot be a folder's, a repeated name, a split without a pattern, a
    /// pattern that is none.
    pub fn new(splits: Vec<(String, Vec<String>)>) -> Result<Self, DataError> {
        check_names(splits.iter().map(|(name, _)| name.as_str()))?;
        let splits = splits
            .into_iter()
            .map(|(name, patterns)| {
                if patterns.is_empty() {
                    return Err(DataError::Request(format!(
                        "splits: `{name}` names no files"
                    )));
                }
                let matchers = patterns
                    .iter()
                    .map(|pattern| matcher(pattern))
                    .collect::<Result<_, _>>()?;
                Ok((name, matchers))
            })
            .collect::<Result<_, DataError>>()?;
        Ok(Self { splits })
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.splits.iter().map(|(name, _)| name.as_str())
    }

    /// The position of the split that a file of this name belongs to.
    ///
    /// # Errors
    ///
    /// It belongs to none, or to several.
    pub fn locate(&self, file: &str) -> Result<usize, DataError> {
        let belongs = |(_, matchers): &(String, Vec<GlobMatcher>)| {
            matchers.iter().any(|matcher| matcher.is_match(file))
        };
        let mut found = (0..self.splits.len()).filter(|index| belongs(&self.splits[*index]));
        match (found.next(), found.next()) {
            (Some(index), None) => Ok(index),
            (Some(first), Some(second)) => Err(DataError::Request(format!(
                "splits: {file} matches the patterns of both `{}` and `{}`; a file belongs to one split",
                self.splits[first].0, self.splits[second].0
            ))),
            (None, _) => Err(DataError::Request(format!(
                "splits: {file} matches no split's pattern; add it to one, or do not give it to ingest"
            ))),
        }
    }
}

fn matcher(pattern: &str) -> Result<GlobMatcher, DataError> {
    let plain = pattern.strip_prefix("./").unwrap_or(pattern);
    GlobBuilder::new(plain)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| {
            DataError::Request(format!(
                "splits: `{pattern}` is no pattern: {}",
                error.kind()
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splits(all: &[(&str, &[&str])]) -> Result<FileSplits, DataError> {
        let owned = |patterns: &[&str]| patterns.iter().map(|p| (*p).to_owned()).collect();
        FileSplits::new(
            all.iter()
                .map(|(name, patterns)| ((*name).to_owned(), owned(patterns)))
                .collect(),
        )
    }

    #[test]
    fn a_file_belongs_to_exactly_one_split() {
        let found = splits(&[
            ("train", &["data/train-*.csv", "more/**"]),
            ("eval", &["./data/e*.csv", "data/both.csv"]),
            ("test", &["data/b*.csv"]),
        ])
        .unwrap();
        let located = |file: &str| found.locate(file).map_err(|error| error.to_string());
        assert_eq!(located("data/train-1.csv"), Ok(0));
        assert_eq!(located("more/deep/x.csv"), Ok(0));
        assert_eq!(located("data/eval.csv"), Ok(1));
        assert!(
            located("data/deep/eval.csv")
                .unwrap_err()
                .contains("no split's pattern")
        );
        assert!(
            located("data/both.csv")
                .unwrap_err()
                .contains("both `eval` and `test`")
        );
    }

    #[test]
    fn senseless_patterns_are_refused() {
        let refused = |all: &[(&str, &[&str])], part: &str| {
            let message = splits(all).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        };
        refused(&[], "at least one");
        refused(&[("a", &[])], "names no files");
        refused(&[("a", &["["])], "no pattern");
        refused(&[("a", &["x"]), ("a", &["y"])], "twice");
    }
}
