//! The interpreter of `actions.py`. It never runs Python: it walks the tree, and where a recipe calls something
//! that acts on the world it yields one typed [`Action`], is given its outcome, and goes on.
//!
//! The walk is written as `async` functions: a recipe's action is awaited in the middle of it, and the rest of the
//! walk is kept by the compiler. Nothing else is ever awaited, so [`Run`] polls by hand.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use ays_grammar::actions::{self, Class, Def, Expr, ExprKind, Module, Stmt, StmtKind};
use ays_grammar::hrd::Substituted;
use ays_grammar::{Diagnostic, Span};
use ays_model::Words;

use crate::lifecycle::Phase;
use crate::register_image::RegisterImage;
use crate::value::Value;

/// What a recipe wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make the downloaded file an image.
    RegisterImage(RegisterImage),
}

impl Action {
    /// What `registerImage` returns when the image is registered: a plan must foretell it, so it holds nothing that only
    /// the node or the catalogue knows.
    pub const REGISTERED: Value = Value::Bool(true);
}

/// The full names of what can be called.
const REGISTER_IMAGE: &str = "CloudscalerLibcloud.imageutil.registerImage";
const BASE_CLASS: &str = "JumpScale.j.atyourservice.getActionsBaseClass";
/// The name of the service that every method is given.
const SERVICE: &str = "service";

/// A recipe's actions, parsed.
#[derive(Debug, Clone)]
pub struct Script {
    name: Arc<str>,
    /// As the file has it: errors show this, since what `$(..)` stands for may be a password.
    written: Arc<str>,
    text: Arc<Substituted>,
    module: Arc<Module>,
    /// What stands in the text for secrets.
    words: Words,
    /// The recipe's downloads, in order: each `web.export`'s `dest`.
    downloads: Vec<PathBuf>,
}

/// What a [`Run`] came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// It wants this done, and waits for its outcome.
    Action(Action),
    /// The method returned.
    Returned(Value),
}

impl Script {
    /// The same for downloads that lie elsewhere.
    pub fn with_downloads_moved(mut self, moved: &dyn Fn(&Path) -> PathBuf) -> Self {
        self.downloads = self.downloads.iter().map(|path| moved(path)).collect();
        self
    }

    /// Parses the text of `actions.py` with every `$(..)` replaced by what `lookup` says; for secrets that is a word.
    pub fn parse(
        name: &str,
        written: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
        words: Words,
        downloads: Vec<PathBuf>,
    ) -> Result<Self, Diagnostic> {
        let text = Substituted::new(written, lookup);
        let module = actions::parse(name, &text.text).map_err(|error| {
            let shown = as_written(name, written, &text, error.span(), error.message());
            match error.help() {
                Some(help) => shown.with_help(help),
                None => shown,
            }
        })?;
        let (text, module) = (Arc::new(text), Arc::new(module));
        Ok(Self { name: name.into(), written: written.into(), text, module, words, downloads })
    }

    /// Begins a method. One that the recipe does not have returns `None` at once.
    pub fn run(&self, method: &str) -> Run {
        let exchange = Exchange::default();
        let method = method.to_owned();
        let may_register = Phase::of(&method).is_some_and(Phase::may_register);
        let walk = Walk { script: self.clone(), exchange: exchange.clone(), may_register };
        Run { future: Box::pin(async move { walk.call_method(&method).await }), exchange }
    }

    fn method(&self, name: &str) -> Option<(&Class, &Def)> {
        let class = self.module.body.iter().rev().find_map(|stmt| match &stmt.kind {
            StmtKind::Class(class) if class.name == "Actions" => Some(class),
            _ => None,
        })?;
        class.body.iter().rev().find_map(|stmt| match &stmt.kind {
            StmtKind::Def(def) if def.name == name => Some((class, def)),
            _ => None,
        })
    }

    /// The methods of class `Actions`, with the places of their headers.
    pub fn methods(&self) -> impl Iterator<Item = (&Def, Span)> {
        let mut classes = self.module.body.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Class(class) if class.name == "Actions" => Some(class),
            _ => None,
        });
        let body = classes.next_back().map(|class| class.body.as_slice()).unwrap_or_default();
        body.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Def(def) => Some((def, stmt.span)),
            _ => None,
        })
    }

    /// Every statement of a method, and of what stands around it, that [`Script::run`] does not do.
    pub fn unsupported(&self, method: &str) -> Vec<Diagnostic> {
        let Some((class, def)) = self.method(method) else { return Vec::new() };
        let statements = self.module.body.iter().chain(&class.body).chain(&def.body);
        let wrong = statements.filter_map(|stmt| match &stmt.kind {
            StmtKind::Unsupported { construct } => Some(self.unsupported_at(stmt.span, construct)),
            _ => None,
        });
        wrong.collect()
    }

    fn unsupported_at(&self, span: Span, construct: &str) -> Diagnostic {
        self.wrong(span, format!("{construct} is not supported yet in actions"))
    }

    /// An error at a place that a [`Def`] or another part of the script gives.
    pub fn wrong(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        as_written(&self.name, &self.written, &self.text, span, message)
    }
}

