//! Signatures and keys, as sources and repositories hold them. Whatever the input is, nothing is signed by a key whose owner
//! did not sign it.

use std::io::Cursor;

use ays_signatures::{Keyring, PublicKeys, check as may_count, issuers, signed_text, verify};
use jiff::Timestamp;

/// A key of gpg, with which one text was signed.
const KEY: &[u8] = include_bytes!("../../fixtures/fuzz/signatures/key.asc");

/// That text, clear-signed.
const SIGNED: &[u8] = include_bytes!("../../fixtures/fuzz/signatures/clear-signed");

/// The same text, the signature beside it.
const DETACHED: &[u8] = include_bytes!("../../fixtures/fuzz/signatures/binary");

/// See the module.
pub fn check(data: &[u8]) {
    let now = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 365 * 60);
    let mut keyring = Keyring::default();
    if let Ok(keys) = PublicKeys::read(KEY) {
        keyring.add(keys);
    }
    let truth = signed_text(SIGNED, &keyring, now).ok().flatten();
    let truth = truth.unwrap_or_else(|| unreachable!("the fixture is signed"));
    // What is taken for signed is the one text that was.
    if let Ok(Some(found)) = signed_text(data, &keyring, now) {
        assert_eq!(found, truth);
    }
    let list = truth.text.replace("\r\n", "\n");
    let bytes = format!("{}\n", list.trim_end_matches('\n'));
    let _ = issuers(data);
    let may = may_count(data, &keyring, now).is_ok();
    if let Ok(signer) = verify(data, Cursor::new(bytes.as_bytes()), &keyring, now) {
        assert!(may, "what counts may count");
        assert_eq!(signer, truth.signer);
    }
    // The signature is of that text, and of no other.
    assert!(data == bytes.as_bytes() || verify(DETACHED, Cursor::new(data), &keyring, now).is_err());
    let Ok(keys) = PublicKeys::read(data) else { return };
    let signers = keys.signers(now);
    assert!(!signers.is_empty());
    let _ = keys.faults(now);
    let written = keys.to_file("keys/x.asc").text;
    match PublicKeys::read(written.as_bytes()) {
        Ok(again) => {
            assert_eq!(again.signers(now), signers);
            assert_eq!(again.to_file("keys/x.asc").text, written);
        }
        Err(error) => unreachable!("what was written is read again: {error}"),
    }
}
