//! Small plans, written as a list of steps.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use orchestrator_daemon::command::NewRun;
use pipeline_plan::{
    Action, InputPlan, Node, NodeId, OutputKind, OutputPlan, PLAN_FORMAT_VERSION, Plan, Source,
};
use run_engine::event::Trigger;
use serde_json::Value;

/// A command without ports that needs these steps.
pub fn command(id: &str, needs: &[u32]) -> Node {
    let action = Action::Command(vec!["do".to_owned(), id.to_owned()]);
    Node {
        needs: needs.iter().copied().map(NodeId).collect(),
        ..Node::new(id, action)
    }
}

/// A question to a person that needs these steps.
pub fn ask(id: &str, needs: &[u32]) -> Node {
    Node {
        action: Action::Approve("Go on?".to_owned()),
        cache: false,
        ..command(id, needs)
    }
}

/// A component of the name of the step, with an output port `out` of type Artifact, that takes the
/// output of each of these steps by a port of that step's number: `in0`.
pub fn component(id: &str, needs: &[u32]) -> Node {
    let mut node = output(command(id, needs), "out", "Artifact");
    node.action = Action::Component {
        name: id.to_owned(),
        version: "1".to_owned(),
    };
    for need in needs {
        let port = format!("in{need}");
        node = input(
            node,
            &port,
            "Artifact",
            Source::Output {
                node: NodeId(*need),
                port: "out".to_owned(),
            },
        );
    }
    node
}

/// With an input port.
pub fn input(mut node: Node, port: &str, type_name: &str, source: Source) -> Node {
    if let Source::Output { node: need, .. } = &source {
        node.needs.push(*need);
        node.needs.sort();
        node.needs.dedup();
    }
    let input = InputPlan {
        artifact_type: type_name.to_owned(),
        optional: matches!(source, Source::LatestBlessed(_)),
        many: false,
        sources: vec![source],
    };
    node.inputs.insert(port.to_owned(), input);
    node
}

/// With an output port.
pub fn output(mut node: Node, port: &str, type_name: &str) -> Node {
    let parameter = type_name.starts_with(char::is_lowercase);
    let output = OutputPlan {
        type_name: type_name.to_owned(),
        kind: if parameter {
            OutputKind::Parameter
        } else {
            OutputKind::Artifact
        },
        optional: false,
    };
    node.outputs.insert(port.to_owned(), output);
    node
}

/// With a parameter.
pub fn param(mut node: Node, name: &str, value: impl Into<Value>) -> Node {
    node.params.insert(name.to_owned(), value.into());
    node
}

/// A run of these steps, as a client asks for it.
pub fn run_of(nodes: Vec<Node>) -> NewRun {
    let plan = Plan {
        format_version: PLAN_FORMAT_VERSION,
        name: "test".to_owned(),
        params: BTreeMap::new(),
        concurrency: None,
        types: BTreeMap::new(),
        nodes,
    };
    NewRun {
        plan_id: plan.id(),
        plan: Arc::new(plan),
        pipeline_file: PathBuf::from("/project/pipeline.yaml"),
        params: BTreeMap::new(),
        trigger: Trigger {
            kind: "manual".to_owned(),
            detail: String::new(),
        },
        retry_of: None,
        carried: BTreeMap::new(),
        carried_items: BTreeMap::new(),
        forced: std::collections::BTreeSet::new(),
        selected: None,
        slots: 4,
        environment: BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]),
        git: None,
        attach: false,
    }
}
