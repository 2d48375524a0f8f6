//! Accounts at clouds: what is known of them is in the catalogue, their secrets are where all secrets of the environment are.

use std::collections::BTreeMap;

use ays_catalogue::{
    CloudAccount, NewCloudAccount, ObjectState, PublicationFilter, PublicationStatus, Timestamp,
};
use ays_model::near;
use ays_publish::{Account, FieldFault, Seen, Target, TargetError, TargetType, account_fields};
use ays_secrets::SecretName;
use secrecy::SecretString;

use crate::controller::Controller;
use crate::error::{Error, Kind};
use crate::off_runtime::blocking;
use crate::problem::Problem;

/// The longest name of an account, in characters.
const LONGEST: usize = 40;

/// Why there is no such account.
#[derive(Debug, thiserror::Error)]
enum NoAccount {
    #[error(
        "`{0}` is no name of an account: up to {LONGEST} small letters, digits, `-` and `_`, a letter or digit first"
    )]
    Name(String),
    #[error("there is an account `{0}` already")]
    Taken(String),
    #[error("there is no account `{name}`{}", near.as_ref().map(|near| format!("; is {near} meant?")).unwrap_or_default())]
    Unknown { name: String, near: Option<String> },
    #[error("its {key} is not known on this machine")]
    NoSecret { key: String },
    #[error("account {name}: {}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fields { name: String, faults: Vec<FieldFault> },
    #[error("with account {name} something was begun at its cloud that has come to no end")]
    InUse { name: String },
}

/// Makes accounts: each is tested first, and is not made when the test does not go well. What each can see, in their order.
///
/// # Errors
///
/// One cannot be made: then none of them is.
pub async fn add_accounts(controller: Controller, accounts: Vec<Account>) -> Result<Vec<Seen>, Error> {
    let known = controller.catalogue.cloud_accounts().await?;
    for account in &accounts {
        check_name(&account.name)?;
        if known.iter().any(|known| known.name == account.name) {
            let taken = Error::new(Kind::Usage, NoAccount::Taken(account.name.clone()));
            return Err(taken
                .with_cure(format!("choose another name, or `ays account delete {}` first", account.name)));
        }
    }
    let mut seen = Vec::with_capacity(accounts.len());
    for account in &accounts {
        let signed_in = sign_in(account).await;
        // Of several, it has to be said which one.
        seen.push(signed_in.map_err(|error| match accounts.len() {
            1 => error,
            _ => Problem::from(&error).led_to(format!("account {} is not let in", account.name)).into(),
        })?);
    }
    for account in &accounts {
        let (actor, now) = (&controller.actor.0, Timestamp::now());
        let new = NewCloudAccount {
            name: account.name.clone(),
            target: account.target.to_string(),
            fields: account.fields().clone(),
            secrets: account.secrets().keys().cloned().collect(),
        };
        // The name first: whoever has it may keep its secrets.
        if !controller.catalogue.add_cloud_account(&new, actor, &now).await? {
            return Err(Error::new(Kind::Usage, NoAccount::Taken(account.name.clone())));
        }
        if let Err(error) = keep_secrets(&controller, account).await {
            controller.catalogue.remove_cloud_account(&account.name, actor, &now).await?;
            return Err(error);
        }
        controller.catalogue.cloud_account_tested(&account.name, None, &now).await?;
    }
    Ok(seen)
}

/// All accounts, by name.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn accounts(controller: Controller) -> Result<Vec<CloudAccount>, Error> {
    Ok(controller.catalogue.cloud_accounts().await?)
}

/// An account by its name.
///
/// # Errors
///
/// There is none.
pub async fn account(controller: &Controller, name: &str) -> Result<CloudAccount, Error> {
    let all = controller.catalogue.cloud_accounts().await?;
    let found = all.iter().find(|account| account.name == name);
    found.cloned().ok_or_else(|| {
        let near = near(name, all.iter().map(|account| account.name.as_str())).map(str::to_owned);
        let unknown = Error::new(Kind::Unknown, NoAccount::Unknown { name: name.to_owned(), near });
        unknown.with_cure("`ays account list` shows all")
    })
}

/// Signs in with an account, and reads what it can see; how it went is noted.
///
/// # Errors
///
/// It is not let in.
pub async fn test_account(controller: Controller, name: String) -> Result<Seen, Error> {
    let account = with_secrets(&controller, &name).await?;
    let seen = sign_in(&account).await;
    let problem = seen.as_ref().err().map(|error| ays_model::causes(error));
    controller.catalogue.cloud_account_tested(&name, problem.as_deref(), &Timestamp::now()).await?;
    seen
}

