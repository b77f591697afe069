//! From an attempt that was given secrets to its log: a pipe, and a thread that reads it, takes the
//! secrets out and appends the rest.
//!
//! Other attempts write to their log themselves. It does not know when an attempt is over: who knows
//! asks it to take what is left and to end.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::event::{EventfdFlags, PollFd, PollFlags};

use super::note::note;
use crate::limits::PUMP_BYTES;
use crate::mask::Masker;

/// The way to the thread.
#[derive(Debug)]
pub(crate) struct Pump {
    is_done: Arc<AtomicBool>,
    /// Written to when nothing that is still to be waited for writes to the pipe.
    finish: OwnedFd,
    is_finishing: bool,
}

impl Pump {
    /// Begins to read `pipe`, whose writers are the attempt's processes, and to append to `log`.
    pub(crate) fn start(pipe: OwnedFd, log: File, masker: Masker) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        let finish = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let is_done = Arc::new(AtomicBool::new(false));
        let mut thread_side = Reading {
            pipe: File::from(pipe),
            finish: finish.try_clone()?,
            log,
            masker,
            is_log_full: false,
        };
        let tell = Arc::clone(&is_done);
        let thread = thread::Builder::new().name("mask".to_owned());
        thread.spawn(move || {
            if let Err(error) = thread_side.run() {
                note(format_args!("an attempt's output is lost: {error}"));
            }
            tell.store(true, Ordering::Release);
        })?;
        Ok(Self {
            is_done,
            finish,
            is_finishing: false,
        })
    }

    /// Whether all that was written is in the log, now that nothing of the attempt lives. If it is not,
    /// it is asked for and will be soon.
    pub(crate) fn is_drained(&mut self) -> bool {
        if !self.is_finishing {
            self.is_finishing = true;
            // A full counter means that it was told already.
            let _ = rustix::io::write(&self.finish, &1_u64.to_ne_bytes());
        }
        self.is_done.load(Ordering::Acquire)
    }
}

struct Reading {
    pipe: File,
    finish: OwnedFd,
    log: File,
    masker: Masker,
    is_log_full: bool,
}

impl Reading {
    fn run(&mut self) -> io::Result<()> {
        let mut piece = vec![0; PUMP_BYTES];
        let mut is_finishing = false;
        loop {
            match self.pipe.read(&mut piece) {
                // Every writer is gone.
                Ok(0) => break,
                Ok(length) => {
                    let clean = self.masker.push(&piece[..length]);
                    self.append(&clean);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if is_finishing {
                        break;
                    }
                    is_finishing = self.wait()?;
                }
                Err(error) => return Err(error),
            }
        }
        let clean = self.masker.finish();
        self.append(&clean);
        Ok(())
    }

    /// Waits for output; true once there will be no more than there is.
    fn wait(&self) -> io::Result<bool> {
        let mut fds = [
            PollFd::from_borrowed_fd(self.pipe.as_fd(), PollFlags::IN),
            PollFd::new(&self.finish, PollFlags::IN),
        ];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) => Ok(!fds[1].revents().is_empty()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What cannot be written is dropped: a full disk must not stop the attempt.
    fn append(&mut self, clean: &[u8]) {
        let written = self.log.write_all(clean);
        if let Err(error) = &written
            && !self.is_log_full
        {
            note(format_args!("a log cannot be written: {error}"));
        }
        self.is_log_full = written.is_err();
    }
}
