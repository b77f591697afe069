//! Ending attempts: what is due when, and the signals that it takes.
//!
//! # Invariant
//!
//! A signal goes only to a process group whose leader is not reaped, under the lock that the reaping
//! holds too: so the number cannot have been given to somebody else.

use rustix::process::Signal;

use super::attempt::{Attempt, AttemptId, Force, Phase};
use super::{Attempts, stuck};
use crate::keeper::clock::Moment;
use crate::process_table::pid_of;

impl Attempts {
    /// The first moment at which something is due.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(moment, _)| *moment)
    }

    /// Does what is due: timeouts, kills after the grace, reports of what is stuck.
    pub(crate) fn pass_deadlines(&mut self, now: Moment) {
        while let Some((moment, id)) = self.deadlines.first().cloned()
            && moment <= now
        {
            self.set_deadline(&id, None);
            let Some(attempt) = self.held.get_mut(&id) else {
                continue;
            };
            let Phase::Running {
                pid,
                force,
                grace_ms,
                ..
            } = &mut attempt.phase
            else {
                continue;
            };
            match force {
                Force::None => {
                    attempt.timed_out = true;
                    let grace_ms = *grace_ms;
                    self.terminate(&id, grace_ms, now);
                }
                Force::Asked => self.kill_now(&id, now),
                Force::Killed => {
                    *force = Force::Stuck;
                    let pids = vec![*pid];
                    attempt.stuck = Some(pids.clone());
                    self.outbox.push((attempt.asked_by, stuck(&id, pids)));
                }
                Force::Stuck => {}
            }
        }
    }

    /// Drops what waits and kills what runs; for a keeper whose state folder is gone.
    pub(crate) fn kill_all(&mut self, now: Moment) {
        self.queue.clear();
        self.held
            .retain(|_, attempt| !matches!(attempt.phase, Phase::Queued(_)));
        let ids: Vec<AttemptId> = self.held.keys().cloned().collect();
        for id in ids {
            if let Some(Attempt {
                phase: Phase::Starting { kill_grace_ms, .. },
                ..
            }) = self.held.get_mut(&id)
            {
                *kill_grace_ms = Some(0);
            }
            self.kill_now(&id, now);
        }
    }

    /// SIGTERM, and SIGKILL after the grace unless that is due sooner.
    pub(super) fn terminate(&mut self, id: &AttemptId, grace_ms: u64, now: Moment) {
        if grace_ms == 0 {
            self.kill_now(id, now);
            return;
        }
        let Some(attempt) = self.held.get_mut(id) else {
            return;
        };
        let Phase::Running { pid, force, .. } = &mut attempt.phase else {
            return;
        };
        let deadline = now.after_ms(grace_ms);
        let earlier = match force {
            Force::None => None,
            Force::Asked => attempt.deadline,
            Force::Killed | Force::Stuck => return,
        };
        *force = Force::Asked;
        signal_group(*pid, Signal::TERM);
        // A stopped process takes the signal when it goes on.
        signal_group(*pid, Signal::CONT);
        self.set_deadline(
            id,
            Some(earlier.map_or(deadline, |earlier| earlier.min(deadline))),
        );
    }

    fn kill_now(&mut self, id: &AttemptId, now: Moment) {
        let Some(attempt) = self.held.get_mut(id) else {
            return;
        };
        let Phase::Running { pid, force, .. } = &mut attempt.phase else {
            return;
        };
        if matches!(force, Force::Killed | Force::Stuck) {
            return;
        }
        *force = Force::Killed;
        signal_group(*pid, Signal::KILL);
        let stuck_at = now.after(attempt.stuck_after);
        self.set_deadline(id, Some(stuck_at));
    }

    pub(super) fn set_deadline(&mut self, id: &AttemptId, deadline: Option<Moment>) {
        let Some(attempt) = self.held.get_mut(id) else {
            return;
        };
        if let Some(before) = std::mem::replace(&mut attempt.deadline, deadline) {
            self.deadlines.remove(&(before, id.clone()));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, id.clone()));
        }
    }
}

/// To every process of the group. The caller knows that its leader is not reaped.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    if let Some(group) = pid_of(leader) {
        // It fails only for a group without a process that would take it.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}
