//! Calls: of functions, methods and classes of a script, and of what it is given.

use std::sync::Arc;

use ays_grammar::Span;
use ays_grammar::actions::{Def, Expr, ExprKind};

use super::args::Args;
use super::deep::Deep;
use super::flow::Flow;
use super::heap::{DEPTH, Fault, Function, Object, Val};
use super::scope::ScopeId;
use super::unknown::Frame;
use super::{Interpreter, Stop};

/// How many blocks, expressions and calls may be under way in each other. Each needs some 30 KiB
/// in a debug build.
const MOST_NESTED: usize = 25 * DEPTH;

impl Interpreter {
    pub(super) async fn call_expression(&mut self, expr: &Expr, scope: ScopeId) -> Result<Val, Stop> {
        let ExprKind::Call { callee, args, keywords, rest, named_rest } = &expr.kind else {
            return Ok(Val::None);
        };
        // A method of a value is called without making a value of it.
        let (this, callee_value, method) = match &callee.kind {
            ExprKind::Attribute { value, name } => {
                (Some(self.eval(value, scope).await?), None, name.as_str())
            }
            _ => (None, Some(self.eval(callee, scope).await?), ""),
        };
        let positional = self.eval_all(args, scope).await?;
        let mut given = Args::of(positional);
        for (name, value) in keywords {
            let value = self.eval(value, scope).await?;
            given.named.push((name.as_str().into(), value));
        }
        if let Some(rest) = rest {
            let more = self.eval(rest, scope).await?;
            let more = self.iterate(&more, rest.span).await?;
            given.positional.extend(more);
        }
        if let Some(rest) = named_rest {
            let more = self.eval(rest, scope).await?;
            let pairs = self.heap.pairs_of(&more);
            for (name, value) in self.at(pairs, rest.span)? {
                let name = self.heap.display(&name);
                let name = String::from_utf8_lossy(&self.at(name, rest.span)?).into_owned();
                if given.named(&name).is_some() {
                    let message = format!("got multiple values for keyword argument '{name}'");
                    return Err(self.raise("TypeError", &message, rest.span));
                }
                given.named.push((name.into(), value));
            }
        }
        // What a host's function does is shown with its whole call, other errors at what is called.
        match (this, callee_value) {
            (Some(this), _) => self.call_method(&this, method, given, expr.span, callee.span).await,
            (None, Some(callee)) => self.call(callee, given, expr.span).await,
            (None, None) => Ok(Val::None),
        }
    }

