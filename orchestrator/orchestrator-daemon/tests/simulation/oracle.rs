//! What must have come of a world once it is at rest, told by what its steps do and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use component_api::files::{ExternalFile, FileEntry, FilesManifest};
use pipeline_plan::{Action, Node, NodeId, OutputKind, Source};
use run_engine::decide::LOST_ATTEMPTS_MAX;
use run_engine::ids::{ArtifactId, ExecutionId};
use run_engine::reason::ReasonCode;
use run_engine::retry::ASKED_ATTEMPTS_MAX;
use run_engine::reuse::{FileSet, KeyParts};
use run_engine::state::{Attempt, AttemptEndKind, RunState, Step, StepPhase};

use crate::pipelines::{ALWAYS, NEVER};
use crate::support::executor::Act;
use crate::universe::{CONTENTS, Universe};

/// Fails if anything of what is left is not as it must be.
pub(crate) fn judge(universe: &Universe) {
    let machine = &universe.world.machine;
    assert!(
        machine.held().is_empty(),
        "attempts are held: {:?}",
        machine.held()
    );
    for run in universe.audit.runs() {
        assert!(run.is_ended(), "run {} is stuck", run.id());
        for node in run
            .task_ids()
            .filter(|task| run.tasks.of_step(*task).is_none())
        {
            judge_step(universe, run, node);
        }
    }
}

fn judge_step(universe: &Universe, run: &RunState, node: NodeId) {
    let (step, planned) = (run.step(node), run.planned(node));
    let what = format!("step {} of run {}", run.name(node), run.id());
    let act = universe.pipelines.acts.get(&planned.id);
    let act = act.unwrap_or(&Act::Succeed);
    for attempt in &step.attempts {
        let (number, end) = (attempt.started.attempt, end_of(attempt));
        let may_be = end == does(act, number)
            || end == AttemptEndKind::Lost && universe.count.keepers > 0
            || end == AttemptEndKind::Cancelled && universe.count.cancels > 0
            || end == AttemptEndKind::Abandoned && universe.count.abandons > 0;
        assert!(
            may_be,
            "{what}: attempt {number} of {act:?} ended as {end:?}"
        );
    }
    let lost = run.lost_count(node);
    let keepers = universe.count.keepers;
    assert!(
        lost <= keepers,
        "{what} was lost {lost} times, to {keepers} keepers"
    );
    if run.created.leaves_out(run.tasks.step(node)) {
        let stays_out = matches!(step.phase, StepPhase::Skipped | StepPhase::Cancelled);
        assert!(
            stays_out && step.attempts.is_empty(),
            "{what} was not selected"
        );
    }
    judge_reuse(universe, run, node, &what);
    judge_condition(run, node, &what);
    if step.phase == StepPhase::Failed {
        let for_good = failed_for_good(step, planned);
        assert!(for_good, "{what} failed although it might be tried again");
    }
    if step.phase == StepPhase::Cancelled {
        assert!(universe.count.cancels > 0, "{what} was cancelled by nobody");
    }
    if step.phase.is_good() || step.phase == StepPhase::Refused {
        judge_outputs(universe, run, node, &what);
    }
}

/// A step runs only if its condition is met, and is not skipped for one that is.
fn judge_condition(run: &RunState, node: NodeId, what: &str) {
    let (step, planned) = (run.step(node), run.planned(node));
    let Some(condition) = &planned.condition else {
        return;
    };
    let met = match condition.expression.as_str() {
        NEVER => false,
        ALWAYS => true,
        // That the need which it names has failed.
        expression => planned.needs.iter().any(|need| {
            let id = &run.plan().node(*need).id;
            let failed = run.step(*need).phase == StepPhase::Failed;
            failed && expression.contains(&format!(".{id}."))
        }),
    };
    let carried = carried(run, node).is_some() && step.attempts.is_empty();
    let ran = !step.attempts.is_empty() || step.phase.is_good() && !carried;
    assert!(met || !ran, "{what} ran although its condition is not met");
    let code = step.reason.as_ref().map(|reason| reason.code);
    let unmet = code == Some(ReasonCode::ConditionFalse);
    assert!(
        !met || !unmet,
        "{what} was skipped although its condition is met"
    );
}

