//! Faults on purpose: what a rehearsal lets go wrong, once.

use std::future::Future;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// How a step goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It is not done.
    Fail,
    /// It is done, but nobody hears of it.
    Lost,
    /// The process that does it is killed: the helper; for what the controller itself does, the controller.
    Kill,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fail, Self::Lost, Self::Kill];

    /// As `--fail-at` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Lost => "lost",
            Self::Kill => "kill",
        }
    }
}

/// Which step goes wrong, and how: `STEP[:KIND]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultAt {
    /// One of [`Faults::seen`].
    pub step: String,
    /// How.
    pub kind: FaultKind,
}

impl FromStr for FaultAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (step, kind) = text.split_once(':').unwrap_or((text, "fail"));
        let kind = FaultKind::ALL.into_iter().find(|known| known.as_str() == kind);
        let kind = kind.ok_or("the kind of fault is one of fail, lost, kill")?;
        Ok(Self { step: step.to_owned(), kind })
    }
}

/// What goes wrong in one run, and which steps it met.
#[derive(Debug, Default)]
pub struct Faults {
    at: Option<FaultAt>,
    struck: AtomicBool,
    killed: Notify,
    seen: Mutex<Vec<&'static str>>,
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
    pub fn seen(&self) -> Vec<&'static str> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the fault has happened.
    pub fn has_struck(&self) -> bool {
        self.struck.load(Ordering::Relaxed)
    }

    /// A step begins: how it goes wrong, where it is this one's turn.
    pub fn strike(&self, step: &'static str) -> Option<FaultKind> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains(&step) {
            seen.push(step);
        }
        let at = self.at.as_ref().filter(|at| at.step == step)?;
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
    step: &'static str,
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