    /// Calls a method by its name.
    pub(super) fn call_named<'a>(
        &'a mut self,
        this: &'a Val,
        name: &'a str,
        args: Args,
        span: Span,
    ) -> Deep<'a, Val> {
        Deep::new(self.call_method(this, name, args, span, span))
    }

    async fn call_method(
        &mut self,
        this: &Val,
        name: &str,
        args: Args,
        span: Span,
        callee: Span,
    ) -> Result<Val, Stop> {
        let is_value = match this {
            Val::Ref(id) => !matches!(
                self.heap.get(*id),
                Object::Instance { .. }
                    | Object::Class(_)
                    | Object::Super { .. }
                    | Object::Function(_)
                    | Object::Method { .. }
            ),
            Val::Host(_) | Val::Builtin(_) => false,
            _ => true,
        };
        if is_value {
            return self.call_value_method(this, name, args, span).await;
        }
        let method = self.attribute(this, name, callee).await?;
        self.call(method, args, span).await
    }

    /// Calls a method of a value of the language.
    async fn call_value_method(
        &mut self,
        this: &Val,
        name: &str,
        args: Args,
        span: Span,
    ) -> Result<Val, Stop> {
        if let Val::Unknown(text) = this {
            return Ok(Val::Unknown(Arc::clone(text)));
        }
        if let Some(unknown) = self.spoilt(this, name, &args) {
            return Ok(unknown);
        }
        if let Val::Ref(id) = this {
            match self.heap.get(*id) {
                Object::File(_) => return self.file_method(*id, name, &args, span).await,
                Object::Service(key) => {
                    let key = key.clone();
                    return self.call_row(&format!("service.{name}"), Some(key), args, span).await;
                }
                Object::Hrd(key) => {
                    let key = key.clone();
                    return self.call_row(&format!("service.hrd.{name}"), Some(key), args, span).await;
                }
                Object::ServiceActions(key) => {
                    let key = key.clone();
                    return self.call_service_action(&key, name, span);
                }
                Object::List(_) if name == "sort" => return self.sort_method(*id, args, span).await,
                _ => {}
            }
        }
        let mut args = args;
        if name == "format" || name == "join" {
            args = self.plain_args(args, span).await?;
        }
        let mut result = self.heap.string_method(this, name, &args);
        if matches!(result, Ok(None)) {
            result = self.heap.collection_method(this, name, &args);
        }
        if matches!(result, Ok(None)) {
            result = self.regular_method(this, name, &args);
        }
        match self.at(result, span)? {
            Some(value) => Ok(value),
            None => {
                let error = self.no_attribute(this, name);
                Err(self.stop(error, span))
            }
        }
    }

    /// What a method gives that is given what only a node can tell: lists and dicts keep it, texts are spoilt by it.
    fn spoilt(&self, this: &Val, name: &str, args: &Args) -> Option<Val> {
        let is_text = matches!(this, Val::Bytes(_) | Val::Text(_));
        let unknown = args.unknown()?;
        (is_text && name != "format" && name != "join"
            || matches!((this, name), (_, "index" | "count" | "remove")))
        .then_some(Val::Unknown(unknown))
        .or_else(|| {
            (is_text && name == "join")
                .then(|| args.at(0).cloned())
                .flatten()
                .filter(|value| matches!(value, Val::Unknown(_)))
        })
    }

    pub(super) fn call(&mut self, callee: Val, args: Args, span: Span) -> Deep<'_, Val> {
        Deep::new(async move {
            self.go_in(span)?;
            let called = self.call_once(callee, args, span).await;
            self.nested -= 1;
            called
        })
    }

    /// Takes the step into a block, an expression or a call: who calls it counts it out again.
    pub(super) fn go_in(&mut self, span: Span) -> Result<(), Stop> {
        let step = self.heap.step(1);
        self.at(step, span)?;
        if self.nested >= MOST_NESTED {
            return Err(self.raise("RuntimeError", "maximum recursion depth exceeded", span));
        }
        self.nested += 1;
        Ok(())
    }

    async fn call_once(&mut self, callee: Val, args: Args, span: Span) -> Result<Val, Stop> {
        match &callee {
            Val::Unknown(text) => return Ok(Val::Unknown(Arc::clone(text))),
            Val::Builtin(name) => return self.call_builtin(name, args, span).await,
            Val::Host(path) => return self.call_row(path, None, args, span).await,
            Val::Ref(id) => match self.heap.get(*id) {
                Object::Function(function) => {
                    let function = function.clone();
                    return self.call_function(&function, args, span).await;
                }
                Object::Method { this, function } => {
                    let (this, function) = (this.clone(), function.clone());
                    let mut args = args;
                    args.positional.insert(0, this);
                    return self.call(function, args, span).await;
                }
                Object::ValueMethod { this, name } => {
                    let (this, name) = (this.clone(), Arc::clone(name));
                    return self.call_value_method(&this, &name, args, span).await;
                }
                Object::Class(_) => return self.instantiate(*id, args, span).await,
                Object::Decorated { function, .. } => {
                    let function = function.clone();
                    return self.call(function, args, span).await;
                }
                Object::Instance { .. } if self.has_method(&callee, "__call__") => {
                    return self.call_named(&callee, "__call__", args, span).await;
                }
                _ => {}
            },
            _ => {}
        }
        let message = format!("'{}' object is not callable", self.heap.type_name(&callee));
        Err(self.raise("TypeError", &message, span))
    }

    async fn call_function(&mut self, function: &Function, args: Args, span: Span) -> Result<Val, Stop> {
        if self.frames.len() >= DEPTH {
            return Err(self.raise("RuntimeError", "maximum recursion depth exceeded", span));
        }
        let bound = self.bind_args(&function.def, &function.defaults, args);
        let bound = self.at(bound, span)?;
        let charged = self.heap.charge(256 + bound.len() * 64);
        self.at(charged, span)?;
        let scope = self.scopes.call(&function.def, function.scope);
        for (name, value) in bound {
            self.scopes.set(&name, value, scope);
        }
        let (unsure, depth) = (self.unsure.len(), self.frames.len());
        self.frames.push(Frame::default());
        let def = Arc::clone(&function.def);
        let result = self.block(&def.body, scope).await;
        let frame = self.frames.drain(depth..).next().unwrap_or_default();
        self.unsure.truncate(unsure);
        let value = match result? {
            Flow::Return(value) => value,
            _ => Val::None,
        };
        Ok(self.returned(&frame, value))
    }

    /// Gives each parameter its value, as Python does.
    pub(super) fn bind_args(
        &mut self,
        def: &Def,
        defaults: &[Option<Val>],
        args: Args,
    ) -> Result<Vec<(Arc<str>, Val)>, Fault> {
        let name = &def.name;
        let (count, given) = (def.params.len(), args.positional.len());
        let mut values: Vec<Option<Val>> = vec![None; count];
        let mut positional = args.positional.into_iter();
        for value in values.iter_mut() {
            *value = positional.next();
        }
        let rest: Vec<Val> = positional.collect();
        if !rest.is_empty() && def.rest.is_none() {
            return Err(Fault::type_error(wrong_count(def, given)));
        }
        let mut named_rest = Vec::new();
        for (keyword, value) in args.named {
            match def.params.iter().position(|param| *param.name == *keyword) {
                Some(at) if values[at].is_some() => {
                    let message = format!("{name}() got multiple values for keyword argument '{keyword}'");
                    return Err(Fault::type_error(message));
                }
                Some(at) => values[at] = Some(value),
                None if def.named_rest.is_some() => named_rest.push((self.heap.str(&keyword)?, value)),
                None => {
                    let message = format!("{name}() got an unexpected keyword argument '{keyword}'");
                    return Err(Fault::type_error(message));
                }
            }
        }
        let mut bound = Vec::with_capacity(count);
        for (index, (param, value)) in def.params.iter().zip(values).enumerate() {
            let value = value.or_else(|| defaults.get(index).cloned().flatten());
            let Some(value) = value else { return Err(Fault::type_error(wrong_count(def, given))) };
            bound.push((param.name.as_str().into(), value));
        }
        if let Some(name) = &def.rest {
            bound.push((name.as_str().into(), self.heap.tuple(rest)?));
        }
        if let Some(name) = &def.named_rest {
            bound.push((name.as_str().into(), self.heap.dict(named_rest)?));
        }
        Ok(bound)
    }

    /// A function, its defaults had now.
    pub(super) async fn function(&mut self, def: &Arc<Def>, scope: ScopeId) -> Result<Val, Stop> {
        let mut defaults = Vec::new();
        for param in &def.params {
            defaults.push(match &param.default {
                Some(default) => Some(self.eval(default, scope).await?),
                None => None,
            });
        }
        let scope = self.scopes.seen_by_functions(scope);
        let function = self.heap.add(Object::Function(Function { def: Arc::clone(def), defaults, scope }));
        self.at(function, def.body.first().map(|stmt| stmt.span).unwrap_or_default())
    }

    /// As many of the values as a method of a recipe takes: some have no parameter for the service, or more.
    pub(super) fn fitting(&self, function: &Val, mut values: Vec<Val>) -> Args {
        if let Val::Ref(id) = function
            && let Object::Function(function) = self.heap.get(*id)
        {
            let def = &function.def;
            let needed = def.params.iter().filter(|param| param.default.is_none()).count();
            if def.rest.is_none() {
                values.truncate(def.params.len());
            }
            values.resize(values.len().max(needed), Val::None);
        }
        Args::of(values)
    }
}

fn wrong_count(def: &Def, given: usize) -> String {
    let needed = def.params.iter().filter(|param| param.default.is_none()).count();
    let most = def.params.len();
    let arguments =
        |count: usize| if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") };
    let name = &def.name;
    if needed == most && def.rest.is_none() {
        let takes =
            if most == 0 { "no arguments".to_owned() } else { format!("exactly {}", arguments(most)) };
        return format!("{name}() takes {takes} ({given} given)");
    }
    if given < needed {
        return format!("{name}() takes at least {} ({given} given)", arguments(needed));
    }
    format!("{name}() takes at most {} ({given} given)", arguments(most))
}
