//! The table of attempts: what was asked for each, how far it is, what is still to be said about it.
//!
//! The one place that changes an attempt's phase. It sends signals ([`force`]), but it neither starts
//! nor waits for processes, and it knows nothing of sockets: answers gather in an outbox, each for a
//! connection's number.

mod attempt;
mod force;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use attempt::{Attempt, Force, Phase};
pub(crate) use attempt::{AttemptId, ConnectionId, Start};
pub(crate) use force::signal_group;

use super::clock::Moment;
use super::log_cap::CappedLog;
use super::memory::oom_kills;
use super::pump::Pump;
use crate::limits::{ATTEMPT_ID_BYTES_MAX, ATTEMPTS_MAX, LOG_BYTES_MAX, STUCK_AFTER};
use crate::process_table::FileId;
use crate::protocol::{Answer, ExitStatus, Launch};
use crate::spawn::{Refusal, Spawned};
use crate::system::Reaped;

/// All attempts that are held.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    held: BTreeMap<AttemptId, Attempt>,
    queue: VecDeque<AttemptId>,
    /// The main processes that are not reaped.
    leaders: BTreeMap<u32, AttemptId>,
    ending: BTreeSet<AttemptId>,
    deadlines: BTreeSet<(Moment, AttemptId)>,
    outbox: Vec<(ConnectionId, Answer)>,
}

impl Attempts {
    /// How many are held, in whatever phase.
    pub(crate) fn count(&self) -> usize {
        self.held.len()
    }

    /// Their identifiers, sorted.
    pub(crate) fn held(&self) -> Vec<String> {
        self.held.keys().map(ToString::to_string).collect()
    }

