//! From a pointer to lines and columns.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use pipeline_spec::{Code, Diagnostic, Position, locate};

/// The text that is marked, as far as it stands on the first line, and where it begins.
fn marked(text: &str, place: Diagnostic) -> (String, usize, usize) {
    let mut diagnostics = [place];
    locate(text, &mut diagnostics);
    let at = diagnostics[0].position.unwrap();
    let line = text.trim_start_matches('\u{feff}').lines().nth(at.line - 1);
    let line = line.unwrap_or_default().chars().skip(at.column - 1);
    let length = if at.end_line == at.line {
        at.end_column - at.column
    } else {
        usize::MAX
    };
    (line.take(length).collect(), at.line, at.column)
}

fn value(pointer: &str) -> Diagnostic {
    Diagnostic::error(Code::WrongType, pointer, "")
}

#[track_caller]
fn shows(text: &str, place: Diagnostic, expected: &str, line: usize, column: usize) {
    assert_eq!(
        marked(text, place),
        (expected.to_owned(), line, column),
        "{text}"
    );
}

#[test]
fn keys_and_values_of_every_kind() {
    let text =
        "a: {b: 1, c: [x, 'y z']}\nd:\n  - p\n  - q: r\ne:\n  f: g\nh:\n\"k/l~m\": n # end\n";
    shows(text, value("/a"), "{b: 1, c: [x, 'y z']}", 1, 4);
    shows(text, value("/a").at_key(), "a", 1, 1);
    shows(text, value("/a/b"), "1", 1, 8);
    shows(text, value("/a/c/1"), "'y z'", 1, 18);
    shows(text, value("/d"), "-", 3, 3);
    shows(text, value("/d/1/q"), "r", 4, 8);
    shows(text, value("/d/1").at_key(), "q", 4, 5);
    shows(text, value("/e"), "f", 6, 3);
    shows(text, value("/h"), "h", 7, 1);
    shows(text, value("/k~1l~0m"), "n", 8, 10);
}

#[test]
fn what_is_not_there_is_shown_at_the_nearest_key_above() {
    let text = "a:\n  b: {c: 1}\n";
    shows(text, value("/a/b/x/y"), "b", 2, 3);
    shows(text, value("/x"), "a", 1, 1);
    shows(text, value("/a/b/c/d"), "c", 2, 7);
    // One text where a list may stand is the list's only item.
    shows(text, value("/a/b/c/0"), "1", 2, 10);
    shows("", value("/a"), "", 1, 1);
}

#[test]
fn columns_count_characters() {
    shows("ä: {öü: ß}\n", value("/ä/öü"), "ß", 1, 9);
    shows("a: ['日本', x]\n", value("/a/1"), "x", 1, 11);
    shows("\u{feff}a: x\n", value("/a"), "x", 1, 4);
}

#[test]
fn merged_and_aliased_values_are_shown_where_they_are_written() {
    let text = "x: &x {a: 1, b: &b two}\ny:\n  <<: *x\n  c: *b\nz: {<<: [{d: 3}, *x]}\n";
    shows(text, value("/y/a"), "1", 1, 11);
    shows(text, value("/y/b").at_key(), "b", 1, 14);
    shows(text, value("/z/b"), "two", 1, 20);
    shows(text, value("/z/d"), "3", 5, 14);
    // The use of an alias is what is wrong with it, but its text stands at the anchor.
    shows(text, value("/y/c"), "*b", 4, 6);
    shows(text, value("/y/c").at_bytes(1..3), "wo", 1, 21);
}

#[test]
fn parts_of_texts_of_every_style() {
    let text = r#"
plain: abc ${{ x }} d
single: 'it''s ${{ x }}'
double: "\t\u00e9\x41\U0001F600\\ \"${{ x }}"
folded: >-
  one
  two ${{ x }}
literal: |
  one

    two ${{ x }}
chomped: |2-
   one ${{ x }}
  two
many: "one
  two ${{ x }} three"
anchor: &a !!str "${{ x }}"
"#
    .replacen('\n', "", 1);
    let cases = [
        ("/plain", "abc ", 1, 12),
        ("/single", "it's ", 2, 16),
        ("/double", "\té\u{41}\u{1F600}\\ \"", 3, 37),
        ("/folded", "one two ", 6, 7),
        ("/literal", "one\n\n  two ", 10, 9),
        ("/chomped", " one ", 12, 8),
        ("/many", "one two ", 15, 7),
        ("/anchor", "", 16, 19),
    ];
    for (pointer, before, line, column) in cases {
        let bytes = before.len()..before.len() + "${{ x }}".len();
        let place = value(pointer).at_bytes(bytes);
        shows(&text, place, "${{ x }}", line, column);
    }
}

#[test]
fn a_part_that_is_not_found_again_marks_the_whole_value() {
    let text = "a: \"one\n  two one\"\n";
    // It is not in the value at all.
    shows(
        "a: \"x \\\n  x\"\n",
        value("/a").at_bytes(100..101),
        "\"x \\",
        1,
        4,
    );
    // It goes over a line break.
    shows(text, value("/a").at_bytes(2..5), "\"one", 1, 4);
    shows(text, value("/a").at_bytes(8..11), "one", 2, 7);
}

#[test]
fn positions_that_are_known_are_kept() {
    let known = Position {
        line: 7,
        column: 7,
        end_line: 7,
        end_column: 8,
    };
    let mut diagnostics = [value("/a").at_position(known)];
    locate("a: 1\n", &mut diagnostics);
    assert_eq!(diagnostics[0].position, Some(known));
}
