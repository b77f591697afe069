//! What keeps anything new from being launched: no room on the disk, a keeper of another version.
//!
//! It is told to the loop when it begins and when it ends, before the report that a step is prepared or
//! over: so the loop starts no step that would only wait.

use std::sync::{Mutex, PoisonError};

use run_engine::reason::{Reason, ReasonCode};

/// What is in the way at the moment.
#[derive(Debug, Default)]
pub(super) struct Hindrances {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    disk: Option<Reason>,
    keeper: Option<Reason>,
}

impl State {
    fn why(&self) -> Option<&Reason> {
        self.disk.as_ref().or(self.keeper.as_ref())
    }
}

impl Hindrances {
    /// Why nothing can be launched.
    pub(super) fn why(&self) -> Option<Reason> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.why().cloned()
    }

    /// Takes what a look at the disk found missing, and tells what changed for the loop by that.
    pub(super) fn disk(&self, lack: Option<String>, tell: impl FnOnce(Option<Reason>)) {
        self.change(tell, |state| {
            // How much is missing changes all the time; what was said first stays.
            state.disk = match (lack, state.disk.take()) {
                (None, _) => None,
                (Some(_), Some(known)) => Some(known),
                (Some(lack), None) => Some(Reason::new(ReasonCode::Disk, lack, "")),
            };
        });
    }

    /// Takes why the keeper starts nothing, and tells what changed for the loop by that.
    pub(super) fn keeper(&self, why: Option<String>, tell: impl FnOnce(Option<Reason>)) {
        self.change(tell, |state| {
            state.keeper = why.map(|why| Reason::new(ReasonCode::Slots, why, ""));
        });
    }

    /// Told under the lock, so that the loop hears changes in their order.
    fn change(&self, tell: impl FnOnce(Option<Reason>), set: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.why().cloned();
        set(&mut state);
        if state.why() != before.as_ref() {
            tell(state.why().cloned());
        }
    }
}
