//! All places of an environment's secrets, one after the other.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use crate::command::{self, Answer};
use crate::error::SecretsError;
use crate::name::{SecretName, VARIABLE};
use crate::vault::Vault;

/// Where an environment's secrets are: in variables, behind a command, in an encrypted file; the first that has one
/// wins. Nothing is opened before a secret is asked for, and each is looked for once. The default one has none.
#[derive(Debug, Clone, Default)]
pub struct Store {
    variables: Arc<BTreeMap<String, SecretString>>,
    command: Vec<String>,
    vault: Option<Vault>,
    found: Arc<Mutex<BTreeMap<SecretName, Option<SecretString>>>>,
}

/// Where a secret is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A variable of this name.
    Variable(String),
    /// The encrypted file.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Store {
    /// `variables` may hold others than `AYS_SECRET_*`, which are left alone, as empty ones are; `command` is a program
    /// and its arguments, `{}` in them the secret's name, empty where there is none.
    pub fn new(
        variables: impl IntoIterator<Item = (String, SecretString)>,
        command: Vec<String>,
        vault: Option<Vault>,
    ) -> Self {
        let is_secret = |(name, value): &(String, SecretString)| {
            name.starts_with(VARIABLE) && !value.expose_secret().is_empty()
        };
        let variables = Arc::new(variables.into_iter().filter(is_secret).collect());
        Self { variables, command, vault, found: Arc::default() }
    }

    /// A secret; none where no place has it.
    pub fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretsError> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = found.get(name) {
            return Ok(secret.clone());
        }
        let secret = self.look_for(name)?;
        found.insert(name.clone(), secret.clone());
        Ok(secret)
    }

    /// Keeps a secret in the encrypted file, which is given back. Variables and the command still go before it.
    pub fn set(&self, name: &SecretName, secret: SecretString) -> Result<PathBuf, SecretsError> {
        let vault = self.vault.as_ref().ok_or(SecretsError::NoVault)?;
        vault.change(|kept| kept.insert(name.clone(), secret))?;
        self.forget(name);
        Ok(vault.file.clone())
    }

    /// Removes a secret from the encrypted file; whether it was there.
    pub fn remove(&self, name: &SecretName) -> Result<bool, SecretsError> {
        let Some(vault) = &self.vault else { return Ok(false) };
        if !vault.read()?.contains_key(name) {
            return Ok(false);
        }
        self.forget(name);
        vault.change(|kept| kept.remove(name).is_some())
    }

    /// The secrets in variables and in the encrypted file, by name, and where each is from. What the command has, only
    /// the command knows.
    pub fn list(&self) -> Result<Vec<(SecretName, Origin)>, SecretsError> {
        let mut all = BTreeMap::new();
        if let Some(vault) = &self.vault {
            for name in vault.read()?.into_keys() {
                let variable = name.variable();
                let origin = if self.variables.contains_key(&variable) {
                    Origin::Variable(variable)
                } else {
                    Origin::File(vault.file.clone())
                };
                all.insert(name, origin);
            }
        }
        for variable in self.variables.keys() {
            let is_listed = all.values().any(|origin| *origin == Origin::Variable(variable.clone()));
            if let (false, Ok(name)) = (is_listed, variable[VARIABLE.len()..].parse()) {
                all.insert(name, Origin::Variable(variable.clone()));
            }
        }
        Ok(all.into_iter().collect())
    }

    fn look_for(&self, name: &SecretName) -> Result<Option<SecretString>, SecretsError> {
        if let Some(secret) = self.variables.get(&name.variable()) {
            return Ok(Some(secret.clone()));
        }
        let refused = match command::ask(&self.command, name, self.variables.keys().cloned())? {
            Some(Answer::Secret(secret)) => return Ok(Some(secret)),
            Some(Answer::Nothing { status, said }) => Some((status, said)),
            None => None,
        };
        let kept = self.vault.as_ref().map(Vault::read).transpose()?;
        match (kept.and_then(|mut kept| kept.remove(name)), refused) {
            (None, Some((status, said))) => {
                let program = self.command.first().cloned().unwrap_or_default();
                Err(SecretsError::NotGiven { name: name.clone(), program, status, said })
            }
            (secret, _) => Ok(secret),
        }
    }

    fn forget(&self, name: &SecretName) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
