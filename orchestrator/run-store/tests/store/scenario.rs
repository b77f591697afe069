//! Runs to be stored: small ones, with every kind of event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use component_api::files::FileEntry;
use pipeline_plan::{Action, Node, NodeId, PLAN_FORMAT_VERSION, Plan};
use run_engine::artifact::{Artifact, ArtifactFile, FileState, Outputs};
use run_engine::event::{
    Event, Exit, GitState, RunCreated, RunEnd, StepEnded, StepReused, StepStarted, Timer, Trigger,
};
use run_engine::failure_code::FailureCode;
use run_engine::ids::{ExecutionId, FIRST_FILES_NUMBER, RunId};
use run_engine::reason::{Failure, Reason, ReasonCode};
use run_engine::reuse::{FileSet, KeyParts};
use run_engine::seams::{JournalEntry, Turn};
use serde_json::json;
use uuid::Uuid;

/// Gives times, numbers and identities in order.
#[derive(Debug, Default)]
pub(crate) struct Script {
    seq: u64,
    ids: u128,
}

/// What the events of one execution share.
#[derive(Debug, Clone)]
pub(crate) struct Execution {
    pub(crate) run: RunId,
    pub(crate) started: Arc<StepStarted>,
}

/// Second `second` of the scenarios' time.
pub(crate) fn at(second: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_790_000_000 + second as i64)
}

/// A digest of this text.
pub(crate) fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// A plan of steps with these ids, none of which needs another; but `c>d` stands for a step `d` that
/// needs the step before it, `c`.
pub(crate) fn plan(name: &str, steps: &[&str]) -> Arc<Plan> {
    let node = |(index, step): (usize, &&str)| {
        let id = step.rsplit('>').next().unwrap_or_default();
        let needs = if step.contains('>') {
            vec![NodeId(index as u32 - 1)]
        } else {
            Vec::new()
        };
        Node {
            needs,
            ..Node::new(id, Action::Shell("true".to_owned()))
        }
    };
    Arc::new(Plan {
        format_version: PLAN_FORMAT_VERSION,
        name: name.to_owned(),
        params: BTreeMap::new(),
        concurrency: None,
        types: BTreeMap::new(),
        nodes: steps.iter().enumerate().map(node).collect(),
    })
}

/// A turn of these events.
pub(crate) fn turn(entries: Vec<JournalEntry>) -> Turn {
    Turn {
        entries,
        ..Turn::default()
    }
}

/// The end of a process that began at that second and took one.
pub(crate) fn exit(code: i32, second: u64) -> Exit {
    Exit {
        code: Some(code),
        signal: None,
        timed_out: false,
        started_at: at(second),
        ended_at: at(second + 1),
        cpu_ms: 12,
        memory_max_bytes: 1 << 20,
    }
}

impl Script {
    /// A fresh id, later than all before.
    pub(crate) fn id(&mut self) -> Uuid {
        self.ids += 1;
        // Version 7 and its variant, like real ones; the number counts in the time's place.
        Uuid::from_u128((0x0198_0000_0000 + self.ids) << 80 | 0x7000_8000_0000_0000_0000)
    }

    /// The event that comes next.
    pub(crate) fn entry(&mut self, run: RunId, event: Event) -> JournalEntry {
        self.seq += 1;
        let seq = self.seq;
        JournalEntry { run, seq, event }
    }