/// Nothing stands in that was gone before the run began, and what is carried over runs only if it was gone.
fn judge_reuse(universe: &Universe, run: &RunState, node: NodeId, what: &str) {
    let step = run.step(node);
    let ids = |step: &Step| -> Vec<ArtifactId> {
        let outputs = step
            .outputs
            .iter()
            .flat_map(|outputs| outputs.artifacts.values());
        outputs.map(|artifact| artifact.id).collect()
    };
    if step.reused_from.is_some() {
        let rows = universe.world.disk.rows();
        let began = rows.entries.iter().find(|entry| entry.run == run.id());
        let began = began.map_or(0, |entry| entry.seq);
        let given = ids(step);
        let gone = universe
            .gone
            .iter()
            .find(|(id, at)| given.contains(id) && *at < began);
        assert!(gone.is_none(), "{what} reuses what was gone: {gone:?}");
    }
    if let Some(retried) = run.created.retry_of
        && run.created.carried.contains_key(&node)
        && !step.attempts.is_empty()
    {
        let given = ids(universe.audit.run(retried).step(node));
        let gone = universe.gone.iter().any(|(id, _)| given.contains(id));
        assert!(gone, "{what} ran again although it was to be carried over");
    }
}

/// What a step gave is what it gives if it runs with what it depends on, whether it ran or not.
fn judge_outputs(universe: &Universe, run: &RunState, node: NodeId, what: &str) {
    let (step, planned) = (run.step(node), run.planned(node));
    let given = digests(step);
    if step.attempts.is_empty()
        && let Some(execution) = carried(run, node)
    {
        let Some(retried) = run.created.retry_of else {
            panic!("{what} was carried over from nowhere");
        };
        let mut earlier = universe.audit.run(retried).steps.iter();
        let earlier = earlier.find(|step| step.execution == Some(execution));
        // What was gone by then is an ordinary step.
        if earlier.is_some_and(|earlier| given == digests(earlier)) {
            return;
        }
    }
    let keys = keys(universe, run, node);
    let expected = keys.iter().map(|key| outputs(planned, key));
    let expected: Vec<BTreeMap<String, String>> = expected.collect();
    assert!(
        expected.contains(&given),
        "{what} gave {given:?}, which is none of {expected:?}"
    );
}

/// The execution that a task is carried over from, if it is.
fn carried(run: &RunState, task: NodeId) -> Option<ExecutionId> {
    let Some(item) = run.tasks.item(task) else {
        return run.created.carried.get(&task).copied();
    };
    let items = run.created.carried_items.get(&run.tasks.step(task))?;
    let carried = items.iter().find(|carried| carried.item == item);
    carried.map(|carried| carried.execution)
}

/// Digests of a step's artifacts by port.
fn digests(step: &Step) -> BTreeMap<String, String> {
    let outputs = step.outputs.iter().flat_map(|outputs| &outputs.artifacts);
    outputs
        .map(|(port, artifact)| (port.clone(), artifact.digest.clone()))
        .collect()
}

/// Digests of what a step with this key gives.
fn outputs(node: &Node, key: &KeyParts) -> BTreeMap<String, String> {
    let outputs = node.outputs.iter();
    let artifacts = outputs.filter(|(_, output)| output.kind == OutputKind::Artifact);
    artifacts
        .map(|(port, _)| (port.clone(), format!("{port} of {}", key.digest())))
        .collect()
}

/// Every key that a step may have had, by what the files of the world were at one time or another.
fn keys(universe: &Universe, run: &RunState, task: NodeId) -> Vec<KeyParts> {
    let node = run.planned(task);
    let (component, command) = match &node.action {
        Action::Component { name, version } => (format!("{name} {version}"), Vec::new()),
        Action::Command(words) => ("command".to_owned(), words.clone()),
        Action::Approve(_) => ("approve".to_owned(), Vec::new()),
        Action::Shell(_) => panic!("no step of the simulation is a shell's"),
    };
    let outputs = node.outputs.iter();
    let bare = KeyParts {
        component,
        command,
        params: node.params.clone(),
        item: run.tasks.item(task).map(|item| item.value),
        outputs: outputs
            .map(|(port, output)| (port.clone(), output.type_name.clone()))
            .collect(),
        ..KeyParts::default()
    };
    let projects = universe.projects.iter().map(|project| {
        let file = FileEntry {
            path: "step.py".to_owned(),
            size_bytes: 1,
            digest: project.clone(),
        };
        Some(Arc::new(FileSet::new(vec![file])))
    });
    let projects: Vec<_> = [None].into_iter().chain(projects).collect();
    let inputs = inputs(run, node);
    let mut keys = Vec::new();
    for files in &projects {
        for inputs in &inputs {
            for program in [None, Some("/bin/do".to_owned())] {
                keys.push(KeyParts {
                    inputs: inputs.clone(),
                    files: files.clone(),
                    program,
                    ..bare.clone()
                });
            }
        }
    }
    keys
}

