//! The partition table of UEFI, as its specification (2.10, chapter 5.3) has it: one copy behind the first sector, one
//! in the last sectors of the disk, each with two checksums.

use std::io;

use ays_model::{Flaw, GptDamage, Role};

use super::{Entry, MOST};
use crate::bytes::{le32, le64};
use crate::crc32::{ETHERNET, crc32};
use crate::disk::Disk;

/// The longest table, in bytes; the usual one has 16 KiB.
const LONGEST_TABLE: u64 = 1 << 20;

/// How far from the end the second copy may be, in bytes: tools round a disk up, at most to a cylinder of 16 heads and
/// 255 sectors.
const ROUNDING: u64 = 2 << 20;

pub(super) struct Gpt {
    /// In bytes.
    pub sector: u64,
    pub entries: Vec<Entry>,
    pub flaws: Vec<Flaw>,
    /// It is known by its first copy.
    pub has_primary: bool,
}

/// One copy.
struct Copy {
    /// The sector of the other copy's header.
    other: u64,
    entries: Vec<Entry>,
}

/// Sectors of 512 bytes come first, since these are what machines look for; none when no copy is what it says.
pub(super) fn read(disk: &Disk) -> io::Result<Option<Gpt>> {
    for sector in [512_u32, 4096] {
        let mut flaws = Vec::new();
        if sector != 512 {
            flaws.push(Flaw::GptSectorSize { sector });
        }
        let sector = u64::from(sector);
        let Some(last) = (disk.size / sector).checked_sub(1) else { continue };
        let primary = copy_at(disk, sector, 1)?;
        let has_primary = primary.is_ok();
        let entries = match primary {
            Ok(Copy { other, entries }) => {
                flaws.extend(of_backup(disk, sector, other, last)?);
                entries
            }
            // Without the first copy, nothing says that the second one is not in the last sector.
            Err(damage) => match copy_at(disk, sector, last)? {
                Ok(Copy { entries, .. }) => {
                    flaws.push(Flaw::PrimaryGpt { damage });
                    entries
                }
                Err(_) => continue,
            },
        };
        return Ok(Some(Gpt { sector, entries, flaws, has_primary }));
    }
    Ok(None)
}

/// What is wrong with the second copy, which the first one says to be in the sector `at`.
fn of_backup(disk: &Disk, sector: u64, at: u64, last: u64) -> io::Result<Option<Flaw>> {
    let end = at.saturating_add(1).saturating_mul(sector);
    if at > last {
        return Ok(Some(Flaw::BackupGptPlace { end }));
    }
    Ok(match copy_at(disk, sector, at)? {
        Err(damage) => Some(Flaw::BackupGpt { damage }),
        Ok(_) => (disk.size - end > ROUNDING).then_some(Flaw::BackupGptPlace { end }),
    })
}

/// The copy whose header is the sector `at`.
fn copy_at(disk: &Disk, sector: u64, at: u64) -> io::Result<Result<Copy, GptDamage>> {
    const SHORTEST_HEADER: usize = 92;
    let mut header = vec![0; sector as usize];
    let place = at * sector;
    if place + sector > disk.size {
        return Ok(Err(GptDamage::Missing));
    }
    disk.read_at(place, &mut header)?;
    if &header[..8] != b"EFI PART" {
        return Ok(Err(GptDamage::Missing));
    }
    let (checksum, length) = (le32(&header, 16), le32(&header, 12) as usize);
    header[16..20].fill(0);
    let is_whole = (SHORTEST_HEADER..=header.len()).contains(&length)
        && crc32(ETHERNET, &header[..length]) == checksum
        && le64(&header, 24) == at;
    let (count, length) = (u64::from(le32(&header, 80)), u64::from(le32(&header, 84)));
    let start = le64(&header, 72).checked_mul(sector);
    let is_plausible = count * length <= LONGEST_TABLE && (128..=4096).contains(&length);
    let (true, Some(start)) = (is_whole && is_plausible, start) else { return Ok(Err(GptDamage::Header)) };
    let mut table = vec![0; (count * length) as usize];
    if disk.read_at(start, &mut table).is_err() || crc32(ETHERNET, &table) != le32(&header, 88) {
        return Ok(Err(GptDamage::Partitions));
    }
    let entries = (1..).zip(table.chunks_exact(length as usize));
    let entries = entries.filter_map(|(number, entry)| entry_of(number, entry)).take(MOST as usize).collect();
    Ok(Ok(Copy { other: le64(&header, 32), entries }))
}

fn entry_of(number: u32, entry: &[u8]) -> Option<Entry> {
    // The first three parts of a GUID have their bytes turned round.
    const EFI_SYSTEM: u128 =
        u128::from_be_bytes(*b"\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b");
    const BIOS_BOOT: u128 = u128::from_be_bytes(*b"Hah!IdontNeedEFI");
    const LEGACY_BOOTABLE: u64 = 1 << 2;
    let kind = u128::from_be_bytes(entry[..16].try_into().ok()?);
    let (start, end) = (le64(entry, 32), le64(entry, 40));
    let role = match kind {
        0 => return None,
        EFI_SYSTEM => Some(Role::EfiSystem),
        BIOS_BOOT => Some(Role::BiosBoot),
        _ => None,
    };
    let count = end.checked_sub(start)?.checked_add(1)?;
    let active = le64(entry, 48) & LEGACY_BOOTABLE != 0;
    Some(Entry { number, start, count, role, active, is_extended: false })
}
