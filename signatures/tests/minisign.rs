//! Signatures of minisign, by the crate of its author.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "gpg is for the others")]
mod support;

use std::io::Cursor;

use ays_model::{SignatureFault, Signer};
use ays_signatures::{PublicKeys, issuers, verify};
use minisign::KeyPair;
use support::{keyring, time};

const NOW: &str = "2025-01-03T00:00:00Z";

#[test]
fn a_signature_says_who_signed() {
    let pair = KeyPair::generate_unencrypted_keypair().unwrap();
    let number: [u8; 8] = pair.pk.keynum().try_into().unwrap();
    let fingerprint = format!("{:016X}", u64::from_le_bytes(number));
    let public = pair.pk.to_box().unwrap().to_string();
    let keys = keyring(&[public.as_bytes()]);
    let signer = PublicKeys::read(public.as_bytes()).unwrap().signers(time(NOW)).remove(0);
    assert_eq!(signer.fingerprint, *fingerprint);
    let bare = public.lines().nth(1).unwrap();
    let of_documents = PublicKeys::read(bare.as_bytes()).unwrap();
    assert_eq!(of_documents.file_name(time(NOW)), format!("{fingerprint}.pub"));
    let list = b"0123  x.img\n";
    let signature =
        minisign::sign(None, &pair.sk, Cursor::new(list), Some("file:SHA256SUMS"), None).unwrap().to_string();
    let ok = |signer: &Signer| Ok(signer.clone());
    for text in [signature.clone(), signature.replace('\n', "\r\n")] {
        assert_eq!(verify(text.as_bytes(), Cursor::new(list), &keys, time(NOW)), ok(&signer));
    }
    assert_eq!(issuers(signature.as_bytes()), Ok(vec![fingerprint.clone().into()]));
    let bad = Err(SignatureFault::Bad { signer: signer.clone() });
    assert_eq!(verify(signature.as_bytes(), Cursor::new(b"other"), &keys, time(NOW)), bad);
    // The trusted comment is signed as well.
    let changed = signature.replace("file:SHA256SUMS", "file:SHA512SUMS");
    assert_eq!(verify(changed.as_bytes(), Cursor::new(list), &keys, time(NOW)), bad);
    let unknown = SignatureFault::UnknownKey {
        issuers: vec![fingerprint.clone().into()],
        file: format!("keys/{fingerprint}.pub"),
    };
    assert_eq!(verify(signature.as_bytes(), Cursor::new(list), &keyring(&[]), time(NOW)), Err(unknown));
    for (line, count) in [(1, 1), (2, 2), (3, 3)] {
        let cut: Vec<_> = signature.lines().take(count).collect();
        let found = verify(cut.join("\n").as_bytes(), Cursor::new(list), &keys, time(NOW));
        assert!(matches!(found, Err(SignatureFault::Unreadable { .. })), "{line}: {found:?}");
    }
}

#[test]
fn the_old_form_is_read_too() {
    // Of minisign's own documentation: a signature over the bytes `test` themselves.
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let signature = "untrusted comment: signature from minisign secret key\nRWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=\ntrusted comment: timestamp:1555779966\tfile:test\nQtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==\n";
    let keys = keyring(&[key.as_bytes()]);
    let signer = verify(signature.as_bytes(), Cursor::new(b"test"), &keys, time(NOW)).unwrap();
    assert_eq!(signer.fingerprint, *"E7620F1842B4E81F");
    assert!(verify(signature.as_bytes(), Cursor::new(b"Test"), &keys, time(NOW)).is_err());
}
