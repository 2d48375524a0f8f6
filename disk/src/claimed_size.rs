//! How large a file system says that it is. What mounts it refuses it where its partition is smaller.

use std::io;

use ays_model::FileSystem;

use crate::bytes::{be32, be64, le16, le32, le64};
use crate::disk::Volume;

/// In bytes; none: it does not say it, or not in a way that is known here.
pub(crate) fn claimed_size(volume: &Volume, file_system: FileSystem) -> Option<u64> {
    let claimed = match file_system {
        FileSystem::Ext4 => ext4,
        FileSystem::Xfs => xfs,
        FileSystem::Btrfs => btrfs,
        FileSystem::Ntfs => ntfs,
        FileSystem::Fat => fat,
        _ => return None,
    };
    // What cannot be read is told by who reads the file system.
    let (unit, count) = claimed(volume).ok()?;
    unit.is_power_of_two().then(|| unit.saturating_mul(count))
}

/// The superblock at 1 KiB (Linux, `Documentation/filesystems/ext4/super.rst`).
fn ext4(volume: &Volume) -> io::Result<(u64, u64)> {
    const SIXTY_FOUR_BITS: u32 = 0x80;
    let block: [u8; 1024] = read(volume, 1024)?;
    let high = if le32(&block, 96) & SIXTY_FOUR_BITS == 0 { 0 } else { u64::from(le32(&block, 336)) << 32 };
    Ok((1024_u64.checked_shl(le32(&block, 24)).unwrap_or(0), high | u64::from(le32(&block, 4))))
}

/// The superblock in the first sector (Linux, `fs/xfs/libxfs/xfs_format.h`).
fn xfs(volume: &Volume) -> io::Result<(u64, u64)> {
    let block: [u8; 512] = read(volume, 0)?;
    Ok((be32(&block, 4).into(), be64(&block, 8)))
}

/// The superblock at 64 KiB: what it says of this device, since a btrfs may have several (Linux,
/// `include/uapi/linux/btrfs_tree.h`).
fn btrfs(volume: &Volume) -> io::Result<(u64, u64)> {
    const DEVICE: usize = 0xc9;
    let block: [u8; 512] = read(volume, 64 << 10)?;
    Ok((1, le64(&block, DEVICE + 8)))
}

/// The boot sector; the copy of it at the end is not counted.
fn ntfs(volume: &Volume) -> io::Result<(u64, u64)> {
    let sector: [u8; 512] = read(volume, 0)?;
    Ok((le16(&sector, 11).into(), le64(&sector, 40)))
}

/// The boot sector, by Microsoft's "FAT: General Overview of On-Disk Format": the count is in the first field when it
/// has room for it.
fn fat(volume: &Volume) -> io::Result<(u64, u64)> {
    let sector: [u8; 512] = read(volume, 0)?;
    let count = match le16(&sector, 19) {
        0 => le32(&sector, 32).into(),
        count => count.into(),
    };
    Ok((le16(&sector, 11).into(), count))
}

fn read<const N: usize>(volume: &Volume, at: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    volume.read_at(at, &mut bytes)?;
    Ok(bytes)
}
