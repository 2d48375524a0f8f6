//! Signatures that real gpg made.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::io::Cursor;
use std::process::Command;

use ays_model::{SignatureFault, Signer};
use ays_signatures::{KeyError, PublicKeys, check, issuers, signed_text, verify};
use support::gpg::Gpg;
use support::{keyring, time};

const LIST: &[u8] = b"0123456789abcdef  x.img\n-- \n- dashes\ntrailing  \n";
const USER: &str = "Builder <builder@images.example>";
const NOW: &str = "2025-01-03T00:00:00Z";

fn who(gpg: &Gpg, user: &str) -> Signer {
    Signer { fingerprint: gpg.fingerprint(user).into(), user_id: user.to_owned() }
}

fn fault(signature: &[u8], data: &[u8], keys: &[&[u8]], now: &str) -> SignatureFault {
    verify(signature, Cursor::new(data), &keyring(keys), time(now)).unwrap_err()
}

#[test]
fn a_detached_signature_says_who_signed() {
    let gpg = Gpg::new();
    for (user, kind) in
        [("R <r@x>", "rsa3072"), ("E <e@x>", "ed25519"), ("N <n@x>", "nistp256"), ("D <d@x>", "dsa2048")]
    {
        gpg.key(user, kind, "sign", "0");
        let keys = keyring(&[&gpg.public(user)]);
        for how in [
            &["--detach-sign"][..],
            &["--armor", "--detach-sign"],
            &["--armor", "--textmode", "--detach-sign"],
        ] {
            let signature = gpg.sign(user, how, LIST);
            let signer = verify(&signature, Cursor::new(LIST), &keys, time(NOW));
            assert_eq!(signer, Ok(who(&gpg, user)), "{kind} {how:?}");
            assert_eq!(issuers(&signature), Ok(vec![gpg.fingerprint(user).into()]));
            let other = verify(&signature, Cursor::new(b"other"), &keys, time(NOW));
            assert_eq!(other, Err(SignatureFault::Bad { signer: who(&gpg, user) }), "{kind} {how:?}");
        }
    }
}

#[test]
fn of_a_clear_signed_list_only_the_signed_text_counts() {
    let gpg = Gpg::new();
    gpg.key(USER, "ed25519", "sign", "0");
    let keys = keyring(&[&gpg.public(USER)]);
    let signed = String::from_utf8(gpg.sign(USER, &["--clearsign"], LIST)).unwrap();
    // Spaces at the ends of lines are not signed.
    let text = "0123456789abcdef  x.img\r\n--\r\n- dashes\r\ntrailing";
    for file in [
        signed.clone(),
        format!("ffff  x.img\n\n{signed}\nffff  x.img\n"),
        signed.replace('\n', "\r\n"),
        format!("{signed}{signed}"),
    ] {
        let found = signed_text(file.as_bytes(), &keys, time(NOW)).unwrap().unwrap();
        assert_eq!(found.signer, who(&gpg, USER));
        assert_eq!(found.text.trim_end(), text, "{file}");
    }
    for wrong in [
        signed.replace("0123", "ffff"),
        signed.replace("x.img\n", "x.img\nffff  x.img\n"),
        signed.replace("\n\n0123", "\n\nffff  x.img\n0123"),
        signed.replace("\n-----BEGIN PGP SIGNATURE", "\nffff  x.img\n-----BEGIN PGP SIGNATURE"),
    ] {
        let found = signed_text(wrong.as_bytes(), &keys, time(NOW));
        assert_eq!(found, Err(SignatureFault::Bad { signer: who(&gpg, USER) }), "{wrong}");
    }
    let cut = signed.split("-----END").next().unwrap();
    assert!(matches!(signed_text(cut.as_bytes(), &keys, time(NOW)), Err(SignatureFault::Unreadable { .. })));
    assert_eq!(signed_text(LIST, &keys, time(NOW)), Ok(None));
    assert_eq!(signed_text(&gpg.sign(USER, &["--armor", "--detach-sign"], LIST), &keys, time(NOW)), Ok(None));
}

#[test]
fn a_key_that_is_not_there_is_named() {
    let gpg = Gpg::new();
    gpg.key(USER, "ed25519", "sign", "0");
    gpg.key("Another <another@x>", "ed25519", "sign", "0");
    let signature = gpg.sign(USER, &["--detach-sign"], LIST);
    let fingerprint = gpg.fingerprint(USER);
    let unknown = SignatureFault::UnknownKey {
        issuers: vec![fingerprint.clone().into()],
        file: format!("keys/{fingerprint}.asc"),
    };
    for keys in [&[][..], &[&gpg.public("another@x")[..]]] {
        assert_eq!(fault(&signature, LIST, keys, NOW), unknown);
        assert_eq!(check(&signature, &keyring(keys), time(NOW)), Err(unknown.clone()));
    }
    assert!(unknown.to_string().contains(&fingerprint));
    // Of several signatures, one by a key that is there is enough.
    let both = gpg
        .at("20250102T000000", &["-u", USER, "-u", "another@x", "--output", "-", "--detach-sign", "signed"]);
    let signer = verify(&both, Cursor::new(LIST), &keyring(&[&gpg.public("another@x")]), time(NOW));
    assert_eq!(signer, Ok(who(&gpg, "Another <another@x>")));
}

