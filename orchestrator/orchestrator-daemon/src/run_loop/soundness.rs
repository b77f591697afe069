//! What debug builds hold each turn against, before it is committed: the engine's invariants, and
//! what this loop keeps beside the states. A broken one is a defect of this program, and stops it
//! before the defect is on the disk.
//!
//! It looks at all steps of a run, which the loop itself never does; so it leaves large runs alone.

use pipeline_plan::NodeId;
use run_engine::invariants::violations;
use run_engine::seams::{Clock, Executor, Store};

use super::active_run::{ActiveRun, Stage};
use super::limits::CHECKED_STEPS_MAX;
use super::{Bench, RunLoop};

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// Ends this program if the turn in the making is not sound.
    pub(super) fn assert_sound(&self) {
        let changed = self.bench.draft.changed.iter();
        for run in changed.filter_map(|run| self.runs.get(run)) {
            if run.state.steps.len() <= CHECKED_STEPS_MAX {
                let broken = violations(&run.state);
                let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
                assert!(broken.is_empty(), "run {}: {}", run.id(), broken.join("; "));
                self.bench.assert_kept(run);
            }
        }
        let running = self.runs.values().map(|run| run.state.running_count());
        assert_eq!(
            self.bench.running,
            running.sum::<usize>(),
            "the attempts that the loop counts are those that live"
        );
    }
}

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
    /// What is kept beside a run's state agrees with it.
    fn assert_kept(&self, run: &ActiveRun) {
        let (id, state) = (run.id(), &run.state);
        let lives = |node: &NodeId| state.live_attempt(*node).is_some();
        assert!(
            run.inherited
                .iter()
                .chain(run.pids.keys())
                .chain(run.held_up.keys())
                .all(lives),
            "run {id}: a process is known of a step that has none"
        );
        let pushes = self.live_pushes.keys().filter(|(run, _)| *run == id);
        assert!(
            pushes.map(|(_, node)| node).all(lives),
            "run {id}: a version is held for a push that is over"
        );
        for node in state.task_ids() {
            let waits = matches!(run.stages.get(&node), Some(Stage::Queued(_)));
            assert_eq!(
                self.queue.holds(id, node),
                waits,
                "run {id}: step {} waits for a slot exactly if it is queued",
                node.0
            );
        }
        let settled = !self.unsettled.contains(&id) && run.carrying.is_empty();
        for node in state.ready() {
            assert!(
                !settled
                    || !state.is_going()
                    || run.waits_for_its_turn()
                    || run.stages.contains_key(&node)
                    || run.fresh.contains(&node),
                "run {id}: nothing is being done for step {}, which is ready",
                node.0
            );
        }
    }
}
