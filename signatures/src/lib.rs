//! Who signed these bytes: OpenPGP (detached, or a clear-signed text) and minisign.
//!
//! It must not know any input or output: bytes, keys and the time come in, and out comes who signed, or why that proves
//! nothing. All of the bytes may be an attacker's, but for the keys.

mod armor;
mod certificate;
mod keyring;
mod minisign;
mod openpgp;
mod public_keys;
mod self_signatures;
mod time;
mod verify;
mod words;

pub use keyring::Keyring;
pub use public_keys::{KeyError, MOST_KEY, PublicKeys};
pub use verify::{MOST_SIGNATURE, SignedText, check, issuers, signed_text, verify};
