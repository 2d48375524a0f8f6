//! Partition tables: GPT, and that of PCs with its chain of logical partitions.

use std::io;
use std::rc::Rc;

use ays_model::{Boot, Partition, Role, Table};

use crate::disk::{Disk, Volume};
use crate::file_system;

/// No disk has more, and Linux does not count so far.
const MOST: u32 = 256;

/// What a disk's first sectors say.
pub(crate) struct Layout {
    pub table: Option<Table>,
    pub boot: Option<Boot>,
    pub partitions: Vec<Partition>,
}

/// One entry of either table, in sectors.
struct Entry {
    number: u32,
    start: u64,
    count: u64,
    role: Option<Role>,
    /// A BIOS may start from it.
    active: bool,
}

/// Reads the table, and what lies in each partition. What it cannot read it tells `unread`.
pub(crate) fn read(disk: &Rc<Disk>, unread: &mut Vec<String>) -> io::Result<Layout> {
    let mut first = [0; 512];
    disk.read_at(0, &mut first[..usize::try_from(disk.size.min(512)).unwrap_or(512)])?;
    let is_table = first[510..] == [0x55, 0xaa] && !file_system::has_own_boot_sector(&first);
    if !is_table {
        return Ok(Layout { table: None, boot: None, partitions: Vec::new() });
    }
    let primary = primary(&first);
    let (table, sector, mut entries) = if primary.iter().any(|(kind, _)| *kind == 0xee) {
        match gpt(disk) {
            Ok(Some((sector, entries))) => (Table::Gpt, sector, entries),
            Ok(None) => {
                unread.push("its GPT is damaged, so its partitions are not known".to_owned());
                return Ok(Layout { table: Some(Table::Gpt), boot: None, partitions: Vec::new() });
            }
            Err(error) => return Err(error),
        }
    } else {
        (Table::Mbr, 512, mbr(disk, primary)?)
    };
    entries.sort_by_key(|entry| entry.start);
    let boot = boot(&first, table, &entries);
    let mut partitions = Vec::new();
    for Entry { number, start, count, role, .. } in entries {
        let volume = start
            .checked_mul(sector)
            .zip(count.checked_mul(sector))
            .and_then(|(start, size)| Some((start, Volume::new(disk, start, size)?)));
        let Some((start, volume)) = volume else {
            unread.push(format!("partition {number} reaches beyond the end of the disk"));
            continue;
        };
        let file_system = file_system::recognise(&volume);
        partitions.push(Partition { number, start, size: volume.size, role, file_system });
    }
    Ok(Layout { table: Some(table), boot: Some(boot), partitions })
}

/// What starts the disk: code in the first sector that finds something to go on with, an EFI system partition.
fn boot(first: &[u8; 512], table: Table, entries: &[Entry]) -> Boot {
    let code = &first[..440];
    let has_code = code.iter().any(|byte| *byte != 0);
    // GRUB goes on by itself; all others look for the active partition.
    let goes_on = code.windows(4).any(|word| word == b"GRUB") || entries.iter().any(|entry| entry.active);
    let has = |role| entries.iter().any(|entry| entry.role == Some(role));
    let bios = has_code
        && match table {
            Table::Mbr => goes_on,
            Table::Gpt => goes_on || has(Role::BiosBoot),
        };
    match (bios, has(Role::EfiSystem)) {
        (true, true) => Boot::Both,
        (true, false) => Boot::Bios,
        (false, true) => Boot::Uefi,
        (false, false) => Boot::Neither,
    }
}

/// The four entries of a table of PCs that lies in `sector`, each with its kind; empty ones too.
fn primary(sector: &[u8; 512]) -> Vec<(u8, Entry)> {
    let entries = sector[446..510].chunks_exact(16);
    (1..)
        .zip(entries)
        .map(|(number, entry)| {
            let role = (entry[4] == 0xef).then_some(Role::EfiSystem);
            let [start, count] = [8, 12].map(|at| u64::from(le32(entry, at)));
            (entry[4], Entry { number, start, count, role, active: entry[0] == 0x80 })
        })
        .collect()
}

fn mbr(disk: &Disk, primary: Vec<(u8, Entry)>) -> io::Result<Vec<Entry>> {
    let is_extended = |kind: u8| matches!(kind, 0x05 | 0x0f | 0x85);
    let (extended, plain): (Vec<_>, Vec<_>) = primary.into_iter().partition(|(kind, _)| is_extended(*kind));
    let mut entries: Vec<_> = plain
        .into_iter()
        .filter(|(kind, entry)| *kind != 0 && entry.count > 0)
        .map(|(_, entry)| entry)
        .collect();
    let Some((_, Entry { start: base, .. })) = extended.into_iter().next() else { return Ok(entries) };
    // Each table of the chain describes one logical partition and names the next table. A chain may be a ring.
    let mut at = base;
    for number in 5..MOST {
        let mut sector = [0; 512];
        if disk.read_at(at * 512, &mut sector).is_err() || sector[510..] != [0x55, 0xaa] {
            break;
        }
        let mut described = self::primary(&sector).into_iter();
        if let Some((kind, logical)) =
            described.next().filter(|(kind, logical)| *kind != 0 && logical.count > 0)
        {
            let _ = kind;
            entries.push(Entry { number, start: at + logical.start, ..logical });
        }
        match described.next() {
            Some((kind, next)) if is_extended(kind) && next.start > 0 => at = base + next.start,
            _ => break,
        }
    }
    Ok(entries)
}

/// The sector's size and the used entries; none when neither header is what it says.
fn gpt(disk: &Disk) -> io::Result<Option<(u64, Vec<Entry>)>> {
    for sector in [512, 4096] {
        for at in [sector, disk.size.saturating_sub(sector)] {
            if let Some(entries) = gpt_at(disk, sector, at)? {
                return Ok(Some((sector, entries)));
            }
        }
    }
    Ok(None)
}

/// As the UEFI specification has it, with its two checksums.
fn gpt_at(disk: &Disk, sector: u64, at: u64) -> io::Result<Option<Vec<Entry>>> {
    const HEADER: usize = 92;
    let mut header = [0; HEADER];
    if disk.size < at + sector {
        return Ok(None);
    }
    disk.read_at(at, &mut header)?;
    if &header[..8] != b"EFI PART" || le32(&header, 12) as usize != HEADER {
        return Ok(None);
    }
    let checksum = le32(&header, 16);
    header[16..20].fill(0);
    let (count, length) = (le32(&header, 80), le32(&header, 84));
    let start = le64(&header, 72).checked_mul(sector);
    let is_plausible = count <= MOST && matches!(length, 128 | 256 | 512);
    let (true, Some(start)) = (is_plausible && crc32(&header) == checksum, start) else { return Ok(None) };
    let mut table = vec![0; (count * length) as usize];
    if disk.read_at(start, &mut table).is_err() || crc32(&table) != le32(&header, 88) {
        return Ok(None);
    }
    let entries = (1..).zip(table.chunks_exact(length as usize));
    Ok(Some(entries.filter_map(|(number, entry)| gpt_entry(number, entry)).collect()))
}

fn gpt_entry(number: u32, entry: &[u8]) -> Option<Entry> {
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
    Some(Entry { number, start, count, role, active: le64(entry, 48) & LEGACY_BOOTABLE != 0 })
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([0, 1, 2, 3].map(|byte| bytes[at + byte]))
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    u64::from(le32(bytes, at)) | u64::from(le32(bytes, at + 4)) << 32
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}
