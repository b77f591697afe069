//! Tables without lines, as `kubectl` and `gh` print them.

use comfy_table::{Table, presets};

/// Rows under a header; empty columns are left out.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let shown: Vec<usize> = (0..header.len())
        .filter(|column| rows.iter().any(|row| !row[*column].is_empty()))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(shown.iter().map(|column| header[*column]));
    for row in rows {
        table.add_row(shown.iter().map(|column| row[*column].as_str()));
    }
    // Without lines the first column needs no space before it.
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Names and values below each other: what is said of one thing.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let shown = fields.iter().filter(|(_, value)| !value.is_empty());
    let width = shown.clone().map(|(name, _)| name.len()).max().unwrap_or(0);
    let indent = " ".repeat(width + 2);
    let lines = shown.map(|(name, value)| {
        let value = value.replace('\n', &format!("\n{indent}"));
        format!("{name:width$}  {value}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
