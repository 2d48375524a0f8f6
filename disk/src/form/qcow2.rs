//! QEMU's copy-on-write format, as its `docs/interop/qcow2` has it. Since it is known where the data is, all tables are known
//! before the first cluster of data, and come before it.

use std::ops::Range;

use super::Error;
use super::output::Output;

/// Of a cluster, in bytes.
const CLUSTER: u64 = 64 << 10;

/// Entries of a table that fills a cluster.
const ENTRIES: u64 = CLUSTER / 8;

/// So much of the disk a second table is about, in bytes.
const COVERED: u64 = ENTRIES * CLUSTER;

/// Of so many clusters a block has the counts of references, which have two bytes each.
const COUNTED: u64 = CLUSTER / 2;

/// In an entry: there is one reference to what it leads to, so that it may be written.
const ONLY: u64 = 1 << 63;

/// How many clusters there are of each kind, in the order of the file, behind the header's one.
pub(super) struct Plan {
    /// In bytes, a multiple of 512: QEMU leaves out what is left of the last sector.
    size: u64,
    count_table: u64,
    count_blocks: u64,
    first_table: u64,
    second_tables: u64,
    data: u64,
}

impl Plan {
    /// For a disk of `size` bytes with data there.
    pub fn new(size: u64, data: &[Range<u64>]) -> Self {
        let size = size.next_multiple_of(512);
        let mut plan = Self {
            size,
            count_table: 0,
            count_blocks: 0,
            first_table: size.div_ceil(COVERED).div_ceil(ENTRIES),
            second_tables: tables(data).count() as u64,
            data: data.iter().map(|range| clusters(range).count() as u64).sum(),
        };
        // The counts count their own clusters too, so that they may need more of these.
        loop {
            let count_blocks = plan.clusters().div_ceil(COUNTED);
            let count_table = count_blocks.div_ceil(ENTRIES);
            if (count_blocks, count_table) == (plan.count_blocks, plan.count_table) {
                return plan;
            }
            (plan.count_blocks, plan.count_table) = (count_blocks, count_table);
        }
    }

    /// Of the file, in bytes.
    pub fn length(&self) -> u64 {
        self.clusters() * CLUSTER
    }

    fn clusters(&self) -> u64 {
        self.second_tables_at() + self.second_tables + self.data
    }

    /// In clusters, as are those below.
    fn first_table_at(&self) -> u64 {
        1 + self.count_table + self.count_blocks
    }

    fn second_tables_at(&self) -> u64 {
        self.first_table_at() + self.first_table
    }

    fn data_at(&self) -> u64 {
        self.second_tables_at() + self.second_tables
    }

    fn header(&self) -> Vec<u8> {
        const VERSION: u32 = 3;
        const COUNT_BITS: u32 = 4;
        const LENGTH: u32 = 104;
        let be32 = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        let mut header = b"QFI\xfb".to_vec();
        header.extend(VERSION.to_be_bytes());
        // No backing file.
        header.extend([0; 12]);
        header.extend(CLUSTER.trailing_zeros().to_be_bytes());
        header.extend(self.size.to_be_bytes());
        // No encryption.
        header.extend([0; 4]);
        header.extend(be32(self.size.div_ceil(COVERED)));
        header.extend((self.first_table_at() * CLUSTER).to_be_bytes());
        header.extend(CLUSTER.to_be_bytes());
        header.extend(be32(self.count_table));
        // No snapshots, no features.
        header.extend([0; 12 + 24]);
        header.extend(COUNT_BITS.to_be_bytes());
        header.extend(LENGTH.to_be_bytes());
        header
    }
}

pub(super) fn write(data: &[Range<u64>], output: &mut Output<'_>) -> Result<(), Error> {
    let plan = Plan::new(output.disk.size(), data);
    output.bytes(&plan.header())?;
    output.fill_up(CLUSTER)?;
    for block in 0..plan.count_blocks {
        output.bytes(&((1 + plan.count_table + block) * CLUSTER).to_be_bytes())?;
    }
    output.fill_up(CLUSTER)?;
    for block in 0..plan.count_blocks {
        let used = (plan.clusters() - block * COUNTED).min(COUNTED);
        output.bytes(&1_u16.to_be_bytes().repeat(used as usize))?;
        output.fill_up(CLUSTER)?;
    }
    write_first_table(&plan, data, output)?;
    write_second_tables(&plan, data, output)?;
    for range in data {
        output.data(range.clone())?;
        output.fill_up(CLUSTER)?;
    }
    Ok(())
}

fn write_first_table(plan: &Plan, data: &[Range<u64>], output: &mut Output<'_>) -> Result<(), Error> {
    let mut done = 0;
    for (table, at) in tables(data).zip(plan.second_tables_at()..) {
        output.zeros((table - done) * 8)?;
        output.bytes(&(ONLY | (at * CLUSTER)).to_be_bytes())?;
        done = table + 1;
    }
    output.zeros((plan.first_table * ENTRIES - done) * 8)
}

fn write_second_tables(plan: &Plan, data: &[Range<u64>], output: &mut Output<'_>) -> Result<(), Error> {
    let mut table = vec![0; CLUSTER as usize];
    let mut current = None;
    for (cluster, at) in data.iter().flat_map(clusters).zip(plan.data_at()..) {
        let number = cluster / ENTRIES;
        if current.is_some_and(|current| current != number) {
            output.bytes(&table)?;
            table.fill(0);
        }
        current = Some(number);
        let place = (cluster % ENTRIES) as usize * 8;
        table[place..place + 8].copy_from_slice(&(ONLY | (at * CLUSTER)).to_be_bytes());
    }
    match current {
        Some(_) => output.bytes(&table),
        None => Ok(()),
    }
}

/// The numbers of the clusters that a range, which begins with one, has.
fn clusters(range: &Range<u64>) -> Range<u64> {
    range.start / CLUSTER..range.end.div_ceil(CLUSTER)
}

/// The numbers of the second tables that are needed, in ascending order.
fn tables(data: &[Range<u64>]) -> impl Iterator<Item = u64> {
    let mut next = 0;
    data.iter().flat_map(move |range| {
        let end = range.end.div_ceil(COVERED);
        let tables = (range.start / COVERED).max(next)..end;
        next = end;
        tables
    })
}
