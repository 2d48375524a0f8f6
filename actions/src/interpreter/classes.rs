//! Classes of a script and their instances.

use ays_grammar::Span;
use ays_grammar::actions::{Class, Expr};

use super::args::Args;
use super::heap::{self, Id, Names, Object, Val};
use super::scope::ScopeId;
use super::{Interpreter, Stop};

impl Interpreter {
    pub(super) async fn class(&mut self, class: &Class, span: Span, scope: ScopeId) -> Result<Val, Stop> {
        let mut bases = Vec::new();
        for base in &class.bases {
            match self.eval(base, scope).await? {
                Val::Ref(id) if matches!(self.heap.get(id), Object::Class(_)) => bases.push(id),
                // `ActionsBase` and its kind, however they are imported.
                Val::Host(path) if path.contains("ActionsBase") => bases.extend(self.base),
                Val::Host(path) => {
                    return Err(self.unsupported(base.span, &format!("a class with the base `{path}`")));
                }
                Val::Builtin(name) => {
                    return Err(self.unsupported(base.span, &format!("a class with the base `{name}`")));
                }
                _ => return Err(self.raise("TypeError", "a base of a class must be a class", base.span)),
            }
        }
        let above = self.heap.above(&bases);
        let above = self.at(above, span)?;
        let charged = self.heap.charge(256);
        self.at(charged, span)?;
        let inner = self.scopes.class(scope);
        self.block(&class.body, inner).await?;
        let attributes = self.scopes.names(inner);
        let class = heap::Class { name: class.name.as_str().into(), above, attributes };
        let class = self.heap.add(Object::Class(class));
        self.at(class, span)
    }

    pub(super) async fn decorate(
        &mut self,
        mut value: Val,
        decorators: &[Expr],
        scope: ScopeId,
    ) -> Result<Val, Stop> {
        for decorator in decorators.iter().rev() {
            let function = self.eval(decorator, scope).await?;
            value = self.call(function, Args::of(vec![value]), decorator.span).await?;
        }
        Ok(value)
    }

    pub(super) async fn instantiate(&mut self, class: Id, args: Args, span: Span) -> Result<Val, Stop> {
        let own = self.heap.class_attribute(class, "__init__").is_some();
        if self.heap.is_exception(class) {
            let exception = self.exception(class, args.positional.clone());
            let exception = self.at(exception, span)?;
            if own {
                self.call_named(&exception, "__init__", args, span).await?;
            }
            return Ok(exception);
        }
        let instance = self.heap.add(Object::Instance { class, attributes: Names::new() });
        let instance = self.at(instance, span)?;
        if own {
            self.call_named(&instance, "__init__", args, span).await?;
        } else if !args.positional.is_empty() || !args.named.is_empty() {
            return Err(self.raise("TypeError", "this constructor takes no arguments", span));
        }
        Ok(instance)
    }

    /// A value with its own `__str__`, or `__repr__`, as the text that gives; others as they are.
    pub(super) async fn plain(&mut self, value: Val, span: Span) -> Result<Val, Stop> {
        for method in ["__str__", "__repr__"] {
            if self.has_method(&value, method) {
                return self.call_named(&value, method, Args::default(), span).await;
            }
        }
        Ok(value)
    }

    pub(super) async fn plain_args(&mut self, args: Args, span: Span) -> Result<Args, Stop> {
        let mut plain = Args::default();
        for value in args.positional {
            plain.positional.push(self.plain(value, span).await?);
        }
        for (name, value) in args.named {
            let value = self.plain(value, span).await?;
            plain.named.push((name, value));
        }
        Ok(plain)
    }

    /// The right side of `text % values`, with the texts of instances in their place.
    pub(super) async fn plain_for(
        &mut self,
        operator: ays_grammar::actions::Operator,
        left: &Val,
        right: Val,
        span: Span,
    ) -> Result<Val, Stop> {
        let formats = operator == ays_grammar::actions::Operator::Modulo
            && matches!(left, Val::Bytes(_) | Val::Text(_));
        let Val::Ref(id) = &right else { return Ok(right) };
        if !formats {
            return Ok(right);
        }
        match self.heap.get(*id) {
            Object::Tuple(items) => {
                let items = items.clone();
                let mut plain = Vec::new();
                for item in items {
                    plain.push(self.plain(item, span).await?);
                }
                let tuple = self.heap.tuple(plain);
                self.at(tuple, span)
            }
            Object::Instance { .. } => self.plain(right, span).await,
            _ => Ok(right),
        }
    }

    /// What `with` gives its name, and what it does in the end.
    pub(super) async fn enter(&mut self, value: &Val, span: Span) -> Result<Val, Stop> {
        if self.has_method(value, "__enter__") {
            return self.call_named(value, "__enter__", Args::default(), span).await;
        }
        let is_file = matches!(value, Val::Ref(id) if matches!(self.heap.get(*id), Object::File(_)));
        if is_file || matches!(value, Val::Unknown(_)) {
            return Ok(value.clone());
        }
        let error = self.no_attribute(value, "__enter__");
        Err(self.stop(error, span))
    }

    /// Whether an exception goes no further.
    pub(super) async fn leave(&mut self, value: &Val, raised: Option<Val>, span: Span) -> Result<bool, Stop> {
        if let Val::Ref(id) = value
            && matches!(self.heap.get(*id), Object::File(_))
        {
            self.close_file(*id, span).await?;
            return Ok(false);
        }
        if !self.has_method(value, "__exit__") {
            return Ok(false);
        }
        let kind = match &raised {
            Some(Val::Ref(id)) => match self.heap.get(*id) {
                Object::Instance { class, .. } => Val::Ref(*class),
                _ => Val::None,
            },
            _ => Val::None,
        };
        let is_raised = raised.is_some();
        let args = Args::of(vec![kind, raised.unwrap_or(Val::None), Val::None]);
        let swallows = self.call_named(value, "__exit__", args, span).await?;
        Ok(is_raised && self.heap.truth(&swallows) == Some(true))
    }

    /// All items of a value, by `__iter__` of its class where it has one.
    pub(super) async fn iterate(&mut self, value: &Val, span: Span) -> Result<Vec<Val>, Stop> {
        if self.has_method(value, "__iter__") {
            let iterator = self.call_named(value, "__iter__", Args::default(), span).await?;
            if self.has_method(&iterator, "next") {
                return Err(self.unsupported(span, "an iterator of a script's own"));
            }
            let items = self.heap.items(&iterator);
            return self.at(items, span);
        }
        let items = self.heap.items(value);
        self.at(items, span)
    }
}
