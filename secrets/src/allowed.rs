//! What the operator allowed: which secret may go where, and through what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::SecretsError;
use crate::file;
use crate::name::SecretName;
use crate::receiver::Receiver;

/// What an operator allowed, in a file of their own: no repository has a say in it.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// None: it is forgotten when the program ends.
    file: Option<PathBuf>,
    remembered: Arc<Mutex<Words>>,
}

/// All that the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Words {
    secrets: BTreeMap<SecretName, BTreeSet<Receiver>>,
    carriers: BTreeSet<String>,
}

impl Allowed {
    /// Of this file, which need not be there yet.
    pub fn at(file: PathBuf) -> Self {
        Self { file: Some(file), remembered: Arc::default() }
    }

    /// Where a secret may go.
    pub fn receivers(&self, name: &SecretName) -> Result<Vec<Receiver>, SecretsError> {
        Ok(self.read()?.secrets.remove(name).unwrap_or_default().into_iter().collect())
    }

    /// The secrets that may go somewhere.
    pub fn secrets(&self) -> Result<Vec<SecretName>, SecretsError> {
        Ok(self.read()?.secrets.into_keys().collect())
    }

    /// What secrets may go through.
    pub fn carriers(&self) -> Result<Vec<String>, SecretsError> {
        Ok(self.read()?.carriers.into_iter().collect())
    }

    /// Lets a secret go to these as well.
    pub fn allow(&self, name: &SecretName, receivers: &[Receiver]) -> Result<(), SecretsError> {
        self.change(|words| words.secrets.entry(name.clone()).or_default().extend(receivers.iter().cloned()))
    }

    /// Lets a secret go to these alone.
    pub fn allow_only(&self, name: &SecretName, receivers: &[Receiver]) -> Result<(), SecretsError> {
        self.change(|words| _ = words.secrets.insert(name.clone(), receivers.iter().cloned().collect()))
    }

    /// Lets a secret go to these no more, to none where none is named; those that it could go to.
    pub fn deny(&self, name: &SecretName, receivers: &[Receiver]) -> Result<Vec<Receiver>, SecretsError> {
        self.change(|words| {
            let all = words.secrets.entry(name.clone()).or_default();
            let is_meant = |receiver: &Receiver| receivers.is_empty() || receivers.contains(receiver);
            let denied = all.iter().filter(|receiver| is_meant(receiver)).cloned().collect();
            all.retain(|receiver| !is_meant(receiver));
            if all.is_empty() {
                words.secrets.remove(name);
            }
            denied
        })
    }

    /// Lets secrets go through carriers.
    pub fn allow_carriers<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Result<(), SecretsError> {
        self.change(|words| words.carriers.extend(ids.into_iter().map(str::to_owned)))
    }

    /// Lets no secret go through a carrier any more; whether they could.
    pub fn deny_carrier(&self, id: &str) -> Result<bool, SecretsError> {
        self.change(|words| words.carriers.remove(id))
    }

    /// Whether a secret may go there. A host alone becomes the way to it that was used first: what is sent by https today
    /// is not sent in clear tomorrow because a recipe says so.
    pub(crate) fn may_receive(&self, name: &SecretName, receiver: &Receiver) -> Result<bool, SecretsError> {
        let all = self.read()?.secrets.remove(name).unwrap_or_default();
        let Some(by) = all.iter().find(|allowed| allowed.allows(receiver)) else { return Ok(false) };
        if by.is_host_alone() && !all.contains(receiver) {
            self.change(|words| {
                let all = words.secrets.entry(name.clone()).or_default();
                all.remove(by);
                all.insert(receiver.clone())
            })?;
        }
        Ok(true)
    }

    fn read(&self) -> Result<Words, SecretsError> {
        let Some(path) = &self.file else {
            return Ok(self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone());
        };
        let unreadable = |source| SecretsError::Unreadable { path: path.clone(), source };
        match file::read(path).map_err(unreadable)? {
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| SecretsError::NotAllowances { file: path.clone(), source }),
            None => Ok(Words::default()),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Words) -> T) -> Result<T, SecretsError> {
        let Some(path) = &self.file else {
            return Ok(change(&mut self.remembered.lock().unwrap_or_else(PoisonError::into_inner)));
        };
        let unwritable = |source| SecretsError::Unwritable { path: path.clone(), source };
        let _lock = file::lock(path).map_err(unwritable)?;
        let before = self.read()?;
        let mut words = before.clone();
        let changed = change(&mut words);
        if words != before {
            let bytes = serde_json::to_vec_pretty(&words).map_err(|error| unwritable(error.into()))?;
            file::replace(path, &bytes).map_err(unwritable)?;
        }
        Ok(changed)
    }
}
