//! A state folder with its executor, one-step runs, and waiting for reports.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use run_engine::artifact::{Artifact, ArtifactFile, Outputs};
use run_engine::decide::{AttemptOutcome, AttemptReport};
use run_engine::event::{RunCreated, StepStarted, Trigger};
use run_engine::ids::{ExecutionId, FIRST_FILES_NUMBER, RunId};
use run_engine::plan::{Action, Node, NodeId, OutputKind, OutputPlan, PLAN_FORMAT_VERSION, Plan};
use run_engine::reason::{Failure, Reason, ReasonCode};
use run_engine::reuse::KeyParts;
use run_engine::seams::{
    Effect, Executor, KeyFiles, LaunchTask, PrepareTask, Prepared, Report, VerifyTask,
};
use run_executor::layout::AttemptLayout;
use run_executor::{ExecutorConfig, LocalExecutor};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

/// How long anything may take before the test fails; never a measure of how long it should take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The marker before the state folder among the arguments of a test binary that is a keeper.
const MARKER: &str = "serving-the-state-folder";

pub(crate) fn state_dir_of_this_keeper() -> Option<PathBuf> {
    let mut arguments = std::env::args().skip_while(|argument| argument != MARKER);
    arguments.nth(1).map(PathBuf::from)
}

fn keeper_argv(state_dir: &Path) -> Vec<String> {
    let exe = std::env::current_exe().unwrap();
    [
        exe.to_str().unwrap(),
        "--exact",
        "--ignored",
        "--nocapture",
        "keeper_process",
        MARKER,
        state_dir.to_str().unwrap(),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A project with its state folder in it, and the executor of the moment.
pub(crate) struct World {
    executor: Option<LocalExecutor>,
    /// After the executor, so that it is removed when nobody works there.
    folder: TempDir,
    reports: Receiver<Report>,
    /// Reports that were received while another was waited for.
    early: RefCell<Vec<Report>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self::without_executor();
        world.start();
        world
    }

    /// Before anything was started.
    pub(crate) fn without_executor() -> Self {
        let folder = tempfile::Builder::new().prefix("executor-").tempdir();
        let world = Self {
            executor: None,
            folder: folder.unwrap(),
            reports: channel().1,
            early: RefCell::default(),
        };
        fs::create_dir(world.state_dir()).unwrap();
        world
    }

    /// Starts an executor, after ending the one before, as a new daemon does.
    pub(crate) fn start(&mut self) {
        self.stop();
        let (sender, reports) = channel();
        let config = ExecutorConfig {
            state_dir: self.state_dir(),
            keeper_argv: keeper_argv(&self.state_dir()),
            component_argv: ["/bin/echo", "component"].map(str::to_owned).to_vec(),
            stuck_after: Duration::from_millis(300),
            traced: false,
        };
        // Nobody listens any more once the test is over.
        let report = move |report| drop(sender.send(report));
        self.executor = Some(LocalExecutor::start(config, report).unwrap());
        self.reports = reports;
    }

    /// Ends the executor; attempts go on in the keeper.
    pub(crate) fn stop(&mut self) {
        self.executor = None;
        self.early.borrow_mut().clear();
    }

    pub(crate) fn executor(&mut self) -> &mut LocalExecutor {
        self.executor.as_mut().unwrap()
    }

    pub(crate) fn project(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.folder.path().join(".ropewalk")
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.project().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A run of one step.
    pub(crate) fn step(&mut self, action: Action) -> Step {
        let keeper = self.executor().keeper();
        self.step_of(action, &keeper)
    }

    /// A run of one step of a shell, held by this keeper.
    pub(crate) fn shell_of(&self, text: &str, keeper: &str) -> Step {
        self.step_of(Action::Shell(text.to_owned()), keeper)
    }

    fn step_of(&self, action: Action, keeper: &str) -> Step {
        Step {
            run: RunId(Uuid::now_v7()),
            keeper: keeper.to_owned(),
            project: self.project().to_path_buf(),
            state_dir: self.state_dir(),
            attempt: 1,
            node: Node::new("train", action),
            key: KeyParts::default(),
            inputs: BTreeMap::new(),
            environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            push_version: None,
        }
    }

    pub(crate) fn shell(&mut self, text: &str) -> Step {
        self.step(Action::Shell(text.to_owned()))
    }

    pub(crate) fn submit(&mut self, effect: Effect) {
        self.executor().submit(vec![effect]);
    }

    pub(crate) fn launch(&mut self, step: &Step) {
        self.submit(Effect::Launch(step.task()));
    }

    /// The next report that this picks.
    pub(crate) fn wait_for<T>(&self, what: &str, pick: impl Fn(&Report) -> Option<T>) -> T {
        let mut early = self.early.borrow_mut();
        if let Some((index, found)) = early
            .iter()
            .enumerate()
            .find_map(|(i, r)| Some((i, pick(r)?)))
        {
            early.remove(index);
            return found;
        }
        loop {
            let report = self.reports.recv_timeout(PATIENCE);
            let report = report.unwrap_or_else(|_| panic!("waited in vain for {what}; {early:?}"));
            if let Some(found) = pick(&report) {
                return found;
            }
            early.push(report);
        }
    }

    /// Waits for the start of a step: its process, and whether it ran already.
    pub(crate) fn launched(&self, step: &Step) -> (u32, bool) {
        let id = step.task().attempt();
        self.wait_for("a launch", |report| match report {
            Report::Launched {
                attempt,
                pid,
                adopted,
            } if *attempt == id => Some((*pid, *adopted)),
            _ => None,
        })
    }

    /// Waits for the end of a step.
    pub(crate) fn ended(&self, step: &Step) -> AttemptReport {
        let id = step.task().attempt();
        self.wait_for("an end", |report| match report {
            Report::Ended { attempt, report } if *attempt == id => Some((**report).clone()),
            _ => None,
        })
    }

    /// Waits until it is known that a step is gone with its keeper.
    pub(crate) fn lost(&self, step: &Step) -> String {
        let id = step.task().attempt();
        self.wait_for("a loss", |report| match report {
            Report::Lost { attempt, proof } if *attempt == id => Some(proof.clone()),
            _ => None,
        })
    }

    /// Launches a step and acknowledges its end.
    pub(crate) fn run(&mut self, step: &Step) -> AttemptReport {
        self.launch(step);
        let report = self.ended(step);
        self.submit(Effect::Acknowledge(step.task().attempt()));
        report
    }

    /// What a step gave, which must have succeeded.
    pub(crate) fn outputs(&mut self, step: &Step) -> Arc<Outputs> {
        match self.run(step).outcome {
            AttemptOutcome::Succeeded(outputs) => outputs,
            other => panic!("instead of success: {other:?}\n{}", step.log()),
        }
    }

    /// Why a step failed, which it must have.
    pub(crate) fn failure(&mut self, step: &Step) -> Failure {
        match self.run(step).outcome {
            AttemptOutcome::Failed(failure) => failure,
            other => panic!("instead of failure: {other:?}"),
        }
    }

    /// The process that holds the attempts.
    pub(crate) fn keeper_pid(&self) -> u32 {
        let record = fs::read(self.state_dir().join("keeper.lock")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        u32::try_from(record["pid"].as_u64().unwrap()).unwrap()
    }

    /// What an execution gave, to be looked at before a reuse.
    pub(crate) fn verify(&mut self, outputs: &Arc<Outputs>) -> Option<String> {
        let run = RunId(Uuid::now_v7());
        self.submit(Effect::Verify(Box::new(VerifyTask {
            run,
            node: NodeId(0),
            outputs: Arc::clone(outputs),
        })));
        self.wait_for("a look at outputs", |report| match report {
            Report::Verified {
                run: of, missing, ..
            } if *of == run => Some(missing.clone()),
            _ => None,
        })
    }

    /// Looks at the files that a step depends on.
    pub(crate) fn prepare(&mut self, task: &PrepareTask) -> Result<Box<Prepared>, Failure> {
        self.submit(Effect::Prepare(Box::new(task.clone())));
        self.prepared(task)
    }

    /// Waits for the answer to a preparation.
    pub(crate) fn prepared(&self, task: &PrepareTask) -> Result<Box<Prepared>, Failure> {
        let run = task.run;
        self.wait_for("a preparation", |report| match report {
            Report::Prepared {
                run: of, result, ..
            } if *of == run => Some(result.clone()),
            _ => None,
        })
    }

    /// A preparation of a step of this project that depends on nothing.
    pub(crate) fn preparation(&self) -> PrepareTask {
        PrepareTask {
            run: RunId(Uuid::now_v7()),
            node: NodeId(0),
            project_dir: self.project().to_path_buf(),
            workdir: self.project().to_path_buf(),
            files: BTreeMap::new(),
            spans: BTreeMap::new(),
            imports: BTreeMap::new(),
            key_files: KeyFiles::None,
            excluded: Arc::default(),
            program: None,
            search_path: "/usr/bin:/bin".to_owned(),
        }
    }
}

/// A run of one step, to be launched.
pub(crate) struct Step {
    pub(crate) run: RunId,
    pub(crate) keeper: String,
    pub(crate) project: PathBuf,
    state_dir: PathBuf,
    pub(crate) attempt: u32,
    pub(crate) node: Node,
    pub(crate) key: KeyParts,
    pub(crate) inputs: BTreeMap<String, Vec<Arc<Artifact>>>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) push_version: Option<i64>,
}

impl Step {
    /// With an artifact or parameter output, by the type's name.
    pub(crate) fn output(mut self, port: &str, type_name: &str) -> Self {
        let is_type = component_api::artifact::find(type_name).is_some();
        let output = OutputPlan {
            type_name: type_name.to_owned(),
            kind: if is_type {
                OutputKind::Artifact
            } else {
                OutputKind::Parameter
            },
            optional: false,
        };
        self.node.outputs.insert(port.to_owned(), output);
        self
    }

    /// With what was declared last being optional.
    pub(crate) fn optional(mut self, port: &str) -> Self {
        self.node.outputs.get_mut(port).unwrap().optional = true;
        self
    }

    pub(crate) fn param(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.key.params.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn input(mut self, port: &str, artifact: Artifact) -> Self {
        let given = self.inputs.entry(port.to_owned()).or_default();
        given.push(Arc::new(artifact));
        self
    }

    /// With external files as they were prepared.
    pub(crate) fn files(self, port: &str, prepared: &Prepared) -> Self {
        let (manifest, states) = &prepared.files[port];
        let files = manifest.files.iter().zip(states);
        let files = files.map(|(file, state)| ArtifactFile {
            path: file.path.clone(),
            digest: file.digest.clone(),
            state: *state,
        });
        let artifact = Artifact {
            id: self.execution().artifact(FIRST_FILES_NUMBER),
            type_name: "Files".to_owned(),
            type_version: 1,
            step: self.node.id.clone(),
            item_index: None,
            port: port.to_owned(),
            run: self.run,
            path: self.layout().files_input(port),
            digest: manifest.digest(),
            size_bytes: 0,
            files: files.collect(),
            properties: BTreeMap::new(),
            created_at: DateTime::<Utc>::UNIX_EPOCH,
        };
        self.input(port, artifact)
    }

    pub(crate) fn execution(&self) -> ExecutionId {
        ExecutionId::new(self.run.0)
    }

    pub(crate) fn layout(&self) -> AttemptLayout {
        AttemptLayout::new(self.run, &self.node.id, self.attempt)
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.state_dir.join(relative)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path(&self.layout().log())).unwrap_or_default()
    }

    pub(crate) fn task(&self) -> LaunchTask {
        let plan = Plan {
            format_version: PLAN_FORMAT_VERSION,
            name: "penguins".to_owned(),
            params: BTreeMap::new(),
            concurrency: None,
            types: BTreeMap::new(),
            nodes: vec![self.node.clone()],
        };
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let created = RunCreated {
            run: self.run,
            plan: Arc::new(plan),
            plan_id: String::new(),
            pipeline_file: self.project.join("pipeline.yaml"),
            params: BTreeMap::new(),
            trigger: Trigger {
                kind: "manual".to_owned(),
                detail: String::new(),
            },
            retry_of: None,
            carried: BTreeMap::new(),
            carried_items: BTreeMap::new(),
            forced: BTreeSet::new(),
            selected: None,
            slots: 4,
            environment: self.environment.clone(),
            git: None,
            ropewalk_version: String::new(),
            host: String::new(),
            at,
        };
        let started = StepStarted {
            node: NodeId(0),
            attempt: self.attempt,
            execution: self.execution(),
            keeper: self.keeper.clone(),
            inputs: self.inputs.clone(),
            key: Arc::new(self.key.clone()),
            reuse_key: None,
            push_version: self.push_version,
            gpus: Vec::new(),
            reason: Reason::new(ReasonCode::New, "", ""),
            at,
        };
        LaunchTask {
            created: Arc::new(created),
            started: Arc::new(started),
            item: None,
        }
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until a file exists and has a whole line; gives the first.
pub(crate) fn first_line(path: &Path) -> String {
    wait_until(&format!("a line in {}", path.display()), || {
        let text = fs::read_to_string(path).ok()?;
        Some(text.split_once('\n')?.0.to_owned())
    })
}

/// Whether a process exists and is no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().map(str::trim_start);
    state.is_some_and(|state| !state.is_empty() && !state.starts_with(['Z', 'X']))
}

/// Sends SIGKILL.
pub(crate) fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
