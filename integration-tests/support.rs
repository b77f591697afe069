//! Scratch projects, and the binary in a clean environment.
//!
//! A project is a folder with a root file, so its state folder is its own `.ropewalk`. When it goes
//! away, its daemon is asked to end; the keeper ends by itself when its folder is gone.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

/// Where programs are looked for, by the binary and by the steps that it runs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A folder with a pipeline.
pub(crate) struct Project {
    scratch: TempDir,
}

impl Project {
    /// An empty project.
    pub(crate) fn new(name: &str) -> Self {
        let scratch = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir();
        let project = Self {
            scratch: scratch.expect("a scratch folder can be made"),
        };
        fs::create_dir(project.folder()).expect("a scratch folder can be written");
        project.write("ropewalk.yaml", "");
        project
    }

    /// A project in this folder, with what is there already.
    pub(crate) fn in_scratch(scratch: TempDir) -> Self {
        let project = Self { scratch };
        fs::create_dir_all(project.folder()).expect("a scratch folder can be written");
        project
    }

    /// A project whose only file is this pipeline.
    pub(crate) fn of(name: &str, pipeline: &str) -> Self {
        let project = Self::new(name);
        project.write("pipeline.yaml", pipeline);
        project
    }

    /// The project's folder, without links in its path.
    pub(crate) fn folder(&self) -> PathBuf {
        let scratch = self.scratch.path().canonicalize();
        scratch
            .expect("the scratch folder is there")
            .join("project")
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.folder().join(".ropewalk")
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        let folder = path.parent().expect("a file has a folder");
        fs::create_dir_all(folder).expect("a scratch folder can be written");
        fs::write(path, text).expect("a scratch folder can be written");
    }

    /// Lets a file be executed.
    pub(crate) fn make_executable(&self, path: &str) {
        let all = Permissions::from_mode(0o755);
        let changed = fs::set_permissions(self.folder().join(path), all);
        changed.expect("a scratch folder can be written");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.folder().join(path);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The binary in the project's folder, with nothing of this process's environment.
    pub(crate) fn ropewalk(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ropewalk"));
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", self.scratch.path())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        let output = self.ropewalk(arguments).output();
        output.expect("the binary can be started")
    }

    /// Runs a command whose answer is one document.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(&[arguments, &["--format", "json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
            panic!(
                "{arguments:?} gives no document: {e}\n{}",
                transcript(&output)
            )
        })
    }

    /// Where the pipeline lies.
    fn pipeline(&self) -> &'static str {
        let places = ["pipeline.yaml", "pipeline/pipeline.yaml"];
        let found = places
            .into_iter()
            .find(|place| self.folder().join(place).is_file());
        found.expect("the project has a pipeline")
    }

    /// Runs the pipeline and gives the run's last document.
    pub(crate) fn run_to_end(&self) -> Value {
        self.run_with(&[])
    }

    /// The same with further arguments.
    pub(crate) fn run_with(&self, arguments: &[&str]) -> Value {
        let run = ["run", self.pipeline(), "--format", "json"];
        let output = self.command(&[&run, arguments].concat());
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = lines.lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .unwrap_or_else(|e| panic!("no document: {e}\n{}", transcript(&output)))
    }

    /// Starts the pipeline and a client that follows it; what that one says goes to a file.
    pub(crate) fn start_run(&self) -> Child {
        let output = File::create(self.follower_file()).expect("a scratch folder can be written");
        let again = output.try_clone().expect("a handle can be copied");
        self.ropewalk(&["run", self.pipeline()])
            .stdout(output)
            .stderr(again)
            .spawn()
            .expect("the binary can be started")
    }

    /// What the client of [`Self::start_run`] said.
    pub(crate) fn follower_output(&self) -> String {
        fs::read_to_string(self.follower_file()).unwrap_or_default()
    }

    /// Outside of the project, for what lies in that is part of every step's key.
    fn follower_file(&self) -> PathBuf {
        self.scratch.path().join("follower")
    }

    /// Ends the daemon, if there is one.
    pub(crate) fn stop(&self) {
        self.command(&["stop"]);
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The state of a step of a status document.
pub(crate) fn step<'a>(status: &'a Value, id: &str) -> &'a Value {
    let steps = status["steps"].as_array().expect("a status has steps");
    let found = steps.iter().find(|step| step["id"] == id);
    found.unwrap_or_else(|| panic!("no step {id} in {status:#}"))
}

/// Everything that a command said, and how it ended.
pub(crate) fn transcript(output: &Output) -> String {
    let part = |name: &str, bytes: &[u8]| match bytes {
        [] => String::new(),
        bytes => format!("-- {name}\n{}", String::from_utf8_lossy(bytes)),
    };
    let status = output
        .status
        .code()
        .map_or_else(|| output.status.to_string(), |c| c.to_string());
    format!(
        "{}{}-- exit status {status}\n",
        part("standard output", &output.stdout),
        part("standard error", &output.stderr)
    )
}

/// Tells that a test, or the rest of it, cannot run here. It goes past what the harness captures, and CI
/// counts these lines.
pub(crate) fn not_run(why: &str) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(io::stderr(), "NOT RUN: {name}: {why}");
}

/// Kills a process that the product started; whether it was there.
pub(crate) fn kill_process(pid: u32) -> bool {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok())
}
