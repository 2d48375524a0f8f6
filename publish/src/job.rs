//! What a target is asked to publish, and what came of it.

use std::collections::BTreeMap;

use ays_catalogue::{DiskFacts, StartedBy};
use ays_model::Digest;
use serde::Serialize;

use crate::data::{Disk, Ending};
use crate::ledger::Ledger;

/// The fields of a publication, by their keys.
pub type Fields = BTreeMap<String, String>;

/// What an account can see: kinds of things, and their names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Seen {
    /// For each kind, its names.
    pub found: Vec<(String, Vec<String>)>,
}

/// What is known of the image.
#[derive(Debug, Clone)]
pub struct ImageFacts {
    /// Its name.
    pub name: String,
    /// The generation's number.
    pub generation: u32,
    /// What a machine that starts from it sees.
    pub content: Digest,
    /// The size of that, in bytes.
    pub virtual_size: u64,
    /// Its category: `Linux`, `Windows`, ..
    pub category: String,
    /// What was found in its disk.
    pub disk: DiskFacts,
}

impl ImageFacts {
    /// Whether Windows is in it.
    pub fn is_windows(&self) -> bool {
        let says = |text: &str| text.to_lowercase().contains("windows");
        says(&self.category) || self.disk.os.as_deref().is_some_and(says)
    }

    /// Whether only UEFI starts it.
    pub fn needs_uefi(&self) -> bool {
        self.disk.started_by == Some(StartedBy::Uefi)
    }
}

/// A publication, as a target works on it.
pub struct Job<'a> {
    /// What is published.
    pub image: &'a ImageFacts,
    /// The target's fields, checked.
    pub fields: &'a Fields,
    /// What has the name already is replaced.
    pub overwrite: bool,
    /// Its disk.
    pub disk: Disk<'a>,
    /// Where all that is made is written down.
    pub ledger: &'a Ledger,
    /// Whether it is to end.
    pub ending: &'a Ending,
    /// Is told what is done, how many bytes were sent, and how many there are, where that is known.
    /// Without either number, the bytes are as they were.
    pub tell: &'a (dyn Fn(&str, u64, Option<u64>) + Sync),
    /// Is told what an operator should know, and does not stand in the way.
    pub warn: &'a (dyn Fn(String) + Sync),
}

impl Job<'_> {
    /// A field that was checked to be there.
    pub(crate) fn need(&self, key: &str) -> &str {
        self.fields.get(key).map_or("", String::as_str)
    }

    /// A field; none: it was not said.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }
}

/// What is there now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// What the cloud calls the image.
    pub cloud_id: String,
    /// Where it is there.
    pub location: String,
}
