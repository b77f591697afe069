//! `ropewalk plan FILE`: what a run would do now, and why.

use clap::Args;
use orchestrator_api::{Action, PlanDocument, PlanRequest, PlanStep};
use pipeline_plan::expression::environment_names;

use super::Outcome;
use super::request::Request;
use crate::context::Context;
use crate::environment::environment;
use crate::exit::Exit;
use crate::output::tables::{fields, table};
use crate::output::text;
use crate::printing;
use crate::reaching::Reach;

/// Characters of a digest that tell it from others.
const DIGEST_SHOWN: usize = 12;

/// Files of a key that are named; more are counted.
const FILES_SHOWN_MAX: usize = 20;

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
        explain: context.verbose,
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
    let row = |step: &PlanStep| vec![step.id.clone(), step.action.word().to_owned(), why(step)];
    let rows: Vec<Vec<String>> = plan.steps.iter().map(row).collect();
    let parts = Action::ALL.iter().filter_map(|action| {
        let number = plan.steps.iter().filter(|s| s.action == *action).count();
        (number > 0).then(|| format!("{number} {}", tally(*action)))
    });
    let parts: Vec<String> = parts.collect();
    let steps = table(&["STEP", "ACTION", "WHY"], &rows);
    let tally = format!("{}: {}", plan.pipeline, parts.join(", "));
    let keys = plan.steps.iter().filter_map(key_in_words);
    let parts: Vec<String> = [steps].into_iter().chain(keys).chain([tally]).collect();
    parts.join("\n\n")
}

/// The reason, and the run whose execution stands in.
fn why(step: &PlanStep) -> String {
    let reason = text::printable(&step.reason.text);
    match &step.reused_from {
        Some(from) => format!("{reason} since run {}", from.run_id),
        None => reason,
    }
}

/// What a step's key covers.
fn key_in_words(step: &PlanStep) -> Option<String> {
    let key = step.key.as_ref()?;
    let command: Vec<String> = key
        .command
        .iter()
        .map(|word| text::printable(word))
        .collect();
    let params = key.params.iter();
    let params = params.map(|(name, value)| format!("{name} = {}", text::short_value(value)));
    let inputs = key.inputs.iter();
    let inputs = inputs.map(|(port, digests)| {
        let short = digests
            .iter()
            .map(|digest| digest.get(..DIGEST_SHOWN).unwrap_or(digest));
        format!("{port} = {}", short.collect::<Vec<_>>().join(", "))
    });
    let env = key.env.iter();
    let env =
        env.map(|(name, value)| format!("{name} = {}", text::short_value(&value.as_str().into())));
    let outputs = key.outputs.iter();
    let outputs = outputs.map(|(port, type_name)| format!("{port} = {type_name}"));
    let lines = |lines: &mut dyn Iterator<Item = String>| lines.collect::<Vec<_>>().join("\n");
    let covers = fields(&[
        ("  component", identity(&key.component)),
        ("  command", command.join(" ")),
        ("  program", key.program.clone().unwrap_or_default()),
        ("  parameters", lines(&mut { params })),
        ("  inputs", lines(&mut { inputs })),
        ("  environment", lines(&mut { env })),
        ("  outputs", lines(&mut { outputs })),
        (
            "  files",
            key.files.as_deref().map_or_else(String::new, files),
        ),
    ]);
    Some(format!("{} depends on\n{covers}", step.id))
}

/// A component by name and version, and by the beginning of its digest if it has one.
fn identity(component: &str) -> String {
    let mut words = component.splitn(3, ' ');
    let named: Vec<&str> = words.by_ref().take(2).collect();
    let digest = words.next().and_then(|digest| digest.get(..DIGEST_SHOWN));
    let words = named.into_iter().chain(digest);
    words.collect::<Vec<_>>().join(" ")
}

/// The first files by name, and how many there are.
fn files(files: &[String]) -> String {
    let shown = files.iter().take(FILES_SHOWN_MAX);
    let mut lines: Vec<String> = shown.map(|file| text::printable(file)).collect();
    if let Some(more) = files.len().checked_sub(FILES_SHOWN_MAX + 1) {
        lines.push(format!("and {}", text::count(more + 1, "more file")));
    }
    lines.join("\n")
}

fn tally(action: Action) -> &'static str {
    match action {
        Action::Run => "to run",
        Action::Reuse => "to reuse",
        Action::Skip => "to skip",
        Action::Unknown => "known only when the steps before them have run",
    }
}
