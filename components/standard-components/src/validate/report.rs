//! What `validate` says of its verdict.

use example_data::anomalies::{Anomalies, Severity};

/// Said when the schema was inferred from the very statistics that it is compared with.
pub(super) const VACUOUS: &str = "\
warning: the schema was inferred from these same statistics, so that they agree proves nothing (vacuous: true)
hint: ropewalk component schema --input statistics=STATISTICS_FOLDER --output schema=schema.yaml
      writes it to a file: read it, correct it, commit it, and give the schema step
      `curated: { files: schema.yaml }`";

/// Why the data is refused, with the first finding of each split that is to blame.
pub(super) fn reason(found: &[(String, Anomalies)], bound: Severity) -> String {
    let count: usize = found
        .iter()
        .map(|(_, anomalies)| anomalies.count(bound))
        .sum();
    let firsts: Vec<String> = found
        .iter()
        .filter_map(|(split, anomalies)| {
            first(anomalies, bound).map(|text| format!("split {split}: {text}"))
        })
        .collect();
    let noun = if count == 1 { "anomaly" } else { "anomalies" };
    let what = match bound {
        Severity::Error => "error",
        Severity::Warning | Severity::Unknown => "warning or error",
    };
    let and_more = if count > firsts.len() {
        " (the log lists all)"
    } else {
        ""
    };
    format!(
        "the data has {count} {noun} of severity {what}: {}{and_more}",
        firsts.join("; ")
    )
}

fn first(anomalies: &Anomalies, bound: Severity) -> Option<String> {
    if anomalies.data_missing {
        return Some("it has no rows".to_owned());
    }
    let (feature, info) = anomalies.infos().find(|(_, info)| info.severity >= bound)?;
    let reason = info.reason.first()?;
    let text = reason.description.trim_end_matches('.');
    Some(match feature {
        Some(name) => format!("{name}: {} ({text})", reason.kind.name()),
        None => format!("{} ({text})", reason.kind.name()),
    })
}
