//! Calls of functions of the table.

use std::sync::Arc;

use ays_grammar::Span;
use ays_grammar::actions::{Expr, ExprKind};

use crate::action::{Action, Outcome, ServiceKey};
use crate::register_image::RegisterImage;
use crate::table::{self, Does, Pure};

use super::args::Args;
use super::heap::{Fault, Heap, Val};
use super::text::bytes_of;
use super::{Interpreter, Stop};

/// The values of a function's parameters.
pub(super) struct Bound {
    pub(super) function: &'static str,
    values: Vec<(Arc<str>, Val)>,
}

impl Bound {
    /// The first of these parameters that the function has.
    pub(super) fn get(&self, names: &[&str]) -> Val {
        let found = names.iter().find_map(|name| self.values.iter().find(|(known, _)| **known == **name));
        found.map_or(Val::None, |(_, value)| value.clone())
    }

    /// A text that must be given.
    pub(super) fn text(&self, heap: &Heap, names: &[&str]) -> Result<String, Fault> {
        let value = self.get(names);
        match &value {
            Val::None => Err(Fault::type_error(format!(
                "{}: `{}` must be a text",
                self.function,
                names.first().unwrap_or(&"")
            ))),
            value => Ok(String::from_utf8_lossy(&heap.display(value)?).into_owned()),
        }
    }

    /// A text, none where it is not given, `None` or empty.
    pub(super) fn text_or_none(&self, heap: &Heap, names: &[&str]) -> Result<Option<String>, Fault> {
        match self.get(names) {
            Val::None => Ok(None),
            value => {
                let text = String::from_utf8_lossy(&heap.display(&value)?).into_owned();
                Ok(Some(text).filter(|text| !text.is_empty()))
            }
        }
    }

    /// Whether a truth value is given and true.
    pub(super) fn is_true(&self, heap: &Heap, names: &[&str]) -> bool {
        heap.truth(&self.get(names)) == Some(true)
    }

    /// Whether a parameter that the function may not have is false.
    pub(super) fn is_false(&self, heap: &Heap, names: &[&str]) -> bool {
        names.iter().any(|name| {
            self.values.iter().any(|(known, value)| **known == **name && heap.truth(value) == Some(false))
        })
    }

    /// A whole number, also one that is written as text.
    pub(super) fn int(&self, heap: &Heap, names: &[&str]) -> Result<Option<i64>, Fault> {
        let value = self.get(names);
        match &value {
            Val::None => Ok(None),
            Val::Float(number) => Ok(num_traits::ToPrimitive::to_i64(number)),
            _ => {
                let text = self.text(heap, names)?;
                let number = text.trim().parse().map_err(|_| {
                    let name = names.first().unwrap_or(&"");
                    Fault::type_error(format!(
                        "{}: `{name}` must be a whole number, not '{text}'",
                        self.function
                    ))
                });
                number.map(Some)
            }
        }
    }
}

impl Interpreter {
    /// Calls the function of a full name, of a service where it is a method of one.
    pub(super) async fn call_row(
        &mut self,
        name: &str,
        service: Option<ServiceKey>,
        args: Args,
        span: Span,
    ) -> Result<Val, Stop> {
        if let Some((kind, method)) = name.split_once('.').filter(|(kind, _)| super::heap::is_type(kind)) {
            return self.call_of_type(kind, method, args, span).await;
        }
        let Some((row, def)) = table::find(name) else { return Err(self.no_function(name, span)) };
        let unknown = args.unknown();
        let args = self.plain_args(args, span).await?;
        if row.does == Does::RegisterImage {
            return self.register_image(args, span).await;
        }
        let mut defaults = Vec::new();
        for param in &def.params {
            let default = param.default.as_ref().map(|default| literal(&mut self.heap, default)).transpose();
            defaults.push(self.at(default, span)?);
        }
        let bound = self.bind_args(&def, &defaults, args);
        let bound = Bound { function: row.names[0], values: self.at(bound, span)? };
        match (row.does, unknown) {
            (Does::BaseClass, _) => Ok(self.base.map_or(Val::None, Val::Ref)),
            (Does::RegisterImage, _) => Ok(Val::None),
            (Does::Pure(Pure::StartAction), _) => self.start_action(&bound, span).await,
            (Does::Pure(pure), Some(text)) if !matches!(pure, Pure::Fail | Pure::JoinPaths | Pure::Same) => {
                Ok(Val::Unknown(text))
            }
            (Does::Pure(pure), _) => self.pure(pure, &bound, span).await,
            (Does::Hrd(hrd), unknown) => {
                let service = service.unwrap_or(ServiceKey::System);
                self.while_unsure(unknown, |this| Box::pin(this.hrd(hrd, service, bound, span))).await
            }
            (Does::Services(does), unknown) => {
                let service = service.unwrap_or(ServiceKey::Own);
                self.while_unsure(unknown, |this| Box::pin(this.services(does, service, bound, span))).await
            }
            (Does::Node(does), unknown) => {
                self.while_unsure(unknown, |this| Box::pin(this.node(does, bound, span))).await
            }
        }
    }

