//! Signatures of OpenPGP, as files hold them.

use std::io::Cursor;

use ays_model::{Fingerprint, SignatureFault};
use jiff::Timestamp;
use pgp::composed::{CleartextSignedMessage, Deserializable, DetachedSignature};
use pgp::packet::Signature;

use crate::armor::{blocks, clear_signed};
use crate::certificate::{Certificate, Part};
use crate::keyring::Keyring;
use crate::words;

/// The most signatures of one file that are looked at.
const MOST: usize = 32;

/// A signature that counts if it fits the bytes, with the key that should have made it.
pub(crate) struct Candidate<'a> {
    pub(crate) signature: &'a Signature,
    pub(crate) certificate: &'a Certificate,
    pub(crate) part: Part<'a>,
}

/// All signatures of a file of them, armored or not.
pub(crate) fn detached(bytes: &[u8]) -> Result<Vec<Signature>, String> {
    let mut found = Vec::new();
    let mut take = |read: Box<dyn Iterator<Item = pgp::errors::Result<DetachedSignature>> + '_>| {
        for signature in read.take(MOST) {
            found.push(signature.map_err(reason)?.signature);
        }
        Ok::<(), String>(())
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            for block in blocks(text, "PGP SIGNATURE").into_iter().take(MOST) {
                take(DetachedSignature::from_string_many(block).map_err(reason)?.0)?;
            }
        }
        Err(_) => take(DetachedSignature::from_bytes_many(Cursor::new(bytes)).map_err(reason)?)?,
    }
    Ok(found)
}

/// A clear-signed text; none where the file is of another kind.
pub(crate) fn clear(bytes: &[u8]) -> Option<Result<CleartextSignedMessage, String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let message = clear_signed(text)?;
    Some(CleartextSignedMessage::from_string(message).map(|(message, _)| message).map_err(reason))
}

/// Those of the signatures that count if they fit. When none does, the fault of the first that one of the keys has made.
pub(crate) fn candidates<'a>(
    signatures: &'a [Signature],
    keyring: &'a Keyring,
    now: Timestamp,
) -> Result<Vec<Candidate<'a>>, SignatureFault> {
    let (mut found, mut fault) = (Vec::new(), None);
    for signature in signatures.iter().take(MOST) {
        for certificate in &keyring.certificates {
            let Some(part) = certificate.part(signature) else { continue };
            match certificate.check_signature(part, signature, now) {
                Ok(()) => found.push(Candidate { signature, certificate, part }),
                Err(new) => fault = fault.or(Some(new)),
            }
        }
    }
    if found.is_empty() { Err(fault.unwrap_or_else(|| unknown(signatures))) } else { Ok(found) }
}

fn unknown(signatures: &[Signature]) -> SignatureFault {
    let issuers = issuers(signatures);
    let file =
        issuers.first().map_or_else(|| "keys/NAME.asc".to_owned(), |first| format!("keys/{first}.asc"));
    SignatureFault::UnknownKey { issuers, file }
}

/// Whose they say they are.
pub(crate) fn issuers(signatures: &[Signature]) -> Vec<Fingerprint> {
    let mut found: Vec<Fingerprint> = Vec::new();
    for signature in signatures.iter().take(MOST) {
        let fingerprint = signature.issuer_fingerprint().first().map(|digits| words::fingerprint(digits));
        let id = || signature.issuer_key_id().first().map(|id| words::key_id(id));
        if let Some(issuer) = fingerprint.or_else(id)
            && !found.contains(&issuer)
        {
            found.push(issuer);
        }
    }
    found
}

fn reason(error: pgp::errors::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().chars().take(200).collect()
}
