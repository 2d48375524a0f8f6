//! Users of a server, and the tokens of their programs.

use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use ays_catalogue::{Account, AccountChange, Catalogue, NewToken, Role, Timestamp, Token, TokenId};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::controller::Controller;
use crate::error::{Error, Kind};
use crate::off_runtime::blocking;

/// Fewer characters are no password.
const SHORTEST: usize = 12;

/// What a token begins with, so that it is known for one where it should not be.
const TOKEN: &str = "ays_";

/// Why there is no such user or token.
#[derive(Debug, thiserror::Error)]
enum UserError {
    #[error("user {0} is there already")]
    There(String),
    #[error("no user is named `{0}`: `ays user list` shows all")]
    Unknown(String),
    #[error("{0} is the last admin: make another user one first")]
    LastAdmin(String),
    #[error("no token of the number {0} lets anybody in: `ays user tokens` shows all")]
    NoToken(i64),
    #[error("`{0}` is no name for a user: 1 to 64 letters, digits and . _ - @, the first no sign")]
    NoName(String),
    #[error("a password has at least {SHORTEST} characters")]
    Short,
    #[error("the password could not be kept")]
    NotHashed(#[source] argon2::password_hash::Error),
    #[error("this machine gives no random numbers")]
    NoRandom(#[source] getrandom::Error),
}

impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        let kind = match error {
            UserError::There(_) | UserError::LastAdmin(_) | UserError::NoName(_) | UserError::Short => {
                Kind::Usage
            }
            UserError::Unknown(_) | UserError::NoToken(_) => Kind::Unknown,
            UserError::NotHashed(_) | UserError::NoRandom(_) => Kind::Failed,
        };
        Self::new(kind, error)
    }
}

/// Makes a user; without a password, only its tokens let it in.
///
/// # Errors
///
/// One of this name is there, or the name or the password is none.
pub async fn add_user(
    controller: Controller,
    name: String,
    role: Role,
    password: Option<SecretString>,
) -> Result<(), Error> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins || name.len() > 64 || !name.chars().all(is_word) {
        return Err(UserError::NoName(name).into());
    }
    let hash = match password {
        Some(password) => Some(hashed(password).await?),
        None => None,
    };
    let by = &controller.actor.0;
    if !controller.catalogue.add_account(&name, role, by, &Timestamp::now()).await? {
        return Err(UserError::There(name).into());
    }
    if let Some(hash) = hash {
        controller.catalogue.set_password(&name, &hash, &controller.actor.0, &Timestamp::now()).await?;
    }
    Ok(())
}

/// Gives a user another role. Of whoever may only look from now on, what waits is cancelled, and schedules wait.
///
/// # Errors
///
/// There is no such user, or it is the last admin.
pub async fn set_role(controller: Controller, name: String, role: Role) -> Result<(), Error> {
    let by = &controller.actor.0;
    made(controller.catalogue.set_role(&name, role, by, &Timestamp::now()).await?, name)
}

/// Gives a user another password, and ends its sessions.
///
/// # Errors
///
/// There is no such user, or the password is none.
pub async fn set_password(controller: Controller, name: String, password: SecretString) -> Result<(), Error> {
    let hash = hashed(password).await?;
    let set = controller.catalogue.set_password(&name, &hash, &controller.actor.0, &Timestamp::now()).await?;
    made(if set { AccountChange::Made } else { AccountChange::Unknown }, name)
}

/// Forgets a user, its tokens and its schedules, and cancels what waits of theirs.
///
/// # Errors
///
/// There is no such user, or it is the last admin.
pub async fn remove_user(controller: Controller, name: String) -> Result<(), Error> {
    let by = &controller.actor.0;
    made(controller.catalogue.remove_account(&name, by, &Timestamp::now()).await?, name)
}

fn made(change: AccountChange, name: String) -> Result<(), Error> {
    match change {
        AccountChange::Made => Ok(()),
        AccountChange::Unknown => Err(UserError::Unknown(name).into()),
        AccountChange::LastAdmin => Err(UserError::LastAdmin(name).into()),
    }
}

/// All users.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn users(controller: Controller) -> Result<Vec<Account>, Error> {
    Ok(controller.catalogue.accounts().await?)
}

/// Makes a token: it is shown now, and never again.
///
/// # Errors
///
/// There is no such user.
pub async fn add_token(
    controller: Controller,
    account: String,
    name: String,
    role: Role,
    lasts: Option<Duration>,
) -> Result<(Token, SecretString), Error> {
    // Never more than its user, also when that may more later.
    let known = controller.catalogue.accounts().await?.into_iter().find(|known| known.name == account);
    let role = known.ok_or_else(|| UserError::Unknown(account.clone()))?.role.min(role);
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(UserError::NoRandom)?;
    let token = SecretString::from(format!("{TOKEN}{}", hex::encode(random)));
    let now = jiff::Timestamp::now();
    let expires_at = lasts.map(|lasts| now.saturating_add(lasts).unwrap_or(jiff::Timestamp::MAX).into());
    let hash = hash_of(token.expose_secret());
    let new = NewToken { account: &account, name: &name, hash: &hash, role, expires_at };
    let added = controller.catalogue.add_token(&new, &controller.actor.0, &now.into()).await?;
    Ok((added.ok_or(UserError::Unknown(account))?, token))
}

/// The tokens of a user, or of all.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn tokens(controller: Controller, account: Option<String>) -> Result<Vec<Token>, Error> {
    Ok(controller.catalogue.tokens(account.as_deref()).await?)
}

/// Takes a token back: it lets in no more.
///
/// # Errors
///
/// There is none of this number that lets in.
pub async fn revoke_token(controller: Controller, id: TokenId) -> Result<(), Error> {
    let revoked = controller.catalogue.revoke_token(id, &controller.actor.0, &Timestamp::now()).await?;
    if revoked { Ok(()) } else { Err(UserError::NoToken(id.0).into()) }
}

/// Who has a token, and what it may do; none: it lets nobody in.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn whose_token(catalogue: Catalogue, token: SecretString) -> Result<Option<(String, Role)>, Error> {
    Ok(catalogue.let_in(&hash_of(token.expose_secret()), &Timestamp::now()).await?)
}

/// What a user may do whose password this is; none: it is not, or there is no such user, which takes as long. `turn` is kept
/// until the password was looked at, also when nobody waits for it any more.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn whose_password(
    catalogue: Catalogue,
    name: String,
    password: SecretString,
    turn: impl Send + 'static,
) -> Result<Option<Role>, Error> {
    let known = catalogue.password(&name).await?;
    blocking(move || {
        let (role, hash) = match known {
            Some((role, hash)) => (Some(role), hash),
            None => (None, NOBODYS.to_owned()),
        };
        let verified = PasswordHash::new(&hash)
            .and_then(|hash| Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash));
        drop(turn);
        Ok(role.filter(|_| verified.is_ok()))
    })
    .await
}

/// Compared where there is no such user, so that an answer tells nothing by its time.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$8N0aoPXkFQdl9PZ3sb6pUeWZV2f3vC0oWfYyT1mRz1k";

async fn hashed(password: SecretString) -> Result<String, Error> {
    if password.expose_secret().chars().count() < SHORTEST {
        return Err(UserError::Short.into());
    }
    blocking(move || {
        let salt = SaltString::generate(&mut OsRng);
        let hash = Argon2::default().hash_password(password.expose_secret().as_bytes(), &salt);
        Ok(hash.map_err(UserError::NotHashed)?.to_string())
    })
    .await
}

fn hash_of(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
