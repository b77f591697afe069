//! The engine through its front door, in words: a plan, a journal, news, and what follows.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod apply;
mod decide;
mod exploration;
mod failure_codes;
mod invariants;
mod legality;
mod notation;
mod pick;
mod play;
mod prefixes;
mod reuse;
