//! What the controller asks of a helper, and what the helper answers.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;

use ays_model::{
    Content, Digest, DiskFormat, Download, Inspection, Md5, Member, NodeAnswer, Progress, Sha256, Signer,
};
use serde::{Deserialize, Serialize};

use crate::{
    Act, AdoptPool, Examine, Examined, Expected, Failure, InstallPackages, ListPool, Look, Looked, News,
    Note, PassCopy, PassedCopy, PoolClaim, PoolListing, PoolSeen, ProcessSeen, Processes, RemoveCopies,
    RemovedCopies, RemovedService, Said, Share, Tree, TreePart, WrittenIndex,
};

/// Controller to helper. When its input ends, the helper ends what it started and exits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, never a list of them")]
pub enum ToNode {
    /// Do this step; answered by one [`FromNode::Done`] with the same id. Steps run one after another.
    Run {
        /// Chosen by the controller, different for every step of a connection.
        id: u64,
        /// What to do.
        step: Step,
    },
    /// About a shared fetch that is under way; one that has ended takes no notice.
    News {
        /// The step.
        id: u64,
        /// What.
        news: News,
    },
    /// The controller is still there.
    Beat,
}

/// Helper to controller.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum FromNode {
    /// The first frame of a connection: what this machine is.
    Hello(Facts),
    /// How far the step has come.
    Progress {
        /// The step.
        id: u64,
        /// How far.
        progress: Progress,
    },
    /// About a shared fetch that is under way.
    Said {
        /// The step.
        id: u64,
        /// What.
        said: Said,
    },
    /// The step has ended.
    Done {
        /// The step.
        id: u64,
        /// How it ended.
        result: Result<Outcome, Failure>,
    },
    /// The helper is still there.
    Beat,
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The frames' version, [`crate::PROTOCOL`].
    pub protocol: u32,
    /// `ID` of `/etc/os-release` (`debian`, `ubuntu`, `alpine`), `linux` where there is none.
    pub os: String,
    /// The processor, as `uname -m` has it (`x86_64`).
    pub arch: String,
    /// The node's own host name.
    pub hostname: String,
    /// `/etc/machine-id`, which a system that is installed anew has another one of; none where there is none.
    pub machine: Option<String>,
    /// The node's own address of the connection that it was reached by, for its neighbours to reach it at.
    pub address: Option<IpAddr>,
}

/// One piece of work on a node. Every step can be done again at any time: it finds what is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, never a list of them")]
pub enum Step {
    /// May the claimant write into the pool? Nothing is written. Answered by [`Outcome::Ready`].
    CheckOwner(PoolClaim),
    /// What says whose a pool is? Its directory is given. Answered by [`Outcome::Pool`].
    LookAtPool(PathBuf),
    /// Which files lie in a pool? Nothing is written. Answered by [`Outcome::Listed`].
    ListPool(ListPool),
    /// Make a pool the claimant's, whosever it is. Answered by [`Outcome::Pool`]: as it is then.
    AdoptPool(AdoptPool),
    /// Is the node able to do what follows? Answered by [`Outcome::Ready`].
    CheckRequirements(Requirements),
    /// Ask sources, all at once; nothing is written. Answered by [`Outcome::Looked`].
    Look(Vec<Look>),
    /// What is there, for a check of the node? Answered by [`Outcome::Examined`].
    Examine(Examine),
    /// Bring a file from its source. Answered by [`Outcome::Fetched`].
    Fetch(Fetch),
    /// Pass a stored file on to other nodes, until this helper ends. Answered by [`Outcome::Passed`] when others may take
    /// all of it.
    GiveCopy(PassCopy),
    /// Bring a stored file from other nodes. Answered by [`Outcome::Passed`].
    TakeCopy(PassCopy),
    /// Convert a disk image into a pool. Answered by [`Outcome::Stored`].
    StoreImage(StoreImage),
    /// Is this file in the pool as it should be? Answered by [`Outcome::Checked`].
    CheckCopy(CheckCopy),
    /// What is in this disk image? Answered by [`Outcome::Inspected`].
    Inspect(Inspect),
    /// What names the disk in this image? Answered by [`Outcome::Digested`].
    Digest(DigestDisk),
    /// What are the pieces of the disk in this file? Those with data are told as [`Said::Pieces`], with the epoch 0 and in order;
    /// all others are zero. Answered by [`Outcome::Digested`].
    ReadPieces(ReadPieces),
    /// Replace a pool's `ays-images.json`. Answered by [`Outcome::Written`].
    WriteIndex(WriteIndex),
    /// Remove a file; one that is not there is no error. Answered by [`Outcome::Removed`].
    Remove(PathBuf),
    /// Remove stored files that nothing uses from a pool. Answered by [`Outcome::RemovedCopies`].
    RemoveCopies(RemoveCopies),
    /// Note that a service will write these files, so that its uninstall removes them; those that are there already are
    /// somebody else's. Answered by [`Outcome::Ready`].
    Note(Note),
    /// Do what a recipe's method asks for. Answered by [`Outcome::Acted`]: that it went wrong is for the method to know.
    Act(Act),
    /// Start, stop or look at the processes of a service. Answered by [`Outcome::Processes`].
    Processes(Processes),
    /// Which entries of a tree are not there as they should be? Those that are links are made, and what an earlier
    /// tree of the service had and this one has not is removed. Answered by [`Outcome::Lacking`].
    CompareTree(Tree),
    /// Write a part of a file of a tree. Answered by [`Outcome::Ready`].
    WritePart(TreePart),
    /// Have apt bring packages. Answered by [`Outcome::Packages`].
    InstallPackages(InstallPackages),
    /// Remove all that a service wrote, its processes first. Answered by [`Outcome::RemovedService`].
    RemoveService(String),
}

