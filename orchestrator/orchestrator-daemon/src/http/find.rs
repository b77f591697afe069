//! From what a client names to what is meant: runs, steps, and a run as it is now.

use std::sync::Arc;

use pipeline_plan::{NodeId, Plan};
use pipeline_spec::did_you_mean;
use run_engine::ids::RunId;
use run_engine::state::RunView;
use uuid::Uuid;

use super::Api;
use super::problem::{Refusal, chain};
use crate::documents::Snapshot;
use crate::limits::{PAGE_ROWS, PAGE_ROWS_MAX, PREFIX_CHARACTERS_MIN};
use crate::views::LiveRun;

/// The name of the newest run.
const LATEST: &str = "latest";

impl Api {
    /// The run that is named by its id, a prefix of that, or `latest`. It exists.
    pub(super) fn run_id(&self, text: &str) -> Result<RunId, Refusal> {
        let unknown = || {
            Refusal::not_found("unknown_run", format!("there is no run `{text}`"))
                .hint("`ropewalk runs` lists them")
        };
        if text == LATEST {
            return self.reader.newest_run(None)?.ok_or_else(|| {
                let detail = "there is no run yet, hence no latest one";
                Refusal::not_found("unknown_run", detail).hint("`ropewalk run FILE` makes one")
            });
        }
        if text.chars().count() < PREFIX_CHARACTERS_MIN {
            let detail = format!(
                "`{text}` is too short for a run's id: give at least {PREFIX_CHARACTERS_MIN} characters of it, or `{LATEST}`"
            );
            return Err(Refusal::not_found("unknown_run", detail));
        }
        match *self.reader.run_by_prefix(&text.to_ascii_lowercase())? {
            [] => Err(unknown()),
            [run] => Ok(run),
            _ => {
                let detail = format!("more than one run's id begins with `{text}`");
                Err(Refusal::not_found("ambiguous_run", detail).hint("give more characters of it"))
            }
        }
    }

    /// A run as it is now.
    pub(super) fn snapshot(&self, run: RunId) -> Result<Snapshot, Refusal> {
        let views = self.engine.as_ref().map(|engine| &engine.views);
        // Views first: a run that is in none of them has its last event in the store.
        if let Some(live) = views.and_then(|views| views.get(run)) {
            return Ok(Snapshot {
                run: live,
                held: true,
            });
        }
        let unreadable = |why: String| {
            Refusal::internal(format!("the journal of run {run} cannot be read: {why}"))
        };
        let Some(journal) = self.reader.journal(run)? else {
            return Err(unreadable("it is not there".to_owned()));
        };
        let live = LiveRun::recorded(&journal).map_err(|error| unreadable(chain(&error)))?;
        Ok(Snapshot {
            run: Arc::new(live),
            held: views.is_some() && !self.is_left(run),
        })
    }

    /// Whether the daemon did not take up this unfinished run, because it could not be read.
    fn is_left(&self, run: RunId) -> bool {
        let engine = self.engine.as_ref();
        engine.is_some_and(|engine| engine.unreadable.contains(&run))
    }

    /// Refuses what cannot be done with a run that was not taken up.
    pub(super) fn taken_up(&self, run: RunId) -> Result<(), Refusal> {
        if !self.is_left(run) {
            return Ok(());
        }
        let detail = format!(
            "run {run} was not taken up, because it could not be read when the daemon began"
        );
        let hint = "daemon.log in the state folder says why; once that is mended, `ropewalk stop` and try again";
        Err(Refusal::conflict("run_unreadable", detail).hint(hint))
    }

    /// The run that is named, as it is now.
    pub(super) fn find(&self, text: &str) -> Result<Snapshot, Refusal> {
        self.snapshot(self.run_id(text)?)
    }
}

/// The step of this id.
pub(super) fn step(plan: &Plan, id: &str) -> Result<NodeId, Refusal> {
    plan.find(id).ok_or_else(|| {
        let detail = format!("pipeline `{}` has no step `{id}`", plan.name);
        let ids = plan.nodes.iter().map(|node| node.id.as_str());
        Refusal::not_found("unknown_step", detail).hint(did_you_mean(id, ids))
    })
}

/// The step of this id, or the item of it that `train[3]` names.
pub(super) fn task(view: &RunView, text: &str) -> Result<NodeId, Refusal> {
    let (id, index) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((id, index)) => (id, Some(index)),
        None => (text, None),
    };
    let node = step(&view.created.plan, id)?;
    let refusal = |detail: String| Refusal::not_found("unknown_step", detail);
    match (index, view.tasks.of_step(node)) {
        (None, Some(all)) if !all.items.is_empty() => {
            let detail = format!("step `{id}` is done for {} items", all.items.len());
            Err(refusal(detail).hint(format!("name one of them: `{id}[0]`")))
        }
        (None, _) => Ok(node),
        (Some(index), Some(all)) => {
            let mut tasks = all.tasks();
            let found = index.parse().ok().and_then(|index| tasks.nth(index));
            found.ok_or_else(|| {
                let detail = format!(
                    "step `{id}` has no item {index}; it has {}",
                    all.items.len()
                );
                refusal(detail).hint("items are counted from 0")
            })
        }
        (Some(_), None) => Err(refusal(format!("step `{id}` has no items, or not yet"))),
    }
}

/// The id that a cursor is.
pub(super) fn cursor(text: Option<&str>) -> Result<Option<Uuid>, Refusal> {
    let Some(text) = text else {
        return Ok(None);
    };
    let id = text.parse().map_err(|_| {
        let detail = format!("`{text}` is no cursor; give `next_cursor` of the page before");
        Refusal::bad_request("bad_cursor", detail)
    })?;
    Ok(Some(id))
}

/// How many rows a page of a list holds.
pub(super) fn page_rows(limit: Option<u32>) -> Result<usize, Refusal> {
    let rows = limit.map_or(PAGE_ROWS, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    if (1..=PAGE_ROWS_MAX).contains(&rows) {
        return Ok(rows);
    }
    let detail = format!("a page holds 1 to {PAGE_ROWS_MAX} rows, not {rows}");
    Err(Refusal::bad_request("bad_limit", detail))
}