/// An error at a place of the text that was parsed, shown in the file as it is written.
fn as_written(
    name: &str,
    written: &str,
    text: &Substituted,
    span: Span,
    message: impl Into<String>,
) -> Diagnostic {
    let mut message = message.into();
    // Shorter values are no secrets, and parts of ordinary words.
    for (value, reference) in text.values_in(span).filter(|(value, _)| value.len() >= 4) {
        message = message.replace(value, &written[reference.start..reference.end]);
    }
    Diagnostic::new(name, written, text.place(span), message)
}

/// A method that is being run.
pub struct Run {
    future: Pin<Box<dyn Future<Output = Result<Value, Diagnostic>> + Send>>,
    exchange: Exchange,
}

impl Run {
    /// Goes on to the next action, or to the end. `outcome` is the value of the action before; for the first call
    /// it is not looked at.
    pub fn resume(&mut self, outcome: Value) -> Result<Progress, Diagnostic> {
        self.exchange.answer(outcome);
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result.map(Progress::Returned),
            // The walk waits for nothing but an action.
            Poll::Pending => {
                Ok(self.exchange.asked().map_or(Progress::Returned(Value::None), Progress::Action))
            }
        }
    }
}

/// Where the walk leaves an action and finds its outcome.
#[derive(Clone, Default)]
struct Exchange(Arc<Mutex<(Option<Action>, Option<Value>)>>);

impl Exchange {
    fn answer(&self, value: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(value);
    }

    fn asked(&self) -> Option<Action> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.take()
    }

    async fn perform(&self, action: Action) -> Value {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Some(action), None);
        std::future::poll_fn(|_| match self.0.lock().unwrap_or_else(PoisonError::into_inner).1.take() {
            Some(value) => Poll::Ready(value),
            None => Poll::Pending,
        })
        .await
    }
}

type Names = BTreeMap<String, Value>;
type Evaluation<'a> = Pin<Box<dyn Future<Output = Result<Value, Diagnostic>> + Send + 'a>>;

struct Walk {
    script: Script,
    exchange: Exchange,
    /// The method is one of those that run when everything has been fetched.
    may_register: bool,
}

impl Walk {
    async fn call_method(&self, method: &str) -> Result<Value, Diagnostic> {
        let mut globals = Names::new();
        for stmt in &self.script.module.body {
            self.statement(stmt, &mut globals, &Names::new()).await?;
        }
        let Some((class, def)) = self.script.method(method) else {
            return Ok(Value::None);
        };
        let mut attributes = Names::new();
        for stmt in &class.body {
            self.statement(stmt, &mut attributes, &globals).await?;
        }
        let mut locals = Names::new();
        let given = [Value::Host("self".to_owned()), Value::Host(SERVICE.to_owned())];
        for (index, param) in def.params.iter().enumerate() {
            let value = match (given.get(index), &param.default) {
                (Some(value), _) => value.clone(),
                (None, Some(default)) => self.value(default, &Names::new(), &globals).await?,
                (None, None) => Value::None,
            };
            locals.insert(param.name.clone(), value);
        }
        for stmt in &def.body {
            if let Some(value) = self.statement(stmt, &mut locals, &globals).await? {
                return Ok(value);
            }
        }
        Ok(Value::None)
    }

