//! How a source is spoken to.

use crate::words::words;

/// How a source is spoken to: the beginning of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Without encryption.
    Http,
    /// Over TLS.
    Https,
    /// RFC 959; without encryption, unless the server lets nobody in without it.
    Ftp,
    /// FTP over TLS from the first byte on.
    Ftps,
    /// FTP over TLS from the login on, by AUTH (RFC 4217).
    Ftpes,
    /// A path on the node.
    File,
    /// An artifact in an OCI registry, by https.
    Oci,
    /// The same without encryption.
    OciHttp,
}

words!(Scheme {
    Http => "http",
    Https => "https",
    Ftp => "ftp",
    Ftps => "ftps",
    Ftpes => "ftpes",
    File => "file",
    Oci => "oci",
    OciHttp => "oci+http",
});

impl Scheme {
    /// FTP, with TLS or without.
    pub const fn is_ftp(self) -> bool {
        matches!(self, Self::Ftp | Self::Ftps | Self::Ftpes)
    }

    /// An artifact in a registry, with encryption or without.
    pub const fn is_oci(self) -> bool {
        matches!(self, Self::Oci | Self::OciHttp)
    }

    /// HTTP without encryption.
    pub const fn is_plain_http(self) -> bool {
        matches!(self, Self::Http | Self::OciHttp)
    }
}