    /// Does something of which an argument may be what only a node can tell.
    async fn while_unsure(
        &mut self,
        because: Option<Arc<str>>,
        what: impl for<'a> FnOnce(
            &'a mut Self,
        )
            -> std::pin::Pin<Box<dyn Future<Output = Result<Val, Stop>> + Send + 'a>>,
    ) -> Result<Val, Stop> {
        let depth = self.unsure.len();
        self.unsure.extend(because.map(|text| super::unknown::cause(&text)));
        let result = what(self).await;
        self.unsure.truncate(depth);
        result
    }

    /// The error for a name that the table does not have.
    fn no_function(&self, name: &str, span: Span) -> Stop {
        Stop::Ended(crate::check::no_function(&self.source, name, span))
    }

    /// A value that the table has under a name, as opposed to a function.
    pub(super) fn host_value(&mut self, name: &str) -> Option<Val> {
        match (table::find(name)?.0.does, name) {
            (Does::Pure(Pure::Text(text)), _) => Some(Val::Bytes(text.as_bytes().into())),
            (Does::Pure(Pure::Environ), "os.environ") => self.heap.dict(Vec::new()).ok(),
            _ => None,
        }
    }

    async fn register_image(&mut self, args: Args, span: Span) -> Result<Val, Stop> {
        if !self.may_register {
            let message = "registerImage can be called in `configure` only: nothing else runs \
                           when everything has been fetched and nothing is running yet";
            return Err(self.ended(span, message));
        }
        if let Some(text) = args.unknown() {
            // Nothing is known of the service: this is no plan of an install.
            if self.source.service.is_none() {
                return Ok(Val::Unknown(text));
            }
            return Err(
                self.ended(span, format!("what an image is must be known before: this depends on {text}"))
            );
        }
        let all = args.positional.iter().chain(args.named.iter().map(|(_, value)| value));
        let secret = all.filter_map(bytes_of).find_map(|text| {
            let text = String::from_utf8_lossy(text);
            self.source.words.within(&text).map(str::to_owned)
        });
        if let Some(secret) = secret {
            let message = format!("registerImage is given {secret}, which would be shown and recorded");
            return Err(self.ended(span, message));
        }
        let positional = args.positional.iter().map(|value| self.heap.to_value(value));
        let positional = positional.collect::<Result<Vec<_>, _>>();
        let positional = self.at(positional, span)?;
        let named = args.named.iter().map(|(name, value)| Ok((name.to_string(), self.heap.to_value(value)?)));
        let named = named.collect::<Result<Vec<_>, _>>();
        let named = self.at(named, span)?;
        let image = RegisterImage::from_call(&positional, &named, &self.source.downloads)
            .map_err(|error| self.ended(span, error.to_string()))?;
        self.perform(Action::RegisterImage(image), span).await?;
        Ok(Val::Bool(true))
    }

    /// `j.actions.start(name, action=function)`
    async fn start_action(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let commands = bound.text_or_none(&self.heap, &["cmds"]);
        if let Some(commands) = self.at(commands, span)? {
            let args = Args::of(vec![Val::Bytes(commands.as_bytes().into())]);
            self.call(Val::Host("j.do.execute".into()), args, span).await?;
        }
        let action = bound.get(&["action"]);
        if matches!(action, Val::None) {
            return Ok(Val::None);
        }
        let pairs = self.heap.pairs_of(&bound.get(&["actionArgs"]));
        let mut args = Args::default();
        for (name, value) in self.at(pairs, span)? {
            let name = String::from_utf8_lossy(bytes_of(&name).unwrap_or_default()).into_owned();
            args.named.push((name.into(), value));
        }
        let dies = !bound.is_false(&self.heap, &["die"]);
        match self.call(action, args, span).await {
            Err(Stop::Raised(..)) if !dies => Ok(Val::Bool(false)),
            result => result,
        }
    }

    /// Something that the node was asked for, or what shows it in a plan.
    pub(super) fn unknown(&self, what: String) -> Val {
        Val::Unknown(format!("<{what}>").into())
    }

    /// Has something done whose end nobody looks at.
    pub(super) async fn done(&mut self, action: impl Into<Action>, span: Span) -> Result<Val, Stop> {
        self.perform(action, span).await.map(|_| Val::None)
    }

    /// Has something done that says yes or no.
    pub(super) async fn yes_or_no(&mut self, action: impl Into<Action>, span: Span) -> Result<Val, Stop> {
        let action = action.into();
        let what = action.to_string();
        Ok(match self.perform(action, span).await? {
            Outcome::Bool(value) => Val::Bool(value),
            Outcome::Done => Val::Bool(true),
            _ => self.unknown(what),
        })
    }
}

/// The value of a default in the table.
fn literal(heap: &mut Heap, expr: &Expr) -> Result<Val, Fault> {
    Ok(match &expr.kind {
        ExprKind::Bool(value) => Val::Bool(*value),
        ExprKind::Int(value) => Val::Int(*value),
        ExprKind::Bytes(value) => Val::Bytes(Arc::clone(value)),
        ExprKind::List(_) => heap.list(Vec::new())?,
        ExprKind::Dict(_) => heap.dict(Vec::new())?,
        _ => Val::None,
    })
}
