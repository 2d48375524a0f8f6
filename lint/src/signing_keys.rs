//! `keys/`: the keys whose signatures of sources count.

use ays_model::SignatureFault;
use ays_recipes::{SigningKeyFile, SigningKeys};
use jiff::Timestamp;

use crate::codes::{SIGNING_KEY, SIGNING_KEY_EXPIRED};
use crate::mistake::Mistake;

pub(crate) fn lint(keys: &SigningKeys) -> Vec<Mistake> {
    let now = Timestamp::now();
    let mut found = Vec::new();
    for SigningKeyFile { path, keys } in keys.files() {
        match keys {
            Err(error) => found.push(Mistake::of_file(&SIGNING_KEY, path.clone(), error.to_string())),
            Ok(keys) => {
                let faults = keys.faults(now).into_iter();
                found.extend(faults.map(|fault| {
                    let code = match &fault {
                        SignatureFault::ExpiredKey { .. } | SignatureFault::RevokedKey { .. } => {
                            &SIGNING_KEY_EXPIRED
                        }
                        _ => &SIGNING_KEY,
                    };
                    let mut mistake = Mistake::of_file(code, path.clone(), fault.to_string());
                    mistake.finding.cure = fault.cure();
                    mistake
                }));
            }
        }
    }
    found
}
