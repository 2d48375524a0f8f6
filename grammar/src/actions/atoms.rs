//! What expressions are made of: literals, names, and what stands in brackets.

use super::parser::Parser;
use super::tokens::{Kind, is_keyword};
use super::{Clause, Expr, ExprKind, Makes, literals};
use crate::{Diagnostic, Span};

impl Parser<'_> {
    pub(super) fn atom(&mut self) -> Result<Expr, Diagnostic> {
        let token = self.token();
        let start = token.span.start;
        self.height = 1;
        match (token.kind, self.word()) {
            (Kind::Number, _) => {
                let number = literals::number(self.source(token.span));
                self.advance();
                number.map(|kind| self.expr(kind, start)).map_err(|message| self.error(token.span, message))
            }
            (Kind::String, _) => {
                let mut literals = Vec::new();
                while self.token().kind == Kind::String {
                    literals.push(self.source(self.token().span));
                    self.advance();
                }
                Ok(self.expr(literals::string(&literals, self.unicode_literals), start))
            }
            (_, "(") => self.parenthesis(),
            (_, "[") => self.list(),
            (_, "{") => self.braces(),
            (_, "`") => {
                self.advance();
                let inner = self.expression_list()?;
                self.expect("`")?;
                self.higher(start, ExprKind::Repr(Box::new(inner)))
            }
            (Kind::Name, word) if !is_keyword(word) || (word == "print" && self.print_is_name) => {
                let kind = match word {
                    "True" => ExprKind::Bool(true),
                    "False" => ExprKind::Bool(false),
                    "None" => ExprKind::None,
                    _ => ExprKind::Name(word.to_owned()),
                };
                self.advance();
                if self.token().kind == Kind::String && self.token().span.start == token.span.end {
                    return Err(self.error(
                        Span::new(start, self.token().span.end),
                        format!("a string cannot begin with `{word}`"),
                    ));
                }
                Ok(self.expr(kind, start))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    /// `yield`, with a value or without.
    pub(super) fn yielded(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        self.expect("yield")?;
        if self.begins_expression() {
            self.expression_list()?;
        }
        self.height = 1;
        Ok(self.unsupported("`yield`", start))
    }

    /// `(a)`, which is `a`, a tuple, or a generator.
    fn parenthesis(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        self.expect("(")?;
        if self.take(")") {
            return Ok(self.expr(ExprKind::Tuple(Vec::new()), start));
        }
        let inner = match self.word() {
            "yield" => self.yielded()?,
            _ => {
                let first = self.expression()?;
                match self.word() {
                    "for" => self.generator(first)?,
                    _ => self.tuple_from(first, Self::expression)?,
                }
            }
        };
        if self.word() != ")" {
            return Err(self.unexpected("`,` or `)`"));
        }
        self.advance();
        Ok(self.expr(inner.kind, start))
    }

    fn list(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        self.expect("[")?;
        let (items, highest) = if self.word() == "]" {
            (Vec::new(), 1)
        } else {
            let first = self.expression()?;
            if self.word() == "for" {
                return self.comprehension(Makes::List, first, None, "]", start);
            }
            self.items(first)?
        };
        if self.word() != "]" {
            return Err(self.unexpected("`,` or `]`"));
        }
        self.advance();
        self.height = highest;
        self.higher(start, ExprKind::List(items))
    }

    /// The rest of a list or set, and how high the highest of them is.
    fn items(&mut self, first: Expr) -> Result<(Vec<Expr>, usize), Diagnostic> {
        let mut highest = self.height;
        let mut items = vec![first];
        while self.take(",") && self.begins_expression() {
            items.push(self.expression()?);
            highest = highest.max(self.height);
        }
        Ok((items, highest))
    }

    /// A dict or a set.
    fn braces(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        self.expect("{")?;
        if self.take("}") {
            return Ok(self.expr(ExprKind::Dict(Vec::new()), start));
        }
        let first = self.expression()?;
        if self.word() == "for" {
            return self.comprehension(Makes::Set, first, None, "}", start);
        }
        let (kind, highest) = if self.word() == ":" {
            let (mut highest, mut key) = (1, first);
            let mut pairs = Vec::new();
            loop {
                highest = highest.max(self.height);
                self.expect(":")?;
                let value = self.expression()?;
                highest = highest.max(self.height);
                if pairs.is_empty() && self.word() == "for" {
                    return self.comprehension(Makes::Dict, key, Some(value), "}", start);
                }
                pairs.push((key, value));
                if !self.take(",") || !self.begins_expression() {
                    break;
                }
                key = self.expression()?;
            }
            (ExprKind::Dict(pairs), highest)
        } else {
            let (items, highest) = self.items(first)?;
            (ExprKind::Set(items), highest)
        };
        if self.word() != "}" {
            return Err(self.unexpected("`,` or `}`"));
        }
        self.advance();
        self.height = highest;
        self.higher(start, kind)
    }

    /// `value for ..`, the bracket behind it not taken.
    pub(super) fn generator(&mut self, value: Expr) -> Result<Expr, Diagnostic> {
        let start = value.span.start;
        let clauses = self.clauses(false)?;
        let (value, second) = (Box::new(value), None);
        self.higher(start, ExprKind::Comprehension { makes: Makes::Generator, value, second, clauses })
    }

    fn comprehension(
        &mut self,
        makes: Makes,
        value: Expr,
        second: Option<Expr>,
        end: &str,
        start: usize,
    ) -> Result<Expr, Diagnostic> {
        let clauses = self.clauses(makes == Makes::List)?;
        if self.word() != end {
            return Err(self.unexpected(&format!("`{end}`")));
        }
        self.advance();
        let (value, second) = (Box::new(value), second.map(Box::new));
        self.higher(start, ExprKind::Comprehension { makes, value, second, clauses })
    }

    /// `for .. in .. if ..`, as many as there are. In a list, values with commas need no brackets.
    fn clauses(&mut self, bare_tuples: bool) -> Result<Vec<Clause>, Diagnostic> {
        let mut highest = self.height;
        let mut clauses = Vec::new();
        loop {
            if self.take("for") {
                let target = self.targets()?;
                highest = highest.max(self.height);
                self.expect("in")?;
                let first = self.plain_expression()?;
                let values =
                    if bare_tuples { self.tuple_from(first, Self::plain_expression)? } else { first };
                clauses.push(Clause::For(target, values));
            } else if self.take("if") {
                clauses.push(Clause::If(self.plain_expression()?));
            } else {
                self.height = highest;
                return Ok(clauses);
            }
            highest = highest.max(self.height);
        }
    }

    /// What a `for` gives its values to.
    pub(super) fn targets(&mut self) -> Result<Expr, Diagnostic> {
        let first = self.target()?;
        let target = self.tuple_from(first, Self::target)?;
        self.must_take_values(&target)?;
        Ok(target)
    }

    /// An error where something can be given no value.
    pub(super) fn must_take_values(&self, target: &Expr) -> Result<(), Diagnostic> {
        match &target.kind {
            ExprKind::Name(_) | ExprKind::Attribute { .. } | ExprKind::Subscript { .. } => Ok(()),
            ExprKind::Tuple(items) | ExprKind::List(items) if !items.is_empty() => {
                items.iter().try_for_each(|item| self.must_take_values(item))
            }
            _ => {
                Err(self.error(target.span, "only a name, an attribute or a subscript can be given a value"))
            }
        }
    }
}
