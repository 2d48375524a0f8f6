use std::fmt;
use std::str::FromStr;

use crate::{Checksum, NoDigest};

/// The checksum that a source's bytes were verified by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Of the file as it is served.
    Served(Checksum),
    /// Of the disk that is packed in it.
    Inside(Checksum),
}

const INSIDE: &str = "inside ";

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Served(checksum) => checksum.fmt(f),
            Self::Inside(checksum) => write!(f, "{INSIDE}{checksum}"),
        }
    }
}

impl FromStr for Proof {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        Ok(match text.strip_prefix(INSIDE) {
            Some(inside) => Self::Inside(inside.parse()?),
            None => Self::Served(text.parse()?),
        })
    }
}
