//! What a dead keeper left of an attempt: ended, and proven dead.
//!
//! The keeper's control group proves it exactly. Without one, `/proc` is scanned for the attempt's
//! cookie, for the dead keeper's session, for the process groups of what was found so, and for
//! programs that work in the attempt's folder, until two scans in a row find nothing. That is best
//! effort: a process that started a session of its own, cleared its environment, left the folder and
//! has nothing open for writing there escapes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::cgroup;
use crate::error::KeeperError;
use crate::limits::{KEEPER_DEATH_MAX, RETRY_PAUSE};
use crate::lock::{self, Holder, KeeperIdentity};
use crate::process_table::{self, ProcessStat, boot_id, end_process, stat};

/// How it is known that nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The machine was started anew since.
    Reboot,
    /// The keeper's control group is empty: exact.
    Cgroup,
    /// Two scans of `/proc` found nothing: best effort.
    Scan,
}

/// Nothing is left of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How that is known.
    pub proof: Proof,
    /// What the scans found and ended on the way, by process id. A control group is ended as a whole
    /// and names none.
    pub found: BTreeMap<u32, Trace>,
}

/// What gave a process of a dead keeper away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// The cookie in its environment.
    Cookie,
    /// It is in the keeper's session.
    Session,
    /// It is in the process group of one that was found.
    Group,
    /// It works in the attempt's folder.
    Folder,
    /// It has a file of the attempt open for writing.
    OpenFile,
}

/// The remains could not be ended, or not be proven dead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemainsError {
    /// These processes survived SIGKILL until the deadline; trying again later may succeed.
    #[error(
        "processes of the attempt are still alive: {pids:?}; they may wait for a disk or a network file system"
    )]
    Stuck {
        /// The processes, where they are known.
        pids: Vec<u32>,
    },
    /// The keeper that holds the attempt is alive: there are no remains, ask it.
    #[error("the keeper of the attempt (process {pid}) is alive")]
    KeeperAlive {
        /// That keeper.
        pid: u32,
    },
    /// The state folder or `/proc` cannot be read.
    #[error("looking for what is left of the attempt failed")]
    Io(#[source] io::Error),
    /// The keeper's lock cannot be read.
    #[error(transparent)]
    Lock(#[from] KeeperError),
}

/// After the keeper `instance` died: ends what is left of one of its attempts and proves it dead.
///
/// `attempt_paths` are the folders and files that only this attempt works with (its folder; its log,
/// where it has no folder): whoever works in one or has it open for writing is part of the remains,
/// unless it is older than the keeper, belongs to a terminal or another attempt, or is this process. Everything else that is
/// still alive of the dead keeper is ended on the way: all of its attempts are lost with it.
pub fn end_remains(
    state_dir: &Path,
    instance: &str,
    attempt: &str,
    attempt_paths: &[&Path],
    deadline: Duration,
) -> Result<Ended, RemainsError> {
    let proven = |proof| {
        let found = BTreeMap::new();
        Ok(Ended { proof, found })
    };
    let give_up = Instant::now() + deadline;
    let keeper = lock::last_record(state_dir).and_then(|record| record.find(instance).cloned());
    if let Some(keeper) = &keeper {
        if keeper.boot_id != boot_id().map_err(RemainsError::Io)? {
            return proven(Proof::Reboot);
        }
        check_dead(state_dir, keeper, give_up)?;
        if let Some(group) = &keeper.cgroup {
            match cgroup::end_all(group, give_up) {
                Ok(()) => return proven(Proof::Cgroup),
                Err(pids) if !pids.is_empty() => return Err(RemainsError::Stuck { pids }),
                // The group cannot be judged from here; the scan remains.
                Err(_) => {}
            }
        }
    }
    let paths = attempt_paths
        .iter()
        .map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()));
    let search = Search {
        instance,
        cookie: format!("{instance}:{attempt}"),
        session: keeper
            .as_ref()
            .map(|keeper| (keeper.pid, keeper.start_time)),
        paths: paths.collect(),
    };
    scan_until_empty(&search, give_up)
}

/// A keeper that was killed a moment ago may take a little to be gone; one that lives on is an error.
fn check_dead(
    state_dir: &Path,
    keeper: &KeeperIdentity,
    give_up: Instant,
) -> Result<(), RemainsError> {
    let give_up = give_up.min(Instant::now() + KEEPER_DEATH_MAX);
    loop {
        let lives =
            stat(keeper.pid).is_some_and(|now| now.start_time == keeper.start_time && !now.zombie);
        let holds = matches!(
            lock::holder(state_dir)?,
            Holder::Somebody(Some(record)) if record.keeper.instance == keeper.instance
        );
        if !lives && !holds {
            return Ok(());
        }
        if Instant::now() >= give_up {
            return Err(RemainsError::KeeperAlive { pid: keeper.pid });
        }
        thread::sleep(RETRY_PAUSE.1);
    }
}

