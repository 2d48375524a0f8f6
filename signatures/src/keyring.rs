//! The keys whose signatures count.

use ays_model::{KeyFile, SignatureFault};

use crate::certificate::Certificate;
use crate::minisign::MinisignKey;
use crate::public_keys::{Kind, PublicKeys};

/// The keys whose signatures count.
#[derive(Debug, Default)]
pub struct Keyring {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) minisign: Vec<MinisignKey>,
}

impl Keyring {
    /// Reads the files that an order carries.
    ///
    /// # Errors
    ///
    /// One of them is none of keys.
    pub fn read(files: &[KeyFile]) -> Result<Self, SignatureFault> {
        let mut keyring = Self::default();
        for KeyFile { name, text } in files {
            let keys = PublicKeys::read(text.as_bytes())
                .map_err(|error| SignatureFault::Key { file: name.clone(), reason: error.to_string() })?;
            keyring.add(keys);
        }
        Ok(keyring)
    }

    /// One more file of keys.
    pub fn add(&mut self, keys: PublicKeys) {
        match keys.0 {
            Kind::OpenPgp(certificates) => self.certificates.extend(certificates),
            Kind::Minisign(key) => self.minisign.push(*key),
        }
    }
}
