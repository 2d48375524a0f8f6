//! What a partition holds, by the signs of its first bytes.

use ays_model::FileSystem;

use crate::disk::Volume;

/// Where each has its sign. BitLocker and NTFS come before FAT, whose boot sector theirs is like.
const SIGNS: [(usize, &[u8], FileSystem); 14] = [
    (0, b"LUKS\xba\xbe", FileSystem::Luks),
    (0, b"XFSB", FileSystem::Xfs),
    (0, b"hsqs", FileSystem::Squashfs),
    (3, b"-FVE-FS-", FileSystem::Bitlocker),
    (3, b"NTFS    ", FileSystem::Ntfs),
    (3, b"ReFS\0\0\0\0", FileSystem::Refs),
    (0x36, b"FAT1", FileSystem::Fat),
    (0x52, b"FAT32", FileSystem::Fat),
    (512, b"LABELONE", FileSystem::Lvm),
    (1080, b"\x53\xef", FileSystem::Ext4),
    (1024, b"\x10\x20\xf5\xf2", FileSystem::F2fs),
    (4086, b"SWAPSPACE2", FileSystem::Swap),
    (65526, b"SWAPSPACE2", FileSystem::Swap),
    (0x10040, b"_BHRfS_M", FileSystem::Btrfs),
];

/// What lies there; none when it is nothing that is known here, or cannot be read.
pub(crate) fn recognise(volume: &Volume) -> Option<FileSystem> {
    let found = SIGNS.iter().find(|(at, sign, _)| {
        let mut bytes = vec![0; sign.len()];
        volume.read_at(*at as u64, &mut bytes).is_ok() && bytes == *sign
    });
    found.map(|(_, _, file_system)| *file_system)
}

/// Whether a first sector is that of a file system, whose code lies where a partition table would.
pub(crate) fn has_own_boot_sector(first: &[u8; 512]) -> bool {
    SIGNS.iter().any(|(at, sign, _)| {
        let end = at + sign.len();
        end <= first.len() && first[*at..end] == **sign
    })
}

/// Whether there may be a system in it that is not read here.
pub(crate) fn is_closed(file_system: FileSystem) -> bool {
    !matches!(file_system, FileSystem::Ext4 | FileSystem::Ntfs | FileSystem::Fat | FileSystem::Swap)
}
