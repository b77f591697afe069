//! A version of a pipeline as a document: what its plan declares.

use orchestrator_api as api;
use orchestrator_api::DocumentVersion;
use pipeline_plan::{Action, Node, Plan};

use super::some_text;

/// A plan at this address.
pub(crate) fn version(plan: &Plan, plan_id: &str) -> api::PipelineVersion {
    let params = plan.params.iter().map(|(name, declared)| {
        let declared = api::DeclaredParam {
            param_type: declared.param_type.word().to_owned(),
            default: declared.default.clone(),
            required: declared.required,
            description: declared.description.clone(),
        };
        (name.clone(), declared)
    });
    api::PipelineVersion {
        version: DocumentVersion,
        pipeline: plan.name.clone(),
        plan_id: plan_id.to_owned(),
        params: params.collect(),
        steps: plan.nodes.iter().map(|node| step(plan, node)).collect(),
    }
}

fn step(plan: &Plan, node: &Node) -> api::DeclaredStep {
    let file = node.component.as_ref();
    let mut component = file.map(|file| format!("{}@{}", file.name, file.version));
    let (mut command, mut question) = (Vec::new(), String::new());
    match &node.action {
        Action::Component { name, version } => component = Some(format!("{name}@{version}")),
        Action::Command(argv) => command.clone_from(argv),
        Action::Shell(text) => {
            command = ["sh", "-eu", "-c", text].map(str::to_owned).into();
        }
        Action::Approve(asked) => question.clone_from(asked),
    }
    let inputs = node.inputs.iter();
    let outputs = node.outputs.iter();
    api::DeclaredStep {
        id: node.id.clone(),
        component,
        command,
        question: some_text(&question),
        condition: node.condition.as_ref().map(|when| when.expression.clone()),
        foreach: node.foreach.as_ref().map(|each| each.items.clone()),
        needs: super::status::needs(plan, node),
        params: node.params.clone(),
        inputs: inputs
            .map(|(port, input)| (port.clone(), input.artifact_type.clone()))
            .collect(),
        outputs: outputs
            .map(|(port, output)| (port.clone(), output.type_name.clone()))
            .collect(),
        cache: node.cache,
    }
}
