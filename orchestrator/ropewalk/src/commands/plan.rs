//! `ropewalk plan FILE`: what a run would do now, and why.

use clap::Args;
use orchestrator_api::{Action, PlanDocument, PlanRequest};
use pipeline_plan::expression::environment_names;

use super::Outcome;
use super::request::Request;
use crate::context::Context;
use crate::environment::environment;
use crate::exit::Exit;
use crate::output::tables::table;
use crate::output::text;
use crate::printing;
use crate::reaching::Reach;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    request: Request,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let checked = arguments.request.check(context)?;
    let reach = Reach::new(context.state_folder(Some(&checked.file.path))?, context);
    let request = PlanRequest {
        pipeline_file: checked.file.path.to_string_lossy().into_owned(),
        environment: environment(&environment_names(&checked.plan)),
        text: checked.file.text,
        components: checked.file.components,
        params: checked.params,
        force: arguments.request.force,
        force_all: arguments.request.force_all,
        selection: checked.selection,
    };
    let plan = reach.reading().await?.plan(&request).await?;
    if context.is_json() {
        printing::document(&plan)?;
    } else {
        printing::print(&in_words(&plan))?;
    }
    Ok(Exit::Success)
}

fn in_words(plan: &PlanDocument) -> String {
    let row = |step: &orchestrator_api::PlanStep| {
        vec![
            step.id.clone(),
            step.action.word().to_owned(),
            text::printable(&step.reason.text),
        ]
    };
    let rows: Vec<Vec<String>> = plan.steps.iter().map(row).collect();
    let parts = Action::ALL.iter().filter_map(|action| {
        let number = plan.steps.iter().filter(|s| s.action == *action).count();
        (number > 0).then(|| format!("{number} {}", tally(*action)))
    });
    let parts: Vec<String> = parts.collect();
    let steps = table(&["STEP", "ACTION", "WHY"], &rows);
    format!("{steps}\n\n{}: {}", plan.pipeline, parts.join(", "))
}

fn tally(action: Action) -> &'static str {
    match action {
        Action::Run => "to run",
        Action::Reuse => "to reuse",
        Action::Skip => "to skip",
        Action::Unknown => "known only when the steps before them have run",
    }
}
