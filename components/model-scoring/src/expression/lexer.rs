//! From the text of an expression to its tokens.

use super::Mistake;
use crate::graph::Literal;

/// A token and where it begins, in characters, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) position: usize,
    pub(super) kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A column's name; `quoted` if it stood in backticks, so that it cannot be a word.
    Name {
        name: String,
        quoted: bool,
    },
    Literal(Literal),
    /// An operator or bracket.
    Symbol(&'static str),
}

impl TokenKind {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Name { name, .. } => name.clone(),
            Self::Literal(Literal::Text(text)) => format!("'{text}'"),
            Self::Literal(Literal::Integer(value)) => value.to_string(),
            Self::Literal(Literal::Number(value)) => value.to_string(),
            Self::Literal(Literal::Boolean(value)) => value.to_string(),
            Self::Symbol(symbol) => (*symbol).to_owned(),
        }
    }
}

/// The symbols, longer ones before their beginnings.
const SYMBOLS: [&str; 13] = [
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "(", ")",
];

/// All tokens of a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let start = at;
        let first = characters[at];
        let kind = if first.is_whitespace() {
            at += 1;
            continue;
        } else if first.is_ascii_digit() {
            number(&characters, &mut at)?
        } else if first == '\'' || first == '"' {
            TokenKind::Literal(Literal::Text(quoted(&characters, &mut at, "the text")?))
        } else if first == '`' {
            let name = quoted(&characters, &mut at, "the column's name")?;
            TokenKind::Name { name, quoted: true }
        } else if first.is_alphabetic() || first == '_' {
            while at < characters.len()
                && (characters[at].is_alphanumeric() || characters[at] == '_')
            {
                at += 1;
            }
            word(characters[start..at].iter().collect())
        } else {
            symbol(&characters, &mut at)?
        };
        tokens.push(Token {
            position: start + 1,
            kind,
        });
    }
    Ok(tokens)
}

fn word(name: String) -> TokenKind {
    match name.as_str() {
        "true" => TokenKind::Literal(Literal::Boolean(true)),
        "false" => TokenKind::Literal(Literal::Boolean(false)),
        _ => TokenKind::Name {
            name,
            quoted: false,
        },
    }
}

fn symbol(characters: &[char], at: &mut usize) -> Result<TokenKind, Mistake> {
    let rest: String = characters[*at..].iter().take(2).collect();
    if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
        *at += symbol.len();
        return Ok(TokenKind::Symbol(symbol));
    }
    let hint = match rest.as_str() {
        "&&" => "`&&` is no operator; write `and`",
        "||" => "`||` is no operator; write `or`",
        _ if rest.starts_with('=') => "`=` is no operator; write `==` to compare",
        _ if rest.starts_with('!') => "`!` is no operator; write `not`",
        _ => {
            return Err(Mistake::new(
                *at + 1,
                format!("`{}` is not known here", characters[*at]),
            ));
        }
    };
    Err(Mistake::new(*at + 1, hint))
}

/// Digits, then perhaps a fraction and an exponent.
fn number(characters: &[char], at: &mut usize) -> Result<TokenKind, Mistake> {
    let start = *at;
    let digits = |at: &mut usize| {
        let from = *at;
        while characters.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
        *at > from
    };
    digits(at);
    let mut integer = true;
    if characters.get(*at) == Some(&'.') {
        integer = false;
        *at += 1;
        digits(at);
    }
    if matches!(characters.get(*at), Some('e' | 'E')) {
        integer = false;
        *at += 1;
        if matches!(characters.get(*at), Some('+' | '-')) {
            *at += 1;
        }
        if !digits(at) {
            return Err(Mistake::new(*at + 1, "the exponent has no digits"));
        }
    }
    if let Some(next) = characters
        .get(*at)
        .filter(|c| c.is_alphabetic() || **c == '_')
    {
        return Err(Mistake::new(
            *at + 1,
            format!(
                "`{next}` was not expected after a number; a name that begins with a digit stands in backticks"
            ),
        ));
    }
    let text: String = characters[start..*at].iter().collect();
    let literal = if integer {
        let value = text.parse();
        Literal::Integer(
            value.map_err(|_| Mistake::new(start + 1, "the integer does not fit into 64 bits"))?,
        )
    } else {
        let value: f64 = text.parse().unwrap_or(f64::INFINITY);
        if value.is_infinite() {
            return Err(Mistake::new(
                start + 1,
                "the number is too large for a float",
            ));
        }
        Literal::Number(value)
    };
    Ok(TokenKind::Literal(literal))
}

/// What stands between two equal quotes; a backslash takes the next character as it is.
fn quoted(characters: &[char], at: &mut usize, what: &str) -> Result<String, Mistake> {
    let start = *at;
    let quote = characters[start];
    let mut text = String::new();
    *at += 1;
    while let Some(character) = characters.get(*at) {
        *at += 1;
        if *character == quote {
            return Ok(text);
        }
        if *character == '\\' {
            let Some(escaped) = characters.get(*at) else {
                break;
            };
            text.push(*escaped);
            *at += 1;
        } else {
            text.push(*character);
        }
    }
    Err(Mistake::new(
        start + 1,
        format!("{what} has no closing quote"),
    ))
}
