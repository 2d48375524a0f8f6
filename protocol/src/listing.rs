//! What files lie in a pool: what is asked, and what the node finds.

use ays_model::{Content, DiskFormat};
use serde::{Deserialize, Serialize};

use crate::{PoolClaim, PoolSeen};

/// See [`crate::Step::ListPool`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPool {
    /// The pool; each of the files that the claim knows is looked at, whatever its name.
    pub claim: PoolClaim,
}

/// What lies in a pool. No file's bytes were read but those of its mark and its index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolListing {
    /// Whether its directory is there.
    pub exists: bool,
    /// Its mark and its index.
    pub seen: PoolSeen,
    /// What is under each name that the claim knows, in that order; none: there is no such file.
    pub known: Vec<Option<FileSeen>>,
    /// Files that have the names of stored files and that the claim does not know, by name; at most [`MOST_LISTED`].
    pub unknown: Vec<UnknownFile>,
    /// There are more of them than that.
    pub has_more: bool,
    /// How many other files are there. Hidden ones are left out.
    pub others: u64,
}

/// How many files of a pool are named that nobody knows.
pub const MOST_LISTED: usize = 1024;

/// A file that has the name of a stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownFile {
    /// Its name.
    pub name: String,
    /// What is under the name.
    pub seen: FileSeen,
}

/// What is under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileSeen {
    /// A plain file of so many bytes.
    File {
        /// Its length.
        size: u64,
    },
    /// Something else: a link, a directory, a device.
    Other,
}

impl PoolListing {
    /// Whether it answers this question: a node may say anything.
    pub fn answers(&self, order: &ListPool) -> bool {
        let is_new = |file: &UnknownFile| {
            Content::digits_in_name(&file.name).is_some() && !order.claim.known.contains(&file.name)
        };
        self.known.len() == order.claim.known.len()
            && self.unknown.len() <= MOST_LISTED
            && self.unknown.iter().all(is_new)
            && self.unknown.is_sorted_by(|one, next| one.name < next.name)
    }
}

impl UnknownFile {
    /// The digits of a content in its name, and its format.
    pub fn content(&self) -> Option<(&str, DiskFormat)> {
        Content::digits_in_name(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use ays_model::PoolOwner;

    use super::*;
    use crate::PoolMark;

    #[test]
    fn a_node_that_names_something_else_has_not_answered() {
        let order = ListPool {
            claim: PoolClaim {
                path: "/pool".into(),
                pool: "local".into(),
                node: "n1".into(),
                owner: PoolOwner {
                    catalogue: "one".to_owned().into(),
                    environment: "g8".into(),
                    taken_by: "ops@c".to_owned(),
                },
                known: vec!["x-abababababab.raw".to_owned()],
            },
        };
        let listing = |names: &[&str]| PoolListing {
            exists: true,
            seen: PoolSeen { mark: PoolMark::Missing, index: None },
            known: vec![None],
            unknown: names
                .iter()
                .map(|name| UnknownFile { name: (*name).to_owned(), seen: FileSeen::Other })
                .collect(),
            has_more: false,
            others: 0,
        };
        assert!(listing(&["x-000000000000.raw", "y-000000000000.raw"]).answers(&order));
        for wrong in [
            &["../x-000000000000.raw"][..],
            &["x-abababababab.raw"],
            &["ays-images.json"],
            &["x-000000000000.raw", "x-000000000000.raw"],
        ] {
            assert!(!listing(wrong).answers(&order), "{wrong:?}");
        }
        assert!(!PoolListing { known: Vec::new(), ..listing(&[]) }.answers(&order));
    }
}
