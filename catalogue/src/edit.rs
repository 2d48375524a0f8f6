//! What an operator says of an image otherwise than its recipe did.

use ays_model::{BootType, ImageName};
use serde::{Deserialize, Serialize};

/// The facts of an image that are to be others; none: it stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageEdit {
    /// Its name, unique in its grid.
    pub name: Option<ImageName>,
    /// For people.
    pub description: Option<String>,
    /// `Linux`, `Windows`, or a name of one's own.
    #[serde(rename = "type")]
    pub category: Option<String>,
    /// The smallest disk that a machine may have, in GB.
    #[serde(rename = "size")]
    pub size_gb: Option<u32>,
    /// The login that it comes with; empty: none is known.
    pub username: Option<String>,
    /// Whose it is; 0: everyone's.
    pub account_id: Option<u32>,
    /// How a machine starts from it.
    pub boot_type: Option<BootType>,
    /// Whether its disk can grow while a machine runs.
    pub hot_resize: Option<bool>,
}

impl ImageEdit {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
