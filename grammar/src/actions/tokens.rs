//! Tokens, as `actions.pest` reads them, with the beginnings and ends of blocks put between them.

use pest::Parser;
use pest::iterators::Pair;
use pest_derive::Parser;

use crate::{Diagnostic, Span};

#[derive(Parser)]
#[grammar = "actions.pest"]
struct ActionsParser;

/// How many bytes are given to pest at once: what it needs grows with them.
const WINDOW: usize = 16 * 1024;

const UNREADABLE: &str = "this cannot be read as Python";

/// How many blocks may lie in each other, as in Python itself.
const LEVELS: usize = 100;

/// A tab goes to the next column that this divides.
const TAB: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    String,
    Operator,
    /// The end of a line that no bracket or backslash carries on.
    Newline,
    /// The line that follows stands deeper.
    Indent,
    /// The line that follows stands less deep; one for each block that ends.
    Dedent,
    End,
}

/// All tokens, an `End` last. Brackets and blocks are whole.
pub(super) fn read(file: &str, text: &str) -> Result<Vec<Token>, Diagnostic> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let line = Some(start);
    let mut layout = Layout { file, text, tokens: Vec::new(), brackets: Vec::new(), columns: vec![0], line };
    let mut at = start;
    let mut window = WINDOW;
    while at < text.len() {
        let end = text.ceil_char_boundary((at + window).min(text.len()));
        let next = layout.window(at, end)?;
        // A token that is longer than the window is tried again in one eight times its size.
        window = if next == at { window * 8 } else { WINDOW };
        at = next;
    }
    layout.finish()
}

struct Layout<'a> {
    file: &'a str,
    text: &'a str,
    tokens: Vec<Token>,
    /// The open brackets.
    brackets: Vec<Span>,
    /// The columns of the open blocks.
    columns: Vec<usize>,
    /// Where the line begins, as long as nothing of it was seen.
    line: Option<usize>,
}

impl Layout<'_> {
    /// Takes the tokens between `start` and `end`, up to one that `end` may have cut; where to go on.
    fn window(&mut self, start: usize, end: usize) -> Result<usize, Diagnostic> {
        let text = &self.text[start..end];
        let place = Span::new(start, start);
        let parsed = ActionsParser::parse(Rule::chunk, text).map_err(|_| self.error(place, UNREADABLE))?;
        for token in parsed.flat_map(Pair::into_inner) {
            let rule = token.as_rule();
            let span = Span::new(start + token.as_span().start(), start + token.as_span().end());
            let open = matches!(rule, Rule::open_long | Rule::open_short);
            if end < self.text.len() && (open || span.end == end) {
                return Ok(span.start);
            }
            if rule != Rule::comment {
                self.take(rule, span)?;
            }
        }
        Ok(end)
    }

    fn take(&mut self, rule: Rule, span: Span) -> Result<(), Diagnostic> {
        if rule == Rule::newline {
            if self.brackets.is_empty() {
                if self.line.is_none() {
                    self.push(Kind::Newline, span);
                }
                self.line = Some(span.end);
            }
            return Ok(());
        }
        if let Some(start) = self.line.take() {
            self.indentation(Span::new(start, span.start))?;
        }
        let kind = match rule {
            Rule::name => Kind::Name,
            Rule::number => Kind::Number,
            Rule::long | Rule::short => Kind::String,
            Rule::operator => {
                self.bracket(span)?;
                Kind::Operator
            }
            Rule::open_long | Rule::open_short => {
                let quotes =
                    self.text[span.start..span.end].trim_start_matches(|c: char| c.is_ascii_alphabetic());
                return Err(self
                    .error(span, "this string is not closed")
                    .with_help(format!("end it with {quotes}")));
            }
            _ => return Err(self.stray(span)),
        };
        self.push(kind, span);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Token>, Diagnostic> {
        if let Some(open) = self.brackets.last() {
            return Err(self.error(*open, "this bracket is not closed"));
        }
        let end = Span::new(self.text.len(), self.text.len());
        if self.line.is_none() {
            self.push(Kind::Newline, end);
        }
        for _ in 1..self.columns.len() {
            self.push(Kind::Dedent, end);
        }
        self.push(Kind::End, end);
        Ok(self.tokens)
    }

    fn push(&mut self, kind: Kind, span: Span) {
        self.tokens.push(Token { kind, span });
    }

    fn bracket(&mut self, span: Span) -> Result<(), Diagnostic> {
        let bracket = &self.text[span.start..span.end];
        let opening = match bracket {
            "(" | "[" | "{" => {
                self.brackets.push(span);
                return Ok(());
            }
            ")" => "(",
            "]" => "[",
            "}" => "{",
            _ => return Ok(()),
        };
        match self.brackets.pop() {
            Some(open) if &self.text[open.start..open.end] == opening => Ok(()),
            Some(open) => {
                let open = &self.text[open.start..open.end];
                Err(self.error(span, format!("`{bracket}` closes a bracket that was opened with `{open}`")))
            }
            None => Err(self.error(span, format!("`{bracket}` closes no bracket"))),
        }
    }

    /// Compares the blanks before a line's first token with the open blocks.
    fn indentation(&mut self, blanks: Span) -> Result<(), Diagnostic> {
        let mut column = 0;
        for byte in self.text[blanks.start..blanks.end].bytes() {
            column = match byte {
                b'\t' => (column / TAB + 1) * TAB,
                b'\x0c' => 0,
                _ => column + 1,
            };
        }
        let place = Span::new(blanks.end, blanks.end);
        let current = self.columns.last().copied().unwrap_or_default();
        if column > current {
            if self.columns.len() > LEVELS {
                return Err(self.error(place, format!("blocks lie more than {LEVELS} deep in each other")));
            }
            self.columns.push(column);
            self.push(Kind::Indent, place);
            return Ok(());
        }
        while self.columns.last().is_some_and(|open| *open > column) {
            self.columns.pop();
            self.push(Kind::Dedent, place);
        }
        if self.columns.last() != Some(&column) {
            return Err(self
                .error(place, "this line is indented as no line before it")
                .with_help("a tab counts up to the next multiple of 8 columns"));
        }
        Ok(())
    }

    fn stray(&self, span: Span) -> Diagnostic {
        let found = &self.text[span.start..span.end];
        match found {
            "$" => self
                .error(span, "`$` is not Python")
                .with_help("a `$(key)` is replaced before this is read; no value was found for this one"),
            "\\" => {
                self.error(span, "a backslash carries a line on only when it is the line's last character")
            }
            _ => self.error(span, "this character is not Python"),
        }
    }

    fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, self.text, span, message)
    }
}

/// Whether Python 2 keeps a word for itself.
pub(super) fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 31] = [
        "and", "as", "assert", "break", "class", "continue", "def", "del", "elif", "else", "except", "exec",
        "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "not", "or", "pass",
        "print", "raise", "return", "try", "while", "with", "yield",
    ];
    KEYWORDS.contains(&word)
}
