//! How a source is spoken to.

use crate::words::words;

/// How a source is spoken to: the beginning of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Without encryption.
    Http,
    /// Over TLS.
    Https,
    /// RFC 959, without encryption.
    Ftp,
    /// A path on the node.
    File,
}

words!(Scheme { Http => "http", Https => "https", Ftp => "ftp", File => "file" });
