//! Signatures beside a source: of its list of checksums, or of its bytes.

use std::fs::File;

use ays_model::{KeyFile, SecretUrl, SignatureFault, Signed, Signer};
use ays_protocol::Failure;
use ays_signatures::{Keyring, check, signed_text, verify};
use jiff::Timestamp;

use super::access::Access;
use super::small::read_small;
use crate::disk::on_thread;

/// A signature of a source's bytes, which are still to come.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    url: SecretUrl,
    bytes: Vec<u8>,
    keys: Vec<KeyFile>,
}

impl Signature {
    /// The one beside the source.
    pub(crate) async fn read(
        source: &SecretUrl,
        signed: &Signed,
        access: Access<'_>,
    ) -> Result<Self, Failure> {
        let url = address(source, &signed.file)?;
        let bytes = read(&url, access).await?;
        // Known before all the bytes are brought for nothing.
        Keyring::read(&signed.keys)
            .and_then(|keyring| check(&bytes, &keyring, Timestamp::now()))
            .map_err(failed(&url))?;
        Ok(Self { url, bytes, keys: signed.keys.clone() })
    }

    /// Who signed all bytes of this file.
    pub(crate) async fn signer_of(&self, file: File) -> Result<Signer, Failure> {
        let Self { url, bytes, keys } = self.clone();
        let signer = on_thread(move || {
            let keyring = Keyring::read(&keys)?;
            verify(&bytes, file, &keyring, Timestamp::now())
        });
        signer.await.map_err(failed(&url))
    }
}

/// The text of a list as it was signed, and by whom. Nothing else of what the source serves beside it counts.
pub(crate) async fn signed_list(
    source: &SecretUrl,
    list: &SecretUrl,
    signed: &Signed,
    access: Access<'_>,
) -> Result<(Vec<u8>, Signer), Failure> {
    let url = address(source, &signed.file)?;
    let signature = read(&url, access).await?;
    let keyring = Keyring::read(&signed.keys).map_err(failed(&url))?;
    let now = Timestamp::now();
    if let Some(text) = signed_text(&signature, &keyring, now).map_err(failed(&url))? {
        return Ok((text.text.into_bytes(), text.signer));
    }
    if url == *list {
        let reason =
            "the list is not signed in itself (clear-signed): name the file of its signature".to_owned();
        return Err(failed(&url)(SignatureFault::Unreadable { reason }));
    }
    let text = read(list, access).await?;
    let signer = verify(&signature, std::io::Cursor::new(&text), &keyring, now).map_err(failed(&url))?;
    Ok((text, signer))
}

fn address(source: &SecretUrl, file: &str) -> Result<SecretUrl, Failure> {
    source.sibling(file).map_err(|error| {
        let reason = error.to_string();
        failed(source)(SignatureFault::Missing { reason })
    })
}

async fn read(url: &SecretUrl, access: Access<'_>) -> Result<Vec<u8>, Failure> {
    read_small(url, access).await.map_err(|failure| match failure {
        Failure::Refused { reason, .. } => failed(url)(SignatureFault::Missing { reason }),
        other => other,
    })
}

fn failed(url: &SecretUrl) -> impl Fn(SignatureFault) -> Failure {
    move |fault| Failure::Signature { url: url.to_string(), fault: Box::new(fault) }
}
