//! The partition table of PCs, with its chain of logical partitions.

use std::io;

use ays_model::Role;

use super::{Entry, MOST};
use crate::bytes::le32;
use crate::disk::Disk;

/// The kind of the entry that says that there is a GPT.
pub(super) const PROTECTIVE: u8 = 0xee;

/// What a sector with a table ends with.
pub(super) const SIGN: [u8; 2] = [0x55, 0xaa];

/// The four entries of a table that lies in `sector`, each with its kind; empty ones too.
pub(super) fn primary(sector: &[u8; 512]) -> Vec<(u8, Entry)> {
    let entries = sector[446..510].chunks_exact(16);
    (1..)
        .zip(entries)
        .map(|(number, entry)| {
            let role = (entry[4] == 0xef).then_some(Role::EfiSystem);
            let [start, count] = [8, 12].map(|at| u64::from(le32(entry, at)));
            let is_extended = matches!(entry[4], 0x05 | 0x0f | 0x85);
            (entry[4], Entry { number, start, count, role, active: entry[0] == 0x80, is_extended })
        })
        .collect()
}

/// As Linux tells a table from the code of a boot sector: a partition is active or it is not.
pub(super) fn is_table(sector: &[u8; 512]) -> bool {
    sector[446..510].chunks_exact(16).all(|entry| entry[0] & 0x7f == 0)
}

/// As Linux tells it: an isohybrid has an active partition of no kind.
pub(super) fn is_used((_, entry): &(u8, Entry)) -> bool {
    entry.count > 0
}

/// The partitions of the table and of the chain that it leads to.
pub(super) fn read(disk: &Disk, primary: Vec<(u8, Entry)>) -> io::Result<Vec<Entry>> {
    let mut entries: Vec<_> = primary.into_iter().filter(is_used).map(|(_, entry)| entry).collect();
    let Some(base) = entries.iter().find(|entry| entry.is_extended).map(|entry| entry.start) else {
        return Ok(entries);
    };
    // Each table of the chain describes one logical partition and names the next table. A chain may be a ring.
    let (mut at, mut seen) = (base, Vec::new());
    for number in 5..MOST {
        if seen.contains(&at) {
            break;
        }
        seen.push(at);
        let mut sector = [0; 512];
        if (at + 1) * 512 > disk.size {
            entries.push(Entry { number, start: at, count: 1, role: None, active: false, is_extended: true });
            break;
        }
        disk.read_at(at * 512, &mut sector)?;
        if sector[510..] != SIGN {
            break;
        }
        let mut described = self::primary(&sector).into_iter();
        if let Some((_, logical)) = described.next().filter(is_used).filter(|(_, entry)| !entry.is_extended) {
            entries.push(Entry { number, start: at + logical.start, ..logical });
        }
        match described.next() {
            Some((_, next)) if next.is_extended && next.start > 0 => at = base + next.start,
            _ => break,
        }
    }
    Ok(entries)
}