#[test]
fn an_expired_key_is_refused_whenever_it_signed() {
    let gpg = Gpg::new();
    gpg.key(USER, "rsa2048", "sign", "10d");
    let signature = gpg.sign(USER, &["--detach-sign"], LIST);
    let key = gpg.public(USER);
    assert_eq!(verify(&signature, Cursor::new(LIST), &keyring(&[&key]), time(NOW)), Ok(who(&gpg, USER)));
    let since = time("2025-01-11T00:00:00Z");
    let expired = SignatureFault::ExpiredKey { signer: who(&gpg, USER), since };
    assert_eq!(fault(&signature, LIST, &[&key], "2025-01-11T00:00:00Z"), expired);
    assert_eq!(PublicKeys::read(&key).unwrap().faults(time("2025-02-01T00:00:00Z")), [expired]);
    // Renewed by its owner, it counts again.
    let fingerprint = gpg.fingerprint(USER);
    gpg.at("20250105T000000", &["--quick-set-expire", &fingerprint, "2030-01-01"]);
    let renewed = gpg.public(USER);
    let signer = verify(&signature, Cursor::new(LIST), &keyring(&[&renewed]), time("2025-02-01T00:00:00Z"));
    assert_eq!(signer, Ok(who(&gpg, USER)));
    // An expired signature is another thing.
    let short = gpg.sign_at("20250201T000000", USER, &["--default-sig-expire", "1d", "--detach-sign"], LIST);
    let since = time("2025-02-02T00:00:00Z");
    let expired = SignatureFault::ExpiredSignature { signer: who(&gpg, USER), since };
    assert_eq!(fault(&short, LIST, &[&renewed], "2025-02-02T00:00:00Z"), expired);
    assert!(verify(&short, Cursor::new(LIST), &keyring(&[&renewed]), time("2025-02-01T23:59:59Z")).is_ok());
    // A clock that is behind its owner's last word is named.
    let future = fault(&signature, LIST, &[&renewed], NOW);
    assert!(matches!(future, SignatureFault::Future { .. }), "{future}");
}

#[test]
fn a_revoked_key_is_refused_with_its_reason() {
    let gpg = Gpg::new();
    let fingerprint = gpg.key(USER, "ed25519", "sign", "0");
    let signature = gpg.sign(USER, &["--detach-sign"], LIST);
    // gpg makes a revocation with every key; its first line keeps it from being imported by mistake.
    let kept = gpg.file(&format!("openpgp-revocs.d/{fingerprint}.rev"));
    let revocation = fs::read_to_string(kept).unwrap().replace(":-----BEGIN", "-----BEGIN");
    fs::write(gpg.file("revocation"), revocation).unwrap();
    gpg.at("20250103T000000", &["--import", "revocation"]);
    let revoked =
        SignatureFault::RevokedKey { signer: who(&gpg, USER), reason: "no reason is given".to_owned() };
    assert_eq!(fault(&signature, LIST, &[&gpg.public(USER)], "2025-01-04T00:00:00Z"), revoked);
    assert_eq!(PublicKeys::read(&gpg.public(USER)).unwrap().faults(time(NOW)), [revoked]);
}

#[test]
fn subkeys_sign_when_their_owner_says_so() {
    let gpg = Gpg::new();
    let fingerprint = gpg.key(USER, "ed25519", "cert", "0");
    gpg.at(support::gpg::MADE, &["--quick-add-key", &fingerprint, "rsa2048", "sign", "10d"]);
    let signature = gpg.sign(USER, &["--detach-sign"], LIST);
    let key = gpg.public(USER);
    assert_eq!(verify(&signature, Cursor::new(LIST), &keyring(&[&key]), time(NOW)), Ok(who(&gpg, USER)));
    let since = time("2025-01-11T00:00:00Z");
    let expired = SignatureFault::ExpiredKey { signer: who(&gpg, USER), since };
    assert_eq!(fault(&signature, LIST, &[&key], "2025-01-12T00:00:00Z"), expired);
}

