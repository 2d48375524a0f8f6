//! Exceptions: their classes, how they are raised, and which `except` catches them.

use ays_grammar::Span;
use ays_grammar::actions::{Expr, Handler, Stmt};

use super::args::Args;
use super::flow::Flow;
use super::heap::{Class, Fault, Id, Names, Object, Val};
use super::scope::ScopeId;
use super::{Interpreter, Stop};

/// Each class with its base.
const CLASSES: [(&str, &str); 34] = [
    ("object", ""),
    ("BaseException", "object"),
    ("Exception", "BaseException"),
    ("SystemExit", "BaseException"),
    ("KeyboardInterrupt", "BaseException"),
    ("StandardError", "Exception"),
    ("StopIteration", "Exception"),
    ("Warning", "Exception"),
    ("ArithmeticError", "StandardError"),
    ("OverflowError", "ArithmeticError"),
    ("ZeroDivisionError", "ArithmeticError"),
    ("FloatingPointError", "ArithmeticError"),
    ("AssertionError", "StandardError"),
    ("AttributeError", "StandardError"),
    ("EnvironmentError", "StandardError"),
    ("IOError", "EnvironmentError"),
    ("OSError", "EnvironmentError"),
    ("EOFError", "StandardError"),
    ("ImportError", "StandardError"),
    ("LookupError", "StandardError"),
    ("IndexError", "LookupError"),
    ("KeyError", "LookupError"),
    ("MemoryError", "StandardError"),
    ("NameError", "StandardError"),
    ("UnboundLocalError", "NameError"),
    ("RuntimeError", "StandardError"),
    ("NotImplementedError", "RuntimeError"),
    ("SyntaxError", "StandardError"),
    ("TypeError", "StandardError"),
    ("ValueError", "StandardError"),
    ("UnicodeError", "ValueError"),
    ("UnicodeDecodeError", "UnicodeError"),
    ("UnicodeEncodeError", "UnicodeError"),
    ("CalledProcessError", "Exception"),
];

impl Interpreter {
    /// Makes the classes that are there before a script has any.
    pub(super) fn define_classes(&mut self) -> Result<(), Fault> {
        for (name, base) in CLASSES {
            let bases = self.exceptions.get(base).copied().into_iter().collect();
            let id = self.define(name, bases)?;
            self.exceptions.insert(name, id);
        }
        let object = self.exceptions.get("object").copied().into_iter().collect();
        self.base = Some(self.define("ActionsBase", object)?);
        Ok(())
    }

    fn define(&mut self, name: &str, bases: Vec<Id>) -> Result<Id, Fault> {
        let class = Class { name: name.into(), above: self.heap.above(&bases)?, attributes: Names::new() };
        match self.heap.add(Object::Class(class))? {
            Val::Ref(id) => Ok(id),
            _ => Err(Fault::Ended("a class could not be made".to_owned())),
        }
    }

    /// A fault as an error at a place.
    pub(super) fn stop(&mut self, fault: Fault, span: Span) -> Stop {
        match fault {
            Fault::Raise(kind, message) => self.raise(kind, &message, span),
            Fault::NoKey(key) => self.raise_with("KeyError", vec![key], span),
            Fault::Ended(message) => self.ended(span, message),
        }
    }

    /// An exception with a message.
    pub(super) fn raise(&mut self, kind: &'static str, message: &str, span: Span) -> Stop {
        let args = match message {
            "" => Ok(Vec::new()),
            _ => self.heap.str(message).map(|text| vec![text]),
        };
        match args {
            Ok(args) => self.raise_with(kind, args, span),
            Err(fault) => self.ended(span, text_of(fault)),
        }
    }

    pub(super) fn raise_with(&mut self, kind: &'static str, args: Vec<Val>, span: Span) -> Stop {
        let made = match self.exceptions.get(kind) {
            Some(class) => self.exception(*class, args),
            None => Err(Fault::Ended(format!("{kind} is no exception"))),
        };
        match made {
            Ok(exception) => Stop::Raised(exception, span),
            Err(fault) => self.ended(span, text_of(fault)),
        }
    }

    /// An exception of a class.
    pub(super) fn exception(&mut self, class: Id, args: Vec<Val>) -> Result<Val, Fault> {
        let mut attributes = Names::new();
        if self.heap.is_kind_of(class, "EnvironmentError")
            && let [number, text, rest @ ..] = &args[..]
        {
            attributes.insert("errno".into(), number.clone());
            attributes.insert("strerror".into(), text.clone());
            attributes.insert("filename".into(), rest.first().cloned().unwrap_or(Val::None));
        }
        let message = match &args[..] {
            [one] => one.clone(),
            _ => self.heap.str("")?,
        };
        attributes.insert("message".into(), message);
        let args = self.heap.tuple(args)?;
        attributes.insert("args".into(), args);
        self.heap.add(Object::Instance { class, attributes })
    }

