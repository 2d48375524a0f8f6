//! The manifests of a registry, and how it asks for a login. The input's first three lines are the processor, the item and the
//! layer that are meant; an empty one says nothing.

use ays_helper::{Manifest, ManifestFault};
use ays_model::Artifact;
use ays_model::{Challenge, challenges};

/// The most characters that a fault says, whatever a manifest holds.
const MOST: usize = 20_000;

/// See the module.
pub fn check(data: &[u8]) {
    let input = String::from_utf8_lossy(data);
    let mut lines = input.splitn(4, '\n');
    let mut line = || lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
    let (arch, item, member) = (line(), line(), line());
    let text = lines.next().unwrap_or_default();
    let arch = arch.unwrap_or_else(|| Artifact::ARCH.to_owned());
    let artifact = Artifact { arch, item, member, tokens: None };
    // A digest may be written with escapes.
    let stands_there = |digest: String| text.contains(&digest) || text.contains("\\");
    match Manifest::read(text.as_bytes()) {
        Ok(Manifest::Index(index)) => match index.pick(&artifact) {
            Ok(digest) => assert!(stands_there(digest.to_string()), "{digest} does not stand there"),
            Err(fault) => is_sober(&fault),
        },
        Ok(Manifest::Image(image)) => match image.pick(artifact.member.as_deref()) {
            Ok(layer) => {
                assert!(stands_there(layer.digest.to_string()), "{} does not stand there", layer.digest);
                assert!(!layer.title.unwrap_or_default().contains(char::is_control));
            }
            Err(fault) => is_sober(&fault),
        },
        Err(fault) => is_sober(&fault),
    }
    for challenge in challenges(text) {
        if let Challenge::Bearer { realm, .. } = challenge {
            assert!(realm.len() <= text.len(), "{realm:?} is longer than what was said");
        }
    }
}

/// What is told of a manifest can be shown.
fn is_sober(fault: &ManifestFault) {
    let said = fault.to_string();
    assert!(said.chars().count() < MOST, "{} characters", said.chars().count());
    assert!(!said.contains(char::is_control), "{said:?}");
}
