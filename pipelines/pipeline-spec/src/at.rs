//! Where a reader is in the document, without an allocation until someone asks.

use crate::diagnostic::join;

/// A place on the way down from the root.
///
/// ```
/// use pipeline_spec::At;
/// assert_eq!(At::ROOT.key("steps").key("a/b").item(0).pointer(), "/steps/a~1b/0");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    above: Option<&'a At<'a>>,
    segment: Segment<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Segment<'a> {
    Key(&'a str),
    Item(usize),
}

impl<'a> At<'a> {
    /// The whole document.
    pub const ROOT: At<'static> = At {
        above: None,
        segment: Segment::Item(0),
    };

    /// The entry of a map.
    #[must_use]
    pub fn key(&'a self, key: &'a str) -> At<'a> {
        At {
            above: Some(self),
            segment: Segment::Key(key),
        }
    }

    /// The item of a list.
    #[must_use]
    pub fn item(&'a self, index: usize) -> At<'a> {
        At {
            above: Some(self),
            segment: Segment::Item(index),
        }
    }

    /// It as a JSON pointer.
    pub fn pointer(&self) -> String {
        let Some(above) = self.above else {
            return String::new();
        };
        match self.segment {
            Segment::Key(key) => join(&above.pointer(), key),
            Segment::Item(index) => join(&above.pointer(), index),
        }
    }
}
