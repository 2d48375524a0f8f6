//! Expressions.

use super::parser::Parser;
use super::tokens::{Kind, is_keyword};
use super::{Expr, ExprKind, literals};
use crate::{Diagnostic, Span};

/// How many expressions may lie in each other: each is a step deeper on the stack, here and wherever the tree is
/// walked.
const DEPTH: usize = 100;

/// How high an expression's tree may be: calls and attributes in a row, `a.b().c()`, each hold the one before.
const HEIGHT: usize = 200;

impl Parser<'_> {
    /// An expression, or several with commas: a tuple.
    pub(super) fn expression_list(&mut self) -> Result<Expr, Diagnostic> {
        let first = self.expression()?;
        if self.word() != "," {
            return Ok(first);
        }
        while self.take(",") {
            if self.begins_expression() {
                self.expression()?;
            }
        }
        Ok(self.unsupported("a tuple", first.span.start))
    }

    /// One expression.
    pub(super) fn expression(&mut self) -> Result<Expr, Diagnostic> {
        if self.depth == DEPTH {
            return Err(self
                .error(self.token().span, format!("expressions lie more than {DEPTH} deep in each other")));
        }
        self.depth += 1;
        let expression = self.operation();
        self.depth -= 1;
        expression
    }

    fn operation(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        let construct = match self.word() {
            "lambda" => "a `lambda`",
            "yield" => "`yield`",
            "not" => "the operator `not`",
            "+" => "the operator `+`",
            "~" => "the operator `~`",
            "-" => {
                self.advance();
                return match self.token().kind {
                    Kind::Number => {
                        let number = self.postfix()?;
                        let negated = match number.kind {
                            ExprKind::Int(number) => ExprKind::Int(-number),
                            ExprKind::Float(number) => ExprKind::Float(-number),
                            _ => ExprKind::Unsupported { construct: "the operator `-`".to_owned() },
                        };
                        let number = self.expr(negated, start);
                        self.operators(number)
                    }
                    _ => self.skip_operation("the operator `-`", start),
                };
            }
            _ => {
                let operand = self.postfix()?;
                return self.operators(operand);
            }
        };
        self.skip_operation(construct, start)
    }

    /// What may follow an operand: nothing, or an operator, and then all of it is not supported.
    fn operators(&mut self, operand: Expr) -> Result<Expr, Diagnostic> {
        let start = operand.span.start;
        match self.word() {
            "if" => self.skip_operation("a conditional expression", start),
            "for" => self.skip_operation("a generator expression", start),
            "not" => self.skip_operation("the operator `not in`", start),
            word @ ("and" | "or" | "in" | "is" | "+" | "-" | "*" | "/" | "%" | "**" | "//" | "<<" | ">>"
            | "&" | "|" | "^" | "<" | ">" | "<=" | ">=" | "==" | "!=" | "<>") => {
                self.skip_operation(&format!("the operator `{word}`"), start)
            }
            _ => Ok(operand),
        }
    }

    /// Goes over what belongs to an expression that is not supported.
    fn skip_operation(&mut self, construct: &str, start: usize) -> Result<Expr, Diagnostic> {
        // An operand is due at the beginning and behind an operator; then words and brackets follow freely.
        let mut operand_due = true;
        loop {
            match self.word() {
                "lambda" => {
                    while self.word() != ":" && self.token().kind != Kind::Newline {
                        self.skip_bracketed();
                    }
                    self.expect(":")?;
                    operand_due = true;
                    continue;
                }
                "," | ")" | "]" | "}" | ";" | ":" | "=" => break,
                word if is_augmented(word) => break,
                _ if self.token().kind == Kind::Newline => break,
                word => {
                    let operator =
                        self.token().kind == Kind::Operator && !matches!(word, "(" | "[" | "{" | "`");
                    let keyword = is_keyword(word);
                    operand_due = operator || (keyword && word != "yield");
                    self.skip_bracketed();
                }
            }
        }
        if operand_due {
            return Err(self.unexpected("a value"));
        }
        Ok(self.unsupported(construct, start))
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
                "[" => {
                    self.skip_bracketed();
                    ExprKind::Unsupported { construct: "a subscript".to_owned() }
                }
                _ => return Ok(value),
            };
            self.height = below.max(self.height) + 1;
            if self.height > HEIGHT {
                let place = Span::new(start, self.last_end());
                return Err(
                    self.error(place, format!("more than {HEIGHT} calls and attributes hold each other"))
                );
            }
            value = self.expr(kind, start);
        }
    }

    fn call(&mut self, callee: Expr) -> Result<ExprKind, Diagnostic> {
        self.expect("(")?;
        let mut args = Vec::new();
        let mut keywords: Vec<(String, Expr)> = Vec::new();
        let mut starred = false;
        let mut highest = 0;
        while self.word() != ")" {
            if matches!(self.word(), "*" | "**") {
                self.advance();
                self.expression()?;
                starred = true;
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
                    _ if !keywords.is_empty() && !starred => {
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
        Ok(match starred {
            true => ExprKind::Unsupported { construct: "a call with `*` arguments".to_owned() },
            false => ExprKind::Call { callee: Box::new(callee), args, keywords },
        })
    }

    fn atom(&mut self) -> Result<Expr, Diagnostic> {
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
                Ok(self.expr(literals::string(literals.into_iter()), start))
            }
            (_, "(") => self.parenthesis(),
            (_, "[") => {
                let construct = if self.bracket_holds("for") { "a list comprehension" } else { "a list" };
                self.skip_bracketed();
                Ok(self.unsupported(construct, start))
            }
            (_, "{") => {
                let dict = self.bracket_holds(":") || self.bracket_is_empty();
                let construct = match (dict, self.bracket_holds("for")) {
                    (true, false) => "a dict",
                    (true, true) => "a dict comprehension",
                    (false, false) => "a set",
                    (false, true) => "a set comprehension",
                };
                self.skip_bracketed();
                Ok(self.unsupported(construct, start))
            }
            (_, "`") => {
                self.advance();
                self.expression_list()?;
                self.expect("`")?;
                Ok(self.unsupported("a value in backquotes", start))
            }
            (Kind::Name, word) if !is_keyword(word) => {
                let kind = match word {
                    "True" => ExprKind::Bool(true),
                    "False" => ExprKind::Bool(false),
                    "None" => ExprKind::None,
                    _ => ExprKind::Name(word.to_owned()),
                };
                self.advance();
                Ok(self.expr(kind, start))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    /// `(a)`, which is `a`, or a tuple.
    fn parenthesis(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.token().span.start;
        self.expect("(")?;
        if self.take(")") {
            return Ok(self.unsupported("a tuple", start));
        }
        let inner = self.expression_list()?;
        if self.word() != ")" {
            return Err(self.unexpected("`,` or `)`"));
        }
        self.advance();
        Ok(self.expr(inner.kind, start))
    }

    fn begins_expression(&self) -> bool {
        let word = self.word();
        match self.token().kind {
            Kind::Number | Kind::String => true,
            Kind::Name => !is_keyword(word) || matches!(word, "lambda" | "not" | "yield"),
            Kind::Operator => matches!(word, "(" | "[" | "{" | "`" | "+" | "-" | "~"),
            _ => false,
        }
    }

    fn unsupported(&self, construct: &str, start: usize) -> Expr {
        self.expr(ExprKind::Unsupported { construct: construct.to_owned() }, start)
    }
}

/// Whether an operator is `+=` or one of its kind.
pub(super) fn is_augmented(word: &str) -> bool {
    word.len() > 1 && word.ends_with('=') && !matches!(word, "==" | "!=" | "<=" | ">=")
}
