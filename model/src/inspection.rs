//! What was found in a disk image.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BootType, DiskFormat};

/// What is in a disk image, as far as it could be read. Texts are the image's own words, made short and without controls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// What the file is.
    pub format: DiskFormat,
    /// What a machine that starts from it sees, in bytes.
    pub virtual_size: u64,
    /// The kind of its partition table; none: it has no table.
    pub table: Option<Table>,
    /// What can start it; none: without a partition table, or with an error among the flaws, that is not known.
    pub boot: Option<Boot>,
    /// By their place on the disk.
    pub partitions: Vec<Partition>,
    /// The systems on its file systems; one, as a rule.
    pub systems: Vec<System>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
    /// What its partition table and its file systems claim and the disk does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaws: Vec<Flaw>,
}

/// A claim of a partition table or a file system that does not hold for its disk. Places and sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "flaw")]
pub enum Flaw {
    /// Partitions end behind the disk.
    PartitionsBeyondEnd {
        /// Their numbers.
        partitions: Vec<u32>,
        /// Where the last of them ends.
        end: u64,
    },
    /// Partitions lie on others.
    PartitionsOverlap {
        /// Their numbers.
        partitions: Vec<u32>,
    },
    /// The first sector does not say that the disk has a GPT.
    NoProtectiveMbr,
    /// The disk should have a GPT, and neither of its copies can be read.
    NoGpt,
    /// The GPT is for disks with sectors of this size; every virtual disk has sectors of 512 bytes.
    GptSectorSize {
        /// In bytes.
        sector: u32,
    },
    /// The GPT's first copy cannot be read; partitions are known by the second one.
    PrimaryGpt {
        /// What is wrong with it.
        damage: GptDamage,
    },
    /// The GPT's second copy cannot be read.
    BackupGpt {
        /// What is wrong with it.
        damage: GptDamage,
    },
    /// The GPT's second copy is not at the end of the disk.
    BackupGptPlace {
        /// Where the disk ends that the GPT was made for.
        end: u64,
    },
    /// A file system is larger than its partition, or than the disk.
    #[serde(rename_all = "camelCase")]
    FileSystemTooLarge {
        /// The number of its partition; none: the file system is the whole disk.
        partition: Option<u32>,
        /// Which one it is.
        file_system: FileSystem,
        /// How large it says that it is.
        claimed: u64,
        /// How large its partition or the disk is.
        size: u64,
    },
}

/// What is wrong with a copy of a GPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GptDamage {
    /// There is none in its place.
    Missing,
    /// Its header is damaged.
    Header,
    /// Its table of partitions is damaged.
    Partitions,
}

impl fmt::Display for GptDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Header => "has a damaged header",
            Self::Partitions => "has a damaged table of partitions",
        })
    }
}

/// The kind of a partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// The one of PCs since 1983, in the first sector.
    Mbr,
    /// The one of UEFI.
    Gpt,
}

/// What can start a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Boot {
    /// It has boot code, and no EFI system partition.
    Bios,
    /// It has an EFI system partition, and no boot code.
    Uefi,
    /// It has both.
    Both,
    /// It has neither.
    Neither,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Partition {
    /// As Linux counts them, from 1.
    pub number: u32,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its length, in bytes.
    pub size: u64,
    /// What it is there for, where that matters for starting.
    pub role: Option<Role>,
    /// What lies in it; none: nothing that is known here.
    pub file_system: Option<FileSystem>,
}

/// What a partition is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// UEFI starts from it.
    EfiSystem,
    /// The boot loader of a BIOS lies in it.
    BiosBoot,
}

/// What lies in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileSystem {
    /// ext2, ext3 or ext4.
    Ext4,
    /// NTFS.
    Ntfs,
    /// XFS.
    Xfs,
    /// btrfs.
    Btrfs,
    /// F2FS.
    F2fs,
    /// ReFS.
    Refs,
    /// A squashfs.
    Squashfs,
    /// A physical volume of LVM.
    Lvm,
    /// Encrypted by LUKS.
    Luks,
    /// Encrypted by BitLocker.
    Bitlocker,
    /// FAT of any width.
    Fat,
    /// Linux's swap.
    Swap,
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext4 => "ext4",
            Self::Ntfs => "NTFS",
            Self::Xfs => "XFS",
            Self::Btrfs => "btrfs",
            Self::F2fs => "F2FS",
            Self::Refs => "ReFS",
            Self::Squashfs => "squashfs",
            Self::Lvm => "LVM",
            Self::Luks => "LUKS",
            Self::Bitlocker => "BitLocker",
            Self::Fat => "FAT",
            Self::Swap => "swap",
        })
    }
}

/// A system on a file system of the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct System {
    /// The number of its partition; none: the file system is the whole disk.
    pub partition: Option<u32>,
    /// Its root file system.
    pub file_system: FileSystem,
    /// Whether that can grow when the disk does: no partition lies behind it.
    pub can_grow: bool,
    /// What kind of system it is.
    pub family: Family,
    /// Its name (`Debian GNU/Linux`, `Windows Server 2022 Standard`).
    pub name: Option<String>,
    /// Its version (`12`; of Windows the build, `20348`).
    pub version: Option<String>,
    /// What its programs are made for, as `uname -m` has it (`x86_64`).
    pub architecture: Option<String>,
    /// What sets it up when it starts for the first time; none: that could not be read.
    pub first_boot: Option<FirstBoot>,
    /// The VirtIO drivers of a Windows, without `.sys`, by name; none: not a Windows, or they could not be read.
    pub virtio: Option<Vec<String>>,
}

/// A kind of system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Any Linux.
    Linux,
    /// Any Windows.
    Windows,
}

/// What sets a system up when it starts for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstBoot {
    /// cloud-init, for Linux.
    CloudInit,
    /// cloudbase-init, for Windows.
    CloudbaseInit,
    /// Neither.
    None,
}

impl Boot {
    /// Whether a machine with this firmware starts from the disk.
    pub fn is_started_by(self, firmware: BootType) -> bool {
        match self {
            Self::Both => true,
            Self::Neither => false,
            Self::Bios => firmware == BootType::Bios,
            Self::Uefi => firmware == BootType::Uefi,
        }
    }
}

impl System {
    /// Whether Windows finds a disk that KVM gives it by VirtIO.
    pub fn has_disk_driver(&self) -> Option<bool> {
        let virtio = self.virtio.as_ref()?;
        Some(virtio.iter().any(|driver| matches!(driver.as_str(), "viostor" | "vioscsi")))
    }
}