    /// The time of the event that comes next.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        at(self.seq)
    }

    /// A run begins.
    pub(crate) fn created(&mut self, plan: &Arc<Plan>) -> (RunId, JournalEntry) {
        let run = RunId(self.id());
        let created = RunCreated {
            run,
            plan: Arc::clone(plan),
            plan_id: plan.id(),
            pipeline_file: "/home/ada/penguins/pipeline.yaml".into(),
            params: BTreeMap::from([("rate".to_owned(), json!(0.5))]),
            trigger: Trigger {
                kind: "manual".to_owned(),
                detail: String::new(),
            },
            retry_of: None,
            carried: BTreeMap::new(),
            carried_items: BTreeMap::new(),
            forced: BTreeSet::from([NodeId(0)]),
            selected: None,
            slots: 4,
            environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            git: Some(GitState {
                commit: "c0ffee".to_owned(),
                dirty: true,
            }),
            ropewalk_version: "0.0.1".to_owned(),
            host: "ada".to_owned(),
            at: self.now(),
        };
        (run, self.entry(run, Event::RunCreated(Arc::new(created))))
    }

    /// A step without inputs begins; its reuse key is that of `key`.
    pub(crate) fn started(
        &mut self,
        run: RunId,
        node: u32,
        key: &str,
    ) -> (Execution, JournalEntry) {
        let started = self.intent(node, key);
        self.start(run, started)
    }

    /// A step begins so.
    pub(crate) fn start(&mut self, run: RunId, started: StepStarted) -> (Execution, JournalEntry) {
        let started = Arc::new(started);
        let entry = self.entry(run, Event::StepStarted(Arc::clone(&started)));
        (Execution { run, started }, entry)
    }

    /// The intent of a step without inputs.
    pub(crate) fn intent(&mut self, node: u32, key: &str) -> StepStarted {
        let file = FileEntry {
            path: "train.py".to_owned(),
            size_bytes: 7,
            digest: digest("train"),
        };
        let parts = KeyParts {
            component: "command".to_owned(),
            command: vec!["python3".to_owned(), "train.py".to_owned()],
            program: Some("/usr/bin/python3".to_owned()),
            params: BTreeMap::from([("depth".to_owned(), json!({"trees": [1, 2.5, null]}))]),
            inputs: BTreeMap::from([("data".to_owned(), vec![digest("data")])]),
            env: BTreeMap::from([("SEED".to_owned(), "7".to_owned())]),
            outputs: BTreeMap::from([("model".to_owned(), "Model".to_owned())]),
            files: Some(Arc::new(FileSet::new(vec![file]))),
            ..KeyParts::default()
        };
        StepStarted {
            node: NodeId(node),
            attempt: 1,
            execution: ExecutionId::new(self.id()),
            keeper: "keeper-1".to_owned(),
            inputs: BTreeMap::new(),
            key: Arc::new(parts),
            reuse_key: Some(digest(key)),
            push_version: None,
            gpus: Vec::new(),
            reason: Reason::new(ReasonCode::New, "it never ran", ""),
            at: self.now(),
        }
    }

    /// A step did what it promised.
    pub(crate) fn succeeded(
        &mut self,
        execution: &Execution,
        outputs: &Arc<Outputs>,
    ) -> JournalEntry {
        let ended = self.ended(execution, outputs, 0);
        self.entry(execution.run, Event::StepSucceeded(ended))
    }

    /// A step refused.
    pub(crate) fn refused(
        &mut self,
        execution: &Execution,
        outputs: &Arc<Outputs>,
    ) -> JournalEntry {
        let ended = self.ended(execution, outputs, 65);
        let reason = Reason::new(ReasonCode::Rejected, "auc 0.6 is below 0.7", "auc");
        self.entry(execution.run, Event::StepRefused { ended, reason })
    }

    fn ended(&self, execution: &Execution, outputs: &Arc<Outputs>, code: i32) -> Arc<StepEnded> {
        Arc::new(StepEnded {
            node: execution.started.node,
            attempt: execution.started.attempt,
            execution: execution.started.execution,
            reuse_key: execution.started.reuse_key.clone(),
            outputs: Arc::clone(outputs),
            exit: exit(code, self.seq),
            at: self.now(),
        })
    }

    /// A step failed in its live attempt.
    pub(crate) fn failed(&mut self, execution: &Execution) -> JournalEntry {
        let failure =
            Failure::new(FailureCode::ExitStatus, "exit status 1").hint("look at its log");
        let event = Event::StepFailed {
            node: execution.started.node,
            attempt: Some(execution.started.attempt),
            failure,
            exit: Some(exit(1, self.seq)),
            at: self.now(),
        };
        self.entry(execution.run, event)
    }

    /// An attempt failed, and another follows.
    pub(crate) fn retrying(&mut self, execution: &Execution) -> JournalEntry {
        let at = self.now();
        let event = Event::StepRetrying {
            node: execution.started.node,
            attempt: execution.started.attempt,
            failure: Failure::new(FailureCode::ExitStatus, "exit status 75"),
            exit: Some(exit(75, self.seq)),
            next: Timer::after(at, 1_500),
            at,
        };
        self.entry(execution.run, event)
    }

    /// An attempt was lost.
    pub(crate) fn lost(&mut self, execution: &Execution) -> JournalEntry {
        let event = Event::StepLost {
            node: execution.started.node,
            attempt: execution.started.attempt,
            proof: "the machine was started anew".to_owned(),
            at: self.now(),
        };
        self.entry(execution.run, event)
    }

    /// An attempt could not be ended.
    pub(crate) fn stuck(&mut self, execution: &Execution) -> JournalEntry {
        let event = Event::StepStuck {
            node: execution.started.node,
            attempt: execution.started.attempt,
            pids: vec![4712],
            at: self.now(),
        };
        self.entry(execution.run, event)
    }

    /// An earlier execution stands in.
    pub(crate) fn reused(
        &mut self,
        run: RunId,
        node: u32,
        source: &Execution,
        outputs: &Arc<Outputs>,
    ) -> JournalEntry {
        let reused = StepReused {
            node: NodeId(node),
            source: source.started.execution,
            source_run: source.run,
            outputs: Arc::clone(outputs),
            refused: None,
            carried: None,
            at: self.now(),
        };
        self.entry(run, Event::StepReused(Arc::new(reused)))
    }

    /// A run is over.
    pub(crate) fn ended_run(&mut self, run: RunId, end: RunEnd) -> JournalEntry {
        let at = self.now();
        self.entry(run, Event::RunEnded { end, at })
    }
}

