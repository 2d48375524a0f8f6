//! What a partition table says: which partitions there are, what starts the disk, and what of it cannot be.

mod gpt;
mod mbr;

use std::io;
use std::sync::Arc;

use ays_model::{Boot, Flaw, Partition, Role, Table};

use self::gpt::Gpt;
use crate::disk::{Disk, Volume};
use crate::file_system;

/// No disk has more, and Linux does not count so far.
const MOST: u32 = 256;

/// What a disk's partition table says.
#[derive(Default)]
pub(crate) struct Layout {
    pub table: Option<Table>,
    pub boot: Option<Boot>,
    pub partitions: Vec<Partition>,
    pub flaws: Vec<Flaw>,
}

/// One entry of either table, in sectors.
struct Entry {
    number: u32,
    start: u64,
    count: u64,
    role: Option<Role>,
    /// A BIOS may start from it.
    active: bool,
    /// It is no partition, but the place of logical ones.
    is_extended: bool,
}

/// Reads the table, and what lies in each partition.
pub(crate) fn read(disk: &Arc<Disk>) -> io::Result<Layout> {
    let mut first = [0; 512];
    disk.read_at(0, &mut first[..usize::try_from(disk.size.min(512)).unwrap_or(512)])?;
    let is_signed = first[510..] == mbr::SIGN && !file_system::has_own_boot_sector(&first);
    let primary = if is_signed { mbr::primary(&first) } else { Vec::new() };
    let is_mbr = is_signed && mbr::is_table(&first);
    let is_protective = primary.iter().any(|(kind, _)| *kind == mbr::PROTECTIVE);
    if is_mbr && !is_protective && primary.iter().any(mbr::is_used) {
        // A GPT besides is left from an earlier use of the disk, or made for the few who look for it (isohybrid).
        return layout(disk, &first, Table::Mbr, 512, mbr::read(disk, primary)?, Vec::new());
    }
    match gpt::read(disk)? {
        Some(Gpt { sector, entries, mut flaws, has_primary }) if is_protective || has_primary => {
            if !is_protective {
                flaws.insert(0, Flaw::NoProtectiveMbr);
            }
            layout(disk, &first, Table::Gpt, sector, entries, flaws)
        }
        _ if is_protective => {
            Ok(Layout { table: Some(Table::Gpt), flaws: vec![Flaw::NoGpt], ..Layout::default() })
        }
        _ if is_mbr => layout(disk, &first, Table::Mbr, 512, Vec::new(), Vec::new()),
        _ => Ok(Layout::default()),
    }
}

fn layout(
    disk: &Arc<Disk>,
    first: &[u8; 512],
    table: Table,
    sector: u64,
    mut entries: Vec<Entry>,
    table_flaws: Vec<Flaw>,
) -> io::Result<Layout> {
    entries.sort_by_key(|entry| entry.start);
    let mut flaws: Vec<_> = beyond_end(disk, sector, &entries).into_iter().chain(table_flaws).collect();
    if !is_iso(disk)? {
        flaws.extend(overlap(&entries));
    }
    let boot = Some(boot(first, table, &entries));
    let volumes = entries.into_iter().filter(|entry| !entry.is_extended).filter_map(|entry| {
        let (start, size) = entry.start.checked_mul(sector).zip(entry.count.checked_mul(sector))?;
        Some((entry, start, Volume::new(disk, start, size)?))
    });
    let partitions = volumes
        .map(|(Entry { number, role, .. }, start, volume)| {
            let file_system = file_system::recognise(&volume);
            Partition { number, start, size: volume.size, role, file_system }
        })
        .collect();
    Ok(Layout { table: Some(table), boot, partitions, flaws })
}

fn beyond_end(disk: &Disk, sector: u64, entries: &[Entry]) -> Option<Flaw> {
    let end = |entry: &Entry| entry.start.saturating_add(entry.count).saturating_mul(sector);
    let beyond: Vec<_> = entries.iter().filter(|entry| end(entry) > disk.size).collect();
    let partitions = beyond.iter().map(|entry| entry.number).collect();
    let end = beyond.into_iter().map(end).max()?;
    Some(Flaw::PartitionsBeyondEnd { partitions, end })
}

/// The partitions that have a sector in common with one that begins before them, and that one. `entries` are by start.
fn overlap(entries: &[Entry]) -> Option<Flaw> {
    let end = |entry: &Entry| entry.start.saturating_add(entry.count);
    let mut partitions = Vec::new();
    let mut last: Option<&Entry> = None;
    for entry in entries.iter().filter(|entry| !entry.is_extended) {
        match last {
            Some(last) if entry.start < end(last) => partitions.extend([last.number, entry.number]),
            _ => {}
        }
        if last.is_none_or(|last| end(entry) > end(last)) {
            last = Some(entry);
        }
    }
    partitions.sort_unstable();
    partitions.dedup();
    (!partitions.is_empty()).then_some(Flaw::PartitionsOverlap { partitions })
}

/// Whether it is a CD too (isohybrid): one partition is all of it, and others lie in that.
fn is_iso(disk: &Disk) -> io::Result<bool> {
    const SIGN: &[u8] = b"CD001";
    let mut sign = [0; SIGN.len()];
    let place = 16 * 2048 + 1;
    if disk.size < place + SIGN.len() as u64 {
        return Ok(false);
    }
    disk.read_at(place, &mut sign)?;
    Ok(sign == SIGN)
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
