//! The form of `.env` files: `NAME=value` lines, as shells and most tools read them.
//!
//! A value in single quotes is taken as it is; in double quotes `\n`, `\"` and `\\` mean what they do
//! elsewhere; without quotes it ends before ` #`. Quoted values may have several lines. Nothing is expanded.

/// The value of the last line that sets this name.
pub(super) fn find(text: &str, name: &str) -> Option<String> {
    let mut found = None;
    let mut rest = text;
    while let Some(setting) = next(rest) {
        if setting.name == name {
            found = Some(setting.value);
        }
        rest = setting.after;
    }
    found
}

struct Setting<'a> {
    name: &'a str,
    value: String,
    /// What follows its line.
    after: &'a str,
}

/// The first line that sets something.
fn next(text: &str) -> Option<Setting<'_>> {
    let mut rest = text;
    while !rest.is_empty() {
        let line = rest.split('\n').next().unwrap_or_default();
        let statement = line.trim_start();
        let statement = statement.strip_prefix("export ").unwrap_or(statement);
        let Some((name, value)) = statement
            .split_once('=')
            .filter(|_| !statement.starts_with('#'))
        else {
            rest = next_line(rest);
            continue;
        };
        let (name, value) = (name.trim(), value.trim_start());
        // The value is the end of the line.
        let at = line.len() - value.len();
        return Some(match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let (value, after) = quoted(&rest[at + 1..], quote);
                let after = next_line(after);
                Setting { name, value, after }
            }
            _ => Setting {
                name,
                value: value
                    .split(" #")
                    .next()
                    .unwrap_or_default()
                    .trim_end()
                    .to_owned(),
                after: next_line(rest),
            },
        });
    }
    None
}

fn next_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, after)| after)
}

/// What stands before the closing quote, and what follows it.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            _ if char == quote => return (value, &text[at + 1..]),
            '\\' if quote == '"' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            _ => value.push(char),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::find;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(find(text, "A").as_deref(), expected, "{text}");
    }

    #[test]
    fn a_name_is_found_in_the_forms_that_tools_write() {
        check("", None);
        check("B=b\n# A=c\nAB=d\n", None);
        check("A=a", Some("a"));
        check("export A = a b # why\r\n", Some("a b"));
        check("A=a#b\nA=c\n", Some("c"));
        check("A='a # \\n'\n", Some("a # \\n"));
        check("A=\"x\\n\\\"y\\\" \\$\"\n", Some("x\n\"y\" \\$"));
        check("B='1\nA=2'\nA=\"3\n4\"\nC=5", Some("3\n4"));
        check("A=", Some(""));
        check("A='a", Some("a"));
    }
}
