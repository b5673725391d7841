//! Regular expressions of a document, in the dialect of VSR (Go's RE2), with bounds on what they may cost.

use regex::{Regex, RegexBuilder};

/// How long a compiled expression may be, in bytes, and how much of a text one of that length looks at. The engine
/// takes time in proportion to both, so that a long expression on a long text would hold up all other requests.
const BOUNDS: [(usize, usize); 4] = [
    (4 << 10, usize::MAX),
    (32 << 10, 256 << 10),
    (128 << 10, 64 << 10),
    (1 << 20, 16 << 10),
];

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// How many bytes of a text it looks at: of a longer one, half from the beginning and half from the end.
    reach: usize,
}

impl Pattern {
    /// # Errors
    /// One line: it is no expression, or too large.
    pub(crate) fn new(source: &str, case_sensitive: bool) -> Result<Pattern, String> {
        let rust = from_go(source);
        let mut last = String::new();
        for (size, reach) in BOUNDS {
            let built = RegexBuilder::new(&rust)
                .case_insensitive(!case_sensitive)
                .size_limit(size)
                .dfa_size_limit(256 << 10)
                .build();
            match built {
                Ok(regex) => return Ok(Pattern { regex, reach }),
                Err(regex::Error::CompiledTooBig(_)) => {
                    last = "is too large when compiled; repeat less, or split it".to_owned();
                }
                Err(error) => {
                    let text = error.to_string();
                    let line = text
                        .lines()
                        .rfind(|line| !line.trim().is_empty())
                        .unwrap_or_default();
                    let why = line.trim().trim_start_matches("error: ");
                    return Err(format!("is not a regular expression: {why}"));
                }
            }
        }
        Err(last)
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.parts(text).iter().any(|part| self.regex.is_match(part))
    }

    /// How often it matches, without overlap.
    pub(crate) fn count(&self, text: &str) -> usize {
        let parts = self.parts(text);
        parts.iter().map(|part| self.regex.find_iter(part).count()).sum()
    }

    /// What it looks at of `text`.
    pub(crate) fn parts<'t>(&self, text: &'t str) -> Vec<&'t str> {
        if text.len() <= self.reach {
            return vec![text];
        }
        let (head, tail) = (
            text.floor_char_boundary(self.reach / 2),
            text.ceil_char_boundary(text.len() - self.reach / 2),
        );
        [text.get(..head), text.get(tail..)]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Go's `\d`, `\s`, `\w` and `\b` are about ASCII, and inside of brackets it knows no set operations.
fn from_go(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 16);
    let (mut in_class, mut first) = (false, false);
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        let was_first = std::mem::replace(&mut first, false);
        match c {
            '\\' => match chars.next() {
                Some(escaped) => out.push_str(&escape(escaped, in_class)),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                (in_class, first) = (true, true);
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            '[' if chars.peek() == Some(&':') => out.push_str(&named_class(&mut chars)),
            ']' if in_class && !was_first => {
                in_class = false;
                out.push(']');
            }
            '[' | ']' | '&' | '~' if in_class => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

/// The rest of `[:name:]`, of which the bracket has been read.
fn named_class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut name = String::from("[");
    for c in chars.by_ref() {
        name.push(c);
        if c == ']' {
            break;
        }
    }
    name
}

fn escape(c: char, in_class: bool) -> String {
    let set = match c.to_ascii_lowercase() {
        'd' => "0-9",
        's' => r"\t\n\f\r ",
        'w' => "0-9A-Za-z_",
        _ => "",
    };
    match c {
        'd' | 's' | 'w' if in_class => set.to_owned(),
        'd' | 's' | 'w' => format!("[{set}]"),
        'D' | 'S' | 'W' => format!("[^{set}]"),
        'b' | 'B' if !in_class => format!(r"(?-u:\{c})"),
        '<' | '>' => c.to_string(),
        _ => format!(r"\{c}"),
    }
}

#[cfg(test)]
mod tests;
