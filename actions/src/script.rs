//! A recipe's actions, parsed, and a method of them that is being run.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ays_grammar::actions::{self, Def, Module, StmtKind};
use ays_grammar::hrd::Substituted;
use ays_grammar::{Diagnostic, Span};
use ays_model::Words;

use crate::action::{Action, Outcome};
use crate::check::{self, LeftOut};
use crate::exchange::{Asked, Exchange};
use crate::interpreter::Interpreter;
use crate::lifecycle::Phase;
use crate::source::{Service, Source};
use crate::value::Value;

/// A recipe's actions, parsed.
#[derive(Debug, Clone)]
pub struct Script(Source);

/// What a [`Run`] came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// It wants this done, and waits for its outcome.
    Action(Action),
    /// The method returned.
    Returned(Value),
}

impl Script {
    /// Parses the text of `actions.py` with every `$(..)` replaced by what `lookup` says; for secrets that is a word.
    pub fn parse(
        name: &str,
        written: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
        words: Words,
        downloads: Vec<PathBuf>,
    ) -> Result<Self, Diagnostic> {
        let text = Arc::new(Substituted::new(written, lookup));
        let module = Arc::new(Module { body: Vec::new() });
        let mut source = Source {
            name: name.into(),
            written: written.into(),
            text,
            module,
            words,
            downloads,
            service: None,
        };
        source.module = Arc::new(actions::parse(name, &source.text.text).map_err(|error| {
            let shown = source.wrong(error.span(), error.message());
            match error.help() {
                Some(help) => shown.with_help(help),
                None => shown,
            }
        })?);
        Ok(Self(source))
    }

    /// The same for downloads that lie elsewhere.
    pub fn with_downloads_moved(mut self, moved: &dyn Fn(&Path) -> PathBuf) -> Self {
        self.0.downloads = self.0.downloads.iter().map(|path| moved(path)).collect();
        self
    }

    /// The same for a service whose values are known: its own values are not asked for.
    pub fn with_service(mut self, service: Service) -> Self {
        self.0.service = Some(Arc::new(service));
        self
    }

    /// The same with values of the service that methods before have set, or, with none, removed.
    pub fn with_values(mut self, changed: &[(String, Option<Value>)]) -> Self {
        if let Some(service) = &mut self.0.service {
            let values = &mut Arc::make_mut(service).values;
            for (key, value) in changed {
                values.retain(|(known, _)| !known.eq_ignore_ascii_case(key));
                values.extend(value.clone().map(|value| (key.clone(), value)));
            }
        }
        self
    }

    /// The same with all the words that stand for secrets in what it may read.
    pub fn with_words(mut self, words: Words) -> Self {
        self.0.words = words;
        self
    }

    /// Its service, with its values.
    pub fn service(&self) -> Option<&Service> {
        self.0.service.as_deref()
    }

    /// What stands in its texts for secrets.
    pub fn words(&self) -> &Words {
        &self.0.words
    }

    /// Its text, with what `$(..)` stands for.
    pub fn text(&self) -> &str {
        &self.0.text.text
    }

    /// Whether a word is in its text, or in a value of the service that it may read.
    pub fn may_use(&self, word: &str) -> bool {
        let reads_values = self.0.text.text.contains("hrd");
        let values = self.0.service.iter().filter(|_| reads_values).flat_map(|service| &service.values);
        self.0.text.text.contains(word) || values.into_iter().any(|(_, value)| value.holds(word))
    }

    /// Begins a method. One that the recipe does not have returns `None` at once.
    pub fn run(&self, method: &str) -> Run {
        self.run_with(method, Vec::new())
    }

    /// Begins a method that is given more than the service: `execute` the command.
    pub fn run_with(&self, method: &str, more: Vec<Value>) -> Run {
        let exchange = Exchange::default();
        let method = method.to_owned();
        let may_register = Phase::of(&method).is_some_and(Phase::may_register);
        let interpreter = Interpreter::new(self.0.clone(), exchange.clone(), may_register);
        let future = Box::pin(async move { interpreter.run(&method, more).await });
        Run { future, exchange, script: self.clone(), asked: None }
    }

    /// The methods of class `Actions`, with the places of their headers.
    pub fn methods(&self) -> impl Iterator<Item = (&Def, Span)> {
        let mut classes = self.0.module.body.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Class(class) if class.name == "Actions" => Some(class),
            _ => None,
        });
        let body = classes.next_back().map(|class| class.body.as_slice()).unwrap_or_default();
        body.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Def(def) => Some((def.as_ref(), stmt.span)),
            _ => None,
        })
    }

    /// All in a method, and in what it may call of the file, that a [`Run`] does not do: Python that is left out, and
    /// functions that the table does not have.
    pub fn unsupported(&self, method: &str) -> Vec<LeftOut> {
        check::unsupported(&self.0, method)
    }

    /// An error at a place that a [`Def`] or another part of the script gives.
    pub fn wrong(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.0.wrong(span, message)
    }
}

/// A method that is being run.
pub struct Run {
    future: Pin<Box<dyn Future<Output = Result<Value, Diagnostic>> + Send>>,
    exchange: Exchange,
    script: Script,
    /// The action that is waited for.
    asked: Option<Asked>,
}

impl Run {
    /// Goes on to the next action, or to the end. `outcome` is that of the action before; for the first call it is not
    /// looked at.
    pub fn resume(&mut self, outcome: Outcome) -> Result<Progress, Diagnostic> {
        self.exchange.answer(outcome);
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result.map(Progress::Returned),
            // The walk waits for nothing but an action.
            Poll::Pending => {
                self.asked = self.exchange.asked();
                let action = self.asked.as_ref().map(|asked| Progress::Action(asked.action.clone()));
                Ok(action.unwrap_or(Progress::Returned(Value::None)))
            }
        }
    }

    /// Why the action before may not be done, or not so: what it depends on, which only a node can tell. Only in a plan,
    /// where [`Outcome::Unknown`] was answered. With `***` in the place of secrets.
    pub fn depends_on(&self) -> Option<String> {
        Some(self.script.0.shown(self.asked.as_ref()?.depends_on.as_deref()?))
    }

    /// The action before in one line, with `***` in the place of secrets.
    pub fn shown(&self) -> String {
        self.asked.as_ref().map(|asked| self.script.0.shown(&asked.action.to_string())).unwrap_or_default()
    }

    /// Where the action before is called.
    pub fn place(&self) -> Option<Span> {
        self.asked.as_ref().map(|asked| asked.span)
    }

    /// An error at the call of the action before.
    pub fn wrong(&self, message: impl Into<String>) -> Diagnostic {
        self.script.wrong(self.place().unwrap_or_default(), message)
    }
}
