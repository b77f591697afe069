//! From an intent to a command: the files that an attempt finds, its arguments and its environment.
//!
//! It writes what the worker contract promises and starts nothing. Everything here follows from the
//! run's record alone, so doing it again writes the same.

mod environment;
mod executor_input;

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use attempt_keeper::{Launch, Limits};
use component_api::files::{ExternalFile, FilesManifest};
use run_engine::artifact::Artifact;
use run_engine::failure_code::FailureCode;
use run_engine::plan::{Action, Node, OutputKind, Resources};
use run_engine::reason::Failure;
use run_engine::seams::LaunchTask;

use crate::failures;
use crate::layout::{AttemptLayout, checkpoint_folder, shared_work_folder};
use crate::limits::{COMMAND_BYTES_MAX, KILL_GRACE_MS, LIMITED_PIDS_MAX, TEXT_BYTES_MAX};
use crate::memo::DigestMemo;
use crate::secrets::Given;
use crate::verify::verify_artifact;

/// Name of the artifact type whose files lie elsewhere.
const FILES: &str = "Files";

/// Stands for the `ExecutorInput` within an argument, as in Kubeflow's components.
const PLACEHOLDER: &str = "{{$}}";

/// One attempt with its places.
pub(crate) struct Attempt<'a> {
    pub(crate) task: &'a LaunchTask,
    pub(crate) node: &'a Node,
    pub(crate) layout: AttemptLayout,
    pub(crate) state_dir: &'a Path,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(task: &'a LaunchTask, state_dir: &'a Path) -> Self {
        let node = task.node();
        Self {
            task,
            node,
            layout: AttemptLayout::new(task.created.run, &task.name(), task.started.attempt),
            state_dir,
        }
    }

    /// The absolute path of a relative one of the layout.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.state_dir.join(relative)
    }

    /// The folder of the pipeline file: where the step works and relative paths start.
    pub(crate) fn project_dir(&self) -> &Path {
        self.task
            .created
            .pipeline_file
            .parent()
            .unwrap_or(Path::new("/"))
    }

    /// Whether it has a folder of its own: for artifacts in its outputs, or a Files input.
    pub(crate) fn has_folder(&self) -> bool {
        let mut outputs = self.node.outputs.values();
        outputs.any(|output| output.kind == OutputKind::Artifact)
            || self.files_inputs().next().is_some()
    }

    /// Scratch, also `TMPDIR`.
    pub(crate) fn work_folder(&self) -> String {
        if self.has_folder() {
            self.layout.work()
        } else {
            shared_work_folder(self.task.created.run)
        }
    }

    /// Where its command works.
    fn work_place(&self) -> PathBuf {
        let workdir = self.node.workdir.as_deref();
        self.project_dir().join(workdir.unwrap_or(""))
    }

    /// The folder that survives the step's attempts, if it asks for one.
    fn checkpoint(&self) -> Option<String> {
        let key = self.node.checkpoint.then(|| self.task.started.key.digest());
        key.map(|key| checkpoint_folder(&self.task.name(), &key))
    }

    /// Its artifacts of type Files.
    pub(crate) fn files_inputs(&self) -> impl Iterator<Item = (&'a str, &'a Artifact)> {
        let external = self.external_inputs();
        external.filter(|(_, artifact)| artifact.type_name == FILES)
    }

    /// What enters it from elsewhere: its own artifacts of type Files, and its imports.
    pub(crate) fn external_inputs(&self) -> impl Iterator<Item = (&'a str, &'a Artifact)> {
        let execution = self.task.started.execution;
        let inputs = self.inputs();
        inputs.filter(move |(_, artifact)| artifact.id.execution() == execution)
    }

    /// Its input artifacts, each with its port.
    fn inputs(&self) -> impl Iterator<Item = (&'a str, &'a Artifact)> {
        let ports = self.task.started.inputs.iter();
        ports.flat_map(|(port, artifacts)| artifacts.iter().map(move |one| (port.as_str(), &**one)))
    }
}

