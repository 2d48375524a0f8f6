//! QEMU's copy-on-write format, as its `docs/interop/qcow2` has it, for reading a few places of it.
//!
//! A lookup loads no table, however large the header says that it is, but reads the two entries that it needs. So neither
//! memory nor time grows with what an image claims. Who needs all of a disk walks over its tables instead
//! (`content/clusters.rs`). Neither a backing file nor a data file is ever opened.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::refusal::{LARGEST, Refusal};

/// How many uncompressed clusters are kept, since a file system's structures are read in small pieces.
const KEPT: usize = 8;

/// The largest first table, in entries; QEMU opens no image with a larger one.
const LARGEST_TABLE: u64 = (32 << 20) / 8;

/// Where an entry of either table has an offset in the file.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

pub(crate) struct Qcow2 {
    /// Of the disk in it, in bytes.
    pub size: u64,
    version: u32,
    cluster_bits: u32,
    l1_offset: u64,
    inflated: Mutex<VecDeque<(u64, Vec<u8>)>>,
}

/// Where a cluster's bytes are in the file.
pub(crate) enum Cluster {
    /// Nowhere.
    Zeros,
    /// As they are, from this byte on.
    At(u64),
    /// Packed by deflate, in at most `length` bytes.
    Compressed { at: u64, length: u64 },
}

/// Bits of the features that a reader must know (version 3).
const DIRTY: u64 = 1;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;

/// The version of a qcow2 that is whole in itself, told by the first 80 bytes of its file.
///
/// # Errors
///
/// It is no qcow2, of a version that there is not, marked as corrupt, encrypted, or a part of it is in another file.
pub fn whole(head: &[u8]) -> Result<u32, Refusal> {
    let short = || Refusal::Damaged("it ends too early");
    let be32 = |at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let be64 = |at: usize| head.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
    if !head.starts_with(b"QFI\xfb") {
        return Err(Refusal::Damaged("it does not begin as one of qcow2"));
    }
    let version = be32(4).ok_or_else(short)?;
    if !matches!(version, 2 | 3) {
        return Err(Refusal::Version(version));
    }
    if be64(8).ok_or_else(short)? != 0 {
        return Err(Refusal::Backed);
    }
    if be32(32).ok_or_else(short)? != 0 {
        return Err(Refusal::Encrypted);
    }
    let features = if version == 3 { be64(72).ok_or_else(short)? } else { 0 };
    if features & DATA_FILE != 0 {
        return Err(Refusal::DataFile);
    }
    if features & CORRUPT != 0 {
        return Err(Refusal::Corrupt);
    }
    Ok(version)
}

