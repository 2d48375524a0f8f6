//! A file of keys: OpenPGP, armored or not, or one key of minisign.

use ays_model::{KeyFile, SignatureFault, Signer};
use jiff::Timestamp;
use pgp::composed::{ArmorOptions, Deserializable, SignedPublicKey};
use pgp::packet::{Signature, SignatureType};
use pgp::types::Tag;

use crate::armor::blocks;
use crate::certificate::Certificate;
use crate::minisign::MinisignKey;

/// The most bytes of a file of keys: some carry the signatures of thousands.
pub const MOST_KEY: usize = 1 << 20;

/// The most certificates in one file.
const MOST_CERTIFICATES: usize = 32;

/// Why a file is none of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is too large.
    #[error("it has more than {MOST_KEY} bytes, too many for a key")]
    TooLarge,
    /// It holds a private key.
    #[error(
        "it holds a private key: export the public one (`gpg --armor --export FINGERPRINT`), and keep this one away from repositories"
    )]
    Private,
    /// There is something that begins as a key does.
    #[error("it holds a key that cannot be read: {0}")]
    Broken(String),
    /// There is nothing that is a key.
    #[error("it holds no public key of OpenPGP or minisign")]
    None,
    /// They are more than anybody reads.
    #[error("it holds more than {MOST_CERTIFICATES} keys")]
    TooMany,
}

/// What a file of keys holds; one at least.
#[derive(Debug, Clone)]
pub struct PublicKeys(pub(crate) Kind);

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    OpenPgp(Vec<Certificate>),
    Minisign(Box<MinisignKey>),
}

impl PublicKeys {
    /// Reads a file of them. What others have signed in it is left out.
    ///
    /// # Errors
    ///
    /// It holds no public key, or one that cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() > MOST_KEY {
            return Err(KeyError::TooLarge);
        }
        let keys = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
            binary(bytes)?
        } else {
            let text = std::str::from_utf8(bytes).map_err(|_| KeyError::None)?;
            if text.contains("-----BEGIN PGP PRIVATE KEY BLOCK")
                || text.contains("minisign encrypted secret key")
            {
                return Err(KeyError::Private);
            }
            let found = blocks(text, "PGP PUBLIC KEY BLOCK");
            if found.is_empty() {
                let key = MinisignKey::read(text).ok_or(KeyError::None)?;
                return Ok(Self(Kind::Minisign(Box::new(key))));
            }
            let mut keys = Vec::new();
            for block in found {
                let (read, _) = SignedPublicKey::from_string_many(block).map_err(broken)?;
                for key in read {
                    keys.push(key.map_err(broken)?);
                }
            }
            keys
        };
        match keys.len() {
            0 => Err(KeyError::None),
            count if count > MOST_CERTIFICATES => Err(KeyError::TooMany),
            _ => Ok(Self(Kind::OpenPgp(keys.into_iter().map(own).collect()))),
        }
    }

    /// Whose they are.
    pub fn signers(&self, now: Timestamp) -> Vec<Signer> {
        match &self.0 {
            Kind::OpenPgp(keys) => keys.iter().map(|key| key.signer(now)).collect(),
            Kind::Minisign(key) => vec![key.signer.clone()],
        }
    }

    /// The one of them that this signer has, whatever else the file holds.
    pub fn of(self, signer: &Signer, now: Timestamp) -> Option<Self> {
        let is_it = |found: &Signer| found.fingerprint == signer.fingerprint;
        match self.0 {
            Kind::OpenPgp(keys) => {
                let key = keys.into_iter().find(|key| is_it(&key.signer(now)))?;
                Some(Self(Kind::OpenPgp(vec![key])))
            }
            Kind::Minisign(key) => is_it(&key.signer).then_some(Self(Kind::Minisign(key))),
        }
    }

    /// Why some of them prove nothing any more.
    pub fn faults(&self, now: Timestamp) -> Vec<SignatureFault> {
        match &self.0 {
            Kind::OpenPgp(keys) => keys.iter().filter_map(|key| key.check_signs(now).err()).collect(),
            Kind::Minisign(_) => Vec::new(),
        }
    }

    /// How their file is called that is named by them.
    pub fn file_name(&self, now: Timestamp) -> String {
        let ending = match &self.0 {
            Kind::OpenPgp(_) => "asc",
            Kind::Minisign(_) => "pub",
        };
        let first = self.signers(now).into_iter().next();
        format!("{}.{ending}", first.map(|signer| signer.fingerprint.to_string()).unwrap_or_default())
    }

    /// As an order carries them, and as they are written: with what their owners have signed, and nothing else.
    pub fn to_file(&self, name: &str) -> KeyFile {
        let text = match &self.0 {
            Kind::OpenPgp(keys) => {
                let armored = keys.iter().map(|key| {
                    // What was read can be written: nothing is added to it.
                    key.key.to_armored_string(ArmorOptions::default()).unwrap_or_default()
                });
                armored.collect()
            }
            Kind::Minisign(key) => key.text.clone(),
        };
        KeyFile { name: name.to_owned(), text }
    }
}

fn binary(bytes: &[u8]) -> Result<Vec<SignedPublicKey>, KeyError> {
    // What a packet with a private key begins with, in the old and in the new form.
    if bytes.first().is_some_and(|byte| byte & 0xfc == 0x94 || *byte == 0xc5) {
        return Err(KeyError::Private);
    }
    let read = SignedPublicKey::from_bytes_many(bytes).map_err(broken)?;
    read.map(|key| key.map_err(broken)).collect()
}

fn broken(error: pgp::errors::Error) -> KeyError {
    let text = error.to_string();
    KeyError::Broken(text.lines().next().unwrap_or_default().chars().take(200).collect())
}

/// The certificate with its owner's own signatures only: those of others say nothing here, and there may be thousands.
fn own(mut key: SignedPublicKey) -> Certificate {
    let primary = &key.primary_key;
    let is_of_primary = |signature: &Signature| signature.verify_key(primary).is_ok();
    key.details.revocation_signatures.retain(is_of_primary);
    key.details.direct_signatures.retain(is_of_primary);
    key.details.user_attributes.clear();
    for user in &mut key.details.users {
        let id = &user.id;
        user.signatures.retain(|signature| signature.verify_certification(primary, Tag::UserId, id).is_ok());
    }
    key.details.users.retain(|user| !user.signatures.is_empty());
    for subkey in &mut key.public_subkeys {
        let own = &subkey.key;
        subkey.signatures.retain(|signature| {
            matches!(signature.typ(), Some(SignatureType::SubkeyBinding | SignatureType::SubkeyRevocation))
                && signature.verify_subkey_binding(primary, own).is_ok()
        });
    }
    key.public_subkeys.retain(|subkey| !subkey.signatures.is_empty());
    Certificate { key }
}
