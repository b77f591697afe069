//! A list in shared pages: a clone costs a pointer a page, a change copies one page at the most.
//!
//! It lets readers keep a snapshot of a large run while the loop goes on. It does not know what
//! it holds.

use std::sync::Arc;

/// Items in a page; a page of steps is some 40 KiB.
const PAGE_ITEMS: usize = 256;

/// A list that only grows.
#[derive(Debug, Clone)]
pub struct Pages<T> {
    pages: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T: Clone> Pages<T> {
    /// A list of these.
    pub fn new(items: &[T]) -> Self {
        Self {
            pages: items
                .chunks(PAGE_ITEMS)
                .map(|page| Arc::new(page.to_vec()))
                .collect(),
            len: items.len(),
        }
    }

    /// Adds so many items to the end.
    pub fn extend(&mut self, count: usize, item: &T) {
        for _ in 0..count {
            match self.pages.last_mut().filter(|page| page.len() < PAGE_ITEMS) {
                Some(page) => Arc::make_mut(page).push(item.clone()),
                None => self.pages.push(Arc::new(vec![item.clone()])),
            }
        }
        self.len += count;
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item of this index, which must be less than [`Self::len`].
    pub fn get(&self, index: usize) -> &T {
        &self.pages[index / PAGE_ITEMS][index % PAGE_ITEMS]
    }

    /// The item of this index, to be changed.
    pub fn get_mut(&mut self, index: usize) -> &mut T {
        &mut Arc::make_mut(&mut self.pages[index / PAGE_ITEMS])[index % PAGE_ITEMS]
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|page| page.iter())
    }
}
