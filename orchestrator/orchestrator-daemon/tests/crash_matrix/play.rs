//! Plays a scenario to its end, through one death or two of the daemon.
//!
//! What happens next is told by what is on the disk and on the machine alone, so that it is the same
//! whenever a daemon died.

use orchestrator_daemon::command::Command;
use orchestrator_daemon::run_loop::LoopInput;
use pipeline_plan::NodeId;
use run_engine::ids::{AttemptId, RunId};
use run_engine::reason::ReasonCode;
use run_engine::state::{RunPhase, RunState};
use tokio::sync::oneshot;

use crate::scenarios::{Scenario, runs};
use crate::support::audit::Audit;
use crate::support::executor::Cut;
use crate::support::store::Crash;
use crate::support::world::{World, answer};

/// Moves after which a world that does not come to rest is given up.
const MOVES_MAX: usize = 2_000;

/// When a daemon dies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Death {
    /// At a write, which is lost or lands.
    Write(Crash),
    /// Between the effects of a turn.
    Effects(Cut),
}

/// What happens to the attempts when the daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempts {
    /// Their keeper dies too.
    Die,
    /// They live on.
    Survive,
}

/// How a world is played.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Most attempts at once.
    pub(crate) slots: usize,
    /// What happens to the attempts when the daemon dies.
    pub(crate) attempts: Attempts,
    /// When the first daemon dies.
    pub(crate) death: Option<Death>,
    /// When the second one does.
    pub(crate) second: Option<Death>,
}

/// Plays a scenario to its end.
pub(crate) fn play(scenario: &Scenario, setting: Setting) -> World {
    let mut world = World::new(setting.slots);
    let mut audit = Audit::default();
    let mut deaths = [setting.death, setting.second].into_iter().flatten();
    arm(&world, deaths.next());
    for _ in 0..MOVES_MAX {
        if !world.is_alive() {
            audit.look(&world);
            if setting.attempts == Attempts::Die {
                world.machine.kill_keeper();
            }
            arm(&world, deaths.next());
            // It may die at once.
            let _ = world.start();
            continue;
        }
        let goes_on = next(&mut world, scenario, &audit);
        audit.look(&world);
        if !goes_on && world.is_alive() {
            return world;
        }
    }
    panic!("{}, {setting:?}: it does not come to rest", scenario.name);
}

fn arm(world: &World, death: Option<Death>) {
    match death {
        Some(Death::Write(crash)) => world.disk.crash_at(crash),
        Some(Death::Effects(cut)) => world.machine.cut_at(cut),
        None => {}
    }
}

/// One thing happens; false if nothing is left to happen. An error is the daemon's death.
fn next(world: &mut World, scenario: &Scenario, audit: &Audit) -> bool {
    let reports = world.machine.take_reports();
    if !reports.is_empty() {
        let _ = world.turn(reports.into_iter().map(LoopInput::Report).collect());
        return true;
    }
    deafen(world, scenario, audit);
    let first = audit.runs().next();
    if let Some(first) = first.filter(|first| is_to_be_cancelled(first, scenario)) {
        let (reply, _answer) = oneshot::channel();
        let run = first.id();
        let abandon = !scenario.deaf.is_empty();
        let cancel = Command::Cancel {
            run,
            abandon,
            reply,
        };
        command(world, cancel);
        return true;
    }
    if keeper_is_to_die(world, scenario, audit) {
        world.machine.kill_keeper_noticed();
        return true;
    }
    let mut willing = world.machine.live();
    willing.retain(|attempt| !world.machine.is_deaf(*attempt));
    if let Some(attempt) = willing.first() {
        world.machine.finish(*attempt);
        return true;
    }
    if let Some((run, node, approves)) = asks(audit) {
        let _ = world.turn(vec![answer(run, node, approves).0]);
        return true;
    }
    if !matches!(world.strike_next(), Ok(false)) {
        return true;
    }
    let ended = audit.runs().all(RunState::is_ended);
    assert!(ended, "{}: a run is stuck", scenario.name);
    let Some(run) = (scenario.ask)(world, audit.runs().count()) else {
        // What was left behind ends at last, and changes nothing.
        return world.machine.undeafen();
    };
    let (reply, _answer) = oneshot::channel();
    let run = Box::new(run);
    command(
        world,
        Command::Create {
            run,
            id: None,
            reply,
        },
    );
    true
}

