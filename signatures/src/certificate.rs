//! An OpenPGP certificate: a primary key with its subkeys, and which of them may sign.

use ays_model::{Fingerprint, SignatureFault, Signer};
use jiff::Timestamp;
use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::errors::Result as PgpResult;
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{Fingerprint as Digits, KeyDetails, KeyId};

use crate::self_signatures::{
    flags, is_cross_certified, newest_of_primary, newest_of_subkey, revocation_of_primary,
    revocation_of_subkey, user_id,
};
use crate::time::{end, timestamp};
use crate::words;

/// How far the clocks of two machines may be apart, in seconds.
const SKEW: i64 = 300;

#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) key: SignedPublicKey,
}

/// One of the keys of a certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    Primary,
    Subkey(&'a SignedPublicSubKey),
}

impl Certificate {
    pub(crate) fn signer(&self, now: Timestamp) -> Signer {
        Signer {
            fingerprint: words::fingerprint(&self.key.primary_key.fingerprint()),
            user_id: user_id(&self.key, now).unwrap_or_else(|| words::shown(b"")),
        }
    }

    /// Its key that a signature says it is made by.
    pub(crate) fn part(&self, signature: &Signature) -> Option<Part<'_>> {
        let is_meant = |id: KeyId, digits: Digits| {
            let ids = signature.issuer_key_id();
            // The longer name decides where there is one.
            let fingerprints = signature.issuer_fingerprint();
            if fingerprints.is_empty() { ids.contains(&&id) } else { fingerprints.contains(&&digits) }
        };
        let primary = &self.key.primary_key;
        if is_meant(primary.legacy_key_id(), primary.fingerprint()) {
            return Some(Part::Primary);
        }
        let subkeys = self.key.public_subkeys.iter();
        let is_it = |subkey: &&SignedPublicSubKey| is_meant(subkey.legacy_key_id(), subkey.fingerprint());
        subkeys.into_iter().find(is_it).map(Part::Subkey)
    }

    /// Whether it counts at all.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), SignatureFault> {
        let signer = || self.signer(now);
        if let Some(reason) = revocation_of_primary(&self.key) {
            return Err(SignatureFault::RevokedKey { signer: signer(), reason });
        }
        let primary = &self.key.primary_key;
        let Some(said) = newest_of_primary(&self.key, now) else {
            if let Some(made) = newest_of_primary(&self.key, Timestamp::MAX).and_then(Signature::created) {
                let signer = self.signer(Timestamp::MAX);
                return Err(SignatureFault::Future { signer, made: timestamp(made), now });
            }
            return Err(self.wrong_usage(primary.fingerprint(), now, "its owner has not signed it"));
        };
        match end(primary.created_at(), said.key_expiration_time()) {
            Some(since) if since <= now => Err(SignatureFault::ExpiredKey { signer: signer(), since }),
            _ => Ok(()),
        }
    }

    /// Whether any of its keys may sign.
    pub(crate) fn check_signs(&self, now: Timestamp) -> Result<(), SignatureFault> {
        self.check(now)?;
        let parts = self.key.public_subkeys.iter().map(Part::Subkey).chain([Part::Primary]);
        let mut fault = Ok(());
        for part in parts {
            fault = self.check_part(part, now);
            if fault.is_ok() {
                break;
            }
        }
        fault
    }

    /// Whether this key of it may sign.
    fn check_part(&self, part: Part<'_>, now: Timestamp) -> Result<(), SignatureFault> {
        let wrong = |digits, reason| Err(self.wrong_usage(digits, now, reason));
        match part {
            Part::Primary => {
                let flags = newest_of_primary(&self.key, now).and_then(flags);
                match flags {
                    Some(flags) if !flags.sign() => {
                        wrong(self.key.primary_key.fingerprint(), "it is for other uses than signing")
                    }
                    _ => Ok(()),
                }
            }
            Part::Subkey(subkey) => {
                let digits = subkey.fingerprint();
                if let Some(reason) = revocation_of_subkey(&self.key, subkey) {
                    return Err(SignatureFault::RevokedKey { signer: self.signer(now), reason });
                }
                let Some(binding) = newest_of_subkey(&self.key, subkey, now) else {
                    return wrong(digits, "the primary key has not signed it");
                };
                if !flags(binding).is_some_and(pgp::packet::KeyFlags::sign) {
                    return wrong(digits, "it is for other uses than signing");
                }
                if !is_cross_certified(&self.key, subkey, binding) {
                    return wrong(digits, "it has not signed the primary key in turn (cross-certification)");
                }
                match end(subkey.created_at(), binding.key_expiration_time()) {
                    Some(since) if since <= now => {
                        Err(SignatureFault::ExpiredKey { signer: self.signer(now), since })
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Whether a signature may count that this key of it made, whatever the bytes are.
    pub(crate) fn check_signature(
        &self,
        part: Part<'_>,
        signature: &Signature,
        now: Timestamp,
    ) -> Result<(), SignatureFault> {
        let signer = || self.signer(now);
        let unsupported = |reason: String| Err(SignatureFault::Unsupported { signer: signer(), reason });
        self.check(now)?;
        self.check_part(part, now)?;
        match signature.typ() {
            Some(SignatureType::Binary | SignatureType::Text) => {}
            Some(other) => return unsupported(format!("it is over something else than a file ({other:?})")),
            None => return unsupported(format!("version {:?}", signature.version())),
        }
        match signature.hash_alg() {
            Some(hash @ (HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160)) => {
                let hash = match hash {
                    HashAlgorithm::Sha1 => "SHA-1".to_owned(),
                    other => other.to_string(),
                };
                return Err(SignatureFault::WeakHash { signer: signer(), hash });
            }
            Some(hash) if hash.digest_size().is_none() => return unsupported(format!("the hash {hash:?}")),
            _ => {}
        }
        if let Some(number) = unknown_and_critical(signature) {
            return unsupported(format!("it has a condition of the kind {number}, which is not known"));
        }
        let Some(made) = signature.created() else { return unsupported("it has no date".to_owned()) };
        let made_at = timestamp(made);
        if made_at.as_second() > now.as_second() + SKEW {
            return Err(SignatureFault::Future { signer: signer(), made: made_at, now });
        }
        match end(made, signature.signature_expiration_time()) {
            Some(since) if since <= now => {
                return Err(SignatureFault::ExpiredSignature { signer: signer(), since });
            }
            _ => {}
        }
        let created = match part {
            Part::Primary => self.key.primary_key.created_at(),
            Part::Subkey(subkey) => subkey.created_at(),
        };
        if made < created {
            return unsupported("it is older than its key".to_owned());
        }
        Ok(())
    }

    /// Whether this key of it has signed these bytes.
    pub(crate) fn verify(
        &self,
        part: Part<'_>,
        signature: &Signature,
        data: impl std::io::Read,
    ) -> PgpResult<()> {
        match part {
            Part::Primary => signature.verify(&self.key.primary_key, data),
            Part::Subkey(subkey) => signature.verify(&subkey.key, data),
        }
    }

    fn wrong_usage(&self, digits: Digits, now: Timestamp, reason: &str) -> SignatureFault {
        let key: Fingerprint = words::fingerprint(&digits);
        SignatureFault::WrongUsage { signer: self.signer(now), key, reason: reason.to_owned() }
    }
}

/// A condition of the signature that must not be passed over, and is not known.
fn unknown_and_critical(signature: &Signature) -> Option<u8> {
    const NOTATION: u8 = 20;
    signature.config()?.hashed_subpackets().find_map(|packet| match packet.data {
        SubpacketData::Other(number, _) | SubpacketData::Experimental(number, _) if packet.is_critical => {
            Some(number)
        }
        SubpacketData::Notation(_) if packet.is_critical => Some(NOTATION),
        _ => None,
    })
}
