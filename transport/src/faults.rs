//! Faults on purpose: what a rehearsal lets go wrong, once.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use ays_model::{FaultAt, FaultKind, FaultStep};
use tokio::sync::Notify;

/// What goes wrong in one run, and which steps it met.
#[derive(Debug, Default)]
pub struct Faults {
    at: Option<FaultAt>,
    struck: AtomicBool,
    killed: Notify,
    seen: Mutex<Vec<FaultStep>>,
}

/// A step went wrong on purpose.
#[derive(Debug, thiserror::Error)]
#[error("{}", match .kind {
    FaultKind::Fail => "it was made to fail",
    FaultKind::Lost => "its answer was lost on purpose",
    FaultKind::Kill => "its process was killed on purpose",
})]
pub struct OnPurpose {
    /// How.
    pub kind: FaultKind,
}

impl Faults {
    /// One fault, at one step.
    pub fn at(at: FaultAt) -> Self {
        Self { at: Some(at), ..Self::default() }
    }

    /// The steps that were met, in order, each once.
    pub fn seen(&self) -> Vec<FaultStep> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the fault has happened.
    pub fn has_struck(&self) -> bool {
        self.struck.load(Ordering::Relaxed)
    }

    /// A step begins: how it goes wrong, where it is this one's turn.
    pub fn strike(&self, step: FaultStep) -> Option<FaultKind> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains(&step) {
            seen.push(step);
        }
        let at = self.at.as_ref().filter(|at| at.step == step.as_str())?;
        (!self.struck.swap(true, Ordering::Relaxed)).then_some(at.kind)
    }

    /// Completes when the controller is to be killed.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }
}

/// Does what the controller itself does, unless it is to go wrong.
pub async fn around<T, E>(
    faults: Option<&Faults>,
    step: FaultStep,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E>
where
    E: From<OnPurpose>,
{
    let kind = faults.and_then(|faults| Some((faults, faults.strike(step)?)));
    match kind {
        None => work.await,
        Some((_, kind @ FaultKind::Fail)) => Err(OnPurpose { kind }.into()),
        Some((_, kind @ FaultKind::Lost)) => {
            work.await?;
            Err(OnPurpose { kind }.into())
        }
        Some((faults, FaultKind::Kill)) => {
            faults.killed.notify_one();
            std::future::pending().await
        }
    }
}
