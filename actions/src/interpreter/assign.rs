//! Giving names, attributes and items their values, and taking them away.

use ays_grammar::Span;
use ays_grammar::actions::{Expr, ExprKind, Operator};

use super::args::Args;
use super::deep::Deep;
use super::heap::{Object, Val};
use super::scope::ScopeId;
use super::{Interpreter, Stop};

impl Interpreter {
    pub(super) fn assign<'a>(&'a mut self, target: &'a Expr, value: Val, scope: ScopeId) -> Deep<'a, ()> {
        Deep::new(async move {
            match &target.kind {
                ExprKind::Name(name) => {
                    self.scopes.set(name, value, scope);
                    Ok(())
                }
                ExprKind::Attribute { value: owner, name } => {
                    let owner = self.eval(owner, scope).await?;
                    self.set_attribute(&owner, name, value, target.span)
                }
                ExprKind::Subscript { value: container, index } => {
                    let container = self.eval(container, scope).await?;
                    if let ExprKind::Slice { start, stop, step } = &index.kind {
                        let slice = self.slice(start, stop, step, scope).await?;
                        let set = self.heap.set_slice(&container, &slice, &value);
                        return self.at(set, target.span);
                    }
                    let index = self.eval(index, scope).await?;
                    self.set_item(&container, &index, value, target.span).await
                }
                ExprKind::Tuple(targets) | ExprKind::List(targets) => {
                    if matches!(value, Val::Unknown(_)) {
                        for target in targets {
                            self.assign(target, value.clone(), scope).await?;
                        }
                        return Ok(());
                    }
                    let values = self.iterate(&value, target.span).await?;
                    if values.len() != targets.len() {
                        let message = if values.len() > targets.len() {
                            "too many values to unpack".to_owned()
                        } else {
                            let (given, s) = (values.len(), if values.len() == 1 { "" } else { "s" });
                            format!("need more than {given} value{s} to unpack")
                        };
                        return Err(self.raise("ValueError", &message, target.span));
                    }
                    for (target, value) in targets.iter().zip(values) {
                        self.assign(target, value, scope).await?;
                    }
                    Ok(())
                }
                _ => Err(self.unsupported(target.span, "giving this a value")),
            }
        })
    }

    async fn set_item(&mut self, container: &Val, index: &Val, value: Val, span: Span) -> Result<(), Stop> {
        match container {
            // What a node has answered is not kept in a plan.
            Val::Unknown(_) => Ok(()),
            _ if self.has_method(container, "__setitem__") => {
                let args = Args::of(vec![index.clone(), value]);
                self.call_named(container, "__setitem__", args, span).await.map(|_| ())
            }
            _ => {
                let set = self.heap.set_item(container, index, value);
                self.at(set, span)
            }
        }
    }

    pub(super) async fn augment(
        &mut self,
        target: &Expr,
        operator: Operator,
        value: &Expr,
        span: Span,
        scope: ScopeId,
    ) -> Result<(), Stop> {
        // The parts of the target are had once, as Python has them.
        match &target.kind {
            ExprKind::Attribute { value: owner, name } => {
                let owner = self.eval(owner, scope).await?;
                let old = self.attribute(&owner, name, target.span).await?;
                let new = self.changed(old, operator, value, span, scope).await?;
                self.set_attribute(&owner, name, new, span)
            }
            ExprKind::Subscript { value: container, index }
                if !matches!(index.kind, ExprKind::Slice { .. }) =>
            {
                let container = self.eval(container, scope).await?;
                let index = self.eval(index, scope).await?;
                let old = self.item(&container, &index, target.span).await?;
                let new = self.changed(old, operator, value, span, scope).await?;
                self.set_item(&container, &index, new, span).await
            }
            _ => {
                let old = self.eval(target, scope).await?;
                let new = self.changed(old, operator, value, span, scope).await?;
                self.assign(target, new, scope).await
            }
        }
    }

    async fn changed(
        &mut self,
        old: Val,
        operator: Operator,
        value: &Expr,
        span: Span,
        scope: ScopeId,
    ) -> Result<Val, Stop> {
        let value = self.eval(value, scope).await?;
        // A list grows where it is: other names of it see that.
        if let (Operator::Add, Val::Ref(id)) = (operator, &old)
            && matches!(self.heap.get(*id), Object::List(_))
            && !matches!(value, Val::Unknown(_))
        {
            let items = self.iterate(&value, span).await?;
            if let Object::List(list) = self.heap.get_mut(*id) {
                list.extend(items);
            }
            return Ok(old);
        }
        if let (Operator::Or | Operator::And | Operator::Subtract | Operator::Xor, Val::Ref(id)) =
            (operator, &old)
            && matches!(self.heap.get(*id), Object::Set(_, false))
        {
            let combined = self.heap.binary(operator, &old, &value, false);
            let combined = self.at(combined, span)?;
            if let Val::Ref(new) = combined
                && let Object::Set(pairs, _) = self.heap.get(new)
            {
                let pairs = pairs.clone();
                *self.heap.get_mut(*id) = Object::Set(pairs, false);
            }
            return Ok(old);
        }
        let value = self.plain_for(operator, &old, value, span).await?;
        let new = self.heap.binary(operator, &old, &value, self.true_division);
        self.at(new, span)
    }

    pub(super) async fn delete(&mut self, target: &Expr, scope: ScopeId) -> Result<(), Stop> {
        let span = target.span;
        match &target.kind {
            ExprKind::Name(name) => {
                if self.scopes.remove(name, scope) {
                    return Ok(());
                }
                let message = format!("name '{name}' is not defined");
                Err(self.raise("NameError", &message, span))
            }
            ExprKind::Subscript { value, index } => {
                let container = self.eval(value, scope).await?;
                let deleted = if let ExprKind::Slice { start, stop, step } = &index.kind {
                    let slice = self.slice(start, stop, step, scope).await?;
                    self.heap.delete_slice(&container, &slice)
                } else {
                    let index = self.eval(index, scope).await?;
                    self.heap.delete_item(&container, &index)
                };
                self.at(deleted, span)
            }
            ExprKind::Attribute { value, name } => {
                let owner = self.eval(value, scope).await?;
                self.delete_attribute(&owner, name, span)
            }
            _ => Err(self.unsupported(span, "taking this away")),
        }
    }
}
