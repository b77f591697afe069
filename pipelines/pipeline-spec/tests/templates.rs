//! Where expressions stand in texts.

use pipeline_spec::template::{Segment, split};

/// Expressions in brackets, literals as they are; `!` for one that is never closed.
fn shape(text: &str) -> String {
    match split(text) {
        Ok(segments) => segments
            .into_iter()
            .map(|segment| match segment {
                Segment::Literal(range) => text[range].to_owned(),
                Segment::Expression(range) => format!("[{}]", &text[range]),
            })
            .collect(),
        Err(unclosed) => format!("{}!", &text[..unclosed.bytes.start]),
    }
}

#[test]
fn expressions_end_at_their_own_braces() {
    let cases = [
        ("", ""),
        ("none", "none"),
        ("${{a}}", "[a]"),
        ("x ${{ a }} y ${{ b }}", "x [ a ] y [ b ]"),
        ("${{ '}}' }}!", "[ '}}' ]!"),
        ("${{ \"}}\\\"}}\" }}", "[ \"}}\\\"}}\" ]"),
        ("${{ {'a': {'b': 1}} }}", "[ {'a': {'b': 1}} ]"),
        ("${{}}", "[]"),
        ("}} ${ {{ x }}", "}} ${ {{ x }}"),
        ("é ${{ ü }} ö", "é [ ü ] ö"),
        ("a ${{ b", "a !"),
        ("a ${{ 'b }}", "a !"),
        ("${{ a }} ${{ { }}", "${{ a }} !"),
        ("${{ a ${{ b }} }}", "[ a ${{ b }} ]"),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(text), expected, "{text}");
    }
}
