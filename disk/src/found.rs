//! What is known of a system, and its texts as they may be shown.

use ays_model::{Family, FirstBoot};

/// The longest text of an image that is passed on, in characters.
const LONGEST_TEXT: usize = 100;

/// What is known of a system by its files alone.
pub(crate) struct Found {
    pub name: Option<String>,
    pub version: Option<String>,
    pub architecture: Option<String>,
    pub first_boot: Option<FirstBoot>,
    pub virtio: Option<Vec<String>>,
    pub family: Family,
}

impl Found {
    /// Of which nothing else is known yet.
    pub fn of(family: Family) -> Self {
        Self { family, name: None, version: None, architecture: None, first_boot: None, virtio: None }
    }
}

/// A text of the image as it may be shown: short, without controls; none when nothing is left.
pub(crate) fn plain(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect();
    let plain = plain.trim();
    (!plain.is_empty()).then(|| plain.to_owned())
}
