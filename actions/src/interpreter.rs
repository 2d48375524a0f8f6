//! The interpreter of `actions.py`. It never runs Python: it walks the tree, and where a recipe calls something
//! that acts on the world it leaves one typed [`Action`], is given its outcome, and goes on.
//!
//! The walk is written as `async` functions: a recipe's action is awaited in the middle of it, and the rest of the
//! walk is kept by the compiler. Nothing else is ever awaited.

mod args;
mod assign;
mod attributes;
mod builtins;
mod calls;
mod classes;
mod collection_methods;
mod compare;
mod comprehensions;
mod deep;
mod exceptions;
mod expressions;
mod files;
mod flow;
mod format_spec;
mod functions;
mod heap;
mod hrd;
mod json;
mod keys;
mod node;
mod operators;
mod percent;
mod print;
mod pure;
mod regular;
mod scope;
mod sequences;
mod services;
mod statements;
mod str_format;
mod string_methods;
mod text;
mod unknown;
mod values;

use std::collections::HashMap;
use std::sync::Arc;

use ays_grammar::{Diagnostic, Span};

use crate::action::{Action, Outcome, ServiceKey};
use crate::exchange::{Asked, Exchange};
use crate::source::Source;
use crate::value::Value;

use args::Args;
use heap::{Expression, Fault, Heap, Id, Names, Object, Val};
use scope::{MODULE, Scopes};

/// How many actions a method may ask for.
const ACTIONS: usize = 100_000;

/// Why a statement or an expression has no value.
#[derive(Debug)]
enum Stop {
    /// An exception, and where it was raised.
    Raised(Val, Span),
    /// An error that no `except` catches.
    Ended(Diagnostic),
}

/// A script that is walked.
pub(crate) struct Interpreter {
    source: Source,
    exchange: Exchange,
    heap: Heap,
    scopes: Scopes,
    /// The classes of exceptions.
    exceptions: HashMap<&'static str, Id>,
    /// The class that `j.atyourservice.getActionsBaseClass()` gives.
    base: Option<Id>,
    frames: Vec<unknown::Frame>,
    /// Why what is done now may not be done, the outermost reason first.
    unsure: Vec<Arc<str>>,
    /// The exceptions that are being handled, for a `raise` without one.
    handled: Vec<(Val, Span)>,
    /// Whether `/` of whole numbers has a fraction.
    true_division: bool,
    printed: print::Printed,
    /// The service's values, as the method has changed them.
    values: Vec<(String, Value)>,
    random: u64,
    /// Regular expressions that were compiled, by their texts and flags.
    expressions: HashMap<(String, String), Expression>,
    actions: usize,
    /// How many blocks, expressions and calls are under way in each other.
    nested: usize,
    /// The method is one of those that run when everything has been fetched.
    may_register: bool,
}

impl Interpreter {
    pub(crate) fn new(source: Source, exchange: Exchange, may_register: bool) -> Self {
        let values = source.service.as_ref().map(|service| service.values.clone()).unwrap_or_default();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self {
            source,
            exchange,
            heap: Heap::new(),
            scopes: Scopes::new(),
            exceptions: HashMap::new(),
            base: None,
            frames: Vec::new(),
            unsure: Vec::new(),
            handled: Vec::new(),
            true_division: false,
            printed: print::Printed::default(),
            values,
            random: u64::from(now.subsec_nanos()) ^ now.as_secs().rotate_left(32) | 1,
            expressions: HashMap::new(),
            actions: 0,
            nested: 0,
            may_register,
        }
    }

    /// Runs a method of class `Actions`, with the service as its argument and `more` behind it. A method that the
    /// recipe does not have gives `None`.
    pub(crate) async fn run(mut self, method: &str, more: Vec<Value>) -> Result<Value, Diagnostic> {
        let returned = self.method(method, more).await;
        let finished = match returned {
            Ok(value) => self.finish().await.and_then(|()| {
                let value = self.heap.to_value(&value);
                self.at(value, Span::default())
            }),
            Err(stop) => Err(stop),
        };
        match finished {
            Ok(value) => Ok(value),
            Err(Stop::Ended(error)) => Err(error),
            Err(Stop::Raised(exception, span)) => {
                let shown = self.heap.display(&exception).unwrap_or_default();
                let (kind, shown) = (self.heap.type_name(&exception), String::from_utf8_lossy(&shown));
                let colon = if shown.is_empty() { "" } else { ": " };
                Err(self.source.wrong(span, format!("{kind}{colon}{shown}")))
            }
        }
    }

    async fn method(&mut self, name: &str, more: Vec<Value>) -> Result<Val, Stop> {
        let start = Span::default();
        let prepared = self.define_classes();
        self.at(prepared, start)?;
        let module = Arc::clone(&self.source.module);
        self.frames.push(unknown::Frame::default());
        self.block(&module.body, MODULE).await?;
        self.frames.pop();
        let scope::Found::Value(Val::Ref(class)) = self.scopes.find("Actions", MODULE) else {
            return Ok(Val::None);
        };
        let Some((_, function)) = self.heap.class_attribute(class, name) else { return Ok(Val::None) };
        if matches!(function, Val::Host(_)) {
            return Ok(Val::None);
        }
        let this = self.heap.add(Object::Instance { class, attributes: Names::new() });
        let service = self.heap.add(Object::Service(ServiceKey::Own));
        let (this, service) = (self.at(this, start)?, self.at(service, start)?);
        if self.heap.class_attribute(class, "__init__").is_some() {
            self.call_named(&this, "__init__", Args::default(), start).await?;
        }
        let mut given = vec![this, service];
        for value in more {
            let value = self.heap.take_value(&value);
            given.push(self.at(value, start)?);
        }
        let args = self.fitting(&function, given);
        self.call(function, args, start).await
    }

    /// Does what the method has left: lines without an end, files that were not closed.
    async fn finish(&mut self) -> Result<(), Stop> {
        self.flush_files(Span::default()).await?;
        self.end_line(Span::default()).await
    }

    /// Has an action done. Files that were written before it are written first.
    async fn perform(&mut self, action: impl Into<Action>, span: Span) -> Result<Outcome, Stop> {
        self.flush_files(span).await?;
        self.ask(action.into(), span).await
    }

    async fn ask(&mut self, action: impl Into<Action>, span: Span) -> Result<Outcome, Stop> {
        let action = action.into();
        self.actions += 1;
        if self.actions > ACTIONS {
            return Err(self.ended(
                span,
                format!("this method does more than {ACTIONS} things: does a loop never end?"),
            ));
        }
        let depends_on = self.unsure.last().cloned();
        match self.exchange.perform(Asked { action, span, depends_on }).await {
            Outcome::Failed(why) => Err(self.raise("RuntimeError", &why, span)),
            outcome => Ok(outcome),
        }
    }

    /// The value, or its fault as an error at a place.
    fn at<T>(&mut self, result: Result<T, Fault>, span: Span) -> Result<T, Stop> {
        result.map_err(|fault| self.stop(fault, span))
    }

    fn ended(&self, span: Span, message: impl Into<String>) -> Stop {
        Stop::Ended(self.source.wrong(span, message))
    }

    fn unsupported(&self, span: Span, construct: &str) -> Stop {
        self.ended(span, format!("{construct} is not supported in actions"))
    }
}
