//! Texts that were written to do harm: a sentence comes back, in bounded time and memory.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fmt::Write as _;

use pipeline_spec::limits::DIAGNOSTICS_MAX;
use support::compiled;

#[track_caller]
fn refused(text: &str, code: &str) {
    let compiled = compiled(text);
    assert!(compiled.plan.is_none());
    let codes: Vec<&str> = compiled.diagnostics.iter().map(|d| d.code.name()).collect();
    let start = &text[..text.floor_char_boundary(40)];
    assert!(codes.contains(&code), "{start:?} gives {codes:?}");
    assert!(compiled.diagnostics.iter().all(|d| d.position.is_some()));
}

#[test]
fn control_characters_are_refused() {
    refused("name: x\0\nsteps: {a: {run: [x]}}", "yaml-syntax");
    refused("\0", "yaml-syntax");
    refused("name: \u{1b}[31mx", "yaml-syntax");
    refused("name: \"a\\0b\"\nsteps: {a: {run: [x]}}", "invalid-name");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let text = "\u{feff}name: x\nsteps: {a: {run: [x]}}\n";
    assert!(compiled(text).plan.is_some());
    let compiled = compiled("\u{feff}nmae: x\nsteps: {a: {run: [x]}}\n");
    let at = compiled.diagnostics[0].position.unwrap();
    assert_eq!((at.line, at.column), (1, 1));
}

#[test]
fn line_ends_of_every_kind_are_counted() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["name: x", "steps:", "  a: {rum: [x]}", ""].join(end);
        let compiled = compiled(&text);
        let at = compiled.diagnostics[0].position.unwrap();
        assert_eq!((at.line, at.column, at.end_column), (3, 7, 10), "{end:?}");
    }
}

#[test]
fn aliases_cannot_expand_to_more_than_the_file_may_hold() {
    let mut bomb = "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n".to_owned();
    for i in 1..40 {
        let before = i - 1;
        let aliases = format!("*x{before},").repeat(10);
        writeln!(bomb, "x{i}: &x{i} [{aliases}]").unwrap();
    }
    refused(&bomb, "yaml-alias");
    // Of merges too, and of a long text.
    let text = "x".repeat(1_000_000);
    refused(
        &format!("x-a: &a {text}\nx-b: [{}]\n", "*a,".repeat(100)),
        "yaml-alias",
    );
    refused("x-a: &a {<<: *a}\n", "yaml-alias");
    // Many small ones are fine.
    let steps: Vec<String> = (0..5_000).map(|i| format!("  s{i}: *step")).collect();
    let steps = steps.join("\n");
    let text = format!("name: x\nx-step: &step {{run: [x]}}\nsteps:\n{steps}");
    assert!(compiled(&text).plan.is_some());
}

#[test]
fn nesting_is_bounded_however_it_is_written() {
    refused(&"[".repeat(1_000_000), "yaml-too-deep");
    refused(&"{a: ".repeat(100_000), "yaml-too-deep");
    refused(&"- ".repeat(100_000), "yaml-too-deep");
    refused(&"? ".repeat(100_000), "yaml-too-deep");
    let indented: Vec<String> = (0..1_000).map(|i| format!("{}a:", " ".repeat(i))).collect();
    refused(
        &indented.join(
            "
",
        ),
        "yaml-too-deep",
    );
    // Through aliases.
    let mut tower = "x0: &x0 [a]\n".to_owned();
    for i in 1..100 {
        let before = i - 1;
        writeln!(tower, "x{i}: &x{i} [*x{before}]").unwrap();
    }
    refused(&tower, "yaml-too-deep");
}

#[test]
fn keys_of_other_kinds_are_refused() {
    for key in [
        "1", "1.5", "true", "~", "[a]", "{a: b}", "? [a]\n", "*x", ".inf", "!t 1",
    ] {
        let text = format!("x-a: &x y\nname: x\nsteps: {{a: {{run: [x]}}}}\n{key}: z\n");
        let compiled = compiled(&text);
        assert!(compiled.plan.is_none(), "{key}");
    }
}

#[test]
fn no_more_is_told_than_anyone_reads() {
    let mut text = "name: x\nsteps:\n".to_owned();
    for i in 0..3_000 {
        writeln!(text, "  s{i}: {{run: [x], needs: [nobody-{i}], bad: 1}}").unwrap();
    }
    let compiled = compiled(&text);
    assert!(compiled.plan.is_none());
    assert!(compiled.diagnostics.len() <= 2 * DIAGNOSTICS_MAX);
    assert!(compiled.diagnostics.iter().all(|d| d.position.is_some()));
}

#[test]
fn hostile_expressions_are_refused_when_compiled() {
    let deep =
        |open: &str, close: &str| format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
    let expressions = [
        deep("(", ")"),
        deep("-", ""),
        deep("not ", ""),
        deep("1+", ""),
        deep("[", "]"),
        format!("params{}", ".a".repeat(20_000)),
        format!("1{}", "|string".repeat(20_000)),
        "{%".to_owned(),
    ];
    for expression in expressions {
        let text = format!("name: x\nsteps: {{a: {{run: [x, '${{{{ {expression} }}}}']}}}}\n");
        refused(&text, "expression-syntax");
    }
}

/// Every beginning of a file, and every file with one character too few or too many.
#[test]
fn no_cut_or_changed_text_makes_the_compiler_panic() {
    let text = r#"
name: x # é
x-base: &base { env: { A: "q\n${{ params.a }}" } }
params: { a: 1, b-c: { type: list, default: [x] } }
steps:
  one: { <<: *base, run: [x, '${{ params.b_c }}'], outputs: { m: Model } }
  two:
    <<: [*base]
    run: |
      echo ${{ steps.one.state }}
    inputs: { m: one.m, n: [{ files: "a/*" }] }
    with: { t: >-
        folded ${{ nobody }}
        text }
"#;
    let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    for &at in &cuts {
        compiled(&text[..at]);
        compiled(&text[at..]);
        for insert in [
            "\"", "}", "[", ": ", "\n", "&a ", "*a ", "!", "- ", "\t", "${{",
        ] {
            let changed = format!("{}{insert}{}", &text[..at], &text[at..]);
            let compiled = compiled(&changed);
            assert!(compiled.diagnostics.iter().all(|d| d.position.is_some()));
        }
        let mut fewer = text.to_owned();
        fewer.remove(at);
        compiled(&fewer);
    }
}
