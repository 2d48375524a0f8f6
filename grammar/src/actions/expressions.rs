//! Expressions: operators by how firmly they bind, as Python's reference orders them.

use std::sync::Arc;

use super::parser::Parser;
use super::tokens::{Kind, is_keyword};
use super::{Comparison, Def, Expr, ExprKind, Operator, Param, Stmt, StmtKind, Unary};
use crate::{Diagnostic, Span};

/// How many expressions may lie in each other: each is a step deeper on the stack, here and wherever the tree is
/// walked.
const DEPTH: usize = 100;

/// How high an expression's tree may be: calls, attributes and operators in a row, `a.b().c() + d`, each hold the one
/// before.
const HEIGHT: usize = 500;

/// How much of the stack must be left, and how much more is taken.
const LEFT: usize = 128 * 1024;
const MORE: usize = 1024 * 1024;

/// Operators of two operands, those that bind least first; each row binds alike.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("|", Operator::Or)],
    &[("^", Operator::Xor)],
    &[("&", Operator::And)],
    &[("<<", Operator::ShiftLeft), (">>", Operator::ShiftRight)],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("//", Operator::FloorDivide),
        ("%", Operator::Modulo),
    ],
];

impl Parser<'_> {
    /// An expression, or several with commas: a tuple.
    pub(super) fn expression_list(&mut self) -> Result<Expr, Diagnostic> {
        let first = self.expression()?;
        self.tuple_from(first, Self::expression)
    }

    /// `first` alone, or with what follows it behind commas.
    pub(super) fn tuple_from(
        &mut self,
        first: Expr,
        next: fn(&mut Self) -> Result<Expr, Diagnostic>,
    ) -> Result<Expr, Diagnostic> {
        if self.word() != "," {
            return Ok(first);
        }
        let (start, mut highest) = (first.span.start, self.height);
        let mut items = vec![first];
        while self.take(",") {
            if !self.begins_expression() {
                break;
            }
            items.push(next(self)?);
            highest = highest.max(self.height);
        }
        self.height = highest;
        self.higher(start, ExprKind::Tuple(items))
    }

    /// One expression.
    pub(super) fn expression(&mut self) -> Result<Expr, Diagnostic> {
        self.deeper(|parser| {
            if parser.word() == "lambda" {
                return parser.lambda(Self::expression);
            }
            let start = parser.token().span.start;
            let value = parser.or()?;
            if !parser.take("if") {
                return Ok(value);
            }
            let below = parser.height;
            let condition = parser.or()?;
            parser.expect("else")?;
            let below = below.max(parser.height);
            let otherwise = parser.expression()?;
            parser.height = below.max(parser.height);
            let (condition, then) = (Box::new(condition), Box::new(value));
            let kind = ExprKind::Conditional { condition, then, otherwise: Box::new(otherwise) };
            parser.higher(start, kind)
        })
    }

    /// An expression without `if` and `else`: what a comprehension goes through, and its conditions.
    pub(super) fn plain_expression(&mut self) -> Result<Expr, Diagnostic> {
        self.deeper(|parser| match parser.word() {
            "lambda" => parser.lambda(Self::plain_expression),
            _ => parser.or(),
        })
    }

    /// What can be given a value, and what a `for` goes to: an expression without `in`.
    pub(super) fn target(&mut self) -> Result<Expr, Diagnostic> {
        self.deeper(|parser| parser.binary(0))
    }

    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Expr, Diagnostic>,
    ) -> Result<Expr, Diagnostic> {
        if self.depth == DEPTH {
            return Err(self
                .error(self.token().span, format!("expressions lie more than {DEPTH} deep in each other")));
        }
        self.depth += 1;
        // Each level of operators is a call of its own.
        let expression = stacker::maybe_grow(LEFT, MORE, || read(self));
        self.depth -= 1;
        expression
    }

    fn or(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        let mut left = self.and()?;
        while self.take("or") {
            let below = self.height;
            let right = self.and()?;
            self.height = below.max(self.height);
            left = self.higher(start, ExprKind::Or(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        let mut left = self.not()?;
        while self.take("and") {
            let below = self.height;
            let right = self.not()?;
            self.height = below.max(self.height);
            left = self.higher(start, ExprKind::And(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, Diagnostic> {
        self.prefixed(&[("not", Unary::Not)], Self::comparison)
    }

    fn comparison(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        let first = self.binary(0)?;
        let mut highest = self.height;
        let mut rest = Vec::new();
        while let Some(comparison) = self.comparison_operator() {
            rest.push((comparison, self.binary(0)?));
            highest = highest.max(self.height);
        }
        if rest.is_empty() {
            return Ok(first);
        }
        self.height = highest;
        self.higher(start, ExprKind::Compare(Box::new(first), rest))
    }

    fn comparison_operator(&mut self) -> Option<Comparison> {
        let comparison = match self.word() {
            "==" => Comparison::Equal,
            "!=" | "<>" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "in" => Comparison::In,
            "not" if self.word_ahead(1) == "in" => {
                self.advance();
                Comparison::NotIn
            }
            "is" if self.word_ahead(1) == "not" => {
                self.advance();
                Comparison::IsNot
            }
            "is" => Comparison::Is,
            _ => return None,
        };
        self.advance();
        Some(comparison)
    }

    /// Operators of a level of [`LEVELS`] and of those that bind more firmly.
    fn binary(&mut self, level: usize) -> Result<Expr, Diagnostic> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let start = self.token().span.start;
        let mut left = self.binary(level + 1)?;
        loop {
            let word = self.word();
            let Some((_, operator)) = operators.iter().find(|(text, _)| *text == word) else {
                return Ok(left);
            };
            self.advance();
            let below = self.height;
            let right = self.binary(level + 1)?;
            self.height = below.max(self.height);
            left = self.higher(start, ExprKind::Binary(Box::new(left), *operator, Box::new(right)))?;
        }
    }

    fn unary(&mut self) -> Result<Expr, Diagnostic> {
        const SIGNS: [(&str, Unary); 3] = [("-", Unary::Minus), ("+", Unary::Plus), ("~", Unary::Invert)];
        self.prefixed(&SIGNS, Self::power)
    }

    /// Operators before their operand, as many as there are. They are no step deeper on the stack.
    fn prefixed(
        &mut self,
        operators: &[(&str, Unary)],
        operand: fn(&mut Self) -> Result<Expr, Diagnostic>,
    ) -> Result<Expr, Diagnostic> {
        let mut found = Vec::new();
        while let Some((_, operator)) = operators.iter().find(|(text, _)| *text == self.word()) {
            found.push((self.token().span.start, *operator));
            self.advance();
        }
        let mut value = operand(self)?;
        while let Some((start, operator)) = found.pop() {
            let kind = match (operator, &value.kind) {
                (Unary::Minus, ExprKind::Int(number)) if !self.is_bracketed(&value) => ExprKind::Int(-number),
                (Unary::Minus, ExprKind::Float(number)) if !self.is_bracketed(&value) => {
                    ExprKind::Float(-number)
                }
                _ => ExprKind::Unary(operator, Box::new(value)),
            };
            value = self.higher(start, kind)?;
        }
        Ok(value)
    }

    fn is_bracketed(&self, value: &Expr) -> bool {
        self.source(value.span).starts_with(['(', '-'])
    }

    fn power(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        let base = self.postfix()?;
        if !self.take("**") {
            return Ok(base);
        }
        let below = self.height;
        let exponent = self.deeper(Self::unary)?;
        self.height = below.max(self.height);
        self.higher(start, ExprKind::Binary(Box::new(base), Operator::Power, Box::new(exponent)))
    }

    /// An operand with the attributes, calls and subscripts behind it.
    fn postfix(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        let mut value = self.atom()?;
        loop {
            let below = self.height;
            let kind = match self.word() {
                "." => {
                    self.advance();
                    let name = self.name("a name after the dot")?;
                    ExprKind::Attribute { value: Box::new(value), name }
                }
                "(" => self.call(value)?,
                "[" => self.subscript(value)?,
                _ => return Ok(value),
            };
            self.height = below.max(self.height);
            value = self.higher(start, kind)?;
        }
    }

    fn call(&mut self, callee: Expr) -> Result<ExprKind, Diagnostic> {
        self.expect("(")?;
        let mut args = Vec::new();
        let mut keywords: Vec<(String, Expr)> = Vec::new();
        let (mut rest, mut named_rest) = (None, None);
        let mut highest = 0;
        while self.word() != ")" {
            if self.take("**") {
                named_rest = Some(Box::new(self.expression()?));
            } else if self.take("*") {
                rest = Some(Box::new(self.expression()?));
            } else {
                let argument = self.expression()?;
                match argument.kind {
                    ExprKind::Name(name) if self.take("=") => {
                        if keywords.iter().any(|(given, _)| *given == name) {
                            return Err(self.error(argument.span, format!("`{name}` is given twice")));
                        }
                        highest = highest.max(self.height);
                        keywords.push((name, self.expression()?));
                    }
                    _ if self.word() == "for" => args.push(self.generator(argument)?),
                    _ if !keywords.is_empty() || named_rest.is_some() => {
                        return Err(
                            self.error(argument.span, "an argument without a name follows one with a name")
                        );
                    }
                    _ => args.push(argument),
                }
            }
            highest = highest.max(self.height);
            if !self.take(",") {
                break;
            }
        }
        if self.word() != ")" {
            return Err(self.unexpected("`,` or `)`"));
        }
        self.advance();
        self.height = highest;
        Ok(ExprKind::Call { callee: Box::new(callee), args, keywords, rest, named_rest })
    }

    fn subscript(&mut self, value: Expr) -> Result<ExprKind, Diagnostic> {
        self.expect("[")?;
        let start = self.token().span.start;
        let first = self.slice()?;
        let index = if self.word() == "," {
            let (mut items, mut highest) = (vec![first], self.height);
            while self.take(",") && self.word() != "]" {
                items.push(self.slice()?);
                highest = highest.max(self.height);
            }
            self.height = highest;
            self.higher(start, ExprKind::Tuple(items))?
        } else {
            first
        };
        if self.word() != "]" {
            return Err(self.unexpected("`]`"));
        }
        self.advance();
        let index = Box::new(Expr { span: Span::new(start, index.span.end), ..index });
        Ok(ExprKind::Subscript { value: Box::new(value), index })
    }

    /// An index, or a slice: `start:stop:step`, each of which may be left out.
    fn slice(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        if self.word() == "." && self.word_ahead(1) == "." && self.word_ahead(2) == "." {
            (0..3).for_each(|_| self.advance());
            self.height = 1;
            return Ok(self.unsupported("`...`", start));
        }
        let mut highest = 1;
        let mut parts = [None, None, None];
        for (index, part) in parts.iter_mut().enumerate() {
            if index > 0 && !self.take(":") {
                break;
            }
            if !matches!(self.word(), ":" | "]" | ",") {
                let value = self.expression()?;
                highest = highest.max(self.height);
                if index == 0 && self.word() != ":" {
                    return Ok(value);
                }
                *part = Some(Box::new(value));
            } else if index == 0 && self.word() != ":" {
                return Err(self.unexpected("a value"));
            }
        }
        self.height = highest;
        let [first, stop, step] = parts;
        self.higher(start, ExprKind::Slice { start: first, stop, step })
    }

    fn lambda(&mut self, value: fn(&mut Self) -> Result<Expr, Diagnostic>) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        self.expect("lambda")?;
        let params = self.params(":")?;
        self.expect(":")?;
        let value = value(self)?;
        let span = value.span;
        let mut body: Vec<Stmt> = params.unreadable.into_iter().collect();
        body.push(Stmt { kind: StmtKind::Return(Some(value)), span });
        let (name, decorators) = ("<lambda>".to_owned(), Vec::new());
        let Params { params, rest, named_rest, .. } = Params { unreadable: None, ..params };
        let def = Def { name, params, rest, named_rest, body, decorators };
        self.higher(start, ExprKind::Lambda(Arc::new(def)))
    }

    /// Parameters, up to the word behind the last.
    pub(super) fn params(&mut self, end: &str) -> Result<Params, Diagnostic> {
        let mut found = Params::default();
        while self.word() != end {
            let span = self.token().span;
            if self.take("**") {
                found.named_rest = Some(self.name("a parameter's name")?);
            } else if self.take("*") {
                found.rest = Some(self.name("a parameter's name")?);
            } else if self.word() == "(" {
                // Python 2 takes a tuple apart here; nobody needs it.
                self.target()?;
                if self.take("=") {
                    self.expression()?;
                }
                let construct = "a tuple as a parameter".to_owned();
                found.unreadable = Some(Stmt { kind: StmtKind::Unsupported { construct }, span });
                found.params.push(Param { name: format!(".{}", found.params.len()), default: None });
            } else {
                let name = self.name("a parameter's name")?;
                let twice = found.params.iter().any(|param| param.name == name);
                if twice {
                    return Err(self.error(span, format!("there are two parameters `{name}`")));
                }
                // Python 3 says of what kind a parameter is; that changes nothing.
                if end == ")" && self.take(":") {
                    self.expression()?;
                }
                let default = if self.take("=") { Some(self.expression()?) } else { None };
                if default.is_none()
                    && found.rest.is_none()
                    && found.params.iter().any(|p| p.default.is_some())
                {
                    return Err(self.error(span, "a parameter without a default follows one with a default"));
                }
                found.params.push(Param { name, default });
            }
            if !self.take(",") {
                break;
            }
        }
        Ok(found)
    }

    pub(super) fn begins_expression(&self) -> bool {
        let word = self.word();
        match self.token().kind {
            Kind::Number | Kind::String => true,
            Kind::Name => {
                !is_keyword(word)
                    || matches!(word, "lambda" | "not" | "yield")
                    || (word == "print" && self.print_is_name)
            }
            Kind::Operator => matches!(word, "(" | "[" | "{" | "`" | "+" | "-" | "~" | "."),
            _ => false,
        }
    }

    pub(super) fn unsupported(&self, construct: &str, start: usize) -> Expr {
        self.expr(ExprKind::Unsupported { construct: construct.to_owned() }, start)
    }

    /// An expression one higher than what it holds, whose height is known.
    pub(super) fn higher(&mut self, start: usize, kind: ExprKind) -> Result<Expr, Diagnostic> {
        self.height += 1;
        if self.height > HEIGHT {
            let place = Span::new(start, self.last_end());
            let message = format!("more than {HEIGHT} calls, attributes and operators hold each other");
            return Err(self.error(place, message));
        }
        Ok(self.expr(kind, start))
    }
}

/// What stands between the brackets of a `def`.
#[derive(Default)]
pub(super) struct Params {
    pub(super) params: Vec<Param>,
    pub(super) rest: Option<String>,
    pub(super) named_rest: Option<String>,
    /// A parameter that is not supported, which is an error only where the function is called.
    pub(super) unreadable: Option<Stmt>,
}

/// The operator of `+=` or one of its kind.
pub(super) fn augmented(word: &str) -> Option<Operator> {
    let operator = word.strip_suffix('=')?;
    if operator == "**" {
        return Some(Operator::Power);
    }
    LEVELS.iter().flat_map(|level| level.iter()).find(|(text, _)| *text == operator).map(|(_, found)| *found)
}
