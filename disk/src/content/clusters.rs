//! Where the data of a disk in a qcow2 is: a walk over its tables, each of them read once, as a whole.

use std::fs::File;

use super::Error;
use super::extents::{Data, Emit, Extent, Source};
use crate::qcow2::{Cluster, Qcow2, damaged};

/// How much of the first table is read at once, in entries.
const CHUNK: u64 = 4096;

/// How many times longer than what is inflated the outcome can be, by the nature of deflate.
const DEFLATE: u64 = 1032;

/// The data of the disk. What its tables map to a hole of the file is a hole.
pub(crate) fn of_qcow2(
    file: &File,
    qcow2: &Qcow2,
    mut data: Data<'_>,
    emit: &mut Emit<'_>,
) -> Result<(), Error> {
    let plain = data.total(0..data.length()).map_err(Error::Tables)?;
    let packed = plain.saturating_mul(DEFLATE);
    let mut walk = Walk { file, qcow2, data, plain, packed, emit };
    let entries = qcow2.size.div_ceil(qcow2.table_covers());
    let mut table = Vec::new();
    for first in (0..entries).step_by(CHUNK as usize) {
        (walk.emit)(None)?;
        let count = CHUNK.min(entries - first);
        qcow2.read_first_table(file, first, count, &mut table).map_err(Error::Tables)?;
        for (number, entry) in (first..).zip(&table) {
            if let Some(at) = qcow2.table_at(*entry).map_err(Error::Tables)? {
                walk.table(number * qcow2.table_covers(), at)?;
            }
        }
    }
    Ok(())
}

struct Walk<'a> {
    file: &'a File,
    qcow2: &'a Qcow2,
    data: Data<'a>,
    /// How many more bytes may be read of the file.
    plain: u64,
    /// How many more bytes may be inflated.
    packed: u64,
    emit: &'a mut Emit<'a>,
}

impl Walk<'_> {
    /// What lies at `start` of the disk, by the second table at `at`.
    fn table(&mut self, start: u64, at: u64) -> Result<(), Error> {
        let cluster = self.qcow2.cluster_size();
        let end = at.checked_add(cluster).filter(|end| *end <= self.data.length());
        let end = end.ok_or_else(|| Error::Tables(damaged()))?;
        let data = self.data.total(at..end).map_err(Error::Tables)?;
        if data == 0 {
            // A table of zeros.
            return Ok(());
        }
        spend(&mut self.plain, data)?;
        let mut table = Vec::new();
        self.qcow2.read_second_table(self.file, at, &mut table).map_err(Error::Tables)?;
        let mut run: Option<Extent> = None;
        for (start, entry) in (start..self.qcow2.size).step_by(cluster as usize).zip(table) {
            let length = cluster.min(self.qcow2.size - start);
            match self.qcow2.decode(entry).map_err(|source| Error::Read { at: start, source })? {
                Cluster::Zeros => {}
                Cluster::At(at) => {
                    if at >= self.data.length() {
                        return Err(Error::Read { at: start, source: damaged() });
                    }
                    match &mut run {
                        Some(run) if run.goes_on_at(start, at) => run.length += length,
                        _ => {
                            let extent = Extent { start, length, source: Source::Plain(at) };
                            self.plain(run.replace(extent))?;
                        }
                    }
                }
                Cluster::Compressed { at, length: packed } => {
                    self.plain(run.take())?;
                    spend(&mut self.packed, cluster)?;
                    (self.emit)(Some(Extent {
                        start,
                        length,
                        source: Source::Packed { at, length: packed },
                    }))?;
                }
            }
        }
        self.plain(run)
    }

    /// What of these clusters is data in the file.
    fn plain(&mut self, run: Option<Extent>) -> Result<(), Error> {
        let Some(Extent { start, length, source: Source::Plain(at) }) = run else { return Ok(()) };
        let (mut next, end) = (at, at + length);
        while let Some(found) = self.data.next(next..end).map_err(Error::Tables)? {
            let length = found.end - found.start;
            spend(&mut self.plain, length)?;
            let source = Source::Plain(found.start);
            (self.emit)(Some(Extent { start: start + (found.start - at), length, source }))?;
            next = found.end;
        }
        Ok(())
    }
}

fn spend(left: &mut u64, bytes: u64) -> Result<(), Error> {
    *left = left.checked_sub(bytes).ok_or(Error::MoreThanData)?;
    Ok(())
}
