//! Keys and signatures of minisign.

use std::io::{self, Read};

use ays_model::{Fingerprint, Signer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::{Error, PublicKey, Signature};

use crate::words::shown;

/// The first line of both kinds of files begins with it.
pub(crate) const BEGIN: &str = "untrusted comment:";

/// The most bytes of a file whose signature is of the old form: all of them are needed at once.
pub(crate) const MOST_OLD: u64 = 64 << 20;

#[derive(Debug, Clone)]
pub(crate) struct MinisignKey {
    pub(crate) key: PublicKey,
    pub(crate) signer: Signer,
    /// As minisign writes it.
    pub(crate) text: String,
}

impl MinisignKey {
    /// Reads `minisign.pub`, or its second line alone, as it stands in documents.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next()?;
        let (comment, digits) = match first.strip_prefix(BEGIN) {
            Some(comment) => (comment.trim(), lines.next()?),
            None => ("minisign public key", first),
        };
        let key = PublicKey::from_base64(digits).ok()?;
        let fingerprint = number(digits)?;
        let user_id = shown(comment.as_bytes());
        let text = format!("{BEGIN} {user_id}\n{digits}\n");
        Some(Self { key, signer: Signer { fingerprint, user_id }, text })
    }
}

/// A signature, and the number of the key that it says it is made by.
#[derive(Clone)]
pub(crate) struct MinisignSignature {
    signature: Signature,
    pub(crate) issuer: Fingerprint,
    /// Made over a digest of the bytes, not over the bytes themselves.
    pub(crate) is_prehashed: bool,
}

impl MinisignSignature {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let text = text.replace('\r', "");
        let digits = text.lines().nth(1).unwrap_or_default();
        let issuer = number(digits).ok_or("it is no signature of minisign (its second line is cut)")?;
        let is_prehashed = STANDARD.decode(digits).is_ok_and(|bytes| bytes.starts_with(b"ED"));
        // A text that is too short for what it says makes the library look beyond its end.
        let has_comment = text.lines().nth(2).is_some_and(|line| line.starts_with("trusted comment: "));
        if !has_comment {
            return Err(
                "it has no `trusted comment:`, as signatures of minisign have and those of signify have not"
                    .to_owned(),
            );
        }
        let signature = Signature::decode(&text).map_err(|error| error.to_string())?;
        Ok(Self { signature, issuer, is_prehashed })
    }

    /// Whether the key has signed these bytes. Of the old form all of them are read into memory.
    pub(crate) fn verify(&self, key: &PublicKey, mut data: impl Read) -> io::Result<Result<(), Error>> {
        if !self.is_prehashed {
            let mut bytes = Vec::new();
            data.take(MOST_OLD).read_to_end(&mut bytes)?;
            return Ok(key.verify(&bytes, &self.signature, true));
        }
        let mut verifier = match key.verify_stream(&self.signature) {
            Ok(verifier) => verifier,
            Err(error) => return Ok(Err(error)),
        };
        let mut buffer = vec![0; 64 << 10];
        loop {
            match data.read(&mut buffer)? {
                0 => return Ok(verifier.finalize()),
                count => verifier.update(&buffer[..count]),
            }
        }
    }
}

/// What minisign calls a key: bytes 2 to 10 of its file, and of a signature's, read from the last one on.
fn number(digits: &str) -> Option<Fingerprint> {
    let bytes = STANDARD.decode(digits).ok()?;
    let number: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
    Some(format!("{:016X}", u64::from_le_bytes(number)).into())
}
