//! The words of `ays` as types: what every other crate means by an address, a name, a digest, a node, a finding.
//!
//! It must not know any input or output: no file, no network, no database, no terminal.

mod boot_type;
mod causes;
mod check;
mod digest;
mod digests;
mod disk_format;
mod finding;
mod inspection;
mod names;
mod network;
mod node;
mod pool;
mod secret_url;
mod secret_words;
mod target;
mod words;

pub use boot_type::BootType;
pub use causes::causes;
pub use check::Check;
pub use digest::Digest;
pub use digests::{Content, Md5, NoDigest, Sha256};
pub use disk_format::DiskFormat;
pub use finding::{Expected, Finding, Severity};
pub use inspection::{Boot, Family, FileSystem, FirstBoot, Inspection, Partition, Role, System, Table};
pub use names::{Gid, ImageName, InstanceName, NodeName, PoolName, TemplateName};
pub use network::Network;
pub use node::{Key, Node};
pub use pool::Pool;
pub use secret_url::{SecretUrl, UrlError};
pub use secret_words::Words;
pub use target::Target;
pub use words::UnknownWord;