    /// Does one statement; a value is that of `return`.
    async fn statement(
        &self,
        stmt: &Stmt,
        names: &mut Names,
        outer: &Names,
    ) -> Result<Option<Value>, Diagnostic> {
        match &stmt.kind {
            StmtKind::Pass | StmtKind::Class(_) | StmtKind::Def(_) => {}
            StmtKind::Import(aliases) => {
                for alias in aliases {
                    // `import a.b` makes `a` known, `import a.b as c` makes `c` the whole of it.
                    let (name, path) = match (&alias.alias, alias.name.split('.').next()) {
                        (Some(name), _) => (name.as_str(), alias.name.as_str()),
                        (None, first) => (first.unwrap_or(&alias.name), first.unwrap_or(&alias.name)),
                    };
                    names.insert(name.to_owned(), Value::Host(path.to_owned()));
                }
            }
            StmtKind::FromImport { module, names: imported } => {
                for alias in imported {
                    let name = alias.alias.as_ref().unwrap_or(&alias.name);
                    names.insert(name.clone(), Value::Host(format!("{module}.{}", alias.name)));
                }
            }
            StmtKind::Assign { target, value } => {
                let value = self.value(value, names, outer).await?;
                match &target.kind {
                    ExprKind::Name(name) => _ = names.insert(name.clone(), value),
                    _ => return Err(self.unsupported(target.span, "assigning to anything but a name")),
                }
            }
            StmtKind::Expr(expr) => _ = self.value(expr, names, outer).await?,
            StmtKind::Return(None) => return Ok(Some(Value::None)),
            StmtKind::Return(Some(expr)) => return self.value(expr, names, outer).await.map(Some),
            StmtKind::Unsupported { construct } => return Err(self.unsupported(stmt.span, construct)),
        }
        Ok(None)
    }

    fn value<'a>(&'a self, expr: &'a Expr, names: &'a Names, outer: &'a Names) -> Evaluation<'a> {
        Box::pin(async move {
            Ok(match &expr.kind {
                ExprKind::None => Value::None,
                ExprKind::Bool(value) => Value::Bool(*value),
                ExprKind::Int(value) => Value::Int(*value),
                ExprKind::Float(value) => Value::Float(*value),
                ExprKind::Str(value) => Value::Str(value.clone()),
                ExprKind::Name(name) => match names.get(name).or_else(|| outer.get(name)) {
                    Some(value) => value.clone(),
                    None => {
                        let error = self.script.wrong(expr.span, format!("`{name}` is not defined"));
                        return Err(meant(name, error));
                    }
                },
                ExprKind::Attribute { value, name } => match self.value(value, names, outer).await? {
                    Value::Host(path) => Value::Host(format!("{path}.{name}")),
                    _ => return Err(self.unsupported(expr.span, &format!("`.{name}` of a value"))),
                },
                ExprKind::Call { callee, args, keywords } => {
                    let callee_value = self.value(callee, names, outer).await?;
                    let mut arguments = Vec::new();
                    for arg in args {
                        arguments.push(self.value(arg, names, outer).await?);
                    }
                    let mut named = Vec::new();
                    for (name, arg) in keywords {
                        named.push((name.clone(), self.value(arg, names, outer).await?));
                    }
                    match callee_value {
                        Value::Host(path) if path == BASE_CLASS => Value::Host("ActionsBase".to_owned()),
                        Value::Host(path) if path == REGISTER_IMAGE && !self.may_register => {
                            let message = "registerImage can be called in `configure` only: nothing else runs \
                                           when everything has been fetched and nothing is running yet";
                            return Err(self.script.wrong(expr.span, message));
                        }
                        Value::Host(path) if path == REGISTER_IMAGE => {
                            self.shows_no_secret(expr.span, &arguments, &named)?;
                            let image = RegisterImage::from_call(&arguments, &named, &self.script.downloads)
                                .map_err(|error| self.script.wrong(expr.span, error.to_string()))?;
                            self.exchange.perform(Action::RegisterImage(image)).await
                        }
                        Value::Host(path) => {
                            let name = path.strip_prefix("JumpScale.").unwrap_or(&path);
                            return Err(meant(
                                name,
                                self.unsupported(callee.span, &format!("calling `{name}`")),
                            ));
                        }
                        _ => return Err(self.script.wrong(callee.span, "this value cannot be called")),
                    }
                }
                ExprKind::Unsupported { construct } => return Err(self.unsupported(expr.span, construct)),
            })
        })
    }

    /// What is registered is shown and recorded.
    fn shows_no_secret(
        &self,
        span: Span,
        arguments: &[Value],
        named: &[(String, Value)],
    ) -> Result<(), Diagnostic> {
        let all = arguments.iter().chain(named.iter().map(|(_, value)| value));
        let secret = all.into_iter().find_map(|value| match value {
            Value::Str(text) => self.script.words.within(text),
            _ => None,
        });
        match secret {
            Some(secret) => {
                let message = format!("registerImage is given {secret}, which would be shown and recorded");
                Err(self.script.wrong(span, message))
            }
            None => Ok(()),
        }
    }

