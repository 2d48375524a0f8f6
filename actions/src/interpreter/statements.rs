//! Statements.

use ays_grammar::Span;
use ays_grammar::actions::{Alias, Expr, Stmt, StmtKind};

use super::deep::Deep;
use super::flow::Flow;
use super::heap::{Object, Val};
use super::scope::ScopeId;
use super::unknown::Touched;
use super::{Interpreter, Stop};

impl Interpreter {
    pub(super) fn block<'a>(&'a mut self, body: &'a [Stmt], scope: ScopeId) -> Deep<'a, Flow> {
        Deep::new(async move {
            for stmt in body {
                self.go_in(stmt.span)?;
                let flow = self.statement(stmt, scope).await;
                self.nested -= 1;
                match flow? {
                    Flow::Next => {}
                    flow => return Ok(flow),
                }
            }
            Ok(Flow::Next)
        })
    }

    async fn statement(&mut self, stmt: &Stmt, scope: ScopeId) -> Result<Flow, Stop> {
        let span = stmt.span;
        match &stmt.kind {
            StmtKind::Pass => {}
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::Expr(expr) => _ = self.eval(expr, scope).await?,
            StmtKind::Return(None) => return Ok(Flow::Return(Val::None)),
            StmtKind::Return(Some(expr)) => return self.eval(expr, scope).await.map(Flow::Return),
            StmtKind::Import(names) => self.import(names, scope),
            StmtKind::FromImport { module, names } => self.import_from(module, names, scope),
            StmtKind::Assign { targets, value } => {
                let value = self.eval(value, scope).await?;
                for target in targets {
                    self.assign(target, value.clone(), scope).await?;
                }
            }
            StmtKind::Augment { target, operator, value } => {
                self.augment(target, *operator, value, span, scope).await?;
            }
            StmtKind::If { branches, otherwise } => {
                return self.if_statement(branches, otherwise, scope).await;
            }
            StmtKind::For { target, values, body, otherwise } => {
                return self.for_loop(target, values, body, otherwise, scope).await;
            }
            StmtKind::While { condition, body, otherwise } => {
                return self.while_loop(condition, body, otherwise, scope).await;
            }
            StmtKind::Try { body, handlers, otherwise, finally } => {
                return self.try_statement(body, handlers, otherwise, finally, scope).await;
            }
            StmtKind::With { items, body } => return self.with(items, body, span, scope).await,
            StmtKind::Raise { exception, value } => {
                return self.raise_statement(exception.as_ref(), value.as_ref(), span, scope).await;
            }
            StmtKind::Def(def) => {
                let function = self.function(def, scope).await?;
                let function = self.decorate(function, &def.decorators, scope).await?;
                self.scopes.set(&def.name, function, scope);
            }
            StmtKind::Class(class) => {
                let made = self.class(class, span, scope).await?;
                let made = self.decorate(made, &class.decorators, scope).await?;
                self.scopes.set(&class.name, made, scope);
            }
            // Said by the function's own scope.
            StmtKind::Global(_) => {}
            StmtKind::Delete(targets) => {
                for target in targets {
                    self.delete(target, scope).await?;
                }
            }
            StmtKind::Assert { condition, message } => {
                let holds = self.eval(condition, scope).await?;
                if self.heap.truth(&holds) == Some(false) {
                    let args = match message {
                        Some(message) => vec![self.eval(message, scope).await?],
                        None => Vec::new(),
                    };
                    return Err(self.raise_with("AssertionError", args, span));
                }
            }
            StmtKind::Print { file, values, newline } => {
                self.print_statement(file.as_ref(), values, *newline, span, scope).await?;
            }
            StmtKind::Unsupported { construct } => return Err(self.unsupported(span, construct)),
        }
        Ok(Flow::Next)
    }

    fn import(&mut self, names: &[Alias], scope: ScopeId) {
        for alias in names {
            // `import a.b` makes `a` known, `import a.b as c` makes `c` the whole of it.
            let first = alias.name.split('.').next().unwrap_or(&alias.name);
            let (name, path) = match &alias.alias {
                Some(name) => (name.as_str(), alias.name.as_str()),
                None => (first, first),
            };
            self.scopes.set(name, Val::Host(crate::table::full_name(path).into()), scope);
        }
    }

    fn import_from(&mut self, module: &str, names: &[Alias], scope: ScopeId) {
        for alias in names {
            if module == "__future__" {
                self.true_division |= alias.name == "division";
                continue;
            }
            let name = alias.alias.as_ref().unwrap_or(&alias.name);
            let path = crate::table::full_name(&format!("{module}.{}", alias.name));
            let value = self.host_value(&path).unwrap_or_else(|| Val::Host(path.into()));
            self.scopes.set(name, value, scope);
        }
    }