/// One artifact of this type on port `model`, and a value.
pub(crate) fn outputs(execution: &Execution, type_name: &str, content: &str) -> Arc<Outputs> {
    let artifact = artifact(execution, 1, type_name, content);
    Arc::new(Outputs {
        artifacts: BTreeMap::from([("model".to_owned(), Arc::new(artifact))]),
        parameters: BTreeMap::from([("rows".to_owned(), json!(344))]),
    })
}

/// An artifact of an execution.
pub(crate) fn artifact(
    execution: &Execution,
    number: u16,
    type_name: &str,
    content: &str,
) -> Artifact {
    let name = format!("step{}", execution.started.node.0);
    Artifact {
        id: execution.started.execution.artifact(number),
        type_name: type_name.to_owned(),
        type_version: 1,
        step: name.clone(),
        item_index: None,
        port: "model".to_owned(),
        run: execution.run,
        path: format!("runs/{}/{name}.1/outputs/model", execution.run),
        digest: digest(content),
        size_bytes: content.len() as u64,
        files: vec![file("model.onnx", content)],
        properties: BTreeMap::from([("auc".to_owned(), json!(0.75))]),
        created_at: execution.started.at,
    }
}

/// External files that an intent reads on port `data`.
pub(crate) fn with_files(run: RunId, mut started: StepStarted, content: &str) -> StepStarted {
    let execution = Execution {
        run,
        started: Arc::new(started.clone()),
    };
    let mut files = artifact(&execution, FIRST_FILES_NUMBER, "Files", content);
    files.files = vec![file("/home/ada/penguins/penguins.csv", content)];
    "data".clone_into(&mut files.port);
    started
        .inputs
        .insert("data".to_owned(), vec![Arc::new(files)]);
    started
}

fn file(path: &str, content: &str) -> ArtifactFile {
    ArtifactFile {
        path: path.to_owned(),
        digest: digest(content),
        state: FileState {
            size_bytes: content.len() as u64,
            mtime_ns: 1_790_000_000_123_456_789,
            ctime_ns: 1_790_000_000_123_456_790,
            inode: 42,
        },
    }
}

/// The database of a state folder that nobody holds, without the store around it.
pub(crate) fn open_raw(folder: &std::path::Path) -> sled::Db {
    // sled gives up its lock a little after a store is dropped.
    for _ in 0..100_000 {
        if let Ok(db) = sled::open(folder.join("db")) {
            return db;
        }
        std::thread::yield_now();
    }
    sled::open(folder.join("db")).unwrap()
}