/// Everything that may have entered: what the needs gave, and what a file ever was.
fn inputs(run: &RunState, node: &Node) -> Vec<BTreeMap<String, Vec<String>>> {
    let mut all = vec![BTreeMap::new()];
    for (node_port, input) in &node.inputs {
        let port = node_port;
        let choices: Vec<String> = match &input.sources[0] {
            Source::Output { node, port } => match run.tasks.of_step(*node) {
                Some(expansion) => {
                    let given = expansion.tasks();
                    let given = given.filter_map(|task| digests(run.step(task)).remove(port));
                    let list: Vec<String> = given.collect();
                    for inputs in &mut all {
                        inputs.insert(node_port.clone(), list.clone());
                    }
                    continue;
                }
                None => digests(run.step(*node)).remove(port).into_iter().collect(),
            },
            Source::Files(names) => contents(&names[0]),
            Source::LatestBlessed(_) => panic!("no step of the simulation takes a baseline"),
            _ => panic!("no step of the simulation takes a span or what others gave"),
        };
        let before = std::mem::take(&mut all);
        for digest in &choices {
            all.extend(before.iter().cloned().map(|mut inputs: BTreeMap<_, _>| {
                inputs.insert(port.clone(), vec![digest.clone()]);
                inputs
            }));
        }
    }
    all
}

/// The digests that an external file may have.
fn contents(name: &str) -> Vec<String> {
    let contents = (0..CONTENTS).map(|number| {
        let content = format!("content {number}");
        let file = ExternalFile {
            path: format!("/project/{name}"),
            name: name.to_owned(),
            size_bytes: content.len() as u64,
            digest: content,
        };
        let manifest = FilesManifest {
            format_version: 1,
            span: None,
            version: None,
            files: vec![file],
        };
        manifest.digest()
    });
    contents.collect()
}

fn end_of(attempt: &Attempt) -> AttemptEndKind {
    attempt.end.as_ref().map_or_else(
        || panic!("an attempt of a run that ended lives"),
        |end| end.kind,
    )
}

/// What an attempt of this number does.
fn does(act: &Act, number: u32) -> AttemptEndKind {
    match act {
        Act::Succeed => AttemptEndKind::Succeeded,
        Act::Refuse(_) => AttemptEndKind::Refused,
        Act::FailBefore { attempt, .. } if number >= *attempt => AttemptEndKind::Succeeded,
        Act::Fail | Act::FailBefore { .. } => AttemptEndKind::Failed,
    }
}

/// Whether a step that failed had no attempt left, or could not have one.
fn failed_for_good(step: &Step, node: &Node) -> bool {
    let ends = || {
        step.attempts
            .iter()
            .filter_map(|attempt| attempt.end.as_ref())
    };
    let lost = ends()
        .filter(|end| end.kind == AttemptEndKind::Lost)
        .count();
    let failed: Vec<_> = ends()
        .filter(|end| end.kind == AttemptEndKind::Failed)
        .collect();
    let asked = failed
        .iter()
        .filter(|end| end.exit.and_then(|exit| exit.code) == Some(75));
    let asked = asked.count().min(ASKED_ATTEMPTS_MAX);
    let allowed = node
        .policy
        .retry
        .as_ref()
        .map_or(1, |retry| retry.attempts as usize);
    let unstartable = node.inputs.values().flat_map(|input| &input.sources).any(|source| {
        matches!(source, Source::Files(names) if names.iter().any(|name| name.starts_with("missing")))
    });
    lost >= LOST_ATTEMPTS_MAX
        || failed.len() - asked >= allowed
        || unstartable && step.attempts.is_empty()
}