    /// Whether an attempt is held, in whatever phase.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.held.contains_key(id)
    }

    /// The answers that have gathered.
    pub(crate) fn take_outbox(&mut self) -> Vec<(ConnectionId, Answer)> {
        std::mem::take(&mut self.outbox)
    }

    pub(crate) fn has_answers(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Takes a launch: a new attempt is queued, a known one is answered with what became of it.
    pub(crate) fn launch(&mut self, from: ConnectionId, launch: Launch) {
        let id: AttemptId = launch.attempt.as_str().into();
        if let Some(attempt) = self.held.get_mut(&id) {
            attempt.asked_by = from;
            let answer = match &attempt.phase {
                // `launched` follows.
                Phase::Queued(_) | Phase::Starting { .. } => return,
                Phase::Running { pid, .. } | Phase::Ending { pid, .. } => Answer::Running {
                    attempt: launch.attempt,
                    pid: *pid,
                },
                Phase::Exited(status) => exited(&id, status),
                Phase::Refused(refusal) => refused(&id, refusal),
            };
            self.outbox.push((from, answer));
            if let (Phase::Running { .. } | Phase::Ending { .. }, Some(pids)) =
                (&attempt.phase, &attempt.stuck)
            {
                self.outbox.push((from, stuck(&id, pids.clone())));
            }
            return;
        }
        if self.held.len() >= ATTEMPTS_MAX {
            let answer = Answer::Busy {
                attempt: launch.attempt,
                attempts: self.held.len(),
            };
            self.outbox.push((from, answer));
            return;
        }
        let stuck_after = launch
            .stuck_after_ms
            .map_or(STUCK_AFTER, Duration::from_millis);
        let log = CappedLog {
            path: launch.log.clone(),
            bytes_max: launch.log_bytes_max.unwrap_or(LOG_BYTES_MAX),
        };
        let phase = match check_id(&id) {
            Ok(()) => {
                self.queue.push_back(id.clone());
                Phase::Queued(Box::new(launch))
            }
            Err(refusal) => {
                self.outbox.push((from, refused(&id, &refusal)));
                Phase::Refused(refusal)
            }
        };
        let attempt = Attempt {
            phase,
            asked_by: from,
            timed_out: false,
            killed: false,
            output: None,
            log,
            pump: None,
            stuck: None,
            stuck_after,
            deadline: None,
        };
        self.held.insert(id, attempt);
    }

    /// Takes a kill.
    pub(crate) fn kill(&mut self, from: ConnectionId, id: &str, grace_ms: u64, now: Now) {
        let Some((id, attempt)) = self.held.get_key_value(id) else {
            self.outbox.push((
                from,
                Answer::Unknown {
                    attempt: id.to_owned(),
                },
            ));
            return;
        };
        let id = id.clone();
        match &attempt.phase {
            Phase::Queued(_) => {
                // It never began: an end without code and signal says so.
                let status = ExitStatus {
                    killed: true,
                    started_at_us: now.wall_us,
                    ended_at_us: now.wall_us,
                    ..ExitStatus::default()
                };
                self.queue.retain(|queued| *queued != id);
                self.finish(&id, status);
            }
            Phase::Starting { .. } | Phase::Running { .. } => {
                if let Some(attempt) = self.held.get_mut(&id) {
                    attempt.killed = true;
                    if let Phase::Starting { kill_grace_ms, .. } = &mut attempt.phase {
                        let earliest = kill_grace_ms.map_or(grace_ms, |ms| ms.min(grace_ms));
                        *kill_grace_ms = Some(earliest);
                    }
                }
                self.terminate(&id, grace_ms, now.moment);
            }
            Phase::Ending { .. } => {}
            Phase::Exited(status) => self.outbox.push((from, exited(&id, status))),
            Phase::Refused(refusal) => self.outbox.push((from, refused(&id, refusal))),
        }
    }

    /// Forgets an attempt that has ended.
    pub(crate) fn acknowledge(&mut self, id: &str) {
        if let Some(attempt) = self.held.get(id)
            && matches!(attempt.phase, Phase::Exited(_) | Phase::Refused(_))
        {
            self.held.remove(id);
        }
    }

    /// The next attempt to start, in the order they were asked for.
    pub(crate) fn next_to_start(&mut self) -> Option<(AttemptId, Box<Launch>)> {
        let id = self.queue.pop_front()?;
        let attempt = self.held.get_mut(&id)?;
        let starting = Phase::Starting {
            timeout_ms: None,
            grace_ms: 0,
            kill_grace_ms: None,
        };
        match std::mem::replace(&mut attempt.phase, starting) {
            Phase::Queued(launch) => {
                attempt.phase = Phase::Starting {
                    timeout_ms: launch.timeout_ms,
                    grace_ms: launch.grace_ms,
                    kill_grace_ms: None,
                };
                Some((id, launch))
            }
            other => {
                attempt.phase = other;
                None
            }
        }
    }

    /// The spawner is done with an attempt.
    pub(crate) fn started(
        &mut self,
        id: &AttemptId,
        outcome: Result<Spawned, Refusal>,
        started: Start,
    ) {
        let Some(attempt) = self.held.get_mut(id) else {
            return;
        };
        let Phase::Starting {
            timeout_ms,
            grace_ms,
            kill_grace_ms,
        } = attempt.phase
        else {
            return;
        };
        match outcome {
            Ok(Spawned { pid, output, pump }) => {
                attempt.output = Some(output);
                attempt.pump = pump;
                attempt.phase = Phase::Running {
                    pid,
                    started,
                    force: Force::None,
                    grace_ms,
                };
                self.outbox.push((
                    attempt.asked_by,
                    Answer::Launched {
                        attempt: id.to_string(),
                        pid,
                    },
                ));
                self.leaders.insert(pid, id.clone());
                if let Some(timeout_ms) = timeout_ms {
                    self.set_deadline(id, Some(started.moment.after_ms(timeout_ms)));
                }
                if let Some(kill_grace_ms) = kill_grace_ms {
                    self.terminate(id, kill_grace_ms, started.moment);
                }
            }
            Err(refusal) => {
                self.outbox.push((attempt.asked_by, refused(id, &refusal)));
                attempt.phase = Phase::Refused(refusal);
            }
        }
    }

    /// Whether this process is the main process of an attempt.
    pub(crate) fn is_leader(&self, pid: u32) -> bool {
        self.leaders.contains_key(&pid)
    }

    /// A main process was reaped. What it left behind is looked at next, see `ending`.
    pub(crate) fn leader_ended(&mut self, pid: u32, reaped: &Reaped, now: Now) {
        let Some(id) = self.leaders.remove(&pid) else {
            return;
        };
        self.set_deadline(&id, None);
        let Some(attempt) = self.held.get_mut(&id) else {
            return;
        };
        let Phase::Running { started, .. } = attempt.phase else {
            return;
        };
        let status = ExitStatus {
            code: reaped.code,
            signal: reaped.signal,
            timed_out: attempt.timed_out,
            killed: attempt.killed,
            out_of_memory: !attempt.killed
                && !attempt.timed_out
                && reaped.was_killed()
                && oom_kills() > started.oom_kills,
            started_at_us: started.wall_us,
            // The wall clock may have been set back meanwhile; nothing ends before it starts.
            ended_at_us: now.wall_us.max(started.wall_us),
            cpu_ms: reaped.cpu_ms,
            memory_max_bytes: reaped.memory_max_bytes,
        };
        attempt.phase = Phase::Ending {
            pid,
            status,
            since: now.moment,
        };
        attempt.stuck = None;
        self.ending.insert(id);
    }

    /// The attempts whose main process has ended and whose leftovers have not.
    pub(crate) fn ending(&self) -> Vec<Ending> {
        let ending = self.ending.iter().filter_map(|id| {
            let attempt = self.held.get(id)?;
            match attempt.phase {
                Phase::Ending { pid, since, .. } => Some(Ending {
                    id: id.clone(),
                    group: pid,
                    log: attempt.log.clone(),
                    since,
                    stuck_at: since.after(attempt.stuck_after),
                }),
                _ => None,
            }
        });
        ending.collect()
    }

    /// The ending attempt whose process group this is.
    pub(crate) fn ending_in_group(&self, group: u32) -> Option<String> {
        let mut ending = self.ending.iter();
        let id = ending.find(|id| {
            matches!(self.held.get(*id).map(|attempt| &attempt.phase),
                Some(Phase::Ending { pid, .. }) if *pid == group)
        });
        id.map(ToString::to_string)
    }

    pub(crate) fn has_ending(&self) -> bool {
        !self.ending.is_empty()
    }

    /// The logs that may be written to.
    pub(crate) fn logs(&self) -> Vec<CappedLog> {
        let written = self.held.values().filter(|attempt| {
            matches!(attempt.phase, Phase::Running { .. } | Phase::Ending { .. })
        });
        written.map(|attempt| attempt.log.clone()).collect()
    }

    /// Nothing is left of an ending attempt. It is over once its log is complete.
    pub(crate) fn settled(&mut self, id: &AttemptId) {
        if let Some(Attempt {
            phase: Phase::Ending { status, .. },
            pump,
            ..
        }) = self.held.get_mut(id)
            && pump.as_mut().is_none_or(Pump::is_drained)
        {
            let status = status.clone();
            *pump = None;
            self.finish(id, status);
        }
    }

    /// What an ending attempt left behind survives SIGKILL: said once.
    pub(crate) fn report_stuck(&mut self, id: &AttemptId, pids: Vec<u32>) {
        if let Some(attempt) = self.held.get_mut(id)
            && matches!(attempt.phase, Phase::Ending { .. })
            && attempt.stuck.is_none()
        {
            attempt.stuck = Some(pids.clone());
            self.outbox.push((attempt.asked_by, stuck(id, pids)));
        }
    }

    /// The attempt that writes to one of these files, as far as its processes are not all gone. One that
    /// runs before one that is ending.
    pub(crate) fn that_writes_to(&self, files: &[FileId]) -> Option<AttemptId> {
        let writes = |id: &&AttemptId| {
            let output = self.held.get(*id).and_then(|attempt| attempt.output);
            output.is_some_and(|output| files.contains(&output))
        };
        let found = self.leaders.values().find(writes);
        found.or_else(|| self.ending.iter().find(writes)).cloned()
    }

    /// Whether the processes of an attempt may live: it is being started or runs.
    pub(crate) fn may_have_processes(&self, id: &str) -> bool {
        let phase = self.held.get(id).map(|attempt| &attempt.phase);
        matches!(phase, Some(Phase::Starting { .. } | Phase::Running { .. }))
    }

    /// Whether a process of this start time could be of an attempt that is starting or running.
    pub(crate) fn may_own_process_since(&self, start: Moment) -> bool {
        let mut running = self
            .leaders
            .values()
            .filter_map(|id| match self.held.get(id)?.phase {
                Phase::Running { started, .. } => Some(started.moment),
                _ => None,
            });
        running.any(|started| started <= start)
    }

    /// Whether any process of an attempt is known to live.
    pub(crate) fn has_processes(&self) -> bool {
        let mut phases = self.held.values().map(|attempt| &attempt.phase);
        phases.any(|phase| {
            matches!(
                phase,
                Phase::Starting { .. } | Phase::Running { .. } | Phase::Ending { .. }
            )
        })
    }

    fn finish(&mut self, id: &AttemptId, status: ExitStatus) {
        self.ending.remove(id);
        if let Some(attempt) = self.held.get_mut(id) {
            self.outbox.push((attempt.asked_by, exited(id, &status)));
            attempt.phase = Phase::Exited(status);
        }
    }
}

