//! Which kinds of trouble there are in a world.
//!
//! Each world has some of them and not others: what all kinds at once hide, a few show.

use crate::chance::Chance;

/// How often each kind of trouble comes, in percent of what happens.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trouble {
    /// The daemon is killed between two turns.
    pub(crate) kills: usize,
    /// The daemon dies at one of the next writes, or among the effects of one of the next turns.
    pub(crate) deaths: usize,
    /// The keeper dies.
    pub(crate) keepers: usize,
    /// The machine goes down: the daemon and the keeper die.
    pub(crate) reboots: usize,
    /// A report comes again later.
    pub(crate) copies: usize,
    /// A report never comes.
    pub(crate) drops: usize,
    /// A run is cancelled.
    pub(crate) cancels: usize,
    /// An attempt is ended by no signal any more; some cancels do not wait for such ones.
    pub(crate) deaf: usize,
    /// The clock of the wall jumps.
    pub(crate) jumps: usize,
    /// Outputs or files of the project are changed by somebody else.
    pub(crate) changes: usize,
}

impl Trouble {
    /// Some kinds of it.
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let mut kind = |percent_max: usize| match chance.below(2) {
            0 => 0,
            _ => 1 + chance.below(percent_max),
        };
        Self {
            kills: kind(6),
            deaths: kind(8),
            keepers: kind(4),
            reboots: kind(3),
            copies: kind(20),
            drops: kind(6),
            cancels: kind(4),
            deaf: kind(4),
            jumps: kind(5),
            changes: kind(5),
        }
    }
}
