//! What proves that a form is one of these pages, and not another site's (CSRF).

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The name of the field.
pub(crate) const FIELD: &str = "proof";

/// What the forms of a session prove themselves by. It tells nothing of the session's secret.
pub(crate) fn proof(secret: &SecretString) -> String {
    hex::encode(Sha256::new().chain_update("form of ").chain_update(secret.expose_secret()).finalize())
}

/// Whether two proofs are the same, in a time that tells nothing of where they differ.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    let differs = a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    a.len() == b.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_its_session_alone() {
        let [one, other] = ["ays_1", "ays_2"].map(|secret| proof(&SecretString::from(secret)));
        assert!(
            is_same(&one, &one) && !is_same(&one, &other) && !is_same(&one, &one[1..]) && !is_same("", &one)
        );
    }
}
