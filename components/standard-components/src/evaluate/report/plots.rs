//! Plots as SVG: a curve in the unit square, and bars with names.
//!
//! Names and titles are HTML already.

use std::fmt::Write as _;

use model_scoring::evaluation::number_text;

/// Side of the unit square, and what is left around it for its axes.
const SIDE: f64 = 220.0;
const MARGIN: f64 = 34.0;
/// Height of a bar with its gap, the longest bar, and the room for its name.
const BAR_HEIGHT: f64 = 20.0;
const BAR_LENGTH: f64 = 320.0;
const NAME_LENGTH: f64 = 200.0;

/// A curve of points whose coordinates lie between 0 and 1.
pub(super) fn unit_plot(
    title: &str,
    x_name: &str,
    y_name: &str,
    points: &[(f64, f64)],
    has_diagonal: bool,
) -> String {
    let x = |x: f64| MARGIN + x.clamp(0.0, 1.0) * SIDE;
    let y = |y: f64| MARGIN / 2.0 + (1.0 - y.clamp(0.0, 1.0)) * SIDE;
    let (width, height) = (SIDE + MARGIN * 1.5, SIDE + MARGIN * 1.5);
    let mut svg = format!(
        "<figure><svg role=\"img\" aria-label=\"{title}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
    );
    for tick in [0.0, 0.5, 1.0] {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick}</text><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>",
            x(tick),
            y(0.0) + 14.0,
            x(0.0) - 5.0,
            y(tick) + 4.0
        );
    }
    let _ = write!(
        svg,
        "<path class=\"axis\" fill=\"none\" d=\"M{:.1} {:.1}V{:.1}H{:.1}\"/>",
        x(0.0),
        y(1.0),
        y(0.0),
        x(1.0)
    );
    if has_diagonal {
        let _ = write!(
            svg,
            "<line class=\"guide\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            x(0.0),
            y(0.0),
            x(1.0),
            y(1.0)
        );
    }
    let coordinates: Vec<String> = points
        .iter()
        .map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b)))
        .collect();
    let _ = write!(
        svg,
        "<polyline class=\"line\" points=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x_name}</text>\
         <text x=\"10\" y=\"{:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 10 {:.1})\">{y_name}</text></svg>\
         <figcaption>{title}</figcaption></figure>",
        coordinates.join(" "),
        x(0.5),
        y(0.0) + 28.0,
        y(0.5),
        y(0.5)
    );
    svg
}

/// A bar for each name, as long as its value is; below 0 there is none.
pub(super) fn bars(items: &[(String, f64)]) -> String {
    let highest = items.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let (width, height) = (
        NAME_LENGTH + BAR_LENGTH + 80.0,
        BAR_HEIGHT * items.len() as f64 + 8.0,
    );
    let mut svg = format!(
        "<svg role=\"img\" aria-label=\"importances\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
    );
    for (at, (name, value)) in items.iter().enumerate() {
        let y = BAR_HEIGHT * at as f64 + 4.0;
        let share = if highest > 0.0 {
            (value / highest).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\
             <rect class=\"bar\" x=\"{NAME_LENGTH:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            NAME_LENGTH - 6.0,
            y + 12.0,
            share * BAR_LENGTH,
            BAR_HEIGHT - 5.0,
            NAME_LENGTH + share * BAR_LENGTH + 5.0,
            y + 12.0,
            number_text(*value)
        );
    }
    svg + "</svg>\n"
}