/// Forgets an account and its secrets. What was published with it stays where it is.
///
/// # Errors
///
/// There is none, or it is being used.
pub async fn remove_account(controller: Controller, name: String) -> Result<(), Error> {
    let known = account(&controller, &name).await?;
    let filter = PublicationFilter { account: Some(name.clone()), ..PublicationFilter::default() };
    let mut is_open = false;
    for of in controller.catalogue.publications(&filter).await? {
        is_open |= match of.status {
            PublicationStatus::Running => true,
            // What it left can be removed with the account only.
            PublicationStatus::Failed | PublicationStatus::Cancelled => {
                let objects = controller.catalogue.ledger(of.id).await?;
                objects.iter().any(|object| matches!(object.state, ObjectState::Intended | ObjectState::Made))
            }
            PublicationStatus::Done | PublicationStatus::Removed => false,
        };
    }
    if is_open {
        let in_use = Error::new(Kind::Usage, NoAccount::InUse { name: name.clone() });
        return Err(in_use.with_cure(format!("`ays recover --account {name}` ends what came to no end")));
    }
    controller.catalogue.remove_cloud_account(&name, &controller.actor.0, &Timestamp::now()).await?;
    let environment = std::sync::Arc::clone(&controller.environment);
    blocking(move || {
        for key in known.secrets {
            environment.secrets.remove(&secret_name(&name, &key)?)?;
        }
        Ok(())
    })
    .await
}

/// An account with its secrets, for whoever uses it.
pub(crate) async fn with_secrets(controller: &Controller, name: &str) -> Result<Account, Error> {
    let known = account(controller, name).await?;
    let target: TargetType =
        known.target.parse().map_err(|fault: FieldFault| Error::new(Kind::Failed, fault))?;
    let environment = std::sync::Arc::clone(&controller.environment);
    blocking(move || {
        let plain = known.fields.into_iter().map(|(key, value)| (key, SecretString::from(value)));
        let mut values: BTreeMap<_, _> = plain.collect();
        for key in known.secrets {
            let secret = secret_name(&known.name, &key)?;
            let found = environment.secrets.get(&secret)?.ok_or_else(|| {
                let cure = format!("`ays secret set {secret}`, or make the account again on this machine");
                Error::new(Kind::Unknown, NoAccount::NoSecret { key: key.clone() }).with_cure(cure)
            })?;
            values.insert(key, found);
        }
        let wrong =
            |faults| Error::new(Kind::Invalid, NoAccount::Fields { name: known.name.clone(), faults });
        Account::new(known.name.clone(), target, values).map_err(wrong)
    })
    .await
}

/// The fields of an account of a type, for questions: those that are secret, too.
///
/// # Errors
///
/// All that is wrong with the values.
pub fn new_account(
    name: String,
    target: TargetType,
    values: BTreeMap<String, SecretString>,
) -> Result<Account, Error> {
    check_name(&name)?;
    // What nobody said is not said.
    let values =
        values.into_iter().filter(|(key, _)| account_fields(target).any(|field| field.key == key)).collect();
    let wrong = |faults| Error::new(Kind::Usage, NoAccount::Fields { name: name.clone(), faults });
    Account::new(name.clone(), target, values).map_err(wrong)
}

async fn sign_in(account: &Account) -> Result<Seen, Error> {
    let target = Target::of(account).map_err(not_done)?;
    target.test().await.map_err(not_done)
}

/// An error of a target, with what to do about it.
pub(crate) fn not_done(error: TargetError) -> Error {
    let cure = error.cure();
    let error = Error::new(Kind::Failed, error);
    match cure {
        Some(cure) => error.with_cure(cure),
        None => error,
    }
}

async fn keep_secrets(controller: &Controller, account: &Account) -> Result<(), Error> {
    let (environment, account) = (std::sync::Arc::clone(&controller.environment), account.clone());
    blocking(move || {
        for (key, secret) in account.secrets() {
            environment.secrets.set(&secret_name(&account.name, key)?, secret.clone())?;
        }
        Ok(())
    })
    .await
}

/// What a secret of an account is called among the environment's.
fn secret_name(account: &str, key: &str) -> Result<SecretName, Error> {
    format!("account.{account}.{key}").parse().map_err(|error| Error::new(Kind::Usage, error))
}

fn check_name(name: &str) -> Result<(), Error> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.starts_with(first) && name.chars().all(known) && name.len() <= LONGEST {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, NoAccount::Name(name.to_owned())))
}