/// What is looked for.
struct Search<'a> {
    instance: &'a str,
    cookie: String,
    /// The dead keeper's id and start time: it led a session, which its attempts are in.
    session: Option<(u32, u64)>,
    paths: Vec<PathBuf>,
}

fn scan_until_empty(search: &Search<'_>, give_up: Instant) -> Result<Ended, RemainsError> {
    let mut scans_empty = 0;
    let mut all_found = BTreeMap::new();
    let mut pause = RETRY_PAUSE.0;
    loop {
        let found = search.scan().map_err(RemainsError::Io)?;
        if found.is_empty() {
            scans_empty += 1;
            if scans_empty == 2 {
                return Ok(Ended {
                    proof: Proof::Scan,
                    found: all_found,
                });
            }
            continue;
        }
        scans_empty = 0;
        for (process, trace) in &found {
            all_found.entry(process.pid).or_insert(*trace);
            // What cannot be killed is found again, and named at the deadline.
            let _ = end_process(process.pid, process.start_time, 0);
        }
        if Instant::now() >= give_up {
            let pids = found.iter().map(|(process, _)| process.pid).collect();
            return Err(RemainsError::Stuck { pids });
        }
        thread::sleep(pause);
        pause = (pause * 2).min(RETRY_PAUSE.1);
    }
}

impl Search<'_> {
    /// One pass over `/proc`. Zombies are dead.
    fn scan(&self) -> io::Result<Vec<(ProcessStat, Trace)>> {
        let own = std::process::id();
        let own_session = stat(own).map(|own| own.session);
        let keeper_start = self.session.map_or(0, |(_, start_time)| start_time);
        let living: Vec<ProcessStat> = process_table::all()?
            .into_iter()
            .filter(|process| !process.zombie && process.pid != own)
            .filter(|process| process.start_time >= keeper_start)
            .collect();
        // A process with the keeper's number and another start time means that the number was given
        // anew, which happens only when nothing of the old session was left.
        let session = self.session.filter(|&(pid, start_time)| {
            let leader = living.iter().find(|process| process.pid == pid);
            Some(pid) != own_session && leader.is_none_or(|leader| leader.start_time == start_time)
        });
        let session = session.map(|(pid, _)| pid);
        let mut groups = BTreeSet::new();
        let mut found = Vec::new();
        let mut others = Vec::new();
        for process in living {
            let cookie = process_table::cookie(process.pid);
            let is_ours = cookie
                .as_deref()
                .is_some_and(|cookie| self.is_of_dead_keeper(cookie));
            if is_ours || Some(process.session) == session {
                groups.insert(process.group);
                let trace = if is_ours {
                    Trace::Cookie
                } else {
                    Trace::Session
                };
                found.push((process, trace));
            } else {
                others.push((process, cookie.is_some()));
            }
        }
        // A group without a terminal that holds one of them is theirs; a shell's job is not. What has
        // a cookie belongs to another attempt.
        let others = others
            .into_iter()
            .filter(|(process, has_cookie)| !has_cookie && process.terminal == 0);
        for (process, _) in others {
            let is_in_group =
                groups.contains(&process.group) && Some(process.session) != own_session;
            let trace = if is_in_group {
                Some(Trace::Group)
            } else {
                self.works_here(process.pid)
            };
            found.extend(trace.map(|trace| (process, trace)));
        }
        Ok(found)
    }

    /// Whether a cookie is of this attempt or of another one of the dead keeper.
    fn is_of_dead_keeper(&self, cookie: &str) -> bool {
        let instance = cookie.split_once(':').map(|(instance, _)| instance);
        cookie == self.cookie || instance == Some(self.instance)
    }

    /// Whether a process has its working directory in the attempt's paths or one open for writing.
    fn works_here(&self, pid: u32) -> Option<Trace> {
        if self.paths.is_empty() || !is_of_this_user(pid) {
            return None;
        }
        let folder = PathBuf::from(format!("/proc/{pid}"));
        if fs::read_link(folder.join("cwd")).is_ok_and(|cwd| self.is_within(&cwd)) {
            return Some(Trace::Folder);
        }
        let open = fs::read_dir(folder.join("fd"))
            .into_iter()
            .flatten()
            .flatten();
        let mut within =
            open.filter(|fd| fs::read_link(fd.path()).is_ok_and(|to| self.is_within(&to)));
        let writes =
            within.any(|fd| is_open_for_writing(&folder.join("fdinfo").join(fd.file_name())));
        writes.then_some(Trace::OpenFile)
    }

    fn is_within(&self, path: &Path) -> bool {
        self.paths.iter().any(|own| path.starts_with(own))
    }
}

fn is_of_this_user(pid: u32) -> bool {
    let own = rustix::process::geteuid().as_raw();
    fs::metadata(format!("/proc/{pid}")).is_ok_and(|data| own == 0 || data.uid() == own)
}

/// From the octal `flags:` of an open file: 0 is for reading only.
fn is_open_for_writing(fdinfo: &Path) -> bool {
    let text = fs::read_to_string(fdinfo).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & libc::O_ACCMODE.unsigned_abs() != 0)
}
