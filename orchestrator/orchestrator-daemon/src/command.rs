//! What the routes ask of the loop, and what it answers.
//!
//! A command is acknowledged only after the turn that holds it is durable. It knows neither HTTP nor
//! how a run is compiled: a [`NewRun`] comes with its plan and its resolved parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use pipeline_plan::{NodeId, Plan};
use run_engine::artifact::Outputs;
use run_engine::event::{CarriedItem, GitState, Trigger};
use run_engine::ids::{ExecutionId, RunId};
use serde_json::Value;
use tokio::sync::oneshot;

/// Asks for something that changes a run.
#[derive(Debug)]
pub enum Command {
    /// Makes a run.
    Create {
        /// What it is to be.
        run: Box<NewRun>,
        /// The identity that it is to have, which no run has yet; the loop's choice if absent.
        id: Option<RunId>,
        /// Told once it is durable.
        reply: oneshot::Sender<Result<Created, CommandError>>,
    },
    /// Ends a run.
    Cancel {
        /// The run.
        run: RunId,
        /// Whether attempts that are stuck are left behind.
        abandon: bool,
        /// Told once the intent is durable.
        reply: oneshot::Sender<Result<(), CommandError>>,
    },
    /// Asks whether the loop turns.
    Ping {
        /// Told within the turn.
        reply: oneshot::Sender<()>,
    },
    /// Answers a step that asks a person.
    Answer {
        /// The run.
        run: RunId,
        /// The answer.
        answer: PersonsAnswer,
        /// Told once it is durable.
        reply: oneshot::Sender<Result<(), CommandError>>,
    },
    /// Ends the loop after the turn in progress; attempts go on in the keeper.
    Stop,
}

/// A run that is to be made.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// What it executes.
    pub plan: Arc<Plan>,
    /// Content address of the plan.
    pub plan_id: String,
    /// Absolute path of the pipeline file.
    pub pipeline_file: PathBuf,
    /// Resolved parameters.
    pub params: BTreeMap<String, Value>,
    /// What makes it.
    pub trigger: Trigger,
    /// The finished run that it retries.
    pub retry_of: Option<RunId>,
    /// Steps that an execution of an earlier run stands in for.
    pub carried: BTreeMap<NodeId, ExecutionId>,
    /// Likewise items of steps that are done for each item of a list, by step.
    pub carried_items: BTreeMap<NodeId, Vec<CarriedItem>>,
    /// Steps that may not be reused.
    pub forced: BTreeSet<NodeId>,
    /// The steps that it is made of; none if it is made of all.
    pub selected: Option<BTreeSet<NodeId>>,
    /// Most steps of this run at once.
    pub slots: u32,
    /// The variables from which its attempts start.
    pub environment: BTreeMap<String, String>,
    /// State of the git checkout that holds the pipeline file.
    pub git: Option<GitState>,
    /// Whether an unfinished run with the same plan, file and parameters stands in for a new one.
    pub attach: bool,
}

/// A person's answer to a step.
#[derive(Debug, Clone)]
pub struct PersonsAnswer {
    /// The step.
    pub node: NodeId,
    /// Whether it may go on.
    pub approves: bool,
    /// Who answers.
    pub by: String,
    /// Why, or empty.
    pub comment: String,
    /// What the step gives if it may go on; durable.
    pub outputs: Arc<Outputs>,
}

/// The run that a [`Command::Create`] led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    /// The run.
    pub run: RunId,
    /// Whether it was there already.
    pub attached: bool,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is no unfinished run of this id.
    #[error("run {0} is over; nothing of it can be cancelled")]
    Ended(RunId),
    /// The step does not wait for a person.
    #[error("step `{step}` of run {run} does not wait for an answer any more")]
    NotAsked {
        /// The run.
        run: RunId,
        /// The step.
        step: String,
    },
    /// An attempt of the run that is to be retried still lives or may live.
    #[error("run {0} still has a live attempt; wait for its end, or cancel it first")]
    StillLive(RunId),
    /// An attempt of the run that is to be retried was left behind and may live.
    #[error(
        "an attempt of step `{step}` of run {run} was left behind and is not proven dead; once it is, retry again"
    )]
    Abandoned {
        /// The run.
        run: RunId,
        /// The step.
        step: String,
    },
    /// What a retry would carry over is gone.
    #[error("what step `{step}` gave in run {run} is gone: it cannot be carried over")]
    Gone {
        /// The run that is to be retried.
        run: RunId,
        /// The step.
        step: String,
    },
    /// As many runs of the pipeline are unfinished as may be, and it says that no more are made then.
    #[error(
        "run {run} of `{pipeline}` has not ended, and the pipeline says `when_busy: skip`: no other is made"
    )]
    Busy {
        /// The pipeline.
        pipeline: String,
        /// Its oldest unfinished run.
        run: RunId,
    },
    /// The daemon holds as many unfinished runs as it may.
    #[error(
        "{runs} runs are unfinished, the most that one state folder holds; wait, or cancel some"
    )]
    TooManyRuns {
        /// How many.
        runs: usize,
    },
}