    fn unsupported(&self, span: Span, construct: &str) -> Diagnostic {
        self.script.unsupported_at(span, construct)
    }
}

/// The error with what to do where `registerImage` was meant.
fn meant(path: &str, error: Diagnostic) -> Diagnostic {
    let name = path.rsplit('.').next().unwrap_or(path);
    if !name.eq_ignore_ascii_case("registerImage") && ays_model::near(name, ["registerImage"]).is_none() {
        return error;
    }
    error.with_help(
        "first `from CloudscalerLibcloud.imageutil import registerImage`, then call `registerImage`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "
from JumpScale import j
ActionsBase=j.atyourservice.getActionsBaseClass()
class Actions(ActionsBase):
    '''
    process for install
    '''
    def prepare(self, serviceObj):
        for x in range(3):
            print x
    def configure(self, serviceObj):
        from CloudscalerLibcloud.imageutil import registerImage
        name = 'Wily'
        registerImage(serviceObj, name, 'Linux', 10)
        return registerImage(serviceObj, name='Wily 2', type='Linux', disksize=10)
";

    fn parse(
        text: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
        downloads: Vec<PathBuf>,
    ) -> Result<Script, Diagnostic> {
        Script::parse("actions.py", text, lookup, Words::default(), downloads)
    }

    fn script(text: &str) -> Script {
        parse(text, &|_| None, vec![PathBuf::from("/t/wily.img")]).unwrap()
    }

    fn name_of(progress: Progress) -> String {
        match progress {
            Progress::Action(Action::RegisterImage(image)) => image.name.into(),
            Progress::Returned(value) => panic!("returned {value:?}"),
        }
    }

    #[test]
    fn one_action_after_the_other_is_yielded_and_its_outcome_taken() {
        let mut run = script(IMAGE).run("configure");
        assert_eq!(name_of(run.resume(Value::None).unwrap()), "Wily");
        assert_eq!(name_of(run.resume(Value::None).unwrap()), "Wily 2");
        assert_eq!(run.resume(Value::Int(7)).unwrap(), Progress::Returned(Value::Int(7)));
    }

    #[test]
    fn what_is_not_supported_is_an_error_only_where_it_is_reached() {
        let script = script(IMAGE);
        let error = script.run("prepare").resume(Value::None).unwrap_err();
        assert_eq!((error.line(), error.message()), (9, "a `for` loop is not supported yet in actions"));
        assert_eq!(script.run("stop").resume(Value::None).unwrap(), Progress::Returned(Value::None));
    }

    #[test]
    fn nothing_of_the_controller_can_be_reached() {
        let text = "import os\nclass Actions():\n  def configure(self, s):\n    os.system('rm -rf /')\n";
        let error = script(text).run("configure").resume(Value::None).unwrap_err();
        assert_eq!((error.line(), error.column()), (4, 5));
        assert_eq!(error.message(), "calling `os.system` is not supported yet in actions");
        let text = "class Actions():\n  def configure(self, s):\n    open('/etc/passwd')\n";
        let error = script(text).run("configure").resume(Value::None).unwrap_err();
        assert_eq!(error.message(), "`open` is not defined");
    }

    #[test]
    fn errors_show_the_file_as_it_is_written_and_never_what_was_put_in() {
        let text = "class Actions():\n  def configure(self, s):\n    x = '$(a)'; y = $(password); z($(b))\n";
        let lookup = |key: &str| match key {
            "a" => Some("two'\n    more = '".to_owned()),
            "password" => Some("hunter2".to_owned()),
            _ => None,
        };
        let script = parse(text, &lookup, Vec::new());
        let error = match script {
            Ok(script) => script.run("configure").resume(Value::None).unwrap_err(),
            Err(error) => error,
        };
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        assert_eq!(error.line(), 3, "{error}");
        let text = "class Actions():\n  def configure(self, s):\n    y = $(password)\n";
        let script = parse(text, &lookup, Vec::new()).unwrap();
        let error = script.run("configure").resume(Value::None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "actions.py:3:9: `$(password)` is not defined\n  |\n3 |     y = $(password)\n  |         ^^^^^^^^^^^"
        );
    }

    #[test]
    fn an_image_is_registered_in_configure_only() {
        let text = IMAGE.replace("def configure", "def start");
        let error = script(&text).run("start").resume(Value::None).unwrap_err();
        assert_eq!(error.line(), 14, "{error}");
    }
}