#[test]
fn a_key_for_another_use_is_refused() {
    // gpg signs by no such key: it signs by one for both, and its owner says later that it is for certifying only.
    let gpg = Gpg::new();
    let fingerprint = gpg.key(USER, "ed25519", "sign,cert", "0");
    let signature = gpg.sign(USER, &["--detach-sign"], LIST);
    fs::write(gpg.file("commands"), "change-usage\nS\nQ\nsave\n").unwrap();
    gpg.at("20250103T000000", &["--command-file", "commands", "--edit-key", &fingerprint]);
    let wrong = SignatureFault::WrongUsage {
        signer: who(&gpg, USER),
        key: fingerprint.into(),
        reason: "it is for other uses than signing".to_owned(),
    };
    assert_eq!(fault(&signature, LIST, &[&gpg.public(USER)], "2025-01-04T00:00:00Z"), wrong);
}

#[test]
fn weak_hashes_and_wrong_clocks_are_named() {
    let gpg = Gpg::new();
    gpg.key(USER, "rsa2048", "sign", "0");
    let key = gpg.public(USER);
    let hash = |hash: &'static str| ["--allow-weak-digest-algos", "--digest-algo", hash, "--detach-sign"];
    for (digest, name) in [("SHA1", "SHA-1"), ("MD5", "MD5"), ("RIPEMD160", "RIPEMD160")] {
        let signature = gpg.sign(USER, &hash(digest), LIST);
        let weak = SignatureFault::WeakHash { signer: who(&gpg, USER), hash: name.to_owned() };
        assert_eq!(fault(&signature, LIST, &[&key], NOW), weak);
    }
    for digest in ["SHA224", "SHA256", "SHA384", "SHA512"] {
        let signature = gpg.sign(USER, &hash(digest), LIST);
        assert!(verify(&signature, Cursor::new(LIST), &keyring(&[&key]), time(NOW)).is_ok(), "{digest}");
    }
    let later = gpg.sign_at("20250103T010000", USER, &["--detach-sign"], LIST);
    let (made, now) = (time("2025-01-03T01:00:00Z"), time(NOW));
    let future = SignatureFault::Future { signer: who(&gpg, USER), made, now };
    assert_eq!(fault(&later, LIST, &[&key], NOW), future);
    let soon = gpg.sign_at("20250103T000400", USER, &["--detach-sign"], LIST);
    assert!(verify(&soon, Cursor::new(LIST), &keyring(&[&key]), now).is_ok());
}

#[test]
fn what_is_no_signature_is_named() {
    let gpg = Gpg::new();
    gpg.key(USER, "ed25519", "sign", "0");
    let key = gpg.public(USER);
    let whole = gpg.sign(USER, &["--sign"], LIST);
    let cut = &gpg.sign(USER, &["--detach-sign"], LIST)[..40];
    for bytes in [
        &b""[..],
        b"<html>404</html>",
        b"not found",
        LIST,
        &whole,
        cut,
        &key,
        &[0x88; 9][..],
        &[b'a'; 300_000],
    ] {
        let found = fault(bytes, LIST, &[&key], NOW);
        assert!(matches!(found, SignatureFault::Unreadable { .. }), "{bytes:?}: {found}");
    }
}

#[test]
fn keys_are_written_without_what_others_signed() {
    let gpg = Gpg::new();
    gpg.key(USER, "ed25519", "sign", "0");
    gpg.key("Friend <friend@x>", "rsa2048", "sign,cert", "0");
    let fingerprint = gpg.fingerprint(USER);
    gpg.at("20250102T000000", &["-u", "friend@x", "--quick-sign-key", &fingerprint]);
    let with_friends = gpg.public(USER);
    let read = PublicKeys::read(&with_friends).unwrap();
    let written = read.to_file("keys/x.asc").text;
    assert!(written.len() + 300 < with_friends.len(), "{} of {}", written.len(), with_friends.len());
    assert_eq!(read.file_name(time(NOW)), format!("{fingerprint}.asc"));
    assert_eq!(read.signers(time(NOW)), [who(&gpg, USER)]);
    assert_eq!(read.faults(time(NOW)), []);
    fs::write(gpg.file("written.asc"), &written).unwrap();
    assert!(gpg.reads(&gpg.file("written.asc")).contains(&fingerprint));
    let again = PublicKeys::read(written.as_bytes()).unwrap();
    assert_eq!(again.to_file("keys/x.asc").text, written);
    let signature = gpg.sign(USER, &["--detach-sign"], LIST);
    assert!(verify(&signature, Cursor::new(LIST), &keyring(&[written.as_bytes()]), time(NOW)).is_ok());
    // Binary, and several in one file.
    let both = gpg.at(support::gpg::MADE, &["--export"]);
    assert_eq!(PublicKeys::read(&both).unwrap().signers(time(NOW)).len(), 2);
    let both = [gpg.public(USER), b"\nsome words\n".to_vec(), gpg.public("friend@x")].concat();
    assert_eq!(PublicKeys::read(&both).unwrap().signers(time(NOW)).len(), 2);
}

