//! What a simplestreams server says of a product: it is asked at each fetch.

use ays_model::{Checksum, KeyFile, SecretUrl, SignatureFault, Signer, Stream};
use ays_protocol::Failure;
use ays_signatures::{Keyring, signed_text};
use jiff::Timestamp;

use super::access::Access;
use super::small::read_up_to;
use crate::simplestreams::{StreamFault, newest, product_files};

/// The most bytes of a file of products.
const MOST: usize = 32 << 20;

/// Where a product's newest file is, and what it must be.
pub(crate) struct Found {
    pub(crate) url: SecretUrl,
    pub(crate) checksum: Checksum,
    pub(crate) version: String,
    pub(crate) signer: Option<Signer>,
}

/// Reads the index of the stream at `base`, and what it leads to.
pub(crate) async fn find(base: &SecretUrl, stream: &Stream, access: Access<'_>) -> Result<Found, Failure> {
    let name = if stream.signed.is_some() { "streams/v1/index.sjson" } else { "streams/v1/index.json" };
    let url = below(base, name)?;
    let (index, _) = read(&url, stream, access).await?;
    let mut last = None;
    for path in product_files(&index, &stream.product).map_err(|fault| failed(&url, &fault))? {
        // The index of signed streams may name those without a signature.
        let path = match path.strip_suffix(".json") {
            Some(stem) if stream.signed.is_some() => format!("{stem}.sjson"),
            _ => path,
        };
        let url = below(base, &path)?;
        let (text, signer) = read(&url, stream, access).await?;
        match newest(&text, &stream.product, &stream.item) {
            Ok(newest) => {
                let url = below(base, &newest.path)?;
                return Ok(Found { url, checksum: newest.checksum, version: newest.version, signer });
            }
            // Another one may have it.
            Err(fault @ StreamFault::NoProduct { .. }) => last = last.or(Some(failed(&url, &fault))),
            Err(fault) => return Err(failed(&url, &fault)),
        }
    }
    Err(last.unwrap_or_else(|| failed(&url, &StreamFault::NoStream(stream.product.clone()))))
}

/// A text of the stream; of a signed one only what one of the keys has signed.
async fn read(
    url: &SecretUrl,
    stream: &Stream,
    access: Access<'_>,
) -> Result<(String, Option<Signer>), Failure> {
    let bytes = read_up_to(url, MOST, access).await?;
    match &stream.signed {
        None => Ok((String::from_utf8_lossy(&bytes).into_owned(), None)),
        Some(keys) => signed(&bytes, keys)
            .map_err(|fault| Failure::Signature { url: url.to_string(), fault: Box::new(fault) }),
    }
}

fn signed(bytes: &[u8], keys: &[KeyFile]) -> Result<(String, Option<Signer>), SignatureFault> {
    let signed = signed_text(bytes, &Keyring::read(keys)?, Timestamp::now())?;
    let reason = || "it is not signed in itself (clear-signed)".to_owned();
    let signed = signed.ok_or_else(|| SignatureFault::Unreadable { reason: reason() })?;
    Ok((signed.text, Some(signed.signer)))
}

/// A file of the stream: never one beside or above its directory.
fn below(base: &SecretUrl, path: &str) -> Result<SecretUrl, Failure> {
    let directory = base.expose().path();
    let directory = if directory.ends_with('/') { directory.to_owned() } else { format!("{directory}/") };
    let whole = if directory == base.expose().path() {
        base.sibling(path)
    } else {
        base.with_path_suffix("/").and_then(|base| base.sibling(path))
    };
    match whole {
        Ok(url) if url.expose().path().starts_with(&directory) => Ok(url),
        Ok(_) => Err(failed(base, &StreamFault::Path(path.to_owned()))),
        Err(error) => Err(Failure::Stream { url: base.to_string(), reason: error.to_string() }),
    }
}

fn failed(url: &SecretUrl, fault: &StreamFault) -> Failure {
    Failure::Stream { url: url.to_string(), reason: fault.to_string() }
}
