//! Expressions.

use std::sync::Arc;

use ays_grammar::Span;
use ays_grammar::actions::{Comparison, Expr, ExprKind, Unary};
use num_bigint::BigInt;

use super::args::Args;
use super::deep::Deep;
use super::heap::Val;
use super::scope::{Found, ScopeId};
use super::sequences::{Slice, index_of};
use super::{Interpreter, Stop, builtins};

impl Interpreter {
    pub(super) fn eval<'a>(&'a mut self, expr: &'a Expr, scope: ScopeId) -> Deep<'a, Val> {
        Deep::new(async move {
            self.go_in(expr.span)?;
            let value = match &expr.kind {
                ExprKind::None => Ok(Val::None),
                ExprKind::Bool(value) => Ok(Val::Bool(*value)),
                ExprKind::Int(value) => Ok(Val::Int(*value)),
                ExprKind::Float(value) => Ok(Val::Float(*value)),
                ExprKind::Bytes(value) => Ok(Val::Bytes(Arc::clone(value))),
                ExprKind::Text(value) => Ok(Val::Text(Arc::clone(value))),
                ExprKind::Name(name) => self.name(name, expr.span, scope),
                _ => self.compound(expr, scope).await,
            };
            self.nested -= 1;
            value
        })
    }

    pub(super) async fn eval_all(&mut self, exprs: &[Expr], scope: ScopeId) -> Result<Vec<Val>, Stop> {
        let mut values = Vec::with_capacity(exprs.len());
        for expr in exprs {
            values.push(self.eval(expr, scope).await?);
        }
        Ok(values)
    }

