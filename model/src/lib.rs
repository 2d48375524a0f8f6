//! The words of `ays` as types: what every other crate means by an address, a name, a digest, a node, a finding.
//!
//! It must not know any input or output: no file, no network, no database, no terminal.

mod artifact;
mod artifact_digest;
mod boot_type;
mod causes;
mod challenge;
mod check;
mod checksum;
mod digest;
mod digests;
mod disk_format;
mod download;
mod event;
mod fault;
mod finding;
mod host_key;
mod inspection;
mod lock_scope;
mod names;
mod near;
mod network;
mod node;
mod node_action;
mod packed_name;
mod pool;
mod pool_owner;
mod proof;
mod scheme;
mod secrecy;
mod secret_url;
mod secret_words;
mod signature;
mod signature_fault;
mod stream;
mod target;
mod this_machine;
mod words;

pub use artifact::{Artifact, ArtifactAddress, ArtifactError, Reference};
pub use artifact_digest::artifact_digest;
pub use boot_type::BootType;
pub use causes::causes;
pub use challenge::{Challenge, challenges};
pub use check::Check;
pub use checksum::{Checksum, ChecksumKind};
pub use digest::Digest;
pub use digests::{Content, Md5, NoDigest, Sha1, Sha256, Sha384, Sha512};
pub use disk_format::DiskFormat;
pub use download::{Download, Member};
pub use event::{
    Activity, CopyReport, CopyVerdict, Event, FaultReport, Progress, Record, RunAction, RunResult, StepName,
};
pub use fault::{FaultAt, FaultKind, FaultStep};
pub use finding::{Expected, Finding, Severity};
pub use host_key::{HostKey, NewHostKeys};
pub use inspection::{
    Boot, Family, FileSystem, FirstBoot, Flaw, GptDamage, Inspection, Partition, Role, System, Table,
};
pub use lock_scope::LockScope;
pub use names::{
    CatalogueId, EnvironmentName, Fingerprint, Gid, ImageName, InstanceName, NodeName, PoolName,
    TemplateName, UserName,
};
pub use near::{alike, near};
pub use network::Network;
pub use node::{Key, Node};
pub use node_action::{
    Command, Execute, Fact, FileAction, FileKind, Found, NodeAction, NodeAnswer, PackageVerb, Processes,
    UnitVerb,
};
pub use packed_name::{image_stem, is_archive_name, unpacked_name};
pub use pool::{Pool, PoolKey};
pub use pool_owner::PoolOwner;
pub use proof::Proof;
pub use scheme::Scheme;
pub use secrecy::{is_secret_name, logins};
pub use secret_url::{SecretUrl, UrlError};
pub use secret_words::Words;
pub use signature::{KeyFile, Signed, Signer};
pub use signature_fault::SignatureFault;
pub use stream::Stream;
pub use target::Target;
pub use this_machine::is_this_machine;
pub use words::UnknownWord;
