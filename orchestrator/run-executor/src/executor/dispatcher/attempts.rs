//! One attempt's way through the table: launched, built, ended, and what the keeper says of it.

use attempt_keeper::{Answer, Launch, Request};
use run_engine::failure_code::FailureCode;
use run_engine::ids::AttemptId;
use run_engine::reason::{Failure, Reason};
use run_engine::seams::{Effect, LaunchTask, Report};

use super::{Built, Dispatcher, Entry, Phase};
use crate::executor::remains::Remains;
use crate::executor::{Context, jobs, names};
use crate::failures::{self, Ground};
use crate::launch::{Attempt, grace_ms};
use crate::limits::KILL_GRACE_MS;
use crate::prepare::program::{candidate, is_executable};

impl Dispatcher {
    pub(super) fn take_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Launch(task) => self.launch(task),
            Effect::Kill(attempt) => self.kill(attempt),
            Effect::Acknowledge(attempt) => {
                self.attempts.remove(&attempt);
                let attempt = names::name_of(attempt);
                if let Some(link) = &mut self.link {
                    link.held.remove(&attempt);
                }
                self.requests.push(Request::Acknowledge { attempt });
            }
            // Not handed to this thread.
            Effect::Prepare(_) | Effect::Verify(_) => {}
        }
    }

    pub(super) fn launch(&mut self, task: LaunchTask) {
        let attempt = task.attempt();
        if self.attempts.contains_key(&attempt) {
            return;
        }
        let entry = Entry {
            task,
            phase: Phase::Building,
            is_kill_wanted: false,
            is_told: false,
            waits_for: None,
        };
        self.attempts.insert(attempt, entry);
        self.begin(attempt);
    }

    /// What is to be done first about an attempt, whatever became of it in an earlier life.
    pub(super) fn begin(&mut self, attempt: AttemptId) {
        let name = names::name_of(attempt);
        let is_held = self.holds(&name);
        let Some(entry) = self.attempts.get_mut(&attempt) else {
            return;
        };
        if entry.task.started.keeper != self.context.keeper.instance() {
            entry.phase = Phase::Remains;
            let remains = Remains::of(&entry.task, &self.context.config.state_dir);
            // That thread lives as long as this one.
            let _ = self.remains.send(remains);
        } else if is_held {
            entry.phase = Phase::Asked;
            self.requests.push(ask_again(name));
        } else {
            entry.phase = Phase::Building;
            self.to_build.push(entry.task.clone());
        }
    }

    /// Whether the keeper held an attempt when it was connected to, and may hold it still.
    fn holds(&self, name: &str) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.held.contains(name))
    }

    pub(super) fn kill(&mut self, attempt: AttemptId) {
        let name = names::name_of(attempt);
        let Some(entry) = self.attempts.get_mut(&attempt) else {
            // Nobody launched it again in this life: its end is told to who asks for it.
            if self.holds(&name) {
                self.requests.push(ask_again(name.clone()));
            }
            self.requests.push(kill(name, KILL_GRACE_MS));
            return;
        };
        entry.is_kill_wanted = true;
        match entry.phase {
            Phase::Asked => {
                let grace_ms = grace_ms(entry.task.node());
                self.requests.push(kill(name, grace_ms));
            }
            Phase::Ready(_) | Phase::Again => self.end_unstarted(attempt),
            Phase::Building | Phase::Ended | Phase::Remains => {}
        }
    }

    /// Ends an attempt that no keeper was asked to start.
    pub(super) fn end_unstarted(&mut self, attempt: AttemptId) {
        self.ready.remove(&attempt);
        self.again.remove(&attempt);
        let failure = Failure::new(FailureCode::Killed, "it was ended before it began");
        self.end_without_process(attempt, failure);
    }

    pub(super) fn end_without_process(&mut self, attempt: AttemptId, failure: Failure) {
        if let Some(entry) = self.attempts.get_mut(&attempt) {
            entry.phase = Phase::Ended;
            jobs::report_not_launched(&self.context, attempt, failure);
        }
    }

    pub(super) fn built(&mut self, attempt: AttemptId, built: Built) {
        let Some(entry) = self.attempts.get_mut(&attempt) else {
            return;
        };
        if !matches!(entry.phase, Phase::Building) {
            return;
        }
        match built {
            _ if entry.is_kill_wanted => self.end_unstarted(attempt),
            Built::Ready(launch) => {
                entry.phase = Phase::Ready(launch);
                self.ready.insert(attempt);
            }
            Built::Waits(why) => self.wait_for(attempt, why),
            Built::Failed(failure) => self.end_without_process(attempt, failure),
        }
    }

    /// An attempt is built again after a while; the loop is told why, once.
    pub(super) fn wait_for(&mut self, attempt: AttemptId, why: Reason) {
        let Some(entry) = self.attempts.get_mut(&attempt) else {
            return;
        };
        entry.phase = Phase::Again;
        self.again.insert(attempt);
        if entry.waits_for.as_ref() != Some(&why) {
            tracing::warn!("{}: {}", names::name_of(attempt), why.text);
            entry.waits_for = Some(why.clone());
            self.context.report(Report::Waits { attempt, why });
        }
        self.wait_a_little();
    }

    pub(super) fn take_answer(&mut self, answer: Answer) {
        match answer {
            Answer::Launched { attempt, pid } => self.launched(&attempt, pid, false),
            Answer::Running { attempt, pid } => self.launched(&attempt, pid, true),
            Answer::Exited { attempt, status } => {
                if let Some(task) = self.ended(&attempt) {
                    self.to_collect.push((task, status));
                }
            }
            Answer::Refused {
                attempt,
                errno,
                message,
            } => {
                if let Some(task) = self.ended(&attempt) {
                    let ground = ground_of(&task, &self.context);
                    let failure = failures::refused(errno, &message, ground);
                    jobs::report_not_launched(&self.context, task.attempt(), failure);
                }
            }
            Answer::Busy { attempt, attempts } => {
                self.complain(format!(
                    "the keeper holds {attempts} attempts, as many as it may"
                ));
                if let Some(attempt) = names::attempt_of(&attempt)
                    && let Some(entry) = self.attempts.get_mut(&attempt)
                    && matches!(entry.phase, Phase::Asked)
                {
                    entry.phase = Phase::Again;
                    self.again.insert(attempt);
                    self.wait_a_little();
                }
            }
            Answer::Stuck { attempt, pids } => {
                tracing::warn!(attempt, ?pids, "processes survive SIGKILL");
                if let Some(attempt) = names::attempt_of(&attempt) {
                    self.context.report(Report::Stuck { attempt, pids });
                }
            }
            Answer::Malformed { message } => {
                tracing::error!("the keeper did not understand a request: {message}");
            }
            // To whoever asked whether it answers at all.
            Answer::Held { .. } | Answer::Unsupported { .. } => self.context.keeper.answered(),
            // A kill that came after the end; what connecting takes.
            Answer::Unknown { .. } | Answer::Hello(_) | Answer::Occupied { .. } => {}
        }
    }

    pub(super) fn launched(&mut self, name: &str, pid: u32, adopted: bool) {
        if let Some(attempt) = names::attempt_of(name)
            && let Some(entry) = self.attempts.get_mut(&attempt)
            && !std::mem::replace(&mut entry.is_told, true)
        {
            self.context.report(Report::Launched {
                attempt,
                pid,
                adopted,
            });
        }
    }

    /// An attempt's end is known: its task, the first time.
    pub(super) fn ended(&mut self, name: &str) -> Option<LaunchTask> {
        let entry = names::attempt_of(name).and_then(|attempt| self.attempts.get_mut(&attempt));
        let Some(entry) = entry else {
            // Nobody asked for it in this life: it was recorded in an earlier one, or left behind.
            self.requests.push(Request::Acknowledge {
                attempt: name.to_owned(),
            });
            if let Some(attempt) = names::attempt_of(name) {
                let proof = "its keeper saw its end".to_owned();
                self.context.report(Report::Lost { attempt, proof });
            }
            return None;
        };
        if matches!(entry.phase, Phase::Ended) {
            return None;
        }
        entry.phase = Phase::Ended;
        Some(entry.task.clone())
    }
}

fn kill(attempt: String, grace_ms: u64) -> Request {
    Request::Kill { attempt, grace_ms }
}

/// For an attempt that the keeper holds, which answers what became of it and reads nothing else.
fn ask_again(attempt: String) -> Request {
    let (argv, nowhere) = (Vec::new(), std::path::PathBuf::new());
    let launch = Launch::new(attempt, argv, nowhere.clone(), nowhere);
    Request::Launch(Box::new(launch))
}

/// What stands where the step was to be started.
fn ground_of(task: &LaunchTask, context: &Context) -> Ground {
    let attempt = Attempt::new(task, &context.config.state_dir);
    let folder = attempt.project_dir();
    if !folder.is_dir() {
        return Ground::NoFolder;
    }
    let search_path = task.created.environment.get("PATH");
    let program = task.started.key.command.first();
    match program.and_then(|name| candidate(name, folder, search_path.map_or("", |p| p.as_str()))) {
        Some(path) if !is_executable(&path) => Ground::NoRunBit,
        _ => Ground::Fine,
    }
}