    async fn compound(&mut self, expr: &Expr, scope: ScopeId) -> Result<Val, Stop> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Long(digits) => {
                let number: BigInt = digits.parse().unwrap_or_default();
                Ok(Val::Long(Arc::new(number)))
            }
            ExprKind::Attribute { value, name } => {
                let value = self.eval(value, scope).await?;
                self.attribute(&value, name, span).await
            }
            ExprKind::Call { .. } => self.call_expression(expr, scope).await,
            ExprKind::Tuple(items) => {
                let items = self.eval_all(items, scope).await?;
                let made = self.heap.tuple(items);
                self.at(made, span)
            }
            ExprKind::List(items) => {
                let items = self.eval_all(items, scope).await?;
                let made = self.heap.list(items);
                self.at(made, span)
            }
            ExprKind::Set(items) => {
                let items = self.eval_all(items, scope).await?;
                let made = self.make_set(items, false);
                self.at(made, span)
            }
            ExprKind::Dict(pairs) => {
                let mut made = Vec::new();
                for (key, value) in pairs {
                    let value = self.eval(value, scope).await?;
                    made.push((self.eval(key, scope).await?, value));
                }
                let made = self.heap.dict(made);
                self.at(made, span)
            }
            ExprKind::Subscript { value, index } => {
                let value = self.eval(value, scope).await?;
                if let ExprKind::Slice { start, stop, step } = &index.kind {
                    let slice = self.slice(start, stop, step, scope).await?;
                    let part = self.heap.slice(&value, &slice);
                    return self.at(part, span);
                }
                let index = self.eval(index, scope).await?;
                self.item(&value, &index, span).await
            }
            ExprKind::Slice { .. } => Err(self.unsupported(span, "a slice of several dimensions")),
            ExprKind::Unary(Unary::Not, value) => {
                let value = self.eval(value, scope).await?;
                Ok(match self.heap.truth(&value) {
                    Some(truth) => Val::Bool(!truth),
                    None => value,
                })
            }
            ExprKind::Unary(operator, value) => {
                let value = self.eval(value, scope).await?;
                let result = self.heap.unary(*operator, &value);
                self.at(result, span)
            }
            ExprKind::Binary(left, operator, right) => {
                let left = self.eval(left, scope).await?;
                let right = self.eval(right, scope).await?;
                let right = self.plain_for(*operator, &left, right, span).await?;
                let result = self.heap.binary(*operator, &left, &right, self.true_division);
                self.at(result, span)
            }
            ExprKind::And(left, right) => self.either(left, right, true, scope).await,
            ExprKind::Or(left, right) => self.either(left, right, false, scope).await,
            ExprKind::Compare(first, rest) => self.comparison(first, rest, span, scope).await,
            ExprKind::Conditional { condition, then, otherwise } => {
                let holds = self.eval(condition, scope).await?;
                match self.heap.truth(&holds) {
                    Some(true) => self.eval(then, scope).await,
                    Some(false) => self.eval(otherwise, scope).await,
                    None => {
                        self.unsure.push(super::statements::shown(&holds));
                        let (one, other) = (self.eval(then, scope).await, self.eval(otherwise, scope).await);
                        self.unsure.pop();
                        let (one, other) = (one?, other?);
                        let same = self.heap.equal(&one, &other);
                        Ok(if self.at(same, span)? { one } else { holds })
                    }
                }
            }
            ExprKind::Lambda(def) => self.function(def, scope).await,
            ExprKind::Comprehension { makes, value, second, clauses } => {
                self.comprehension(*makes, value, second.as_deref(), clauses, span, scope).await
            }
            ExprKind::Repr(value) => {
                let value = self.eval(value, scope).await?;
                self.call(Val::Builtin("repr"), Args::of(vec![value]), span).await
            }
            ExprKind::Unsupported { construct } => Err(self.unsupported(span, construct)),
            ExprKind::None
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bytes(_)
            | ExprKind::Text(_)
            | ExprKind::Name(_) => Ok(Val::None),
        }
    }

    fn name(&mut self, name: &str, span: Span, scope: ScopeId) -> Result<Val, Stop> {
        match self.scopes.find(name, scope) {
            Found::Value(value) => Ok(value),
            Found::Unbound => {
                let message = format!("local variable '{name}' referenced before assignment");
                Err(self.raise("UnboundLocalError", &message, span))
            }
            Found::Nothing => match (self.exceptions.get(name), builtins::named(name)) {
                (Some(class), _) => Ok(Val::Ref(*class)),
                (None, Some(builtin)) => Ok(Val::Builtin(builtin)),
                // No `except` helps: the import is missing.
                (None, None) if name.eq_ignore_ascii_case("registerImage") => {
                    Err(Stop::Ended(crate::check::not_imported(&self.source, name, span)))
                }
                (None, None) if name == "__name__" => Ok(Val::Bytes(b"actions"[..].into())),
                (None, None) => {
                    let global = if self.scopes.is_function(scope) { "global " } else { "" };
                    let message = format!("{global}name '{name}' is not defined");
                    Err(self.raise("NameError", &message, span))
                }
            },
        }
    }

    /// `and` and `or`.
    async fn either(
        &mut self,
        left: &Expr,
        right: &Expr,
        goes_on: bool,
        scope: ScopeId,
    ) -> Result<Val, Stop> {
        let value = self.eval(left, scope).await?;
        match self.heap.truth(&value) {
            Some(truth) if truth == goes_on => self.eval(right, scope).await,
            Some(_) => Ok(value),
            None => {
                self.unsure.push(super::statements::shown(&value));
                let right = self.eval(right, scope).await;
                self.unsure.pop();
                right.map(|_| value)
            }
        }
    }

    async fn comparison(
        &mut self,
        first: &Expr,
        rest: &[(Comparison, Expr)],
        span: Span,
        scope: ScopeId,
    ) -> Result<Val, Stop> {
        let mut left = self.eval(first, scope).await?;
        let mut result = Val::Bool(true);
        for (comparison, right) in rest {
            let right = self.eval(right, scope).await?;
            result = self.compare(*comparison, &left, &right, span).await?;
            if self.heap.truth(&result) == Some(false) {
                return Ok(result);
            }
            left = right;
        }
        Ok(result)
    }

    /// Compares two values, by `__eq__` of their class where it has one.
    async fn compare(
        &mut self,
        comparison: Comparison,
        left: &Val,
        right: &Val,
        span: Span,
    ) -> Result<Val, Stop> {
        let method = match comparison {
            Comparison::Equal => Some("__eq__"),
            Comparison::NotEqual => Some("__ne__"),
            Comparison::Less => Some("__lt__"),
            Comparison::LessOrEqual => Some("__le__"),
            Comparison::Greater => Some("__gt__"),
            Comparison::GreaterOrEqual => Some("__ge__"),
            _ => None,
        };
        if let Some(method) = method.filter(|method| self.has_method(left, method)) {
            return self.call_named(left, method, Args::of(vec![right.clone()]), span).await;
        }
        if matches!(comparison, Comparison::In | Comparison::NotIn) && self.has_method(right, "__contains__")
        {
            let found = self.call_named(right, "__contains__", Args::of(vec![left.clone()]), span).await?;
            let found = self.heap.truth(&found) == Some(true);
            return Ok(Val::Bool(found == (comparison == Comparison::In)));
        }
        let result = self.heap.compare(comparison, left, right);
        self.at(result, span)
    }

    pub(super) async fn item(&mut self, value: &Val, index: &Val, span: Span) -> Result<Val, Stop> {
        if self.has_method(value, "__getitem__") {
            return self.call_named(value, "__getitem__", Args::of(vec![index.clone()]), span).await;
        }
        let item = self.heap.subscript(value, index);
        self.at(item, span)
    }

    pub(super) async fn slice(
        &mut self,
        start: &Option<Box<Expr>>,
        stop: &Option<Box<Expr>>,
        step: &Option<Box<Expr>>,
        scope: ScopeId,
    ) -> Result<Slice, Stop> {
        let mut bounds = [None, None, None];
        for (bound, expr) in bounds.iter_mut().zip([start, stop, step]) {
            let Some(expr) = expr else { continue };
            let value = self.eval(expr, scope).await?;
            if matches!(value, Val::None) {
                continue;
            }
            match index_of(&value) {
                Some(index) => *bound = Some(index),
                None if matches!(value, Val::Unknown(_)) => {}
                None => {
                    let message = "slice indices must be integers or None or have an __index__ method";
                    return Err(self.raise("TypeError", message, expr.span));
                }
            }
        }
        let [start, stop, step] = bounds;
        Ok(Slice { start, stop, step })
    }
}
