//! A plan tells what a run would do: it is held against the run that follows.

use std::sync::Arc;

use orchestrator_daemon::command::NewRun;
use orchestrator_daemon::planning::{Files, PlannedAction, PlannedStep, ResolveSettings, plan};
use pipeline_plan::{NodeId, Source};
use run_engine::seams::Clock;
use run_engine::state::StepPhase;

use crate::support::executor::Act;
use crate::support::plans::{command, component, input, output, param, run_of};
use crate::support::world::World;

fn planned(world: &World, run: &NewRun) -> Vec<PlannedStep> {
    let settings = Arc::new(ResolveSettings {
        state_dir: "/state".into(),
        build: String::new(),
    });
    let files = Files {
        prepare: &|task| world.machine.state().prepare(task),
        verify: &|task| world.machine.state().verify(task),
    };
    let before = world.disk.rows().entries.len();
    let steps = plan(
        run,
        &settings,
        &world.disk.open(),
        &files,
        world.clock.now(),
    )
    .unwrap();
    assert_eq!(
        world.disk.rows().entries.len(),
        before,
        "a plan writes nothing"
    );
    steps
}

fn words(steps: &[PlannedStep]) -> Vec<String> {
    let word = |step: &PlannedStep| {
        let action = format!("{:?}", step.action).to_lowercase();
        format!("{action} {}: {}", step.reason.code.word(), step.reason.text)
    };
    steps.iter().map(word).collect()
}

fn example() -> NewRun {
    let source = Source::Files(vec!["data.csv".to_owned()]);
    let ingest = input(component("ingest", &[]), "source", "Files", source);
    let train = param(component("train", &[0]), "seed", 1);
    let report = command("report", &[1]);
    let other = output(command("other", &[]), "out", "Artifact");
    run_of(vec![ingest, train, report, other])
}

fn world() -> World {
    let world = World::new(4);
    let file = ("data.csv".to_owned(), "one".to_owned());
    world.machine.state().files.extend([file]);
    world
}

/// What was planned is what happens, as far as the plan says that it knows.
fn agrees(world: &mut World, run: NewRun) {
    let planned = planned(world, &run);
    let (run, _) = world.run_to_end(run);
    let (phases, reasons) = (world.phases(run), world.reasons(run));
    for (step, phase) in planned.iter().zip(phases) {
        let index = step.node.0 as usize;
        let ran = matches!(phase, StepPhase::Succeeded | StepPhase::Failed);
        let expected = match step.action {
            PlannedAction::Run => ran,
            PlannedAction::Reuse => matches!(phase, StepPhase::Reused | StepPhase::Refused),
            PlannedAction::Skip => phase == StepPhase::Skipped,
            PlannedAction::Unknown => true,
        };
        assert!(expected, "{step:?} became {phase:?}");
        if step.action != PlannedAction::Unknown {
            let told = format!("{}: {}", step.reason.code.word(), step.reason.text);
            assert_eq!(told, reasons[index]);
        }
    }
}

#[test]
fn what_is_behind_a_step_that_runs_is_unknown() {
    let world = world();
    let expected = [
        "run new: it has not run before",
        "unknown upstream_runs: it depends on what `ingest` gives",
        "run cache_off: a command without outputs always runs",
        "run new: it has not run before",
    ];
    assert_eq!(words(&planned(&world, &example())), expected);
}

#[test]
fn what_is_unchanged_is_reused_and_says_from_where() {
    let mut world = world();
    let (first, _) = world.run_to_end(example());
    let steps = planned(&world, &example());
    let actions: Vec<_> = steps.iter().map(|step| step.action).collect();
    let (reuse, run) = (PlannedAction::Reuse, PlannedAction::Run);
    assert_eq!(actions, [reuse, reuse, run, reuse]);
    assert_eq!(steps[1].reused_from, Some(first));
}

#[test]
fn a_plan_agrees_with_the_run() {
    let mut world = world();
    agrees(&mut world, example());
    agrees(&mut world, example());

    world.machine.state().project = "edited".to_owned();
    agrees(&mut world, example());

    let mut changed = example();
    let plan = Arc::make_mut(&mut changed.plan);
    plan.nodes[1].params.insert("seed".to_owned(), 2.into());
    agrees(&mut world, changed.clone());

    changed.forced.insert(NodeId(0));
    agrees(&mut world, changed);

    let file = ("data.csv".to_owned(), "two".to_owned());
    world.machine.state().files.extend([file]);
    agrees(&mut world, example());
}

#[test]
fn a_plan_agrees_on_what_is_gone() {
    let mut world = world();
    let (first, _) = world.run_to_end(example());
    let outputs = world.disk.run(first).steps.get(1).outputs.clone().unwrap();
    let gone = outputs.artifacts["out"].id;
    world.machine.state().gone.insert(gone);
    agrees(&mut world, example());
}

#[test]
fn a_plan_agrees_on_a_refusal_that_would_be_reused() {
    let mut world = world();
    let refuse = Act::Refuse("too few rows".to_owned());
    world
        .machine
        .state()
        .acts
        .insert("ingest".to_owned(), refuse);
    world.run_to_end(example());
    let steps = planned(&world, &example());
    assert_eq!(steps[1].action, PlannedAction::Skip);
    agrees(&mut world, example());
}

#[test]
fn a_missing_file_is_told() {
    let mut world = world();
    world.machine.state().files.clear();
    let words = words(&planned(&world, &example()));
    assert_eq!(words[0], "run output_missing: no file matches `data.csv`");
    assert_eq!(words[1], "skip upstream_failed: `ingest` failed");
    agrees(&mut world, example());
}