impl Qcow2 {
    pub fn open(file: &File) -> Result<Self, Refusal> {
        let mut header = [0; 112];
        // The header of version 2 ends after 72 bytes, but never the file.
        file.read_exact_at(&mut header, 0).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Refusal::Damaged("it ends too early"),
            _ => error.into(),
        })?;
        let version = whole(&header)?;
        let be32 = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        let be64 = |at: usize| u64::from(be32(at)) << 32 | u64::from(be32(at + 4));
        let features = if version == 3 { be64(72) } else { 0 };
        if features & COMPRESSION != 0 && header[104] != 0 {
            return Err(Refusal::Unsupported("clusters compressed by zstd"));
        }
        if features & !(DIRTY | COMPRESSION) != 0 {
            return Err(Refusal::Unsupported("extended tables"));
        }
        let (cluster_bits, size) = (be32(20), be64(24));
        if !(9..=21).contains(&cluster_bits) {
            return Err(Refusal::Damaged("clusters of this size do not exist"));
        }
        if size > LARGEST {
            return Err(Refusal::TooLarge(size));
        }
        let l1_needed = size.div_ceil(1 << (2 * cluster_bits - 3));
        if u64::from(be32(36)) < l1_needed {
            return Err(Refusal::Damaged("its first table is too short for its disk"));
        }
        if l1_needed > LARGEST_TABLE {
            return Err(Refusal::Damaged("its first table is larger than QEMU reads"));
        }
        Ok(Self { size, version, cluster_bits, l1_offset: be64(40), inflated: Mutex::default() })
    }

    /// Fills `into` with what lies at `offset` of the disk; `spend` is asked before every read.
    pub fn read_at(
        &self,
        file: &File,
        mut offset: u64,
        mut into: &mut [u8],
        spend: &dyn Fn(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let cluster_size = self.cluster_size();
        while !into.is_empty() {
            let within = offset & (cluster_size - 1);
            let count = into.len().min(usize::try_from(cluster_size - within).unwrap_or(usize::MAX));
            let (part, rest) = into.split_at_mut(count);
            spend(count as u64)?;
            match self.find(file, offset, spend)? {
                Cluster::Zeros => part.fill(0),
                Cluster::At(at) => read_to_end(file, at + within, part)?,
                Cluster::Compressed { at, length } => {
                    self.read_compressed(
                        file,
                        (at, length),
                        usize::try_from(within).unwrap_or(0),
                        part,
                        spend,
                    )?;
                }
            }
            offset += count as u64;
            into = rest;
        }
        Ok(())
    }

    /// In bytes.
    pub fn cluster_size(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// How many bytes of the disk one second table is about.
    pub fn table_covers(&self) -> u64 {
        1 << (2 * self.cluster_bits - 3)
    }

    /// Reads `count` entries of the first table, from the entry `first` on.
    pub fn read_first_table(
        &self,
        file: &File,
        first: u64,
        count: u64,
        into: &mut Vec<u64>,
    ) -> io::Result<()> {
        let at = self.l1_offset.checked_add(first * 8).ok_or_else(damaged)?;
        read_table(file, at, count, into)
    }

    /// Reads all of the second table at `at`.
    pub fn read_second_table(&self, file: &File, at: u64, into: &mut Vec<u64>) -> io::Result<()> {
        read_table(file, at, self.cluster_size() / 8, into)
    }

    /// Where the second table of an entry of the first is; none: what it would be about is all zeros.
    pub fn table_at(&self, entry: u64) -> io::Result<Option<u64>> {
        let at = self.aligned(entry)?;
        Ok((at != 0).then_some(at))
    }

    /// What an entry of a second table says.
    pub fn decode(&self, entry: u64) -> io::Result<Cluster> {
        const COMPRESSED: u64 = 1 << 62;
        const ZERO: u64 = 1;
        if entry & COMPRESSED != 0 {
            // The lower bits are an offset, the higher ones how many sectors follow the one that it lies in.
            let bits = 62 - (self.cluster_bits - 8);
            let at = entry & ((1 << bits) - 1);
            let sectors = ((entry & (COMPRESSED - 1)) >> bits) + 1;
            return Ok(Cluster::Compressed { at, length: sectors * 512 - (at & 511) });
        }
        if self.version == 3 && entry & ZERO != 0 {
            return Ok(Cluster::Zeros);
        }
        Ok(match self.aligned(entry)? {
            0 => Cluster::Zeros,
            at => Cluster::At(at),
        })
    }

    /// The place in an entry, where only clusters begin.
    fn aligned(&self, entry: u64) -> io::Result<u64> {
        let at = entry & OFFSET;
        if at & (self.cluster_size() - 1) == 0 { Ok(at) } else { Err(damaged()) }
    }

    fn find(&self, file: &File, offset: u64, spend: &dyn Fn(u64) -> io::Result<()>) -> io::Result<Cluster> {
        let entry = |table: u64, number: u64| {
            let at = table.checked_add(number * 8).ok_or_else(damaged)?;
            let mut bytes = [0; 8];
            spend(8)?;
            file.read_exact_at(&mut bytes, at).map_err(|_| damaged())?;
            Ok::<_, io::Error>(u64::from_be_bytes(bytes))
        };
        let number = offset >> self.cluster_bits;
        let l2_bits = self.cluster_bits - 3;
        match self.table_at(entry(self.l1_offset, number >> l2_bits)?)? {
            None => Ok(Cluster::Zeros),
            Some(l2) => self.decode(entry(l2, number & ((1 << l2_bits) - 1))?),
        }
    }

    fn read_compressed(
        &self,
        file: &File,
        (at, length): (u64, u64),
        within: usize,
        into: &mut [u8],
        spend: &dyn Fn(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut kept = self.inflated.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(place, _)| *place == at);
        let cluster = match known {
            Some(known) => &kept[known].1,
            None => {
                spend(self.cluster_size())?;
                let mut bytes = vec![0; 1 << self.cluster_bits];
                read_packed(file, (at, length), &mut Vec::new(), &mut bytes)?;
                kept.truncate(KEPT - 1);
                kept.push_front((at, bytes));
                &kept[0].1
            }
        };
        into.copy_from_slice(cluster.get(within..within + into.len()).ok_or_else(damaged)?);
        Ok(())
    }
}

/// Fills `into` with the compressed cluster that begins at `at` and is at most `length` long; `packed` is for its bytes.
pub(crate) fn read_packed(
    file: &File,
    (at, length): (u64, u64),
    packed: &mut Vec<u8>,
    into: &mut [u8],
) -> io::Result<()> {
    packed.resize(usize::try_from(length).map_err(|_| damaged())?, 0);
    read_to_end(file, at, packed)?;
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, _, count) = decompress(&mut DecompressorOxide::new(), packed, into, 0, flags);
    // As for QEMU, a cluster that is full is enough.
    let ended = matches!(status, TINFLStatus::Done | TINFLStatus::HasMoreOutput);
    if ended && count == into.len() { Ok(()) } else { Err(damaged()) }
}

fn read_table(file: &File, at: u64, count: u64, into: &mut Vec<u64>) -> io::Result<()> {
    let mut bytes = vec![[0; 8]; usize::try_from(count).map_err(|_| damaged())?];
    file.read_exact_at(bytes.as_flattened_mut(), at).map_err(|_| damaged())?;
    into.clear();
    into.extend(bytes.into_iter().map(u64::from_be_bytes));
    Ok(())
}

/// Fills `into`, with zeros at its end where the file's last cluster is short.
fn read_to_end(file: &File, at: u64, into: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(&mut into[filled..], at + filled as u64)? {
            0 if filled == 0 => return Err(damaged()),
            0 => break,
            count => filled += count,
        }
    }
    into[filled..].fill(0);
    Ok(())
}

pub(crate) fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the tables of its qcow2 are damaged")
}
