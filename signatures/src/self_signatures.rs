//! What the owner of a certificate says of its keys, by signatures that are verified here.

use jiff::Timestamp;
use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{KeyFlags, RevocationCode, Signature, SignatureType, SubpacketData};
use pgp::types::{SignedUser, Tag};

use crate::time::timestamp;
use crate::words::shown;

/// The newest word on the primary key: what it is for, and until when. None: the owner says nothing that can be verified.
pub(crate) fn newest_of_primary(key: &SignedPublicKey, now: Timestamp) -> Option<&Signature> {
    let primary = &key.primary_key;
    let direct = key.details.direct_signatures.iter().filter(|signature| {
        signature.typ() == Some(SignatureType::Key) && signature.verify_key(primary).is_ok()
    });
    let of_users = key.details.users.iter().filter_map(|user| newest_of_user(key, user, now));
    newest(direct.chain(of_users), now)
}

/// What the certificate's owner calls himself.
pub(crate) fn user_id(key: &SignedPublicKey, now: Timestamp) -> Option<String> {
    let said = key.details.users.iter().filter_map(|user| Some((user, newest_of_user(key, user, now)?)));
    let first = said.max_by_key(|(_, signature)| (signature.is_primary(), signature.created()));
    first.map(|(user, _)| shown(user.id.id()))
}

/// The newest signature by which a user is bound to the key; none where it was revoked.
fn newest_of_user<'a>(key: &SignedPublicKey, user: &'a SignedUser, now: Timestamp) -> Option<&'a Signature> {
    let is_own = |signature: &&Signature| {
        signature.verify_certification(&key.primary_key, Tag::UserId, &user.id).is_ok()
    };
    let is_revocation = |signature: &Signature| signature.typ() == Some(SignatureType::CertRevocation);
    let own: Vec<&Signature> = user.signatures.iter().filter(is_own).collect();
    let bound = newest(own.iter().copied().filter(|signature| !is_revocation(signature)), now)?;
    let is_revoked =
        own.iter().any(|signature| is_revocation(signature) && signature.created() >= bound.created());
    (!is_revoked).then_some(bound)
}

/// Why the whole certificate counts no more.
pub(crate) fn revocation_of_primary(key: &SignedPublicKey) -> Option<String> {
    let revoked = key.details.revocation_signatures.iter().find(|signature| {
        signature.typ() == Some(SignatureType::KeyRevocation)
            && signature.verify_key(&key.primary_key).is_ok()
    });
    revoked.map(reason)
}

/// Why a subkey counts no more.
pub(crate) fn revocation_of_subkey(key: &SignedPublicKey, subkey: &SignedPublicSubKey) -> Option<String> {
    let revoked = subkey.signatures.iter().find(|signature| {
        signature.typ() == Some(SignatureType::SubkeyRevocation)
            && signature.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok()
    });
    revoked.map(reason)
}

/// The newest word on a subkey.
pub(crate) fn newest_of_subkey<'a>(
    key: &SignedPublicKey,
    subkey: &'a SignedPublicSubKey,
    now: Timestamp,
) -> Option<&'a Signature> {
    let bound = subkey.signatures.iter().filter(|signature| {
        signature.typ() == Some(SignatureType::SubkeyBinding)
            && signature.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok()
    });
    newest(bound, now)
}

/// Whether the subkey has signed the primary key in turn: else anybody could call a foreign key a subkey of his own.
pub(crate) fn is_cross_certified(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    binding: &Signature,
) -> bool {
    binding.embedded_signature().is_some_and(|back| {
        !is_broken(back) && back.verify_primary_key_binding(&subkey.key, &key.primary_key).is_ok()
    })
}

/// What a key is for, where that is said.
pub(crate) fn flags(signature: &Signature) -> Option<&KeyFlags> {
    signature.config()?.hashed_subpackets().find_map(|packet| match &packet.data {
        SubpacketData::KeyFlags(flags) => Some(flags),
        _ => None,
    })
}

/// Whether two texts of the same hash are made in minutes. SHA-1 is taken in a certificate: older ones have no other, and
/// the operator has chosen the file.
fn is_broken(signature: &Signature) -> bool {
    use pgp::crypto::hash::HashAlgorithm::{Md5, Ripemd160};
    matches!(signature.hash_alg(), Some(Md5 | Ripemd160) | None)
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>, now: Timestamp) -> Option<&'a Signature> {
    signatures
        .filter(|signature| !is_broken(signature))
        .filter(|signature| signature.created().is_some_and(|created| timestamp(created) <= now))
        .max_by_key(|signature| signature.created())
}

fn reason(revocation: &Signature) -> String {
    let why = match revocation.revocation_reason_code() {
        Some(RevocationCode::KeyCompromised) => "somebody else may have it",
        Some(RevocationCode::KeySuperseded) => "another key has taken its place",
        Some(RevocationCode::KeyRetired) => "it is no longer used",
        _ => "no reason is given",
    };
    match revocation.revocation_reason_string() {
        Some(text) if !text.is_empty() => format!("{why}: {}", shown(text)),
        _ => why.to_owned(),
    }
}
