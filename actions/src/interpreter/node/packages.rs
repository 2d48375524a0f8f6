//! Packages of the node.

use ays_grammar::Span;
use ays_model::{NodeAction, PackageVerb};

use crate::interpreter::functions::Bound;
use crate::interpreter::heap::{Fault, Val};
use crate::interpreter::text::bytes_of;
use crate::interpreter::{Interpreter, Stop, regular};

impl Interpreter {
    /// Names in a list, or in a text with blanks between them.
    pub(super) fn names(&mut self, value: &Val) -> Result<Vec<String>, Fault> {
        let values = match value {
            Val::None => Vec::new(),
            _ if bytes_of(value).is_some() || matches!(value, Val::Unknown(_)) => vec![value.clone()],
            _ => self.heap.items(value)?,
        };
        let mut names = Vec::new();
        for value in values {
            let text = String::from_utf8_lossy(&self.heap.display(&value)?).into_owned();
            names.extend(text.split_whitespace().map(str::to_owned));
        }
        Ok(names)
    }

    pub(super) async fn install_deb(&mut self, path: String, span: Span) -> Result<Val, Stop> {
        // The package manager installs a path as it installs a name, with what it needs.
        self.done(NodeAction::Packages { verb: PackageVerb::Install, names: vec![path] }, span).await
    }

    pub(super) async fn package_files(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let name = self.text(bound, &["pkgname"], span)?;
        let Some((_, output)) = self.run_program(&["dpkg-query", "-L", &name], span).await? else {
            return Ok(self.unknown(format!("files of package {name}")));
        };
        let pattern = self.text_or_none(bound, &["regex"], span)?;
        let fits = match pattern.map(|pattern| regular::compile(&pattern, "").map(|(regex, _)| regex)) {
            Some(regex) => Some(self.at(regex, span)?),
            None => None,
        };
        let fitting = output.lines().filter(|line| match &fits {
            Some(regex) => regex.find(line).is_some_and(|found| found.start() == 0),
            None => true,
        });
        let paths = Self::texts(fitting.map(str::to_owned).collect(), self);
        self.at(paths, span)
    }
}
