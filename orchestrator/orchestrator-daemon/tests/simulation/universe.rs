//! A world in which one thing after another happens by chance.

use std::fmt::Write;

use chrono::TimeDelta;
use orchestrator_daemon::command::{Command, CommandError, Created};
use orchestrator_daemon::run_loop::{LoopError, LoopInput};
use pipeline_plan::NodeId;
use run_engine::ids::{ArtifactId, AttemptId, RunId};
use run_engine::seams::Report;
use run_engine::state::RunPhase;
use tokio::sync::oneshot;

use crate::chance::Chance;
use crate::pipelines::{FILE, Pipelines, retry_of};
use crate::reports::{is_of_attempt, show};
use crate::support::audit::Audit;
use crate::support::executor::Cut;
use crate::support::store::{Crash, Disk};
use crate::support::world::{World, answer};
use crate::trouble::Trouble;

/// Things that happen before the trouble ends.
const MOVES_MAX: usize = 150;

/// Moves after which a world that does not come to rest is given up.
const CALM_MOVES_MAX: usize = 5_000;

/// Runs that are asked for.
const RUNS_MAX: usize = 6;

/// What the external file may be: so many contents, met again and again.
pub(crate) const CONTENTS: usize = 3;

/// A world, and what is drawn for it.
pub(crate) struct Universe {
    pub(crate) world: World,
    pub(crate) audit: Audit,
    pub(crate) pipelines: Pipelines,
    /// What the project's files ever were.
    pub(crate) projects: Vec<String>,
    /// Artifacts whose files were removed, and the last event by then.
    pub(crate) gone: Vec<(ArtifactId, u64)>,
    /// What happened, in words; kept only if it is to be shown.
    pub(crate) log: Option<String>,
    /// How often what happened.
    pub(crate) count: Count,
    chance: Chance,
    trouble: Trouble,
    /// Reports on their way to the daemon.
    travelling: Vec<Report>,
    /// Copies of reports of this daemon, and of reports of attempts, which outlive it.
    copies: Vec<Report>,
    asked: usize,
    /// A report was dropped: only another daemon asks again for what it told.
    deaf: bool,
}

/// Something that happens to a world.
type Happening = fn(&mut Universe);

/// How often what happened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) daemons: usize,
    pub(crate) keepers: usize,
    pub(crate) cancels: usize,
    pub(crate) abandons: usize,
}

impl Universe {
    /// The world of a seed.
    pub(crate) fn new(seed: u64, disk: Disk, logged: bool) -> Self {
        let mut chance = Chance::new(seed);
        let pipelines = Pipelines::new(&mut chance);
        let world = World::on(disk, 1 + chance.below(6));
        let projects = vec!["project 0".to_owned()];
        {
            let mut state = world.machine.state();
            state.acts.clone_from(&pipelines.acts);
            state.project.clone_from(&projects[0]);
            state.files.insert(FILE.to_owned(), "content 0".to_owned());
        }
        Self {
            trouble: Trouble::new(&mut chance),
            world,
            audit: Audit::default(),
            pipelines,
            projects,
            gone: Vec::new(),
            log: logged.then(String::new),
            count: Count::default(),
            chance,
            travelling: Vec::new(),
            copies: Vec::new(),
            asked: 0,
            deaf: false,
        }
    }

