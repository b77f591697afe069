//! docs/keeper-protocol.md shows every message as it really is.

use std::collections::BTreeSet;
use std::path::Path;

use attempt_keeper::{Answer, Request};
use serde_json::Value;

#[test]
fn every_message_of_the_documentation_is_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/keeper-protocol.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut kinds = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let again = if value.get("answer").is_some() {
            serde_json::to_value(serde_json::from_str::<Answer>(line).unwrap())
        } else {
            serde_json::to_value(serde_json::from_str::<Request>(line).unwrap())
        };
        assert_eq!(
            again.unwrap(),
            value,
            "the example differs from what is sent"
        );
        let kind = value
            .get("answer")
            .or(value.get("request"))
            .and_then(Value::as_str);
        kinds.insert(kind.unwrap().to_owned());
    }
    let all = [
        "acknowledge",
        "busy",
        "end",
        "exited",
        "held",
        "hello",
        "kill",
        "launch",
        "launched",
        "list",
        "malformed",
        "occupied",
        "refused",
        "running",
        "stuck",
        "unknown",
        "unsupported",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), all);
}
