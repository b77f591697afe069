//! Runs without their steps, for lists.

use std::collections::BTreeMap;

use orchestrator_api as api;
use run_store::RunRow;
use serde_json::Value;

use super::status::{metrics, run_reason};
use super::words::{run_end, run_state, trigger};
use super::{Snapshot, milliseconds, path_text};

/// A run of a list. `held`: whether a daemon holds the runs that are not over.
///
/// The snapshot is there if the run is not over, or if more than the row tells is asked for; not so if
/// the run cannot be read, which no daemon holds then.
pub(crate) fn summary(
    row: &RunRow,
    held: bool,
    snapshot: Option<&Snapshot>,
    columns: &[Column],
) -> api::RunSummary {
    let view = snapshot.map(|snapshot| &snapshot.run.view);
    let state = match (row.end, view) {
        (_, Some(view)) => run_state(view, held),
        (Some((end, _)), None) => run_end(end),
        (None, None) => api::RunState::Interrupted,
    };
    let ended_at = view.map_or(row.end.map(|(_, at)| at), |view| view.ended_at);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let done = view.map_or(row.steps_ended, |view| view.ended_count);
    let columns = columns.iter().map(|column| {
        let value = snapshot.and_then(|snapshot| column.value(snapshot));
        (column.name.clone(), value.unwrap_or(Value::Null))
    });
    api::RunSummary {
        run_id: row.run.0,
        pipeline: row.pipeline.clone(),
        pipeline_file: path_text(&row.pipeline_file),
        plan_id: row.plan_id.clone(),
        state,
        reason: view.and_then(run_reason),
        trigger: trigger(&row.trigger),
        created_at: row.created_at,
        started_at: view.map_or(row.started_at, |view| view.started_at),
        ended_at,
        duration_ms: ended_at.map(|end| milliseconds(row.created_at, end)),
        retry_of: row.retry_of.map(|run| run.0),
        parent: None,
        steps_total: count(view.map_or(row.steps_total, |view| view.count)),
        steps_done: count(done),
        columns: columns.collect::<BTreeMap<_, _>>(),
    }
}

/// Something that is told of each run besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    name: String,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Param(String),
    /// Of one step, or of the last in topological order that has it.
    Metric(Option<String>, String),
}

impl Column {
    /// A column by its name: `params.NAME`, `metrics.NAME`, `metrics.STEP.NAME`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (kind, rest) = name.split_once('.')?;
        let what = match (kind, rest.split_once('.')) {
            _ if rest.is_empty() => return None,
            ("params", _) => What::Param(rest.to_owned()),
            ("metrics", Some((step, metric))) => {
                What::Metric(Some(step.to_owned()), metric.to_owned())
            }
            ("metrics", None) => What::Metric(None, rest.to_owned()),
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            what,
        })
    }

    fn value(&self, snapshot: &Snapshot) -> Option<Value> {
        let view = &snapshot.run.view;
        let plan = &view.created.plan;
        match &self.what {
            What::Param(name) => view.created.params.get(name).cloned(),
            What::Metric(step, metric) => {
                let named = |id: &str| step.as_ref().is_none_or(|step| step == id);
                let tasks = view.tasks.shown().into_iter();
                let mut values = tasks
                    .filter(|task| named(&plan.node(view.tasks.step(*task)).id))
                    .map(|task| view.steps.get(task.0 as usize))
                    .filter_map(|step| metrics(step.outputs.as_deref()?).get(metric).cloned());
                values.next_back().map(Value::Number)
            }
        }
    }
}
