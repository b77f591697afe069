//! This program once more, as the process that tries a model: started, waited for, killed when its
//! time is over.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::probe::{Answer, PROBE, Request};
use crate::invocation::Failure;

/// This very program, even if its file was replaced meanwhile.
const PROGRAM: &str = "/proc/self/exe";
/// The word before a component's name on this program's command line.
const COMPONENT: &str = "component";
/// Longest answer, in bytes; it is one line of a few numbers.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Tries a model in a process of its own. A process that dies or takes too long is an answer too; an
/// error is that none could be started.
pub(super) fn ask(request: &Request, timeout: Duration) -> Result<Answer, Failure> {
    let child = Command::new(PROGRAM)
        .args([COMPONENT, PROBE, &serde_json::to_string(request)?])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| Failure::new(format!("cannot start a process to try the model in: {e}")))?;
    let failed = |reason| Ok(Answer::Failed { reason });
    match answer(child, timeout)? {
        None => failed(format!(
            "the process that loads and scores it was killed after {} s",
            timeout.as_secs_f64()
        )),
        Some((text, status)) => match serde_json::from_str(&text) {
            Ok(answer) if status.success() => Ok(answer),
            _ => failed(format!(
                "the process that loads and scores it died ({status})"
            )),
        },
    }
}

/// What the process said and how it ended; `None` if it had to be killed.
fn answer(mut child: Child, timeout: Duration) -> Result<Option<(String, ExitStatus)>, Failure> {
    let stdout = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(stdout) = stdout {
            // What cannot be read is no answer, which the other side sees.
            let _ = stdout.take(ANSWER_BYTES_MAX).read_to_string(&mut text);
        }
        // Nobody may be waiting any more.
        let _ = sender.send(text);
    });
    let text = receiver.recv_timeout(timeout).ok();
    if text.is_none() {
        // It may have ended just now.
        let _ = child.kill();
    }
    let status = child.wait()?;
    Ok(text.map(|text| (text, status)))
}
