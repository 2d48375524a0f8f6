//! The words of `ays` as types: what every other crate means by an address, a check, a disk's format, a finding.
//!
//! It must not know any input or output: no file, no network, no database, no terminal.

mod check;
mod disk_format;
mod finding;
mod inspection;
mod network;
mod node;
mod pool;
mod secret_url;
mod target;

pub use check::Check;
pub use disk_format::DiskFormat;
pub use finding::{Expected, Finding, Severity};
pub use inspection::{
    Boot, Family, FileSystem, Firmware, FirstBoot, Inspection, Partition, Role, System, Table,
};
pub use network::Network;
pub use node::{Key, Node};
pub use pool::Pool;
pub use secret_url::{SecretUrl, UrlError};
pub use target::Target;
