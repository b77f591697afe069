//! What the worker threads do: one function for each kind of task, from its files to its report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use attempt_keeper::{ExitStatus, Launch, Masker};
use run_engine::decide::{AttemptOutcome, AttemptReport};
use run_engine::ids::AttemptId;
use run_engine::reason::{Failure, Reason};
use run_engine::seams::{LaunchTask, PrepareTask, Report, VerifyTask};

use super::dispatcher::{Built, Message};
use super::pool::Pool;
use super::{Context, names};
use crate::launch::{self, Attempt};
use crate::outputs::masking::{mask, mask_failure, withhold};
use crate::secrets::Given;
use crate::trace_context::traceparent;
use crate::{outputs, prepare, verify};

/// Looks at the files of these steps: once for all that depend on the same, as the steps of one
/// pipeline mostly do.
pub(super) fn prepare_steps(context: &Arc<Context>, pool: &Pool, tasks: Vec<PrepareTask>) {
    let mut groups: BTreeMap<String, Vec<PrepareTask>> = BTreeMap::new();
    for task in tasks {
        groups.entry(looked_at(&task)).or_default().push(task);
    }
    for group in groups.into_values() {
        let context = Arc::clone(context);
        pool.push(Box::new(move || prepare_group(&context, &group)));
    }
}

/// Everything of a task that says which files are looked at.
fn looked_at(task: &PrepareTask) -> String {
    let PrepareTask {
        run: _,
        node: _,
        project_dir,
        workdir,
        files,
        spans,
        imports,
        key_files,
        excluded,
        program,
        search_path,
    } = task;
    let places = (
        project_dir,
        workdir,
        files,
        spans,
        imports,
        key_files,
        excluded,
    );
    format!("{places:?} {program:?} {search_path:?}")
}

fn prepare_group(context: &Context, group: &[PrepareTask]) {
    let Some(first) = group.first() else { return };
    let result = prepare(first, &context.memo).map(Box::new);
    context.look_at_disk();
    for task in group {
        context.report(Report::Prepared {
            run: task.run,
            node: task.node,
            result: result.clone(),
        });
    }
}

pub(super) fn verify_step(context: &Context, task: &VerifyTask) {
    let missing = verify(task, &context.memo);
    context.report(Report::Verified {
        run: task.run,
        node: task.node,
        missing,
    });
}

/// Writes the files of these attempts and hands their commands back to the dispatcher.
pub(super) fn build(context: &Context, tasks: &[LaunchTask], messages: &Sender<Message>) {
    let config = &context.config;
    let built = tasks.iter().map(|task| {
        let id = task.attempt();
        let attempt = Attempt::new(task, &config.state_dir);
        (id, build_one(context, &attempt, id))
    });
    // Without a dispatcher the executor ends.
    let _ = messages.send(Message::Built(built.collect()));
}

fn build_one(context: &Context, attempt: &Attempt<'_>, id: AttemptId) -> Built {
    let mut given = match given(context, attempt) {
        Ok(given) => given,
        Err(why) => return Built::Waits(why),
    };
    given.trace = context.config.traced.then(|| traceparent(id));
    let name = names::name_of(id);
    let masker = Masker::new(&given.masks);
    let stuck_after_ms = u64::try_from(context.config.stuck_after.as_millis()).ok();
    let argv = &context.config.component_argv;
    match launch::build(attempt, name, argv, &context.memo, given) {
        Ok(launch) => Built::Ready(Box::new(Launch {
            stuck_after_ms,
            ..launch
        })),
        Err(mut failure) => {
            mask_failure(&mut failure, &masker);
            Built::Failed(failure)
        }
    }
}

/// The secrets that an attempt is given; what it waits for if one is missing.
fn given(context: &Context, attempt: &Attempt<'_>) -> Result<Given, Reason> {
    let (created, started) = (&attempt.task.created, &attempt.task.started);
    let file = &created.pipeline_file;
    context.secrets.of(attempt.node, &started.key, file)
}

/// Looks at what these attempts left, and reports their ends.
pub(super) fn collect(context: &Context, ended: &[(LaunchTask, ExitStatus)]) {
    context.look_at_disk();
    for (task, status) in ended {
        let attempt = Attempt::new(task, &context.config.state_dir);
        let mut report = outputs::look(&attempt, status, &context.memo);
        if !matches!(report.outcome, AttemptOutcome::Failed(_)) {
            launch::remove_checkpoint(&attempt);
        }
        match given(context, &attempt) {
            Ok(given) if given.masks.is_empty() => {}
            Ok(given) => mask(&attempt, &mut report, &Masker::new(given.masks)),
            Err(_) => withhold(&mut report),
        }
        context.report(Report::Ended {
            attempt: task.attempt(),
            report: Box::new(report),
        });
    }
}

/// Reports an attempt that never was a process.
pub(super) fn report_not_launched(context: &Arc<Context>, attempt: AttemptId, failure: Failure) {
    let report = AttemptReport {
        exit: None,
        outcome: AttemptOutcome::Failed(failure),
    };
    context.report(Report::Ended {
        attempt,
        report: Box::new(report),
    });
}