#[test]
fn what_is_no_key_is_named() {
    let gpg = Gpg::new();
    gpg.key(USER, "ed25519", "sign", "0");
    let private = gpg.at(support::gpg::MADE, &["--export-secret-keys"]);
    let armored = gpg.at(support::gpg::MADE, &["--armor", "--export-secret-keys"]);
    let public = String::from_utf8(gpg.public(USER)).unwrap();
    for (bytes, error) in [
        (&private[..], KeyError::Private),
        (&armored[..], KeyError::Private),
        (b"", KeyError::None),
        (b"a README", KeyError::None),
        (&vec![b'a'; (1 << 20) + 1], KeyError::TooLarge),
    ] {
        assert_eq!(PublicKeys::read(bytes).unwrap_err(), error);
    }
    let end = public.find("\n-----END").unwrap();
    let cut = format!("{}{}", &public[..end - 60], &public[end..]);
    assert!(matches!(PublicKeys::read(cut.as_bytes()), Err(KeyError::Broken(_) | KeyError::None)));
}

#[test]
fn gpgv_agrees() {
    let gpg = Gpg::new();
    gpg.key(USER, "rsa2048", "sign", "0");
    let signature = gpg.sign(USER, &["--detach-sign"], LIST);
    fs::write(gpg.file("key"), gpg.at(support::gpg::MADE, &["--export"])).unwrap();
    fs::write(gpg.file("sig"), &signature).unwrap();
    for bytes in [LIST, b"other"] {
        fs::write(gpg.file("list"), bytes).unwrap();
        let gpgv = Command::new("gpgv")
            .arg("--keyring")
            .args(["key", "sig", "list"].map(|name| gpg.file(name)))
            .output();
        let ours =
            verify(&signature, Cursor::new(bytes), &keyring(&[&gpg.public(USER)]), jiff::Timestamp::now());
        assert_eq!(gpgv.unwrap().status.success(), ours.is_ok());
    }
}

#[test]
fn nobody_takes_a_foreign_key_for_a_subkey_of_his_own() {
    use pgp::composed::{Deserializable, SignedPublicKey, SignedPublicSubKey, SignedSecretKey};
    use pgp::packet::{KeyFlags, SignatureConfig, SignatureType, Subpacket, SubpacketData};
    use pgp::types::{KeyDetails, Password, Timestamp};

    // Whoever is trusted could call the builder's subkey his own, and so seem to have signed what the builder signed.
    let gpg = Gpg::new();
    let victim = gpg.key(USER, "ed25519", "cert", "0");
    gpg.at(support::gpg::MADE, &["--quick-add-key", &victim, "ed25519", "sign", "0"]);
    let signature = gpg.sign(USER, &["--detach-sign"], LIST);
    let (theirs, _) = SignedPublicKey::from_armor_single(&gpg.public(USER)[..]).unwrap();
    gpg.key("Thief <thief@x>", "ed25519", "sign,cert", "0");
    let secret = gpg.at(support::gpg::MADE, &["--armor", "--export-secret-keys", "thief@x"]);
    let (thief, _) = SignedSecretKey::from_armor_single(&secret[..]).unwrap();
    let stolen = theirs.public_subkeys[0].key.clone();
    let mut flags = KeyFlags::default();
    flags.set_sign(true);
    let mut config = SignatureConfig::v4(
        SignatureType::SubkeyBinding,
        thief.algorithm(),
        pgp::crypto::hash::HashAlgorithm::Sha256,
    );
    config.hashed_subpackets = [
        SubpacketData::SignatureCreationTime(Timestamp::from_secs(1_735_689_600)),
        SubpacketData::IssuerFingerprint(thief.fingerprint()),
        SubpacketData::KeyFlags(flags),
    ]
    .map(|data| Subpacket::regular(data).unwrap())
    .to_vec();
    let mut forged = SignedPublicKey::from(thief.clone());
    let binding = config
        .sign_subkey_binding(&thief.primary_key, &forged.primary_key, &Password::empty(), &stolen)
        .unwrap();
    forged.public_subkeys.push(SignedPublicSubKey::new(stolen.clone(), vec![binding]));
    let forged = forged.to_armored_string(Default::default()).unwrap();
    let wrong = SignatureFault::WrongUsage {
        signer: who(&gpg, "Thief <thief@x>"),
        key: format!("{:X}", stolen.fingerprint()).into(),
        reason: "it has not signed the primary key in turn (cross-certification)".to_owned(),
    };
    assert_eq!(fault(&signature, LIST, &[forged.as_bytes()], NOW), wrong);
}
