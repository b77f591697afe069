//! Speaking to the keeper: requests with one write, and a new connection when one breaks.

use std::time::Instant;

use attempt_keeper::{KeeperError, PROTOCOL_VERSION, Request};
use run_engine::failure_code::FailureCode;
use run_engine::ids::AttemptId;
use run_engine::reason::{Failure, Reason, ReasonCode};

use super::{Dispatcher, Phase};
use crate::executor::remains::with_causes;
use crate::executor::{link, names};
use crate::limits::RECONNECT_PAUSE;

impl Dispatcher {
    /// Asks the keeper for what is ready, if there is room for it on the disk.
    pub(super) fn ask_for_ready(&mut self) {
        if self.ready.is_empty() || self.link.is_none() {
            return;
        }
        self.context.look_at_disk();
        if self.context.hindrances.why().is_some() {
            return;
        }
        for attempt in std::mem::take(&mut self.ready) {
            if self.would_be_unmasked(attempt) {
                let why = "it waits for the steps of an older version to end: their keeper would \
                           write its secrets into its log";
                self.wait_for(attempt, Reason::new(ReasonCode::Slots, why, ""));
                // It does once it holds nothing.
                self.requests.push(Request::End);
                continue;
            }
            if let Some(entry) = self.attempts.get_mut(&attempt)
                && let Phase::Ready(launch) = std::mem::replace(&mut entry.phase, Phase::Asked)
            {
                self.requests.push(Request::Launch(launch));
            }
        }
    }

    /// Whether an attempt was given secrets that the keeper would not take out of its log.
    fn would_be_unmasked(&self, attempt: AttemptId) -> bool {
        let masks = self.link.as_ref().is_some_and(|link| link.client.masks());
        let entry = self.attempts.get(&attempt);
        let is_given = entry.is_some_and(
            |entry| matches!(&entry.phase, Phase::Ready(launch) if !launch.masks.is_empty()),
        );
        is_given && !masks
    }

    /// Whether the keeper is of a version with another protocol: it only tells and ends what it holds.
    pub(super) fn has_foreign_keeper(&self) -> bool {
        let client = self.link.as_ref().map(|link| &link.client);
        client.is_some_and(|client| !client.speaks_our_protocol())
    }

    /// What is to be done first about a keeper that was just connected to.
    pub(in crate::executor) fn meet_keeper(&mut self) {
        let foreign = self.link.as_ref().filter(|_| self.has_foreign_keeper());
        let why = foreign.map(|link| {
            let theirs = link.client.greeting().protocol;
            format!(
                "it waits for the steps of another version to end: their keeper speaks protocol {theirs}, not {PROTOCOL_VERSION}"
            )
        });
        self.context.keeper_hinders(why);
        self.replace_foreign_keeper();
    }

    /// Asks a keeper of another protocol to end. It does once it holds nothing, and the connection
    /// with it; the next one is this program's own.
    pub(super) fn replace_foreign_keeper(&mut self) {
        if self.has_foreign_keeper() {
            self.requests.push(Request::End);
        }
    }

    pub(super) fn send(&mut self) {
        let Some(link) = self.link.as_ref().filter(|_| !self.requests.is_empty()) else {
            // Acknowledgements and kills for a keeper that is gone are pointless; for one that is
            // connected to again they follow from the table.
            self.requests.clear();
            return;
        };
        let requests = std::mem::take(&mut self.requests);
        match link.client.send_all(&requests) {
            Ok(()) => self.complaint.clear(),
            Err(KeeperError::Unsendable { .. }) if requests.len() > 1 => {
                for request in requests {
                    self.requests = vec![request];
                    self.send();
                }
            }
            Err(KeeperError::Unsendable { reason }) => self.give_up(&requests, &reason),
            Err(error) => self.disconnect(&with_causes(&error)),
        }
    }

    /// A request that is no message.
    pub(super) fn give_up(&mut self, requests: &[Request], reason: &str) {
        for request in requests {
            if let Request::Launch(launch) = request
                && let Some(attempt) = names::attempt_of(&launch.attempt)
            {
                let message = format!("its launch cannot be written as a message: {reason}");
                self.end_without_process(
                    attempt,
                    Failure::new(FailureCode::LaunchRefused, message),
                );
            }
        }
    }

    pub(super) fn disconnect(&mut self, why: &str) {
        if self.link.take().is_some() {
            tracing::warn!("{why}; connecting again");
            self.context.keeper.disconnected();
            // What the old connection still says is passed over from now on.
            self.connection += 1;
            self.reconnect_at = Some(Instant::now());
        }
    }

    pub(super) fn reconnect(&mut self) {
        let config = &self.context.config;
        let messages = self.messages.clone();
        self.connection += 1;
        let link = link::connect(
            &config.state_dir,
            &config.keeper_argv,
            self.connection,
            messages,
        );
        match link {
            Ok(link) => {
                self.reconnect_at = None;
                tracing::info!("connected to keeper {}", link.client.instance());
                self.context.keeper.connected(link.client.instance());
                self.link = Some(link);
                self.take_up();
                self.meet_keeper();
            }
            Err(error) => {
                self.complain(with_causes(&error));
                self.reconnect_at = Some(Instant::now() + RECONNECT_PAUSE);
            }
        }
    }

    /// After a new connection: what became of every attempt, and of those that were acknowledged
    /// when nobody listened.
    pub(super) fn take_up(&mut self) {
        let keeper = self.context.keeper.instance();
        let held = self.link.as_ref().map(|link| link.held.clone());
        for name in held.into_iter().flatten() {
            if names::attempt_of(&name).is_some_and(|one| !self.attempts.contains_key(&one)) {
                self.requests.push(Request::Acknowledge { attempt: name });
            }
        }
        let stale = self.attempts.iter().filter(|(_, entry)| match entry.phase {
            Phase::Asked => true,
            Phase::Building | Phase::Ready(_) | Phase::Again => entry.task.started.keeper != keeper,
            Phase::Ended | Phase::Remains => false,
        });
        let stale: Vec<(AttemptId, bool)> = stale
            .map(|(attempt, entry)| (*attempt, entry.is_kill_wanted))
            .collect();
        for (attempt, is_kill_wanted) in stale {
            self.ready.remove(&attempt);
            self.again.remove(&attempt);
            self.begin(attempt);
            if is_kill_wanted {
                self.kill(attempt);
            }
        }
    }
}