    /// Lets everything happen until nothing does any more.
    pub(crate) fn live(&mut self) {
        self.note(|u| format!("{:?}, {} slots", u.trouble, u.world.slots));
        for _ in 0..MOVES_MAX {
            self.move_on();
        }
        self.note(|_| "the trouble ends".to_owned());
        self.trouble = Trouble::default();
        self.world.machine.undeafen();
        if self.deaf {
            self.die("a report was dropped");
        }
        for _ in 0..CALM_MOVES_MAX {
            if !self.calm_move() {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// One thing happens by chance.
    fn move_on(&mut self) {
        if !self.world.is_alive() {
            self.start();
            return;
        }
        let trouble = self.trouble;
        let kinds: [(usize, Happening); 10] = [
            (trouble.kills, |u| u.die("it is killed")),
            (trouble.deaths, Self::arm_death),
            (trouble.keepers, Self::kill_keeper),
            (trouble.reboots, Self::reboot),
            (trouble.copies, Self::copy),
            (trouble.drops, Self::drop_report),
            (trouble.cancels, Self::cancel),
            (trouble.deaf, Self::deafen),
            (trouble.jumps, Self::jump),
            (trouble.changes, Self::change),
        ];
        for (percent, happens) in kinds {
            if self.chance.percent(percent) {
                happens(self);
                return;
            }
        }
        self.ordinary();
    }

    /// What happens where nothing goes wrong.
    fn ordinary(&mut self) {
        match self.chance.below(11) {
            10 => self.answer_one(),
            0 if self.asked < RUNS_MAX => self.ask(),
            0 | 1 => self.pass_time(),
            2..=5 => self.finish(),
            _ => self.deliver(),
        }
    }

    /// One more thing happens without trouble; false if nothing is left.
    fn calm_move(&mut self) -> bool {
        if !self.world.is_alive() {
            self.start();
            return true;
        }
        self.collect();
        if !self.travelling.is_empty() {
            self.deliver();
        } else if let Some(attempt) = self.willing() {
            self.world.machine.finish(attempt);
        } else if self.asked_one().is_some() {
            self.answer_one();
        } else {
            let struck = self.world.strike_next();
            let rests = matches!(struck, Ok(false));
            self.after(struck.map(drop));
            return !rests;
        }
        true
    }

    /// An attempt that ends by itself. One of a run that is being cancelled does not: it is to be killed.
    fn willing(&mut self) -> Option<AttemptId> {
        let mut live = self.world.machine.live();
        live.retain(|attempt| self.audit.run(attempt.run).phase != RunPhase::Cancelling);
        self.chance.take(&mut live)
    }

    fn start(&mut self) {
        self.note(|_| "a daemon starts".to_owned());
        self.count.daemons += 1;
        let started = self.world.start();
        self.after(started);
    }

    /// What is to be looked at after each turn: everything.
    fn after(&mut self, result: Result<(), LoopError>) {
        match result {
            Ok(()) | Err(LoopError::Store(_)) => {}
            Err(error) => panic!("the loop ended: {error}: {error:?}"),
        }
        self.collect();
        if !self.world.is_alive() {
            self.note(|_| "the daemon is dead".to_owned());
            self.travelling.clear();
            self.copies.retain(is_of_attempt);
            self.deaf = false;
        }
        self.audit.look(&self.world);
    }

    fn collect(&mut self) {
        let new = self.world.machine.take_reports();
        self.travelling.extend(new);
    }

    fn turn(&mut self, inputs: Vec<LoopInput>) {
        let result = self.world.turn(inputs);
        self.after(result);
    }

    /// Some of the reports on their way arrive, in any order.
    fn deliver(&mut self) {
        self.collect();
        let count = 1 + self.chance.below(4);
        let mut inputs = Vec::new();
        for _ in 0..count {
            let late = self.chance.percent(30) && self.trouble.copies > 0;
            let from = if late {
                &mut self.copies
            } else {
                &mut self.travelling
            };
            let Some(report) = self.chance.take(from) else {
                continue;
            };
            self.note(|_| format!("{}: {}", if late { "late" } else { "told" }, show(&report)));
            inputs.push(LoopInput::Report(report));
        }
        if !inputs.is_empty() {
            self.turn(inputs);
        }
    }

    fn finish(&mut self) {
        let live = self.world.machine.live();
        if live.is_empty() {
            return self.deliver();
        }
        let attempt = *self.chance.of(&live);
        self.note(|_| format!("attempt {} of step {} ends", attempt.number, attempt.node.0));
        self.world.machine.finish(attempt);
    }

    fn pass_time(&mut self) {
        let ms = self.chance.below(20_000) as i64;
        self.world.clock.advance(TimeDelta::milliseconds(ms));
        self.turn(Vec::new());
    }

    fn ask(&mut self) {
        self.asked += 1;
        let ended: Vec<RunId> = self
            .audit
            .runs()
            .map(run_engine::state::RunState::id)
            .collect();
        let run = if !ended.is_empty() && self.chance.percent(30) {
            let run = *self.chance.of(&ended);
            retry_of(self.audit.run(run), &mut self.chance)
        } else {
            self.pipelines.ask(&mut self.chance)
        };
        self.note(|_| format!("a run of {} steps is asked for", run.plan.nodes.len()));
        let (reply, mut answer) = oneshot::channel();
        let run = Box::new(run);
        self.turn(vec![LoopInput::Command(Command::Create {
            run,
            id: None,
            reply,
        })]);
        self.answered(answer.try_recv().ok());
    }

    /// A step that asks a person.
    fn asked_one(&mut self) -> Option<(RunId, NodeId)> {
        let asking = self.audit.runs().flat_map(|run| {
            let nodes = run.awaiting().map(|(node, _)| node);
            nodes.map(|node| (run.id(), node))
        });
        let mut asking: Vec<(RunId, NodeId)> = asking.collect();
        self.chance.take(&mut asking)
    }

    /// A person answers, perhaps too late.
    fn answer_one(&mut self) {
        let Some((run, node)) = self.asked_one() else {
            return self.deliver();
        };
        let approves = self.chance.percent(80);
        self.note(|_| format!("step {} is approved: {approves}", node.0));
        let (input, mut said) = answer(run, node, approves);
        self.turn(vec![input]);
        match said.try_recv() {
            Ok(Ok(())) => {
                let phase = self.audit.run(run).step(node).phase;
                assert!(phase.is_ended(), "an answer was acknowledged and lost");
            }
            // The run is being cancelled, or it is too late.
            Ok(Err(_)) => {}
            Err(_) => assert!(!self.world.is_alive(), "a command was not answered"),
        }
    }

    /// A run that was told to be there is there.
    fn answered(&self, answer: Option<Result<Created, CommandError>>) {
        match answer {
            Some(Ok(created)) => {
                let known = self.audit.runs().any(|run| run.id() == created.run);
                assert!(
                    known,
                    "run {} was acknowledged and is not there",
                    created.run
                );
            }
            Some(Err(error)) => {
                let busy = matches!(
                    error,
                    CommandError::StillLive(_) | CommandError::Abandoned { .. }
                );
                assert!(busy, "a run was refused: {error}");
            }
            None => assert!(!self.world.is_alive(), "a command was not answered"),
        }
    }

    fn cancel(&mut self) {
        let runs: Vec<RunId> = self
            .audit
            .runs()
            .map(run_engine::state::RunState::id)
            .collect();
        if runs.is_empty() {
            return;
        }
        let run = *self.chance.of(&runs);
        let abandon = self.trouble.deaf > 0 && self.chance.percent(50);
        self.note(|_| format!("run {run} is cancelled, without what is stuck: {abandon}"));
        self.count.cancels += 1;
        self.count.abandons += usize::from(abandon);
        let (reply, mut answer) = oneshot::channel();
        let command = Command::Cancel {
            run,
            abandon,
            reply,
        };
        self.turn(vec![LoopInput::Command(command)]);
        let phase = self.audit.run(run).phase;
        match answer.try_recv() {
            Ok(_) => assert!(
                phase != RunPhase::Active,
                "a cancellation was acknowledged and lost"
            ),
            Err(_) => assert!(!self.world.is_alive(), "a command was not answered"),
        }
    }

    fn die(&mut self, why: &str) {
        self.note(|_| format!("the daemon dies: {why}"));
        self.world.kill();
        self.after(Ok(()));
    }

    fn arm_death(&mut self) {
        let after = self.chance.below(3);
        if self.chance.percent(50) {
            let landed = self.chance.percent(50);
            self.world.disk.crash_at(Crash { after, landed });
            self.note(|_| format!("write {after} from now is going to fail, landed: {landed}"));
        } else {
            let effects = self.chance.below(4);
            self.world.machine.cut_at(Cut { after, effects });
            self.note(|_| {
                format!("effect {effects} of turn {after} from now is going to be the last")
            });
        }
    }

    fn kill_keeper(&mut self) {
        self.count.keepers += 1;
        if self.chance.percent(30) {
            self.note(|_| "the keeper is going to die before the next effects".to_owned());
            self.world.machine.kill_keeper_before_effects();
        } else {
            self.note(|_| "the keeper dies".to_owned());
            self.world.machine.kill_keeper_noticed();
        }
    }

    fn reboot(&mut self) {
        self.count.keepers += 1;
        self.collect();
        self.world.machine.kill_keeper();
        self.die("the machine goes down");
    }

    fn copy(&mut self) {
        self.collect();
        if !self.travelling.is_empty() {
            let report = self.chance.of(&self.travelling).clone();
            self.copies.push(report);
        }
        self.deliver();
    }

    fn drop_report(&mut self) {
        self.collect();
        if let Some(report) = self.chance.take(&mut self.travelling) {
            self.note(|_| format!("never told: {}", show(&report)));
            self.deaf = true;
        }
    }

    fn deafen(&mut self) {
        let live = self.world.machine.live();
        if !live.is_empty() {
            let attempt = *self.chance.of(&live);
            self.note(|_| {
                let (number, node) = (attempt.number, attempt.node.0);
                format!("no signal ends attempt {number} of step {node} any more")
            });
            self.world.machine.deafen(attempt);
        }
    }

    fn jump(&mut self) {
        let hours = self.chance.below(49) as i64 - 24;
        self.note(|_| format!("the clock jumps by {hours} hours"));
        self.world.clock.set_wall(TimeDelta::hours(hours));
    }

    fn change(&mut self) {
        let mut state = self.world.machine.state();
        match self.chance.below(3) {
            0 => {
                let project = format!("project {}", self.chance.below(3));
                state.project.clone_from(&project);
                self.projects.push(project);
            }
            1 => {
                let content = format!("content {}", self.chance.below(CONTENTS));
                state.files.insert(FILE.to_owned(), content);
            }
            _ => {
                let steps = self.audit.runs().flat_map(|run| run.steps.iter());
                let outputs = steps.filter_map(|step| step.outputs.as_ref());
                let artifacts = outputs.flat_map(|outputs| outputs.artifacts.values());
                let artifacts: Vec<_> = artifacts.map(|artifact| artifact.id).collect();
                if !artifacts.is_empty() {
                    let artifact = *self.chance.of(&artifacts);
                    state.gone.insert(artifact);
                    self.gone.push((artifact, self.world.disk.last_seq()));
                }
            }
        }
        drop(state);
        self.note(|_| "files change".to_owned());
    }

    /// Notes what happens, if that is to be shown.
    fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.log.is_some() {
            let (seq, line) = (self.world.disk.last_seq(), line(self));
            if let Some(log) = &mut self.log {
                writeln!(log, "{seq:>4} {line}").unwrap();
            }
        }
    }
}
