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
    /// Whether `print` is a function, which `from __future__ import print_function` says.
    pub(super) print_is_name: bool,
    /// Whether plain strings are of characters, which `from __future__ import unicode_literals` says.
    pub(super) unicode_literals: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(file: &'a str, text: &'a str, tokens: &'a [Token]) -> Self {
        let (depth, height, print_is_name, unicode_literals) = (0, 0, false, false);
        Self { file, text, tokens, at: 0, depth, height, print_is_name, unicode_literals }
    }

    pub(super) fn token(&self) -> Token {
        self.ahead(0)
    }

    /// The token so many tokens ahead.
    pub(super) fn ahead(&self, count: usize) -> Token {
        let end = Token { kind: Kind::End, span: Span::new(self.text.len(), self.text.len()) };
        self.tokens.get(self.at + count).copied().unwrap_or(end)
    }

    /// The text of a name or operator; empty for all else, so that no string is taken for one.
    pub(super) fn word(&self) -> &'a str {
        self.word_ahead(0)
    }

    pub(super) fn word_ahead(&self, count: usize) -> &'a str {
        match self.ahead(count) {
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

    /// Whether the token is a name that a value can have.
    pub(super) fn at_name(&self) -> bool {
        let word = self.word();
        self.token().kind == Kind::Name && (!is_keyword(word) || (word == "print" && self.print_is_name))
    }

    pub(super) fn name(&mut self, what: &str) -> Result<String, Diagnostic> {
        if !self.at_name() {
            return Err(self.unexpected(what));
        }
        let word = self.word();
        self.advance();
        Ok(word.to_owned())
    }

    pub(super) fn ends_statement(&self) -> bool {
        matches!(self.token().kind, Kind::Newline | Kind::End) || self.word() == ";"
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