/// See [`Step::CheckRequirements`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Requirements {
    /// The pool: its directory is made when missing and must be writable, it becomes the claimant's, and what stopped
    /// runs left in it is removed; none when nothing is stored.
    pub pool: Option<PoolClaim>,
    /// `qemu-img` must be there.
    pub qemu_img: bool,
}

/// See [`Step::Fetch`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fetch {
    /// What, and from where.
    pub download: Download,
    /// Other nodes bring the same file: see [`Share`].
    pub share: Option<Share>,
    /// Where the disk in it is unpacked while it comes, if it is packed: the pool's directory. None: it is not to be
    /// registered.
    pub unpack: Option<PathBuf>,
}

/// A fetched, or a kept, file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Bytes.
    pub size: u64,
    /// Of its bytes.
    pub md5: Md5,
    /// Of its bytes.
    pub sha256: Sha256,
    /// What the bytes were verified by; none: they were only received.
    pub verified_by: Option<Expected>,
    /// Who has signed them, or what they were verified by.
    pub signed_by: Option<Signer>,
    /// What the source calls this state of the file, where it has versions.
    pub version: Option<String>,
    /// `dest` was there already and matched: nothing was transferred.
    pub kept: bool,
    /// `dest` is the very file that the `file` address names, perhaps by another name: nothing was downloaded, and
    /// whoever removes `dest` removes the source.
    pub is_source: bool,
    /// Where an interrupted transfer was taken up again, in bytes; 0 when it was read from its start.
    pub resumed_at: u64,
    /// The source's `ETag`, as sent.
    pub etag: Option<String>,
    /// The source's `Last-Modified` (as sent) or MDTM (`YYYYMMDDhhmmss`).
    pub last_modified: Option<String>,
    /// `dest` as it was when its bytes were verified.
    pub stamp: Stamp,
}

/// What tells a file from the one that another run put in its place, and from itself after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The number of its file system.
    pub device: u64,
    /// Its number in that file system.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its bytes last changed, in nanoseconds since 1970.
    pub modified_ns: i64,
}

/// See [`Step::StoreImage`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoreImage {
    /// The disk image, as fetched.
    pub source: PathBuf,
    /// What it is, and it is not packed; none: that is told by its bytes.
    pub known: Option<DiskFormat>,
    /// Which file of an archive is the disk; none: the only one.
    pub member: Option<Member>,
    /// What the source must be, before the conversion and after it: another one is [`Failure::Changed`].
    pub stamp: Option<Stamp>,
    /// The pool's directory.
    pub pool: PathBuf,
    /// The stored file's name begins with this: the source's file stem, one plain path component.
    pub stem: String,
    /// What it is converted to.
    pub format: DiskFormat,
    /// Store it even when the disk in it is broken ([`Inspection::is_broken`]), which is [`Failure::BadImage`] else.
    pub force: bool,
}

/// A file in a pool: complete, verified, synced, under its final name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its name in the pool: `<stem>-<the first 12 digits of its content>.<format>`, so that no other
    /// content ever takes it.
    pub file: String,
    /// What a machine that starts from it sees.
    pub content: Content,
    /// Of the file itself: of a raw file it is the content.
    pub digest: Digest,
    /// The stored file's length in bytes (a sparse file takes less of the disk).
    pub size: u64,
    /// What a machine that starts from it sees, in bytes.
    pub virtual_size: u64,
    /// What the source was (`qcow2`, `vmdk`, `vpc`, `vhdx`, `vdi`, `raw`), and how it was packed (`raw in tar in xz`).
    pub source_format: String,
    /// It was there already with these bytes: nothing was written.
    pub kept: bool,
    /// What is in it, or why nothing can be said of that.
    pub found: Result<Inspection, String>,
}

