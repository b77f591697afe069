//! What a gate decided: a blessing's checks, the anomalies of data.
//!
//! The layouts are those of the artifacts; what is absent in them is left out here.

use serde_json::Value;

use super::tables::table;
use super::text;
use crate::artifact_files::Content;
use crate::limits::SHOWN_LINES_MAX;

/// A blessing: its verdict and the table of its checks. None where there is no such file.
pub(crate) fn blessing(content: &Content) -> Option<String> {
    let blessing = content.json("blessing.json")?;
    let verdict = match blessing["pass"].as_bool() {
        Some(true) => "passed",
        Some(false) => "did not pass",
        None => "says nothing",
    };
    Some(with_table(verdict, &checks(&blessing)))
}

/// The table of checks of a blessing or an evaluation; empty where there are none.
pub(crate) fn checks(document: &Value) -> String {
    let rows: Vec<Vec<String>> = list(&document["checks"])
        .iter()
        .map(|check| {
            ["check", "value", "bound", "verdict", "reason"]
                .map(|name| known(&check[name]))
                .to_vec()
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    table(&["CHECK", "VALUE", "BOUND", "VERDICT", "REASON"], &rows)
}

/// The anomalies of every split; none where the artifact holds no split.
pub(crate) fn anomalies(content: &Content) -> Option<String> {
    let splits = content.splits();
    if splits.is_empty() {
        return None;
    }
    let mut rows = Vec::new();
    for split in splits {
        let Some(found) = content.json_of_split(&split, "anomalies.json") else {
            continue;
        };
        if found["data_missing"].as_bool() == Some(true) {
            rows.push(anomaly(
                &split,
                "",
                &Value::Null,
                "there are no rows at all",
            ));
        }
        let info = &found["dataset_anomaly_info"];
        if info.is_object() {
            rows.push(anomaly(&split, "", info, ""));
        }
        for (feature, info) in found["anomaly_info"].as_object().into_iter().flatten() {
            rows.push(anomaly(&split, feature, info, ""));
        }
    }
    if rows.is_empty() {
        return Some("no anomalies".to_owned());
    }
    let verdict = text::count(rows.len(), "anomaly").replace("anomalys", "anomalies");
    rows.truncate(SHOWN_LINES_MAX);
    let header = ["SPLIT", "FEATURE", "SEVERITY", "ANOMALY", "DESCRIPTION"];
    Some(with_table(&verdict, &table(&header, &rows)))
}

fn anomaly(split: &str, feature: &str, info: &Value, otherwise: &str) -> Vec<String> {
    let description = match info["description"].as_str() {
        Some(description) => text::printable(description),
        None => otherwise.to_owned(),
    };
    vec![
        text::printable(split),
        text::printable(feature),
        known(&info["severity"]).to_lowercase(),
        known(&info["short_description"]),
        description,
    ]
}

/// A heading with its table below.
fn with_table(heading: &str, table: &str) -> String {
    if table.is_empty() {
        heading.to_owned()
    } else {
        format!("{heading}\n{table}")
    }
}

/// A value, or nothing where there is none.
pub(crate) fn known(value: &Value) -> String {
    if value.is_null() {
        String::new()
    } else {
        text::value(value)
    }
}

/// A list, or an empty one where there is none.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
