//! Anomalies as a table for people.

use super::model::{Anomalies, Severity};

/// Splits' anomalies as aligned columns: split, feature, severity, kind, what was found.
///
/// Without any anomaly it is one line that says so.
pub fn table<'a>(splits: impl IntoIterator<Item = (&'a str, &'a Anomalies)>) -> String {
    let mut rows = vec![["SPLIT", "FEATURE", "SEVERITY", "KIND", "FOUND"].map(str::to_owned)];
    let mut checked = Vec::new();
    for (split, anomalies) in splits {
        checked.push(split);
        if anomalies.data_missing {
            rows.push(
                [split, "", "ERROR", "data_missing", "The split has no rows."].map(str::to_owned),
            );
        }
        for (feature, info) in anomalies.infos() {
            let severity = match info.severity {
                Severity::Error => "ERROR",
                Severity::Warning => "WARNING",
                Severity::Unknown => "",
            };
            for reason in &info.reason {
                rows.push([
                    split.to_owned(),
                    feature.unwrap_or("(data set)").to_owned(),
                    severity.to_owned(),
                    reason.kind.name(),
                    reason.description.clone(),
                ]);
            }
        }
    }
    if rows.len() == 1 {
        return format!("no anomalies in {}\n", checked.join(", "));
    }
    let widths: Vec<usize> = (0..4)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        text.push_str(&row[4]);
        text.push('\n');
    }
    text
}
