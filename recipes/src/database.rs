//! The database of a catalogue that a team shares, with its password.

use ays_secrets::{Receiver, SecretName, SecretsError, Use};
use secrecy::{ExposeSecret, SecretString};

use crate::Environment;
use crate::settings::DatabaseUrl;

/// Why the database's address cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The secret store has no such secret.
    #[error("`database` names $(secret.{0}), and there is no such secret: `ays secret set {0} --for {1}`")]
    NoSecret(SecretName, Receiver),
    /// The secret may not be sent there, or cannot be read.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

impl Environment {
    /// The address of the catalogue's database with its password; none: the catalogue is a file of this machine.
    ///
    /// # Errors
    ///
    /// A secret that is not there, or that the operator has not allowed to be sent to that server.
    pub fn database(&self) -> Result<Option<SecretString>, DatabaseError> {
        let Some(DatabaseUrl { url, password }) = &self.settings.database else { return Ok(None) };
        let mut url = url.clone();
        if let (Some(name), Some(receiver)) = (password, Receiver::of(&url)) {
            let address = url.to_string();
            let (secrets, by) = (vec![name.clone()], "the setting `database`".to_owned());
            self.secrets.permit(&[Use {
                secrets,
                receiver: receiver.clone(),
                address,
                carriers: Vec::new(),
                by,
            }])?;
            let secret = self.secrets.get(name)?;
            let secret = secret.ok_or_else(|| DatabaseError::NoSecret(name.clone(), receiver))?;
            // It has a host, so it takes one.
            let _ = url.set_password(Some(secret.expose_secret()));
        }
        Ok(Some(SecretString::from(url.to_string())))
    }
}
