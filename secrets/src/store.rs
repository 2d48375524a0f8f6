//! All places of an environment's secrets, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use crate::allowed::Allowed;
use crate::command::{self, Answer};
use crate::error::SecretsError;
use crate::home::Home;
use crate::name::{SecretName, VARIABLE};
use crate::usage::{Operator, Question, Use, Word};
use crate::vault::Vault;

/// Where an environment's secrets are: in variables, behind a command, in an encrypted file; the first that has one
/// wins. Nothing is opened before a secret is asked for, and each is looked for once. The default one has none. None may go
/// anywhere before the operator allows it.
#[derive(Debug, Clone, Default)]
pub struct Store {
    variables: Arc<BTreeMap<String, SecretString>>,
    command: Vec<String>,
    vault: Option<Vault>,
    allowed: Allowed,
    home: Option<Home>,
    operator: Operator,
    found: Arc<Mutex<BTreeMap<SecretName, Option<SecretString>>>>,
    /// What was found out of addresses in clear text.
    served_by_https: Arc<Mutex<BTreeMap<String, bool>>>,
}

/// Where a secret is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A variable of this name.
    Variable(String),
    /// The encrypted file.
    File(PathBuf),
    /// The command, perhaps: it is not kept here, and the operator has said where it may go.
    Elsewhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Elsewhere => f.write_str("elsewhere"),
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
        Self { variables, command, vault, ..Self::default() }
    }

    /// The same for one repository: another one of its name finds nothing. What was allowed is in its directory.
    pub fn of(self, home: Home, operator: Operator) -> Self {
        Self { allowed: Allowed::at(home.dir.join("allowed.json")), home: Some(home), operator, ..self }
    }

    /// Whose the secrets are, and all else that is kept of the environment; none where there is no place for it.
    pub fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// What the operator allowed.
    pub fn allowed(&self) -> Result<&Allowed, SecretsError> {
        self.claim()?;
        Ok(&self.allowed)
    }

    /// Makes sure that the directory of the secrets is this repository's.
    pub fn claim(&self) -> Result<(), SecretsError> {
        let Some(home) = &self.home else { return Ok(()) };
        Ok(home.claim(&self.operator)?)
    }

    /// Whether all of this may be done. The operator is asked where it was not said before.
    pub fn permit(&self, uses: &[Use]) -> Result<(), SecretsError> {
        if uses.is_empty() {
            return Ok(());
        }
        let allowed = self.allowed()?;
        for asked in uses {
            self.refuse_clear_text(asked)?;
            let may =
                |name: &SecretName| Ok((!allowed.may_receive(name, &asked.receiver)?).then(|| name.clone()));
            let unsaid = asked.secrets.iter().map(may).filter_map(Result::transpose);
            let secrets: Vec<_> = unsaid.collect::<Result<_, SecretsError>>()?;
            if let Some(first) = secrets.first() {
                let receivers = allowed.receivers(first)?;
                let question = Question::Receiver { asked, secrets: &secrets, allowed: &receivers };
                match self.operator.say(&question) {
                    Word::Yes => {
                        for name in &secrets {
                            allowed.allow(name, std::slice::from_ref(&asked.receiver))?;
                        }
                    }
                    Word::No => {
                        let asked = Box::new(asked.clone());
                        return Err(SecretsError::NotAllowed { asked, secrets, allowed: receivers });
                    }
                    Word::Interrupted => return Err(SecretsError::Interrupted),
                }
            }
            self.permit_carriers(asked, allowed)?;
        }
        Ok(())
    }

    fn refuse_clear_text(&self, asked: &Use) -> Result<(), SecretsError> {
        let Some(look) = self.operator.look_for_https.as_ref().filter(|_| asked.receiver.is_plain_http())
        else {
            return Ok(());
        };
        let mut answers = self.served_by_https.lock().unwrap_or_else(PoisonError::into_inner);
        if *answers.entry(asked.address.clone()).or_insert_with(|| look(&asked.address)) {
            return Err(SecretsError::InClear { asked: Box::new(asked.clone()) });
        }
        Ok(())
    }

    fn permit_carriers(&self, asked: &Use, allowed: &Allowed) -> Result<(), SecretsError> {
        let known: BTreeSet<_> = allowed.carriers()?.into_iter().collect();
        let unsaid = asked.carriers.iter().filter(|carrier| !known.contains(&carrier.id));
        let (first, others): (Vec<_>, Vec<_>) =
            unsaid.partition(|carrier| carrier.is_first_of_its_name(known.iter()));
        allowed.allow_carriers(first.into_iter().map(|carrier| carrier.id.as_str()))?;
        for carrier in others {
            match self.operator.say(&Question::Carrier { asked, carrier }) {
                Word::Yes => allowed.allow_carriers([carrier.id.as_str()])?,
                Word::No => {
                    let (asked, carrier) = (Box::new(asked.clone()), Box::new(carrier.clone()));
                    return Err(SecretsError::Through { asked, carrier });
                }
                Word::Interrupted => return Err(SecretsError::Interrupted),
            }
        }
        Ok(())
    }

    /// A secret; none where no place has it.
    pub fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretsError> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = found.get(name) {
            return Ok(secret.clone());
        }
        self.claim()?;
        let secret = self.look_for(name)?;
        found.insert(name.clone(), secret.clone());
        Ok(secret)
    }

    /// Keeps a secret in the encrypted file, which is given back. Variables and the command still go before it.
    pub fn set(&self, name: &SecretName, secret: SecretString) -> Result<PathBuf, SecretsError> {
        let vault = self.vault.as_ref().ok_or(SecretsError::NoVault)?;
        self.claim()?;
        vault.change(|kept| kept.insert(name.clone(), secret))?;
        self.forget(name);
        Ok(vault.file.clone())
    }

    /// Removes a secret from the encrypted file, and what was allowed it; whether it was there.
    pub fn remove(&self, name: &SecretName) -> Result<bool, SecretsError> {
        let Some(vault) = &self.vault else { return Ok(false) };
        self.claim()?;
        if !vault.read()?.contains_key(name) {
            return Ok(false);
        }
        self.allowed.deny(name, &[])?;
        self.forget(name);
        vault.change(|kept| kept.remove(name).is_some())
    }

    /// The secrets in variables and in the encrypted file, by name, and where each is from. What the command has, only
    /// the command knows; the names that the operator has allowed something are listed as well.
    pub fn list(&self) -> Result<Vec<(SecretName, Origin)>, SecretsError> {
        self.claim()?;
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
        for name in self.allowed.secrets()? {
            let variable = name.variable();
            let is_variable = self.variables.contains_key(&variable);
            let origin = if is_variable { Origin::Variable(variable) } else { Origin::Elsewhere };
            all.entry(name).or_insert(origin);
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