/// See [`Step::CheckCopy`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckCopy {
    /// The file in the pool.
    pub path: PathBuf,
    /// The length that it must have, in bytes.
    pub size: u64,
    /// Read all its data and compare; none: only its length is looked at.
    pub read: Option<ReadCopy>,
    /// The most bytes a second that are read, so that machines on the same disk do not suffer.
    pub rate: Option<NonZeroU64>,
}

/// What a copy that is read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadCopy {
    /// What the file is.
    pub format: DiskFormat,
    /// What it must have.
    pub expected: Digest,
}

/// What a copy was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedCopy {
    /// Its state.
    pub state: CopyState,
    /// How many bytes of a good one are data and no holes.
    pub data: u64,
    /// Of a good one that was known by its SHA-256 only: what names it from now on.
    pub named: Option<NamedCopy>,
}

/// What names a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCopy {
    /// What a machine that starts from it sees.
    pub content: Content,
    /// Of the file itself.
    pub digest: Digest,
}

/// The state of a copy on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopyState {
    /// As it should be.
    Good,
    /// Not there.
    Missing,
    /// There, but not these bytes.
    Damaged,
}

/// See [`Step::Inspect`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inspect {
    /// The image.
    pub path: PathBuf,
    /// What it is; none: that is told by its bytes.
    pub format: Option<DiskFormat>,
    /// Where a disk that is packed in it may be unpacked for a while; none: it is not looked for.
    pub unpack: Option<PathBuf>,
}

/// See [`Step::Digest`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DigestDisk {
    /// The image, in any format that `qemu-img` reads.
    pub path: PathBuf,
    /// What it is; none: that is told by its bytes.
    pub format: Option<DiskFormat>,
    /// Where a packed disk, or one in another format than raw and qcow2, may be unpacked for a while.
    pub temporary: PathBuf,
}

/// See [`Step::ReadPieces`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadPieces {
    /// The file in the pool.
    pub path: PathBuf,
    /// What it is.
    pub format: DiskFormat,
    /// The most bytes a second that are read.
    pub rate: Option<NonZeroU64>,
}

/// The length of a piece of a content in bytes; only a disk's last one is shorter.
pub const CONTENT_PIECE: u64 = 512 << 10;

/// What was found out about a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestedDisk {
    /// What a machine that starts from it sees.
    pub content: Content,
    /// The size of that, in bytes.
    pub virtual_size: u64,
}

/// See [`Step::WriteIndex`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WriteIndex {
    /// The pool, which is checked to be the claimant's in the same step.
    pub claim: PoolClaim,
    /// The whole content of `ays-images.json`.
    pub content: String,
}

/// How a step ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Of [`Step::CheckRequirements`], [`Step::CheckOwner`], [`Step::Note`] and [`Step::WritePart`].
    Ready,
    /// Of [`Step::LookAtPool`] and [`Step::AdoptPool`].
    Pool(PoolSeen),
    /// Of [`Step::ListPool`].
    Listed(Box<PoolListing>),
    /// Of [`Step::Look`]: an answer to each question, in their order.
    Looked(Vec<Result<Looked, Failure>>),
    /// Of [`Step::Examine`].
    Examined(Box<Examined>),
    /// Of [`Step::Fetch`].
    Fetched(Fetched),
    /// Of [`Step::GiveCopy`] and [`Step::TakeCopy`].
    Passed(PassedCopy),
    /// Of [`Step::StoreImage`].
    Stored(Stored),
    /// Of [`Step::CheckCopy`].
    Checked(CheckedCopy),
    /// Of [`Step::Inspect`].
    Inspected(Inspection),
    /// Of [`Step::Digest`] and [`Step::ReadPieces`].
    Digested(DigestedDisk),
    /// Of [`Step::WriteIndex`].
    Written(WrittenIndex),
    /// Of [`Step::Remove`].
    Removed,
    /// Of [`Step::RemoveCopies`].
    RemovedCopies(RemovedCopies),
    /// Of [`Step::Act`].
    Acted(NodeAnswer),
    /// Of [`Step::Processes`]: each of them, in their order.
    Processes(Vec<ProcessSeen>),
    /// Of [`Step::CompareTree`]: the entries that are to be written, by their numbers.
    Lacking(Vec<usize>),
    /// Of [`Step::InstallPackages`]: the packages that were not there before.
    Packages(Vec<String>),
    /// Of [`Step::RemoveService`].
    RemovedService(RemovedService),
}