/// Writes the attempt's files and says how it is started. `given` stands in none of them. `name` is its identifier at the keeper,
/// `component_argv` the command that a standard component's name and arguments follow.
pub(crate) fn build(
    attempt: &Attempt<'_>,
    name: String,
    component_argv: &[String],
    memo: &DigestMemo,
    mut given: Given,
) -> Result<Launch, Failure> {
    check_paths(attempt)?;
    check_artifacts(attempt, memo)?;
    make_folders(attempt)?;
    let input = executor_input::of(attempt);
    let json = serde_json::to_string(&input).map_err(|error| {
        Failure::new(
            FailureCode::LaunchRefused,
            format!("its ExecutorInput cannot be written: {error}"),
        )
    })?;
    let input_path = attempt.path(&attempt.layout.executor_input());
    write(&input_path, json.as_bytes())?;
    let argv = arguments(attempt, component_argv, &json, &input_path);
    let masks = std::mem::take(&mut given.masks);
    let env = environment::of(attempt, &input, given);
    check_each(&argv, &env)?;
    check_size(&argv, &env)?;
    let cwd = attempt.work_place();
    let log = attempt.path(&attempt.layout.log());
    Ok(Launch {
        env,
        timeout_ms: attempt.node.policy.timeout_ms,
        grace_ms: grace_ms(attempt.node),
        limits: limits(&attempt.node.resources),
        masks,
        ..Launch::new(name, argv, cwd, log)
    })
}

/// What a step that was started is given, for somebody to try it by hand: as its last attempt, with
/// outputs and scratch that are nobody's. What was tried before is removed.
pub fn by_hand(
    task: &LaunchTask,
    component_argv: &[String],
    memo: &DigestMemo,
) -> Result<ByHand, Failure> {
    let attempt = Attempt {
        layout: AttemptLayout::by_hand(task.created.run, &task.name()),
        ..Attempt::new(task, memo.state_dir())
    };
    let folder = attempt.path(&attempt.layout.folder());
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let action = "removing what was tried before in";
            return Err(failures::io(
                FailureCode::LaunchRefused,
                action,
                &folder,
                &error,
            ));
        }
        _ => {}
    }
    make_folder(&attempt.path(&attempt.layout.outputs()))?;
    // Secrets are for attempts alone: here their variables hold what the pipeline says.
    let (name, given) = ("by hand".to_owned(), Given::default());
    let launch = build(&attempt, name, component_argv, memo, given)?;
    Ok(ByHand {
        argv: launch.argv,
        env: launch.env,
        cwd: launch.cwd,
        outputs: attempt.path(&attempt.layout.outputs()),
    })
}

/// What somebody is given who tries a step by hand.
#[derive(Debug, Clone)]
pub struct ByHand {
    /// The step's program and its arguments.
    pub argv: Vec<String>,
    /// All variables.
    pub env: Vec<(String, String)>,
    /// Where it works.
    pub cwd: PathBuf,
    /// Where its artifacts go.
    pub outputs: PathBuf,
}

/// What a step that says what it takes may take at the most.
fn limits(resources: &Resources) -> Option<Limits> {
    (resources.memory_bytes.is_some() || resources.cpu_milli.is_some()).then_some(Limits {
        memory_bytes: resources.memory_bytes,
        cpu_milli: resources.cpu_milli,
        pids: Some(LIMITED_PIDS_MAX),
    })
}

/// Milliseconds that an attempt of this step has between the request to end and its end.
pub(crate) fn grace_ms(node: &Node) -> u64 {
    node.policy.grace_ms.unwrap_or(KILL_GRACE_MS)
}

/// Paths travel to the keeper and into the contract's JSON as text.
fn check_paths(attempt: &Attempt<'_>) -> Result<(), Failure> {
    for path in [attempt.state_dir, attempt.project_dir()] {
        if path.to_str().is_none() {
            let message = format!("the path {} is no UTF-8", path.display());
            let hint = "rename the folder; `--state` moves the state folder elsewhere";
            return Err(Failure::new(FailureCode::LaunchRefused, message).hint(hint));
        }
    }
    Ok(())
}

/// What enters must be what was recorded, or the step's own record would not be true.
fn check_artifacts(attempt: &Attempt<'_>, memo: &DigestMemo) -> Result<(), Failure> {
    for (port, artifact) in attempt.inputs().filter(|(_, one)| one.type_name != FILES) {
        if let Some(missing) = verify_artifact(artifact, memo) {
            let message = format!("its input `{port}` is not as it was recorded: {missing}");
            let hint = "run the pipeline again: what cannot be reused is made anew";
            return Err(Failure::new(FailureCode::ArtifactVanished, message).hint(hint));
        }
    }
    Ok(())
}

/// What no program can be given, by the name that its author gave it.
fn check_each(argv: &[String], env: &[(String, String)]) -> Result<(), Failure> {
    let arguments = argv.iter().enumerate();
    let arguments = arguments.map(|(index, word)| (format!("argument {index}"), word));
    let variables = env
        .iter()
        .map(|(name, value)| (format!("the variable {name}"), value));
    for (what, text) in arguments.chain(variables) {
        let wrong = if text.contains('\0') {
            "holds a NUL character, which ends a text there".to_owned()
        } else if text.len() > TEXT_BYTES_MAX {
            format!(
                "has {} bytes, and the system takes {TEXT_BYTES_MAX}",
                text.len()
            )
        } else {
            continue;
        };
        let hint =
            "hand it over by `with:`; the step finds it in the JSON of $ROPEWALK_EXECUTOR_INPUT";
        let message = format!("{what} {wrong}");
        return Err(Failure::new(FailureCode::LaunchRefused, message).hint(hint));
    }
    Ok(())
}

