//! The arguments of a call.

use std::sync::Arc;

use super::heap::{Fault, Val};

/// The values of a call: by position, and by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Args {
    pub(super) positional: Vec<Val>,
    pub(super) named: Vec<(Arc<str>, Val)>,
}

impl Args {
    pub(super) fn of(positional: Vec<Val>) -> Self {
        Self { positional, named: Vec::new() }
    }

    pub(super) fn at(&self, index: usize) -> Option<&Val> {
        self.positional.get(index)
    }

    pub(super) fn named(&self, name: &str) -> Option<&Val> {
        self.named.iter().find(|(given, _)| &**given == name).map(|(_, value)| value)
    }

    /// The argument at a place or of a name, or what it is where it is not given.
    pub(super) fn or<'a>(&'a self, index: usize, name: &str, default: &'a Val) -> &'a Val {
        self.at(index).or_else(|| self.named(name)).unwrap_or(default)
    }

    /// An argument that must be given.
    pub(super) fn needed(&self, index: usize, function: &str) -> Result<&Val, Fault> {
        self.at(index).ok_or_else(|| {
            let (wanted, given) = (index + 1, self.positional.len());
            Fault::type_error(format!("{function}() takes at least {wanted} arguments ({given} given)"))
        })
    }

    /// The first argument that only a node can tell.
    pub(super) fn unknown(&self) -> Option<Arc<str>> {
        let all = self.positional.iter().chain(self.named.iter().map(|(_, value)| value));
        all.into_iter().find_map(|value| match value {
            Val::Unknown(text) => Some(Arc::clone(text)),
            _ => None,
        })
    }
}
