pub mod gpg;

use ays_model::KeyFile;
use ays_signatures::Keyring;

/// A keyring of these files.
pub fn keyring(files: &[&[u8]]) -> Keyring {
    let file = |bytes: &&[u8]| KeyFile {
        name: "keys/x.asc".to_owned(),
        text: String::from_utf8(bytes.to_vec()).expect("a text"),
    };
    Keyring::read(&files.iter().map(file).collect::<Vec<_>>()).expect("keys")
}

/// `2025-01-03T00:00:00Z`
pub fn time(text: &str) -> jiff::Timestamp {
    text.parse().expect("a time")
}
