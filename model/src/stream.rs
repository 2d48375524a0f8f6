//! A product of a simplestreams server.

use serde::{Deserialize, Serialize};

use crate::KeyFile;

/// An item of the newest version of a product: the server's streams say where it is, and what it hashes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Its name in the stream (`com.ubuntu.cloud:server:24.04:amd64`), or `os:release:arch` (`ubuntu:24.04:amd64`).
    pub product: String,
    /// Which of its files (`disk1.img`).
    pub item: String,
    /// The streams count only when one of these keys has signed them (`.sjson`).
    pub signed: Option<Vec<KeyFile>>,
}