fn command(world: &mut World, command: Command) {
    let _ = world.turn(vec![LoopInput::Command(command)]);
}

fn is_to_be_cancelled(run: &RunState, scenario: &Scenario) -> bool {
    let step = scenario.cancelled_after;
    let step = step.and_then(|step| run.plan().find(step));
    run.phase == RunPhase::Active && step.is_some_and(|step| run.step(step).phase.is_ended())
}

/// Steps whose attempts no signal ends, once they live.
fn deafen(world: &World, scenario: &Scenario, audit: &Audit) {
    for attempt in world.machine.live() {
        let id = audit.run(attempt.run).name(attempt.node);
        if scenario.deaf.contains(&id.as_str()) {
            world.machine.deafen(attempt);
        }
    }
}

/// A step that asks, and what it is told: nothing if it is not to be heard.
fn asks(audit: &Audit) -> Option<(RunId, NodeId, bool)> {
    let asking = audit.runs().flat_map(|run| {
        let nodes = run.awaiting().map(|(node, _)| node);
        nodes.map(|node| (run.id(), node, run.name(node)))
    });
    let mut heard = asking.filter(|(_, _, id)| id != "unheard");
    let (run, node, id) = heard.next()?;
    Some((run, node, id != "refused"))
}

fn keeper_is_to_die(world: &World, scenario: &Scenario, audit: &Audit) -> bool {
    let under = scenario.keeper_dies_under;
    let is_named = |attempt: AttemptId| {
        let id = &audit.run(attempt.run).name(attempt.node);
        under
            .iter()
            .any(|(step, attempts)| step == id && attempt.number as usize <= *attempts)
    };
    !under.is_empty() && world.machine.live().into_iter().any(is_named)
}

/// What must be the same whatever died: how each run ended, where its steps stand and why they were
/// decided about so, what they gave. Attempts that were lost may be more.
pub(crate) fn outcome(world: &World) -> Vec<String> {
    let runs = runs(world);
    // Runs are told by their number: which ids they have depends on how often one was asked for.
    let named = |line: String| {
        let numbers = runs.iter().enumerate();
        numbers.fold(line, |line, (number, run)| {
            line.replace(&run.to_string(), &format!("run {number}"))
        })
    };
    let lines = runs.iter().flat_map(|run| {
        let state = world.disk.run(*run);
        let title = format!("{run}: {:?}", state.phase);
        let steps = state.tasks.shown().into_iter();
        let steps = steps.map(|node| step(&state, node));
        [title].into_iter().chain(steps.collect::<Vec<_>>())
    });
    lines.map(named).collect()
}

/// Where a step stands, why, what it gave, and under which version it pushed.
fn step(state: &RunState, node: NodeId) -> String {
    let step = state.step(node);
    let id = &state.name(node);
    let first = step.attempts.first().map(|attempt| &attempt.started);
    let reason = first.map(|started| &started.reason);
    let reason = reason.or(step.reason.as_ref());
    let why = reason.map_or(String::new(), |reason| {
        let code = reason.code.word();
        match reason.code {
            // The text names the attempt that gave what is gone.
            ReasonCode::OutputMissing => code.to_owned(),
            _ => format!("{code}: {}", reason.text),
        }
    });
    let version = first.and_then(|started| started.push_version);
    let version = version.map_or(String::new(), |version| format!(", version {version}"));
    let outputs = step.outputs.iter().flat_map(|o| o.artifacts.values());
    let digests: Vec<&str> = outputs.map(|artifact| artifact.digest.as_str()).collect();
    format!(
        "  {id} {:?}, {why}{version} | {}",
        step.phase,
        digests.join(", ")
    )
}

/// How often each step of each run was started.
pub(crate) fn starts(world: &World) -> Vec<Vec<usize>> {
    let runs = runs(world).into_iter();
    runs.map(|run| world.starts(run)).collect()
}
