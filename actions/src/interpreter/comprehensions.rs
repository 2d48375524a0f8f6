//! Comprehensions. A generator is made at once: nothing in a recipe can tell.

use ays_grammar::Span;
use ays_grammar::actions::{Clause, Expr, Makes};

use super::deep::Deep;
use super::heap::{Fault, Object, Pairs, Val};
use super::scope::ScopeId;
use super::{Interpreter, Stop};

/// What the comprehension has so far.
struct Made {
    values: Vec<Val>,
    seconds: Vec<Val>,
    /// What it goes through that only a node can tell.
    unknown: Option<Val>,
}

impl Interpreter {
    pub(super) async fn comprehension(
        &mut self,
        makes: Makes,
        value: &Expr,
        second: Option<&Expr>,
        clauses: &[Clause],
        span: Span,
        scope: ScopeId,
    ) -> Result<Val, Stop> {
        // In Python 2 a list's comprehension keeps nothing to itself.
        let inner = match makes {
            Makes::List => scope,
            Makes::Set | Makes::Dict | Makes::Generator => self.scopes.comprehension(scope, clauses),
        };
        let mut made = Made { values: Vec::new(), seconds: Vec::new(), unknown: None };
        self.go_through(value, second, clauses, inner, &mut made).await?;
        if let Some(unknown) = made.unknown {
            return Ok(unknown);
        }
        let result = match makes {
            Makes::List => self.heap.list(made.values),
            Makes::Generator => self.heap.add(Object::Iterator { items: made.values, at: 0 }),
            Makes::Set => self.make_set(made.values, false),
            Makes::Dict => self.heap.dict(made.values.into_iter().zip(made.seconds).collect()),
        };
        self.at(result, span)
    }

    fn go_through<'a>(
        &'a mut self,
        value: &'a Expr,
        second: Option<&'a Expr>,
        clauses: &'a [Clause],
        scope: ScopeId,
        made: &'a mut Made,
    ) -> Deep<'a, ()> {
        Deep::new(async move {
            match clauses.split_first() {
                None => {
                    made.values.push(self.eval(value, scope).await?);
                    if let Some(second) = second {
                        made.seconds.push(self.eval(second, scope).await?);
                    }
                    let charged = self.heap.charge(size_of::<Val>());
                    self.at(charged, value.span)
                }
                Some((Clause::If(condition), rest)) => {
                    let holds = self.eval(condition, scope).await?;
                    match self.heap.truth(&holds) {
                        Some(true) => self.go_through(value, second, rest, scope, made).await,
                        Some(false) => Ok(()),
                        None => {
                            made.unknown = Some(holds);
                            Ok(())
                        }
                    }
                }
                Some((Clause::For(target, values), rest)) => {
                    let container = self.eval(values, scope).await?;
                    if matches!(container, Val::Unknown(_)) {
                        made.unknown = Some(container);
                        return Ok(());
                    }
                    for item in self.iterate(&container, values.span).await? {
                        let step = self.heap.step(1);
                        self.at(step, values.span)?;
                        self.assign(target, item, scope).await?;
                        self.go_through(value, second, rest, scope, made).await?;
                    }
                    Ok(())
                }
            }
        })
    }

    pub(super) fn make_set(&mut self, items: Vec<Val>, frozen: bool) -> Result<Val, Fault> {
        let mut pairs = Pairs::new();
        for item in items {
            pairs.entry(self.heap.key(&item)?).or_insert((item, Val::None));
        }
        self.heap.add(Object::Set(pairs, frozen))
    }
}
