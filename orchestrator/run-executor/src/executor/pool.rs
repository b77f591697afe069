//! The threads that touch files. Work is a closure; it does not know what it does.

use std::collections::VecDeque;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::limits::WORKERS_MAX;

/// The exit code of a daemon that met a broken promise of its own: an internal software error.
const EXIT_SOFTWARE: i32 = 70;

/// One piece of work.
pub(super) type Work = Box<dyn FnOnce() + Send>;

/// A handle on the threads. They end after [`Pool::close`], with the work that they are at.
#[derive(Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    available: Condvar,
}

/// What waits. It is as long as the loop's tasks: bounded by the steps of the unfinished runs.
#[derive(Default)]
struct Queue {
    /// Launches and ends, which free or fill slots.
    urgent: VecDeque<Work>,
    ordinary: VecDeque<Work>,
    is_closed: bool,
}

impl Pool {
    pub(super) fn start() -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            available: Condvar::new(),
        });
        let mut threads = Vec::with_capacity(WORKERS_MAX);
        for number in 0..WORKERS_MAX {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name(format!("files-{number}"));
            threads.push(thread.spawn(move || shared.work())?);
        }
        Ok((Self { shared }, threads))
    }

    /// Queues work that a slot waits for.
    pub(super) fn push_urgent(&self, work: Work) {
        self.shared.lock().urgent.push_back(work);
        self.shared.available.notify_one();
    }

    /// Queues work.
    pub(super) fn push(&self, work: Work) {
        self.shared.lock().ordinary.push_back(work);
        self.shared.available.notify_one();
    }

    /// Drops what waits and ends the threads.
    pub(super) fn close(&self) {
        let mut queue = self.shared.lock();
        queue.is_closed = true;
        queue.urgent.clear();
        queue.ordinary.clear();
        self.shared.available.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        while let Some(work) = self.next() {
            // Nobody would ever hear of the task that this work belonged to. Attempts live on in the
            // keeper, and the next daemon takes them up.
            if panic::catch_unwind(AssertUnwindSafe(work)).is_err() {
                tracing::error!("a worker thread met a broken promise; the daemon ends");
                process::exit(EXIT_SOFTWARE);
            }
        }
    }

    fn next(&self) -> Option<Work> {
        let mut queue = self.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            if let Some(work) = queue.urgent.pop_front() {
                return Some(work);
            }
            if let Some(work) = queue.ordinary.pop_front() {
                return Some(work);
            }
            queue = self
                .available
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Work runs outside of the lock; a panic leaves a good queue.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