/// An attempt whose main process has ended and whose leftovers have not.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) id: AttemptId,
    /// Its process group.
    pub(crate) group: u32,
    pub(crate) log: CappedLog,
    pub(crate) since: Moment,
    /// When what is left then is told as stuck.
    pub(crate) stuck_at: Moment,
}

/// The present on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Microseconds since the Unix epoch.
    pub(crate) wall_us: i64,
    pub(crate) moment: Moment,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self {
            wall_us: super::clock::wall_us(),
            moment: Moment::now(),
        }
    }
}

fn check_id(id: &str) -> Result<(), Refusal> {
    if (1..=ATTEMPT_ID_BYTES_MAX).contains(&id.len()) && !id.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!(
        "the attempt identifier {id:?} is not 1 to {ATTEMPT_ID_BYTES_MAX} bytes without control characters"
    );
    Err(Refusal {
        errno: libc::EINVAL,
        message,
    })
}

fn exited(id: &str, status: &ExitStatus) -> Answer {
    Answer::Exited {
        attempt: id.to_owned(),
        status: status.clone(),
    }
}

fn stuck(id: &str, pids: Vec<u32>) -> Answer {
    Answer::Stuck {
        attempt: id.to_owned(),
        pids,
    }
}

fn refused(id: &str, refusal: &Refusal) -> Answer {
    Answer::Refused {
        attempt: id.to_owned(),
        errno: refusal.errno,
        message: refusal.message.clone(),
    }
}
