//! Where a reader is in the document, without an allocation until someone asks.

use crate::diagnostic::join;

/// A place on the way down from the root.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    above: Option<&'a At<'a>>,
    segment: Segment<'a>,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Key(&'a str),
    Item(usize),
}

impl<'a> At<'a> {
    /// The whole document.
    pub(crate) const ROOT: At<'static> = At {
        above: None,
        segment: Segment::Item(0),
    };

    /// The entry of a map.
    pub(crate) fn key(&'a self, key: &'a str) -> At<'a> {
        At {
            above: Some(self),
            segment: Segment::Key(key),
        }
    }

    /// The item of a list.
    pub(crate) fn item(&'a self, index: usize) -> At<'a> {
        At {
            above: Some(self),
            segment: Segment::Item(index),
        }
    }

    /// It as a JSON pointer.
    pub(crate) fn pointer(&self) -> String {
        let Some(above) = self.above else {
            return String::new();
        };
        match self.segment {
            Segment::Key(key) => join(&above.pointer(), key),
            Segment::Item(index) => join(&above.pointer(), index),
        }
    }
}
