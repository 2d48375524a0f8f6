//! Whether a signature proves bytes.

use std::io::{self, BufReader, Read, Seek};

use ays_model::{Fingerprint, SignatureFault, Signer};
use jiff::Timestamp;
use pgp::packet::Signature;

use crate::keyring::Keyring;
use crate::minisign::{BEGIN, MOST_OLD, MinisignKey, MinisignSignature};
use crate::openpgp::{candidates, clear, detached, issuers as openpgp_issuers};

/// The most bytes of a file of signatures.
pub const MOST_SIGNATURE: usize = 256 << 10;

/// A text that was signed together with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedText {
    /// The text as it was signed: its lines end with CR and LF.
    pub text: String,
    /// Whose signature it is.
    pub signer: Signer,
}

enum Parsed {
    OpenPgp(Vec<Signature>),
    Minisign(Box<MinisignSignature>),
}

/// Who signed these bytes.
///
/// # Errors
///
/// The signature proves nothing. Where it has several parts, one that counts is enough.
pub fn verify(
    signature: &[u8],
    mut data: impl Read + Seek,
    keyring: &Keyring,
    now: Timestamp,
) -> Result<Signer, SignatureFault> {
    match parse(signature)? {
        Parsed::OpenPgp(signatures) => {
            let candidates = candidates(&signatures, keyring, now)?;
            let mut bad = None;
            for candidate in candidates {
                data.rewind().map_err(reading)?;
                let mut watched = Watched { data: &mut data, failed: None };
                let verified = candidate.certificate.verify(
                    candidate.part,
                    candidate.signature,
                    BufReader::with_capacity(64 << 10, &mut watched),
                );
                if let Some(error) = watched.failed {
                    return Err(reading(error));
                }
                let signer = candidate.certificate.signer(now);
                match verified {
                    Ok(()) => return Ok(signer),
                    Err(_) => bad = bad.or(Some(SignatureFault::Bad { signer })),
                }
            }
            Err(bad.unwrap_or_else(|| unreadable("it holds none")))
        }
        Parsed::Minisign(signature) => {
            let key = minisign_key(&signature, keyring)?;
            let signer = key.signer.clone();
            if !signature.is_prehashed {
                let size = data.seek(io::SeekFrom::End(0)).map_err(reading)?;
                if size > MOST_OLD {
                    let reason = format!(
                        "it is of minisign's old form, for which a file of {size} bytes would have to be in memory: it \
                         has to be signed with `minisign -SH`"
                    );
                    return Err(SignatureFault::Unsupported { signer, reason });
                }
            }
            data.rewind().map_err(reading)?;
            match signature.verify(&key.key, data).map_err(reading)? {
                Ok(()) => Ok(signer),
                Err(_) => Err(SignatureFault::Bad { signer }),
            }
        }
    }
}

/// Whether the signature would count if it fitted: what can be told before the bytes are here.
///
/// # Errors
///
/// It would not.
pub fn check(signature: &[u8], keyring: &Keyring, now: Timestamp) -> Result<(), SignatureFault> {
    match parse(signature)? {
        Parsed::OpenPgp(signatures) => candidates(&signatures, keyring, now).map(drop),
        Parsed::Minisign(signature) => minisign_key(&signature, keyring).map(drop),
    }
}

/// The text of a clear-signed file, and who signed it; none where the file is of another kind. What stands around the
/// signed text does not count.
///
/// # Errors
///
/// Its signature proves nothing.
pub fn signed_text(
    file: &[u8],
    keyring: &Keyring,
    now: Timestamp,
) -> Result<Option<SignedText>, SignatureFault> {
    let Some(message) = clear(file) else { return Ok(None) };
    let message = message.map_err(|reason| SignatureFault::Unreadable { reason })?;
    let text = message.signed_text();
    let mut bad = None;
    for candidate in candidates(message.signatures(), keyring, now)? {
        let signer = candidate.certificate.signer(now);
        match candidate.certificate.verify(candidate.part, candidate.signature, text.as_bytes()) {
            Ok(()) => return Ok(Some(SignedText { text, signer })),
            Err(_) => bad = bad.or(Some(SignatureFault::Bad { signer })),
        }
    }
    Err(bad.unwrap_or_else(|| unreadable("it holds none")))
}

/// Whose signature a file says that it is; nothing proves it.
///
/// # Errors
///
/// The file is none of signatures.
pub fn issuers(file: &[u8]) -> Result<Vec<Fingerprint>, SignatureFault> {
    if let Some(message) = clear(file) {
        let message = message.map_err(|reason| SignatureFault::Unreadable { reason })?;
        return Ok(openpgp_issuers(message.signatures()));
    }
    Ok(match parse(file)? {
        Parsed::OpenPgp(signatures) => openpgp_issuers(&signatures),
        Parsed::Minisign(signature) => vec![signature.issuer],
    })
}

fn minisign_key<'a>(
    signature: &MinisignSignature,
    keyring: &'a Keyring,
) -> Result<&'a MinisignKey, SignatureFault> {
    let issuer = &signature.issuer;
    let found = keyring.minisign.iter().find(|key| key.signer.fingerprint == *issuer);
    found.ok_or_else(|| SignatureFault::UnknownKey {
        issuers: vec![issuer.clone()],
        file: format!("keys/{issuer}.pub"),
    })
}

fn parse(bytes: &[u8]) -> Result<Parsed, SignatureFault> {
    if bytes.len() > MOST_SIGNATURE {
        return Err(unreadable("it is larger than a signature is"));
    }
    if bytes.starts_with(BEGIN.as_bytes()) {
        let text = String::from_utf8_lossy(bytes);
        let signature =
            MinisignSignature::read(&text).map_err(|reason| SignatureFault::Unreadable { reason })?;
        return Ok(Parsed::Minisign(Box::new(signature)));
    }
    let signatures = detached(bytes).map_err(|reason| SignatureFault::Unreadable { reason })?;
    if signatures.is_empty() {
        let start = bytes.trim_ascii_start();
        return Err(unreadable(if start.is_empty() {
            "it is empty"
        } else if start.starts_with(b"<") {
            "it is an HTML page"
        } else {
            "it is none of OpenPGP or minisign"
        }));
    }
    Ok(Parsed::OpenPgp(signatures))
}

fn unreadable(reason: &str) -> SignatureFault {
    SignatureFault::Unreadable { reason: reason.to_owned() }
}

fn reading(error: io::Error) -> SignatureFault {
    SignatureFault::Reading { reason: error.to_string() }
}

/// Tells bytes that cannot be read from a signature that does not fit.
struct Watched<R> {
    data: R,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.data.read(buffer).inspect_err(|error| {
            // The error itself goes to whoever reads.
            self.failed = Some(io::Error::new(error.kind(), error.to_string()));
        })
    }
}
