//! Stepping through the tokens, for statements and expressions.

use super::tokens::{Kind, Token, is_keyword};
use super::{Expr, ExprKind};
use crate::{Diagnostic, Span};

/// Goes through a file's tokens.
pub(super) struct Parser<'a> {
    file: &'a str,
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    /// How many expressions lie in each other where the parser stands.
    pub(super) depth: usize,
    /// How high the tree of the expression before is.
    pub(super) height: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(file: &'a str, text: &'a str, tokens: &'a [Token]) -> Self {
        Self { file, text, tokens, at: 0, depth: 0, height: 0 }
    }

    pub(super) fn token(&self) -> Token {
        let end = Token { kind: Kind::End, span: Span::new(self.text.len(), self.text.len()) };
        self.tokens.get(self.at).copied().unwrap_or(end)
    }

    /// The text of a name or operator; empty for all else, so that no string is taken for one.
    pub(super) fn word(&self) -> &'a str {
        match self.token() {
            Token { kind: Kind::Name | Kind::Operator, span } => &self.text[span.start..span.end],
            _ => "",
        }
    }

    pub(super) fn source(&self, span: Span) -> &'a str {
        &self.text[span.start..span.end]
    }

    /// The text from a span's beginning on.
    pub(super) fn rest(&self, span: Span) -> &'a str {
        &self.text[span.start..]
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    pub(super) fn last_end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.span.end)
    }

    pub(super) fn previous_is(&self, word: &str) -> bool {
        let previous = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        previous.is_some_and(|token| token.kind == Kind::Operator && self.source(token.span) == word)
    }

    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_kind(&mut self, kind: Kind) -> bool {
        let found = self.token().kind == kind;
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<(), Diagnostic> {
        if self.take(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}`"))) }
    }

    pub(super) fn name(&mut self, what: &str) -> Result<String, Diagnostic> {
        let word = self.word();
        if self.token().kind != Kind::Name || is_keyword(word) {
            return Err(self.unexpected(what));
        }
        self.advance();
        Ok(word.to_owned())
    }

    pub(super) fn ends_statement(&self) -> bool {
        self.token().kind == Kind::Newline || self.word() == ";"
    }

    /// Goes over one token, or over a bracket with all that is in it.
    pub(super) fn skip_bracketed(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.word() {
                "(" | "[" | "{" => open += 1,
                ")" | "]" | "}" => open = open.saturating_sub(1),
                _ => {}
            }
            self.advance();
            if open == 0 || self.token().kind == Kind::End {
                return;
            }
        }
    }

    /// Whether the bracket that begins here holds a word, not counting the brackets in it.
    pub(super) fn bracket_holds(&self, wanted: &str) -> bool {
        let mut open = 0_usize;
        for token in &self.tokens[self.at..] {
            if !matches!(token.kind, Kind::Name | Kind::Operator) {
                continue;
            }
            match self.source(token.span) {
                "(" | "[" | "{" => open += 1,
                ")" | "]" | "}" => open = open.saturating_sub(1),
                word if open == 1 && word == wanted => return true,
                _ => {}
            }
            if open == 0 {
                return false;
            }
        }
        false
    }

    pub(super) fn bracket_is_empty(&self) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| matches!(self.source(token.span), ")" | "]" | "}"))
    }

    pub(super) fn unexpected(&self, expected: &str) -> Diagnostic {
        let token = self.token();
        let found = match token.kind {
            Kind::Newline => "the end of the line".to_owned(),
            Kind::End => "the end of the file".to_owned(),
            Kind::Indent | Kind::Dedent => "another indentation".to_owned(),
            Kind::String => "a string".to_owned(),
            Kind::Name | Kind::Number | Kind::Operator => format!("`{}`", clip(self.source(token.span))),
        };
        self.error(token.span, format!("expected {expected}, found {found}"))
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, self.text, span, message)
    }

    pub(super) fn expr(&self, kind: ExprKind, start: usize) -> Expr {
        Expr { kind, span: Span::new(start, self.last_end()) }
    }
}

/// A token as an error names it: a name may be megabytes long.
fn clip(text: &str) -> &str {
    text.get(..40).unwrap_or(text)
}