    async fn if_statement(
        &mut self,
        branches: &[(Expr, Vec<Stmt>)],
        otherwise: &[Stmt],
        scope: ScopeId,
    ) -> Result<Flow, Stop> {
        let mut because = None;
        let mut touched = Touched::default();
        for (condition, body) in branches {
            let value = self.eval(condition, scope).await?;
            match (self.heap.truth(&value), value) {
                (Some(false), _) => {}
                (Some(true), _) => match &because {
                    None => return self.block(body, scope).await,
                    Some(because) => {
                        self.maybe(body, because, &mut touched, scope).await?;
                        self.forget(touched, because, scope);
                        return Ok(Flow::Next);
                    }
                },
                (None, value) => {
                    let text = because.get_or_insert(shown(&value)).clone();
                    self.maybe(body, &text, &mut touched, scope).await?;
                }
            }
        }
        match because {
            None => self.block(otherwise, scope).await,
            Some(because) => {
                self.maybe(otherwise, &because, &mut touched, scope).await?;
                self.forget(touched, &because, scope);
                Ok(Flow::Next)
            }
        }
    }

    async fn for_loop(
        &mut self,
        target: &Expr,
        values: &Expr,
        body: &[Stmt],
        otherwise: &[Stmt],
        scope: ScopeId,
    ) -> Result<Flow, Stop> {
        let container = self.eval(values, scope).await?;
        let unsure = self.unsure.len();
        if let Val::Unknown(because) = &container {
            self.assign(target, container.clone(), scope).await?;
            let mut touched = Touched::default();
            self.maybe(body, because, &mut touched, scope).await?;
            self.forget(touched, because, scope);
            return Ok(Flow::Next);
        }
        let mut at = 0;
        let items = match &container {
            // A list may be changed while it is gone through, and a range need not be made.
            Val::Ref(id) if matches!(self.heap.get(*id), Object::List(_) | Object::Range { .. }) => None,
            _ => Some(self.iterate(&container, values.span).await?),
        };
        loop {
            let item = match &items {
                Some(items) => items.get(at).cloned(),
                None => {
                    let length = self.heap.length(&container);
                    let length = self.at(length, values.span)?.unwrap_or(0);
                    if at < length {
                        let index = Val::Int(i64::try_from(at).unwrap_or(i64::MAX));
                        let item = self.heap.subscript(&container, &index);
                        Some(self.at(item, values.span)?)
                    } else {
                        None
                    }
                }
            };
            let Some(item) = item else { break };
            at += 1;
            let step = self.heap.step(1);
            self.at(step, values.span)?;
            self.assign(target, item, scope).await?;
            match self.block(body, scope).await? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Next),
                flow => return Ok(flow),
            }
        }
        if self.frames.last().is_none_or(|frame| frame.because.is_none()) {
            self.unsure.truncate(unsure);
        }
        self.block(otherwise, scope).await
    }

    async fn while_loop(
        &mut self,
        condition: &Expr,
        body: &[Stmt],
        otherwise: &[Stmt],
        scope: ScopeId,
    ) -> Result<Flow, Stop> {
        loop {
            let step = self.heap.step(1);
            self.at(step, condition.span)?;
            let holds = self.eval(condition, scope).await?;
            match (self.heap.truth(&holds), holds) {
                (Some(true), _) => {}
                (Some(false), _) => return self.block(otherwise, scope).await,
                (None, holds) => {
                    let because = shown(&holds);
                    let mut touched = Touched::default();
                    self.maybe(body, &because, &mut touched, scope).await?;
                    self.forget(touched, &because, scope);
                    return Ok(Flow::Next);
                }
            }
            let unsure = self.unsure.len();
            match self.block(body, scope).await? {
                // A loop that only a node can end is walked once.
                Flow::Next | Flow::Continue if self.unsure.len() > unsure => return Ok(Flow::Next),
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Next),
                flow => return Ok(flow),
            }
        }
    }

    async fn with(
        &mut self,
        items: &[(Expr, Option<Expr>)],
        body: &[Stmt],
        span: Span,
        scope: ScopeId,
    ) -> Result<Flow, Stop> {
        let mut entered = Vec::new();
        for (value, target) in items {
            let value = self.eval(value, scope).await?;
            let given = self.enter(&value, span).await?;
            entered.push(value);
            if let Some(target) = target {
                self.assign(target, given, scope).await?;
            }
        }
        let mut result = self.block(body, scope).await;
        while let Some(value) = entered.pop() {
            if matches!(result, Err(Stop::Ended(_))) {
                return result;
            }
            let raised = match &result {
                Err(Stop::Raised(exception, _)) => Some(exception.clone()),
                _ => None,
            };
            if self.leave(&value, raised, span).await? {
                result = Ok(Flow::Next);
            }
        }
        result
    }
}

/// What only a node can tell, as a plan names it.
pub(super) fn shown(value: &Val) -> std::sync::Arc<str> {
    match value {
        Val::Unknown(text) => super::unknown::cause(text),
        _ => "".into(),
    }
}