/// The kernel would refuse them too, but only say that a list is too long.
fn check_size(argv: &[String], env: &[(String, String)]) -> Result<(), Failure> {
    let arguments: usize = argv.iter().map(String::len).sum();
    let variables: usize = env
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if arguments + variables <= COMMAND_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "its arguments ({arguments} bytes) and environment ({variables} bytes) are longer than the \
         {COMMAND_BYTES_MAX} bytes that the system takes"
    );
    Err(Failure::new(FailureCode::LaunchRefused, message).hint("hand large values over in files"))
}

fn make_folders(attempt: &Attempt<'_>) -> Result<(), Failure> {
    let layout = &attempt.layout;
    make_folder(&attempt.path(&attempt.work_folder()))?;
    if attempt.has_folder() {
        make_folder(&attempt.path(&layout.outputs()))?;
    }
    if let Some(checkpoint) = attempt.checkpoint() {
        make_folder(&attempt.path(&checkpoint))?;
    }
    for (_, artifact) in attempt.files_inputs() {
        write_files_manifest(attempt, artifact)?;
    }
    Ok(())
}

/// The step has ended well: nobody goes on from its checkpoint. One that cannot be removed only takes
/// space, so that is no failure of the step.
pub(crate) fn remove_checkpoint(attempt: &Attempt<'_>) {
    if let Some(checkpoint) = attempt.checkpoint() {
        let _ = std::fs::remove_dir_all(attempt.path(&checkpoint));
    }
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    // Most often only the last folder is new, or none is.
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    match builder.create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => builder.recursive(true).create(path).map_err(|error| {
            failures::io(
                FailureCode::LaunchRefused,
                "making the folder",
                path,
                &error,
            )
        }),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| failures::io(FailureCode::LaunchRefused, "writing", path, &error))
}

/// `files.json` of a Files input, from its record.
fn write_files_manifest(attempt: &Attempt<'_>, artifact: &Artifact) -> Result<(), Failure> {
    let number = |name: &str| {
        artifact
            .properties
            .get(name)
            .and_then(serde_json::Value::as_i64)
    };
    let files = artifact.files.iter().map(|file| ExternalFile {
        path: file.path.clone(),
        name: external_name(&file.path, attempt.project_dir()),
        size_bytes: file.state.size_bytes,
        digest: file.digest.clone(),
    });
    let manifest = FilesManifest {
        format_version: 1,
        span: number("span"),
        version: number("version"),
        files: files.collect(),
    };
    let folder = attempt.path(&artifact.path);
    make_folder(&folder)?;
    let path = folder.join("files.json");
    let json = serde_json::to_vec(&manifest).map_err(|error| {
        failures::io(FailureCode::LaunchRefused, "writing", &path, &error.into())
    })?;
    write(&path, &json)
}

/// Relative to the project, or absolute where it lies elsewhere.
fn external_name(path: &str, project_dir: &Path) -> String {
    let relative = Path::new(path).strip_prefix(project_dir).ok();
    relative.and_then(Path::to_str).unwrap_or(path).to_owned()
}

fn arguments(
    attempt: &Attempt<'_>,
    component_argv: &[String],
    json: &str,
    input_path: &Path,
) -> Vec<String> {
    let resolved = &attempt.task.started.key.command;
    match &attempt.node.action {
        Action::Component { name, .. } => {
            let path = input_path.to_string_lossy().into_owned();
            let own = [name.clone(), "--executor-input".to_owned(), path];
            component_argv.iter().cloned().chain(own).collect()
        }
        Action::Command(words) => {
            let given = if resolved.is_empty() { words } else { resolved };
            let pairs = given.iter().zip(words);
            // Only where its author wrote it: what a value holds stays as it is.
            pairs
                .map(|(given, written)| {
                    if written.contains(PLACEHOLDER) {
                        given.replace(PLACEHOLDER, json)
                    } else {
                        given.clone()
                    }
                })
                .collect()
        }
        // No program belongs to it; the keeper would refuse an empty command.
        Action::Approve(_) => Vec::new(),
        // No placeholder: what a file name holds could become code.
        Action::Shell(text) => ["sh", "-eu", "-c", text].map(str::to_owned).to_vec(),
    }
}
