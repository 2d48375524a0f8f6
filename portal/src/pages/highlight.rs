//! Source text with its parts marked: comments, strings, keys and words of the language.

use askama::Template;

/// How a part of a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Comment,
    Text,
    Key,
    Word,
    Plain,
}

impl Part {
    fn class(self) -> &'static str {
        match self {
            Self::Comment => "c",
            Self::Text => "s",
            Self::Key => "k",
            Self::Word => "w",
            Self::Plain => "",
        }
    }
}

const WORDS: [&str; 16] = [
    "class", "def", "from", "import", "return", "if", "elif", "else", "for", "in", "not", "and", "or",
    "None", "True", "False",
];

#[derive(Template)]
#[template(
    source = "{% for (class, text) in parts %}{% if class.is_empty() %}{{ text }}{% else %}<i class=\"{{ class }}\">{{ text }}</i>{% endif %}{% endfor %}",
    ext = "html"
)]
struct Line<'a> {
    parts: Vec<(&'static str, &'a str)>,
}

/// The lines of a text as HTML; `is_python` tells an `actions.py` from an HRD file.
pub(super) fn lines(text: &str, is_python: bool) -> Vec<String> {
    let mut in_text = false;
    let shown = text.lines().map(|line| {
        // A text over several lines is marked line by line.
        let turns = is_python && line.matches("\"\"\"").count() % 2 == 1;
        let parts = if in_text || turns { vec![(Part::Text, line)] } else { parts(line, is_python) };
        in_text ^= turns;
        let parts = parts.into_iter().map(|(part, text)| (part.class(), text)).collect();
        Line { parts }.render().unwrap_or_default()
    });
    shown.collect()
}

fn parts(line: &str, is_python: bool) -> Vec<(Part, &str)> {
    let mut parts = Vec::new();
    let mut rest = line;
    if !is_python
        && let Some((key, _)) = line.split_once('=')
        && !key.trim().is_empty()
        && key.trim().chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
    {
        parts.push((Part::Key, key));
        rest = &line[key.len()..];
    }
    while let Some(first) = rest.chars().next() {
        let (part, length) = match first {
            '#' => (Part::Comment, rest.len()),
            '\'' | '"' => (Part::Text, rest[1..].find(first).map_or(rest.len(), |end| end + 2)),
            _ if first.is_alphanumeric() || first == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let part =
                    if is_python && WORDS.contains(&&rest[..length]) { Part::Word } else { Part::Plain };
                (part, length)
            }
            _ => {
                let is_other = |c: char| c == '#' || c == '\'' || c == '"' || c.is_alphanumeric() || c == '_';
                (Part::Plain, rest.find(is_other).unwrap_or(rest.len()))
            }
        };
        parts.push((part, &rest[..length]));
        rest = &rest[length..];
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_line_again() {
        let lines =
            ["a.b = 'x # y' # z", "    url:'https://ä/\"'", "def f(self): # 'x", "'", "", "é='", "=a"];
        for (text, is_python) in lines.into_iter().flat_map(|line| [(line, false), (line, true)]) {
            let again: String = parts(text, is_python).iter().map(|(_, part)| *part).collect();
            assert_eq!(again, text);
        }
    }

    #[test]
    fn comments_strings_keys_and_words_are_marked() {
        assert_eq!(
            lines("a.b = 'x#<' # z", false)[0],
            "<i class=\"k\">a.b </i>= <i class=\"s\">&#39;x#&#60;&#39;</i> <i class=\"c\"># z</i>"
        );
        assert_eq!(lines("\"\"\"\nif\n\"\"\"", true)[1], "<i class=\"s\">if</i>");
        assert_eq!(lines("def f", true)[0], "<i class=\"w\">def</i> f");
    }
}
