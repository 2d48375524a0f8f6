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
    /// What can start it; none: without a partition table that is not known.
    pub boot: Option<Boot>,
    /// By their place on the disk.
    pub partitions: Vec<Partition>,
    /// The systems on its file systems; one, as a rule.
    pub systems: Vec<System>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
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
