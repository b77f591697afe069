//! The store through its front door: what was committed is there after it was opened again.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod damage;
mod format;
mod journals;
mod lists;
mod lookups;
mod opening;
mod rendering;
mod scenario;
