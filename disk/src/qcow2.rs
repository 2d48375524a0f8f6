//! QEMU's copy-on-write format, as its `docs/interop/qcow2` has it, for reading a few places of it.
//!
//! No table is loaded, however large the header says that it is: each lookup reads the two entries that it needs. So
//! neither memory nor time grows with what an image claims. Neither a backing file nor a data file is ever opened.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::disk::Refusal;

/// How many uncompressed clusters are kept, since a file system's structures are read in small pieces.
const KEPT: usize = 8;

/// Where an entry of either table has an offset in the file.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

pub(crate) struct Qcow2 {
    /// Of the disk in it, in bytes.
    pub size: u64,
    version: u32,
    cluster_bits: u32,
    l1_offset: u64,
    inflated: RefCell<VecDeque<(u64, Vec<u8>)>>,
}

/// Where a cluster's bytes are.
enum Cluster {
    Zeros,
    At(u64),
    Compressed { at: u64, length: u64 },
}

impl Qcow2 {
    pub fn open(file: &File) -> Result<Self, Refusal> {
        const DIRTY: u64 = 1;
        const CORRUPT: u64 = 1 << 1;
        const DATA_FILE: u64 = 1 << 2;
        const COMPRESSION: u64 = 1 << 3;
        let mut header = [0; 112];
        // The header of version 2 ends after 72 bytes, but never the file.
        file.read_exact_at(&mut header, 0).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Refusal::Damaged("it ends too early"),
            _ => error.into(),
        })?;
        let be32 = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        let be64 = |at: usize| u64::from(be32(at)) << 32 | u64::from(be32(at + 4));
        if &header[..4] != b"QFI\xfb" {
            return Err(Refusal::Damaged("it does not begin as one of qcow2"));
        }
        let version = be32(4);
        if !matches!(version, 2 | 3) {
            return Err(Refusal::Version(version));
        }
        if be64(8) != 0 {
            return Err(Refusal::Backed);
        }
        if be32(32) != 0 {
            return Err(Refusal::Encrypted);
        }
        let features = if version == 3 { be64(72) } else { 0 };
        if features & DATA_FILE != 0 {
            return Err(Refusal::DataFile);
        }
        if features & CORRUPT != 0 {
            return Err(Refusal::Corrupt);
        }
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
        if size > crate::disk::LARGEST {
            return Err(Refusal::TooLarge(size));
        }
        let l1_needed = size.div_ceil(1 << (2 * cluster_bits - 3));
        if u64::from(be32(36)) < l1_needed {
            return Err(Refusal::Damaged("its first table is too short for its disk"));
        }
        Ok(Self { size, version, cluster_bits, l1_offset: be64(40), inflated: RefCell::default() })
    }

    /// Fills `into` with what lies at `offset` of the disk; `spend` is asked before every read.
    pub fn read_at(
        &self,
        file: &File,
        mut offset: u64,
        mut into: &mut [u8],
        spend: &dyn Fn(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let cluster_size = 1u64 << self.cluster_bits;
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

    fn find(&self, file: &File, offset: u64, spend: &dyn Fn(u64) -> io::Result<()>) -> io::Result<Cluster> {
        const COMPRESSED: u64 = 1 << 62;
        const ZERO: u64 = 1;
        let entry = |table: u64, number: u64| {
            let at = table.checked_add(number * 8).ok_or_else(damaged)?;
            let mut bytes = [0; 8];
            spend(8)?;
            file.read_exact_at(&mut bytes, at).map_err(|_| damaged())?;
            Ok::<_, io::Error>(u64::from_be_bytes(bytes))
        };
        let number = offset >> self.cluster_bits;
        let l2_bits = self.cluster_bits - 3;
        let l2 = entry(self.l1_offset, number >> l2_bits)? & OFFSET;
        if l2 == 0 {
            return Ok(Cluster::Zeros);
        }
        let found = entry(l2, number & ((1 << l2_bits) - 1))?;
        if found & COMPRESSED != 0 {
            // The lower bits are an offset, the higher ones how many sectors follow the one that it lies in.
            let bits = 62 - (self.cluster_bits - 8);
            let at = found & ((1 << bits) - 1);
            let sectors = ((found & (COMPRESSED - 1)) >> bits) + 1;
            return Ok(Cluster::Compressed { at, length: sectors * 512 - (at & 511) });
        }
        Ok(match found & OFFSET {
            _ if self.version == 3 && found & ZERO != 0 => Cluster::Zeros,
            0 => Cluster::Zeros,
            at => Cluster::At(at),
        })
    }

    fn read_compressed(
        &self,
        file: &File,
        (at, length): (u64, u64),
        within: usize,
        into: &mut [u8],
        spend: &dyn Fn(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut kept = self.inflated.borrow_mut();
        let known = kept.iter().position(|(place, _)| *place == at);
        let cluster = match known {
            Some(known) => &kept[known].1,
            None => {
                let size = 1usize << self.cluster_bits;
                spend(size as u64)?;
                let mut packed = vec![0; usize::try_from(length).map_err(|_| damaged())?];
                read_to_end(file, at, &mut packed)?;
                let bytes = decompress_to_vec_with_limit(&packed, size).map_err(|_| damaged())?;
                kept.truncate(KEPT - 1);
                kept.push_front((at, bytes));
                &kept[0].1
            }
        };
        into.copy_from_slice(cluster.get(within..within + into.len()).ok_or_else(damaged)?);
        Ok(())
    }
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

fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the tables of its qcow2 are damaged")
}
