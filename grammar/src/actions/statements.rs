//! Statements that hold others.

use std::sync::Arc;

use super::expressions::Params;
use super::parser::Parser;
use super::tokens::Kind;
use super::{Class, Def, Expr, Handler, Module, Stmt, StmtKind};
use crate::{Diagnostic, Span};

impl Parser<'_> {
    /// The whole file.
    pub(super) fn module(&mut self) -> Result<Module, Diagnostic> {
        let mut body = Vec::new();
        while self.token().kind != Kind::End {
            self.statement(&mut body)?;
        }
        Ok(Module { body })
    }

    fn statement(&mut self, body: &mut Vec<Stmt>) -> Result<(), Diagnostic> {
        if self.token().kind == Kind::Indent {
            return Err(
                self.error(self.token().span, "this line is indented, but no line before it begins a block")
            );
        }
        let start = self.token().span;
        let kind = match self.word() {
            "class" => self.class(Vec::new())?,
            "def" => self.def(Vec::new())?,
            "@" => self.decorated()?,
            "if" => self.conditional()?,
            "for" => self.for_loop()?,
            "while" => self.while_loop()?,
            "try" => self.try_statement()?,
            "with" => self.with()?,
            word @ ("elif" | "else" | "except" | "finally") => {
                return Err(self.error(start, format!("`{word}` continues no statement")));
            }
            _ => return self.simple_line(body),
        };
        body.push(Stmt { kind, span: self.line_span(start) });
        Ok(())
    }

    /// Statements on one line, with `;` between them.
    fn simple_line(&mut self, body: &mut Vec<Stmt>) -> Result<(), Diagnostic> {
        loop {
            let start = self.token().span;
            let kind = self.simple()?;
            body.push(Stmt { kind, span: Span::new(start.start, self.last_end()) });
            if self.take(";") {
                if self.take_kind(Kind::Newline) {
                    return Ok(());
                }
            } else if self.take_kind(Kind::Newline) {
                return Ok(());
            } else {
                return Err(self.unexpected("the end of the statement"));
            }
        }
    }

    fn conditional(&mut self) -> Result<StmtKind, Diagnostic> {
        let mut branches = Vec::new();
        while branches.is_empty() || self.word() == "elif" {
            self.advance();
            let condition = self.expression()?;
            branches.push((condition, self.block()?));
        }
        Ok(StmtKind::If { branches, otherwise: self.else_block()? })
    }

    fn for_loop(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let target = self.targets()?;
        self.expect("in")?;
        let values = self.expression_list()?;
        let body = self.block()?;
        Ok(StmtKind::For { target, values, body, otherwise: self.else_block()? })
    }

    fn while_loop(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let condition = self.expression()?;
        let body = self.block()?;
        Ok(StmtKind::While { condition, body, otherwise: self.else_block()? })
    }

    fn try_statement(&mut self) -> Result<StmtKind, Diagnostic> {
        let start = self.token().span;
        self.advance();
        let body = self.block()?;
        let mut handlers: Vec<Handler> = Vec::new();
        while self.word() == "except" {
            let start = self.token().span;
            self.advance();
            let kind = if self.word() == ":" { None } else { Some(self.expression()?) };
            let target = if self.take("as") || self.take(",") { Some(self.targets()?) } else { None };
            if handlers.last().is_some_and(|handler| handler.kind.is_none()) {
                return Err(self.error(start, "an `except` for all must be the last"));
            }
            let body = self.block()?;
            handlers.push(Handler { kind, target, body, span: self.line_span(start) });
        }
        let otherwise = if handlers.is_empty() { Vec::new() } else { self.else_block()? };
        let finally = if self.word() == "finally" {
            self.advance();
            self.block()?
        } else {
            Vec::new()
        };
        if handlers.is_empty() && finally.is_empty() {
            return Err(self
                .error(self.line_span(start), "this `try` has neither `except` nor `finally`")
                .with_help("end it with `except Exception as e:` and what is done then"));
        }
        Ok(StmtKind::Try { body, handlers, otherwise, finally })
    }

    fn with(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let mut items = Vec::new();
        loop {
            let value = self.expression()?;
            let target = if self.take("as") {
                let target = self.target()?;
                self.must_take_values(&target)?;
                Some(target)
            } else {
                None
            };
            items.push((value, target));
            if !self.take(",") {
                break;
            }
        }
        Ok(StmtKind::With { items, body: self.block()? })
    }

    fn else_block(&mut self) -> Result<Vec<Stmt>, Diagnostic> {
        if !self.take("else") {
            return Ok(Vec::new());
        }
        self.block()
    }

    fn class(&mut self, decorators: Vec<Expr>) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let name = self.name("the class's name")?;
        let mut bases = Vec::new();
        if self.take("(") {
            while self.word() != ")" {
                bases.push(self.expression()?);
                if !self.take(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        let body = self.block()?;
        Ok(StmtKind::Class(Arc::new(Class { name, bases, body, decorators })))
    }

    fn def(&mut self, decorators: Vec<Expr>) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let name = self.name("the function's name")?;
        self.expect("(")?;
        let Params { params, rest, named_rest, unreadable } = self.params(")")?;
        self.expect(")")?;
        if self.word() == "-" && self.word_ahead(1) == ">" {
            self.advance();
            self.advance();
            self.expression()?;
        }
        let block = self.block()?;
        let body = unreadable.into_iter().chain(block).collect();
        Ok(StmtKind::Def(Arc::new(Def { name, params, rest, named_rest, body, decorators })))
    }

    /// `@name` lines, and the function or class under them.
    fn decorated(&mut self) -> Result<StmtKind, Diagnostic> {
        let mut decorators = Vec::new();
        while self.take("@") {
            decorators.push(self.expression()?);
            if !self.take_kind(Kind::Newline) {
                return Err(self.unexpected("the end of the line"));
            }
        }
        match self.word() {
            "def" => self.def(decorators),
            "class" => self.class(decorators),
            _ => Err(self.unexpected("`def` or `class` after a decorator")),
        }
    }

    /// `:` and what belongs to it: an indented block, or statements on the same line.
    fn block(&mut self) -> Result<Vec<Stmt>, Diagnostic> {
        self.expect(":")?;
        let mut body = Vec::new();
        if !self.take_kind(Kind::Newline) {
            self.simple_line(&mut body)?;
            return Ok(body);
        }
        if !self.take_kind(Kind::Indent) {
            let place = self.token().span;
            return Err(self
                .error(Span::new(place.start, place.start), "an indented block is expected here")
                .with_help("the line before ends with `:`; a block that does nothing holds `pass`"));
        }
        while !self.take_kind(Kind::Dedent) {
            self.statement(&mut body)?;
        }
        Ok(body)
    }

    /// From `start` to the end of its line: the header, for a block.
    fn line_span(&self, start: Span) -> Span {
        let line = self.rest(start).split(['\n', '\r']).next().unwrap_or_default();
        Span::new(start.start, start.start + line.trim_end().len())
    }
}
