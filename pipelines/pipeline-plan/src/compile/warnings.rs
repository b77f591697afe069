//! What can run, but is probably not what was meant.

use std::collections::BTreeSet;

use pipeline_spec::spec::{Action, InputSource, Step};
use pipeline_spec::{At, Code, Collector, Diagnostic, PipelineSpec};

use super::Draft;
use super::steps::Steps;

/// The standard component that checks data against a schema.
const VALIDATE: &str = "validate";
/// The standard component that infers a schema.
const SCHEMA: &str = "schema";
/// The port of both that takes statistics, and the one that carries a schema.
const STATISTICS: &str = "statistics";

/// Parameters that no expression uses.
pub(super) fn unused_params(spec: &PipelineSpec, drafts: &[Draft], collector: &mut Collector) {
    if drafts.iter().any(|d| d.all_params) {
        return;
    }
    let used: BTreeSet<&str> = drafts
        .iter()
        .flat_map(|d| d.params.iter().map(String::as_str))
        .collect();
    let at = At::ROOT.key("params");
    for name in spec.params.keys().filter(|n| !used.contains(n.as_str())) {
        let message = format!("the parameter `{name}` is never used");
        let pointer = at.key(name).pointer();
        let hint = format!(
            "use it as `${{{{ params.{} }}}}`, or remove it",
            name.replace('-', "_")
        );
        let found = Diagnostic::warning(Code::UnusedParameter, pointer, message);
        collector.push(found.at_key().hint(hint));
    }
}

/// Validations that nothing waits for.
pub(super) fn unneeded_validates(steps: &Steps<'_>, drafts: &[Draft], collector: &mut Collector) {
    let needed: BTreeSet<usize> = drafts
        .iter()
        .flat_map(|d| d.needs.iter().copied())
        .collect();
    for (number, entry) in steps.iter().enumerate() {
        if !uses(entry.step, VALIDATE) || needed.contains(&number) {
            continue;
        }
        let message = format!(
            "nothing waits for `{}`, so bad data goes on to the other steps",
            entry.id
        );
        let at = At::ROOT.key(entry.step.section());
        let pointer = at.key(entry.id).pointer();
        let hint = format!(
            "add `needs: [{}]` to the step that first uses the data, such as `transform` or `train`",
            entry.id
        );
        let found = Diagnostic::warning(Code::UnneededValidate, pointer, message);
        collector.push(found.at_key().hint(hint));
    }
}

/// Validations against a schema that was inferred from the very statistics that they validate.
pub(super) fn vacuous_schemas(steps: &Steps<'_>, collector: &mut Collector) {
    for entry in steps.iter().filter(|e| uses(e.step, VALIDATE)) {
        let Some((schema_step, _)) = source(entry.step, SCHEMA) else {
            continue;
        };
        let Some(inferring) = steps.find(schema_step).map(|s| steps.get(s)) else {
            continue;
        };
        let statistics = source(entry.step, STATISTICS);
        if !uses(inferring.step, SCHEMA)
            || statistics.is_none()
            || statistics != source(inferring.step, STATISTICS)
        {
            continue;
        }
        let message = format!(
            "the schema of `{}` is inferred from the statistics that `{}` validates, so nothing can be wrong",
            inferring.id, entry.id
        );
        let at_steps = At::ROOT.key(entry.step.section());
        let at = at_steps.key(entry.id);
        let at_inputs = at.key("inputs");
        let pointer = at_inputs.key(SCHEMA).pointer();
        let hint = "keep a curated schema in git: `uses: schema` with `inputs: { curated: { files: schema.yaml } }`";
        let found = Diagnostic::warning(Code::VacuousSchema, pointer, message);
        collector.push(found.hint(hint));
    }
}

fn uses(step: &Step, component: &str) -> bool {
    matches!(&step.action, Action::Uses(name) if name == component)
}

/// The output that enters a step at a port, if it is a single one.
fn source<'a>(step: &'a Step, port: &str) -> Option<(&'a str, &'a str)> {
    match step.inputs.get(port)?.sources.as_slice() {
        [Some(InputSource::Output { step, port })] => Some((step, port)),
        _ => None,
    }
}
