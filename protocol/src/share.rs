//! One fetch for many nodes: what is said between the controller and the helpers that bring the same file together.
//!
//! One node *leads*: it reads the source, and says the SHA-256 of every piece as it arrives. The others take the pieces
//! from a node that has them already, verify each, and pass it on. Who takes from whom the controller decides, and may
//! decide anew at any time; a node that loses its supplier says so and waits. When the leader is lost, another node goes
//! on reading the source where its own pieces end.

use std::fmt;
use std::net::SocketAddr;

use ays_model::{Checksum, Md5, Sha256, Signer};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Failure;

/// The length of a piece in bytes; only the last one is shorter.
pub const PIECE: u64 = 1 << 20;

/// The most hashes in one message.
pub const MOST_HASHES: usize = 4096;

/// A text that only frames carry; it prints as `***`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Hides a text.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// With this a fetch is one of many that bring the same file. The key and the token are of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Share {
    /// The certificate that every helper of the run shows, and the only one that it accepts, in PEM.
    pub certificate: String,
    /// Its key, in PEM.
    pub key: Secret,
    /// What a helper says first to one that it takes pieces from.
    pub token: Secret,
}

/// Where a node takes the file's bytes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Supplier {
    /// The source itself: this node leads.
    Source,
    /// The helper of another node, at its listener.
    Peer(SocketAddr),
    /// The helper of another node, through the controller: it answers with [`Said::Inbox`], and takes the first
    /// connection that comes there as the one to the other helper's listener.
    Inbox,
}

/// What the source says of the file, and which attempt to read it this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// 1, 2, 3, ..: raised whenever what was read before is of no use. News, requests and pieces of another epoch do not
    /// count.
    pub epoch: u32,
    /// Bytes, where they are known.
    pub size: Option<u64>,
    /// How many of these are data and no holes, where that is known.
    pub data: Option<u64>,
    /// The source's `ETag`, as sent.
    pub etag: Option<String>,
    /// The source's `Last-Modified` (as sent) or MDTM.
    pub last_modified: Option<String>,
    /// What the whole must hash to, where the source or the recipe says it: a node that has such a file keeps it.
    pub expected: Option<Expected>,
    /// Who has signed what says so.
    pub signed_by: Option<Signer>,
    /// What the source calls this state of the file, where it has versions.
    pub version: Option<String>,
}

/// What a whole file must hash to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// This, of its bytes.
    Checksum(Checksum),
    /// This, of the bytes of the disk that is packed in it.
    Inside(Checksum),
}

/// SHA-256s of pieces that follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pieces {
    /// See [`Opened::epoch`].
    pub epoch: u32,
    /// The first one's number, from 0.
    pub first: u64,
    /// At most [`MOST_HASHES`].
    pub sha256: Vec<Sha256>,
}

/// What all bytes of a file hash to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// MD5.
    pub md5: Md5,
    /// SHA-256.
    pub sha256: Sha256,
}

/// The whole file, verified by the leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// See [`Opened::epoch`].
    pub epoch: u32,
    /// Bytes.
    pub size: u64,
    /// Of its bytes; none of a stored file, whose digest is known.
    pub sums: Option<Sums>,
    /// What the bytes were verified by; none: they were only received.
    pub verified_by: Option<Expected>,
    /// Who has signed them, or what they were verified by.
    pub signed_by: Option<Signer>,
    /// What the source calls this state of the file, where it has versions.
    pub version: Option<String>,
    /// The source's `ETag`, as sent.
    pub etag: Option<String>,
    /// The source's `Last-Modified` (as sent) or MDTM.
    pub last_modified: Option<String>,
}

/// Controller to helper, about a shared fetch that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum News {
    /// Take the bytes from here from now on.
    From(Supplier),
    /// What the leader said when it opened the source.
    Opened(Opened),
    /// What the leader said of the pieces.
    Pieces(Pieces),
    /// What the leader said at its end.
    Whole(Whole),
    /// There will be no such file: the step ends with this, and what was brought does not stay.
    Failed(Failure),
}

/// Helper to controller, about a shared fetch that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// The first word of a shared fetch: other nodes may take pieces at this port, until the helper ends. It waits for
    /// [`News::From`].
    Listening {
        /// The TCP port.
        port: u16,
    },
    /// The leader has opened the source, or found that it has the whole file.
    Opened(Opened),
    /// The leader has these pieces.
    Pieces(Pieces),
    /// The leader has all, and it is what it should be.
    Whole(Whole),
    /// The supplier failed, or gave what it should not: another one is waited for.
    Lost {
        /// In an operator's words.
        reason: String,
        /// No connection to it came about: another way to it may help.
        unreachable: bool,
    },
    /// Where the connection through the controller is to come: a TCP port on the node's loopback.
    Inbox {
        /// The TCP port.
        port: u16,
    },
}