    pub(super) async fn raise_statement(
        &mut self,
        exception: Option<&Expr>,
        value: Option<&Expr>,
        span: Span,
        scope: ScopeId,
    ) -> Result<Flow, Stop> {
        let Some(exception) = exception else {
            return Err(match self.handled.last() {
                Some((exception, span)) => Stop::Raised(exception.clone(), *span),
                None => {
                    let message =
                        "exceptions must be old-style classes or derived from BaseException, not NoneType";
                    self.raise("TypeError", message, span)
                }
            });
        };
        let mut raised = self.eval(exception, scope).await?;
        let value = match value {
            Some(value) => Some(self.eval(value, scope).await?),
            None => None,
        };
        if let Val::Ref(id) = &raised
            && matches!(self.heap.get(*id), Object::Class(_))
        {
            let args = match value {
                None | Some(Val::None) => Vec::new(),
                Some(Val::Ref(id)) if matches!(self.heap.get(id), Object::Tuple(_)) => {
                    let items = self.heap.items(&Val::Ref(id));
                    self.at(items, span)?
                }
                Some(value) => vec![value],
            };
            raised = self.call(raised, Args::of(args), span).await?;
        }
        let is_instance =
            matches!(&raised, Val::Ref(id) if matches!(self.heap.get(*id), Object::Instance { .. }));
        if !is_instance {
            let name = self.heap.type_name(&raised).to_owned();
            let message =
                format!("exceptions must be old-style classes or derived from BaseException, not {name}");
            return Err(self.raise("TypeError", &message, span));
        }
        Err(Stop::Raised(raised, span))
    }

    pub(super) async fn try_statement(
        &mut self,
        body: &[Stmt],
        handlers: &[Handler],
        otherwise: &[Stmt],
        finally: &[Stmt],
        scope: ScopeId,
    ) -> Result<Flow, Stop> {
        let (unsure, frames) = (self.unsure.len(), self.frames.len());
        let mut result = self.block(body, scope).await;
        match result {
            Err(Stop::Raised(exception, span)) => {
                self.unsure.truncate(unsure);
                self.frames.truncate(frames);
                result = self.handle(exception, span, handlers, scope).await;
            }
            Ok(Flow::Next) => result = self.block(otherwise, scope).await,
            _ => {}
        }
        if finally.is_empty() || matches!(result, Err(Stop::Ended(_))) {
            return result;
        }
        match self.block(finally, scope).await? {
            Flow::Next => result,
            flow => Ok(flow),
        }
    }

    async fn handle(
        &mut self,
        exception: Val,
        span: Span,
        handlers: &[Handler],
        scope: ScopeId,
    ) -> Result<Flow, Stop> {
        for handler in handlers {
            let catches = match &handler.kind {
                None => true,
                Some(kind) => {
                    let kind = self.eval(kind, scope).await?;
                    let kinds = self.heap.classes_in(&kind);
                    let kinds = self.at(kinds, span)?;
                    kinds.iter().any(|kind| self.catches(kind, &exception))
                }
            };
            if !catches {
                continue;
            }
            if let Some(target) = &handler.target {
                self.assign(target, exception.clone(), scope).await?;
            }
            self.handled.push((exception, span));
            let result = self.block(&handler.body, scope).await;
            self.handled.pop();
            return result;
        }
        Err(Stop::Raised(exception, span))
    }

    /// Whether a class is that of an exception.
    fn catches(&self, kind: &Val, exception: &Val) -> bool {
        let Val::Ref(raised) = exception else { return false };
        let Object::Instance { class, .. } = self.heap.get(*raised) else { return false };
        match kind {
            Val::Ref(id) => self.heap.lineage(*class).any(|above| above == *id),
            // An exception of a module, by its last name: `subprocess.CalledProcessError`.
            Val::Host(name) => {
                let name = name.rsplit('.').next().unwrap_or(name);
                let name = if name == "error" { "EnvironmentError" } else { name };
                self.heap.is_kind_of(*class, name)
            }
            _ => false,
        }
    }
}

fn text_of(fault: Fault) -> String {
    match fault {
        Fault::Raise(kind, message) => format!("{kind}: {message}"),
        Fault::NoKey(_) => "KeyError".to_owned(),
        Fault::Ended(message) => message,
    }
}
