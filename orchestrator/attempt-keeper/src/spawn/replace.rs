//! This process becomes another program: what a person is to talk to, without anything in between.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Becomes a program without arguments, with just these variables; returns only if that fails.
pub fn become_program<'a>(
    program: &Path,
    env: impl IntoIterator<Item = (&'a str, &'a str)>,
    cwd: &Path,
) -> io::Error {
    Command::new(program)
        .env_clear()
        .envs(env)
        .current_dir(cwd)
        .exec()
}
