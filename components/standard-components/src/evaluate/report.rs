//! `report.html`: an evaluation for people, in one file that needs no other.
//!
//! It shows what `evaluation.json` holds and computes nothing of its own. Plots are SVG, written here:
//! no script runs and nothing is loaded.

mod plots;

use std::fmt::Write as _;

use model_scoring::evaluation::number_text;
use serde_json::Value;

/// Most slices that are listed; the rest is in `evaluation.json`.
const SLICES_SHOWN_MAX: usize = 200;
/// Most features in a table of importances.
const IMPORTANCES_SHOWN_MAX: usize = 30;
/// Most classes whose confusion matrix and curves are shown: more fit on no screen.
const CLASSES_SHOWN_MAX: usize = 12;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#1c2733;background:#fff}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}table{border-collapse:collapse;margin:.5rem 0}\
th,td{padding:.2rem .8rem .2rem 0;text-align:left;border-bottom:1px solid #dde3ea;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
.passed{color:#0b6b3a}.failed{color:#a3241d}.waived{color:#6a5300}.muted{color:#5b6876}figure{display:inline-block;margin:.5rem 1rem .5rem 0}\
figcaption{font-size:.85rem;color:#5b6876}svg{background:#f7f9fb}.bar{fill:#2f6fb2}.line{fill:none;stroke:#2f6fb2;stroke-width:2}.guide{stroke:#aab4c0;stroke-dasharray:4 4}\
.axis{stroke:#5b6876}svg text{font:11px system-ui,sans-serif;fill:#3d4956}";

/// The page of an evaluation and its verdict.
pub(super) fn page(evaluation: &Value, pass: bool, reason: &str) -> String {
    let model = &evaluation["model"];
    let name = escape(text(&model["name"]));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Evaluation of {name}</title><style>{STYLE}</style></head><body>\n"
    );
    let (class, word) = if pass {
        ("passed", "Blessed")
    } else {
        ("failed", "Not blessed")
    };
    let _ = write!(
        page,
        "<h1>{name}</h1>\n<p class=\"muted\">{} &middot; {} rows of the split {} &middot; model {}</p>\n\
         <p id=\"verdict\" class=\"{class}\"><b>{word}</b>: {}</p>\n",
        escape(text(&model["task"])),
        evaluation["rows"],
        escape(text(&evaluation["split"])),
        escape(text(&model["digest"]).get(..12).unwrap_or_default()),
        escape(reason),
    );
    checks(&mut page, &evaluation["checks"]);
    metrics(&mut page, evaluation);
    goal(&mut page, evaluation);
    curves(&mut page, &evaluation["plots"]);
    confusion(&mut page, &evaluation["plots"]["confusion"]);
    importances(&mut page, &evaluation["importances"]);
    slices(&mut page, evaluation);
    page += "</body></html>\n";
    page
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A number for people, and a dash where there is none.
fn number(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(|| "&ndash;".to_owned(), number_text)
}

/// A text that no browser takes for anything else.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A value of a class or a column, as it is written.
fn label(value: &Value) -> String {
    escape(&component_api::contract::value_text(value))
}

fn section(page: &mut String, title: &str, id: &str) {
    let _ = writeln!(page, "<h2 id=\"{id}\">{title}</h2>");
}

/// A table; columns whose head begins with `#` hold numbers. Cells are HTML.
fn table(page: &mut String, heads: &[&str], rows: &[Vec<String>]) {
    let class = |head: &str| {
        if head.starts_with('#') {
            " class=\"n\""
        } else {
            ""
        }
    };
    *page += "<table><thead><tr>";
    for head in heads {
        let _ = write!(
            page,
            "<th{}>{}</th>",
            class(head),
            head.trim_start_matches('#')
        );
    }
    *page += "</tr></thead><tbody>\n";
    for row in rows {
        *page += "<tr>";
        for (head, cell) in heads.iter().zip(row) {
            let _ = write!(page, "<td{}>{cell}</td>", class(head));
        }
        *page += "</tr>\n";
    }
    *page += "</tbody></table>\n";
}

fn checks(page: &mut String, checks: &Value) {
    section(page, "Checks", "checks");
    if list(checks).is_empty() {
        *page += "<p>No thresholds were given.</p>\n";
        return;
    }
    let row = |check: &Value| {
        let verdict = text(&check["verdict"]);
        vec![
            escape(text(&check["check"])),
            number(&check["value"]),
            escape(text(&check["bound"])),
            format!("<b class=\"{verdict}\">{verdict}</b>"),
            escape(text(&check["reason"])),
        ]
    };
    let rows: Vec<Vec<String>> = list(checks).iter().map(row).collect();
    table(page, &["Check", "#Value", "Bound", "Verdict", "Why"], &rows);
}

/// The metrics of all rows.
fn metrics(page: &mut String, evaluation: &Value) {
    section(page, "Metrics", "metrics");
    let overall = list(&evaluation["metrics"])
        .iter()
        .filter(|m| m["slice"].is_null());
    let row = |m: &Value| {
        vec![
            escape(text(&m["metric"])),
            number(&m["value"]),
            format!("{} to {}", number(&m["low"]), number(&m["high"])),
            number(&m["baseline"]),
        ]
    };
    let rows: Vec<Vec<String>> = overall.map(row).collect();
    table(
        page,
        &["Metric", "#Value", "#95 % between", "#Baseline"],
        &rows,
    );
    let per_class = list(&evaluation["plots"]["per_class"]);
    if per_class.is_empty() {
        return;
    }
    let row = |c: &Value| {
        vec![
            label(&c["class"]),
            number(&c["precision"]),
            number(&c["recall"]),
            number(&c["f1"]),
        ]
    };
    let rows: Vec<Vec<String>> = per_class.iter().map(row).collect();
    table(page, &["Class", "#Precision", "#Recall", "#F1"], &rows);
}

fn goal(page: &mut String, evaluation: &Value) {
    let goal = &evaluation["goal"];
    if goal.is_null() {
        return;
    }
    section(page, "Goal", "goal");
    let by = match text(&goal["by"]) {
        "" => String::new(),
        by => format!(" by {}", escape(by)),
    };
    let rows = [
        ("People".to_owned(), "human"),
        (format!("Target{by}"), "target"),
        ("On the training rows".to_owned(), "train"),
        ("On new rows".to_owned(), "eval"),
        ("Avoidable bias".to_owned(), "avoidable_bias"),
        ("Variance".to_owned(), "variance"),
        ("Gap to the target".to_owned(), "gap"),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, field)| vec![name, number(&goal[field])])
        .collect();
    let head = format!("#{}", escape(text(&goal["metric"])));
    table(page, &["", &head], &rows);
    if let Some(advice) = goal["advice"].as_str() {
        let _ = writeln!(page, "<p>{}.</p>", escape(advice));
    }
    let money = &goal["money"];
    if money.is_null() {
        return;
    }
    let _ = writeln!(
        page,
        "<p>The decisions are worth <b>{}</b>, {} a row.</p>",
        number(&money["total"]),
        number(&money["per_row"])
    );
    let classes = &evaluation["plots"]["confusion"]["classes"];
    matrix(page, classes, &money["matrix"]);
}

/// A matrix of classes: rows are labels, columns decisions.
fn matrix(page: &mut String, classes: &Value, rows: &Value) {
    let classes: Vec<String> = list(classes).iter().map(label).collect();
    if classes.len() > CLASSES_SHOWN_MAX {
        let _ = writeln!(
            page,
            "<p class=\"muted\">{} classes: see evaluation.json.</p>",
            classes.len()
        );
        return;
    }
    let heads: Vec<String> = classes.iter().map(|class| format!("#{class}")).collect();
    let mut heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    heads.insert(0, "label \\ decision");
    let rows: Vec<Vec<String>> = list(rows)
        .iter()
        .zip(&classes)
        .map(|(row, class)| {
            let mut cells = vec![format!("<b>{class}</b>")];
            cells.extend(list(row).iter().map(number));
            cells
        })
        .collect();
    table(page, &heads, &rows);
}

fn confusion(page: &mut String, confusion: &Value) {
    if confusion.is_null() {
        return;
    }
    section(page, "Confusion", "confusion");
    matrix(page, &confusion["classes"], &confusion["weights"]);
}

fn curves(page: &mut String, plots: &Value) {
    let curves = list(&plots["curves"]);
    if curves.is_empty() {
        return;
    }
    section(page, "Curves", "curves");
    for curve in curves.iter().take(CLASSES_SHOWN_MAX) {
        let class = label(&curve["class"]);
        let points = |x: &str, y: &str| -> Vec<(f64, f64)> {
            let value = |point: &Value, field: &str| point[field].as_f64().unwrap_or(0.0);
            let points = list(&curve["curve"]).iter();
            points
                .map(|point| (value(point, x), value(point, y)))
                .collect()
        };
        let mut roc = points("false_positive_rate", "true_positive_rate");
        roc.insert(0, (0.0, 0.0));
        *page += &plots::unit_plot(
            &format!("ROC of {class}"),
            "false positive rate",
            "true positive rate",
            &roc,
            true,
        );
        *page += &plots::unit_plot(
            &format!("Precision and recall of {class}"),
            "recall",
            "precision",
            &points("true_positive_rate", "precision"),
            false,
        );
        let bins: Vec<(f64, f64)> = list(&curve["calibration"])
            .iter()
            .filter_map(|bin| Some((bin["predicted"].as_f64()?, bin["observed"].as_f64()?)))
            .collect();
        *page += &plots::unit_plot(
            &format!("Calibration of {class}"),
            "predicted",
            "observed",
            &bins,
            true,
        );
        page.push('\n');
    }
    if curves.len() > CLASSES_SHOWN_MAX {
        let _ = writeln!(
            page,
            "<p class=\"muted\">{} more classes: see evaluation.json.</p>",
            curves.len() - CLASSES_SHOWN_MAX
        );
    }
}

fn importances(page: &mut String, importances: &Value) {
    let permutation = &importances["permutation"];
    let bars = |of: &Value, name: &str, value: &str| -> Vec<(String, f64)> {
        let items = list(of).iter().take(IMPORTANCES_SHOWN_MAX);
        items
            .map(|item| (label(&item[name]), item[value].as_f64().unwrap_or(0.0)))
            .collect()
    };
    if !list(&permutation["columns"]).is_empty() {
        section(page, "Importance of columns", "importances");
        let _ = writeln!(
            page,
            "<p class=\"muted\">How much worse {} gets when a column is shuffled, on {} rows.</p>",
            escape(text(&permutation["metric"])),
            permutation["rows"]
        );
        *page += &plots::bars(&bars(&permutation["columns"], "column", "mean"));
    }
    if !list(&importances["shap"]).is_empty() {
        section(page, "SHAP of features", "shap");
        *page += "<p class=\"muted\">How much a feature adds to or takes from the score, on average.</p>\n";
        *page += &plots::bars(&bars(&importances["shap"], "feature", "mean_absolute"));
    }
}

/// Every slice with the metrics that were measured in it.
fn slices(page: &mut String, evaluation: &Value) {
    let slices: Vec<&Value> = list(&evaluation["slices"])
        .iter()
        .filter(|s| !s["slice"].is_null())
        .collect();
    if slices.is_empty() {
        return;
    }
    section(page, "Slices", "slices");
    let all = list(&evaluation["metrics"]);
    let names: Vec<&str> = all
        .iter()
        .filter(|m| m["slice"].is_null())
        .map(|m| text(&m["metric"]))
        .collect();
    let heads: Vec<String> = names
        .iter()
        .map(|name| format!("#{}", escape(name)))
        .collect();
    let mut heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    heads.splice(0..0, ["Rows with", "#Rows"]);
    let row = |slice: &&Value| {
        let values = slice["slice"].as_object().into_iter().flatten();
        let columns: Vec<String> = values
            .map(|(column, value)| format!("{}={}", escape(column), label(value)))
            .collect();
        let mut cells = vec![columns.join(", "), slice["rows"].to_string()];
        cells.extend(names.iter().map(|name| {
            let metric = all
                .iter()
                .find(|m| m["slice"] == slice["slice"] && m["metric"] == **name);
            metric.map_or_else(|| "&ndash;".to_owned(), |m| number(&m["value"]))
        }));
        cells
    };
    let rows: Vec<Vec<String>> = slices.iter().take(SLICES_SHOWN_MAX).map(row).collect();
    table(page, &heads, &rows);
    if slices.len() > SLICES_SHOWN_MAX {
        let _ = writeln!(
            page,
            "<p class=\"muted\">{} more slices: see evaluation.json.</p>",
            slices.len() - SLICES_SHOWN_MAX
        );
    }
}
