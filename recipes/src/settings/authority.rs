//! Certificates that are trusted beside a node's own.

use std::io::{Error, ErrorKind, Read};
use std::path::Path;

/// More than all authorities of a system together.
const MOST: u64 = 4 << 20;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a PEM file and nothing else of it: there may be a key beside them, and `ca` may name any file.
pub(super) fn read(path: &Path) -> Result<Option<String>, Error> {
    if !path.metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is no file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let blocks = text.split(BEGIN).skip(1).filter_map(|block| block.split_once(END));
    let pem: String = blocks.map(|(block, _)| format!("{BEGIN}{block}{END}\n")).collect();
    Ok(Some(pem).filter(|pem| !pem.is_empty()))
}
