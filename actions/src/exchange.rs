//! Where a script leaves an action and finds its outcome.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use ays_grammar::Span;

use crate::action::{Action, Outcome};

/// An action that a script waits for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) action: Action,
    /// Where it is called.
    pub(crate) span: Span,
    /// Why it may not be done: what decides is known by a node only.
    pub(crate) depends_on: Option<Arc<str>>,
}

/// Shared by a script that is walked and whoever does its actions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exchange(Arc<Mutex<(Option<Asked>, Option<Outcome>)>>);

impl Exchange {
    fn lock(&self) -> MutexGuard<'_, (Option<Asked>, Option<Outcome>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn answer(&self, outcome: Outcome) {
        self.lock().1 = Some(outcome);
    }

    pub(crate) fn asked(&self) -> Option<Asked> {
        self.lock().0.take()
    }

    pub(crate) async fn perform(&self, asked: Asked) -> Outcome {
        *self.lock() = (Some(asked), None);
        std::future::poll_fn(|_| match self.lock().1.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        })
        .await
    }
}
