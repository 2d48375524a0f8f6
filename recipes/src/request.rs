//! What an operator asks for.

use std::sync::Arc;

use ays_model::{InstanceName, NodeName};
use serde::{Deserialize, Serialize};

use crate::answers::Answers;

/// Which instance of a template, with which answers.
#[derive(Debug, Clone)]
pub struct Request {
    /// The instance's name; `main` where the operator says nothing.
    pub instance: InstanceName,
    /// What the operator answered.
    pub answers: Answers,
    /// What becomes of the services that the template depends on.
    pub dependencies: Dependencies,
    /// The names of the nodes that it is for: what the repository has answered for them holds. None: what it has answered
    /// for any.
    pub nodes: Vec<NodeName>,
    /// What becomes of those answers.
    pub stored: Stored,
    /// The instance below whose directory its answers are written down: `domain__name__instance`; none: below the node's.
    pub parent: Option<String>,
    /// What an operator's file answers for it and for what it needs.
    pub seed: Option<Arc<Seed>>,
}

/// An HRD file whose keys are `domain.name.instance.key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Its name in errors.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Request {
    /// The recipe as it is when nobody answers its questions, and what it depends on is left out.
    pub fn without_answers(instance: InstanceName) -> Self {
        Self {
            instance,
            answers: Answers::default(),
            dependencies: Dependencies::Skip,
            nodes: Vec::new(),
            stored: Stored::Used,
            parent: None,
            seed: None,
        }
    }
}

/// What becomes of the services that a template depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Dependencies {
    /// They are installed first.
    #[default]
    First,
    /// They are left out (`--single`, `--nodeps`).
    Skip,
}

/// What becomes of the answers that the repository has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stored {
    /// They hold where the operator says nothing else.
    #[default]
    Used,
    /// They are asked again (`--hrdreset`).
    Forgotten,
}
