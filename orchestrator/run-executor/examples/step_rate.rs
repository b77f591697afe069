//! How many attempts a second the executor launches and looks at, beside bare `posix_spawn` at the
//! same parallelism: `cargo run -p run-executor --example step_rate [ATTEMPTS] [PARALLEL]`.
//!
//! Each attempt is `/bin/true` without outputs. The bare figure starts and waits for the same program
//! with an output file each, in this process, without a keeper or a contract.

#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use chrono::{DateTime, Utc};
use run_engine::event::{RunCreated, StepStarted, Trigger};
use run_engine::ids::{ExecutionId, RunId};
use run_engine::plan::{Action, Node, NodeId, PLAN_FORMAT_VERSION, Plan};
use run_engine::reason::{Reason, ReasonCode};
use run_engine::reuse::KeyParts;
use run_engine::seams::{Effect, Executor, LaunchTask, Report};
use run_executor::{ExecutorConfig, LocalExecutor};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, state_dir] = arguments.as_slice()
        && word == "keeper"
    {
        return Ok(attempt_keeper::serve(Path::new(state_dir))?);
    }
    let number = |index: usize, default: usize| {
        let given = arguments.get(index);
        given.map_or(Ok(default), |argument| argument.parse::<usize>())
    };
    let (attempts, parallel) = (number(1, 5_000)?, number(2, 64)?);
    let folder = std::env::temp_dir().join(format!("step-rate-{}", std::process::id()));
    fs::create_dir(&folder)?;
    // In turns, so that what else the machine does strikes both.
    for round in 1..=3 {
        let bare = bare(&folder, attempts, parallel)?;
        let ours = ours(&folder, attempts, parallel)?;
        println!(
            "round {round}: bare {bare:.0}/s, executor {ours:.0}/s, ratio {:.2}",
            ours / bare
        );
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn environment() -> BTreeMap<String, String> {
    let names = ["PATH", "HOME", "USER", "LANG", "TZ"];
    let value = "/usr/local/bin:/usr/bin:/bin".to_owned();
    names.map(|name| (name.to_owned(), value.clone())).into()
}

/// Attempts a second without keeper and contract.
fn bare(folder: &Path, attempts: usize, parallel: usize) -> Outcome<f64> {
    let start = Instant::now();
    let mut running: VecDeque<Child> = VecDeque::new();
    for n in 0..attempts {
        if running.len() == parallel
            && let Some(mut child) = running.pop_front()
        {
            child.wait()?;
        }
        let path = folder.join(format!("bare-{n}.log"));
        let log = OpenOptions::new().append(true).create(true).open(path)?;
        let mut command = Command::new("/bin/true");
        command.env_clear().envs(environment()).current_dir(folder);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        running.push_back(command.spawn()?);
    }
    for mut child in running {
        child.wait()?;
    }
    Ok(attempts as f64 / start.elapsed().as_secs_f64())
}

/// Attempts a second through the executor: launch, end, acknowledgement.
fn ours(folder: &Path, attempts: usize, parallel: usize) -> Outcome<f64> {
    let exe = std::env::current_exe()?.display().to_string();
    let config = ExecutorConfig {
        state_dir: folder.to_path_buf(),
        keeper_argv: vec![exe, "keeper".to_owned(), folder.display().to_string()],
        component_argv: Vec::new(),
        stuck_after: run_executor::limits::STUCK_AFTER,
        traced: false,
    };
    let (sender, reports) = channel();
    let report = move |report| drop(sender.send(report));
    let mut executor = LocalExecutor::start(config, report)?;
    let created = Arc::new(run(folder, attempts));
    let launch = |n: usize, keeper: &str| {
        Effect::Launch(LaunchTask {
            created: Arc::clone(&created),
            started: Arc::new(started(&created, n, keeper)),
            item: None,
        })
    };
    let keeper = executor.keeper();
    let start = Instant::now();
    let mut launched = parallel.min(attempts);
    executor.submit((0..launched).map(|n| launch(n, &keeper)).collect());
    let mut ended = 0;
    while ended < attempts {
        let mut effects = Vec::new();
        // All that has arrived is answered at once, as the daemon's loop does.
        for report in std::iter::once(reports.recv()?).chain(reports.try_iter()) {
            if let Report::Ended { attempt, .. } = report {
                ended += 1;
                effects.push(Effect::Acknowledge(attempt));
                if launched < attempts {
                    effects.push(launch(launched, &keeper));
                    launched += 1;
                }
            }
        }
        executor.submit(effects);
    }
    Ok(attempts as f64 / start.elapsed().as_secs_f64())
}

fn run(folder: &Path, steps: usize) -> RunCreated {
    let node = |n: usize| {
        let action = Action::Command(vec!["/bin/true".to_owned()]);
        Node::new(&format!("step-{n}"), action)
    };
    let plan = Plan {
        format_version: PLAN_FORMAT_VERSION,
        name: "many".to_owned(),
        params: BTreeMap::new(),
        concurrency: None,
        types: BTreeMap::new(),
        nodes: (0..steps).map(node).collect(),
    };
    RunCreated {
        run: RunId(Uuid::now_v7()),
        plan: Arc::new(plan),
        plan_id: String::new(),
        pipeline_file: folder.join("pipeline.yaml"),
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
        slots: 64,
        environment: environment(),
        git: None,
        ropewalk_version: String::new(),
        host: String::new(),
        at: DateTime::<Utc>::UNIX_EPOCH,
    }
}

fn started(created: &RunCreated, n: usize, keeper: &str) -> StepStarted {
    StepStarted {
        node: NodeId(n as u32),
        attempt: 1,
        execution: ExecutionId::new(created.run.0),
        keeper: keeper.to_owned(),
        inputs: BTreeMap::new(),
        key: Arc::new(KeyParts::default()),
        reuse_key: None,
        push_version: None,
        gpus: Vec::new(),
        reason: Reason::new(ReasonCode::New, "", ""),
        at: created.at,
    }
}
