//! VMware, "Virtual Disk Format 5.0": a sparse extent that is optimized for streaming. Grains of 64 KiB are packed by
//! deflate, one after the other. The table of each 512 grains follows them, and the directory of the tables ends the file,
//! so that what is written never depends on what comes later.

use std::ops::Range;

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::core::{CompressionStrategy, CompressorOxide, TDEFLFlush, TDEFLStatus, compress};

use super::Error;
use super::output::Output;

const SECTOR: u64 = 512;

/// Of a grain, in bytes.
const GRAIN: u64 = 64 << 10;

/// How many grains a table is about.
const GRAINS: u64 = 512;

/// How many sectors there are before the first grain: room for a longer description, as others leave it.
const OVERHEAD: u64 = 128;

/// The first sector of the description, and how many it has.
const DESCRIPTION: (u64, u64) = (1, 20);

/// How hard to look for what is alike, from 1 to 9.
const LEVEL: u8 = 3;

/// What a sector says to come.
#[derive(Clone, Copy)]
enum Marker {
    End = 0,
    Table = 1,
    Directory = 2,
    Footer = 3,
}

pub(super) fn write(data: &[Range<u64>], output: &mut Output<'_>) -> Result<(), Error> {
    let size = output.disk.size();
    let sectors = size.div_ceil(SECTOR);
    output.bytes(&header(sectors, u64::MAX))?;
    output.bytes(description(sectors).as_bytes())?;
    output.fill_up(OVERHEAD * SECTOR)?;
    let count = size.div_ceil(GRAIN * GRAINS) as usize;
    let mut tables = Tables { current: None, entries: [0; GRAINS as usize], directory: vec![0; count] };
    let mut packer = Packer::new();
    let mut grain = vec![0; GRAIN as usize];
    for number in data.iter().flat_map(|range| range.start / GRAIN..range.end.div_ceil(GRAIN)) {
        let start = number * GRAIN;
        let filled = (size - start).min(GRAIN) as usize;
        output.read(start, &mut grain[..filled])?;
        grain[filled..].fill(0);
        if grain.iter().all(|byte| *byte == 0) {
            continue;
        }
        tables.turn_to(number / GRAINS, output)?;
        tables.entries[(number % GRAINS) as usize] = sector(output)?;
        let packed = packer.pack(&grain);
        output.bytes(&(start / SECTOR).to_le_bytes())?;
        output.bytes(&(packed.len() as u32).to_le_bytes())?;
        output.bytes(packed)?;
        output.fill_up(SECTOR)?;
    }
    tables.finish(output)?;
    let directory: Vec<u8> = tables.directory.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    marker(Marker::Directory, (directory.len() as u64).div_ceil(SECTOR), output)?;
    let at = sector(output)?;
    output.bytes(&directory)?;
    output.fill_up(SECTOR)?;
    marker(Marker::Footer, 1, output)?;
    output.bytes(&header(sectors, at.into()))?;
    marker(Marker::End, 0, output)
}

/// The tables of grains.
struct Tables {
    /// The number of the table that is being filled.
    current: Option<u64>,
    /// Of that one: the sectors of its grains.
    entries: [u32; GRAINS as usize],
    /// The sectors of the tables that are written; 0: it has no grain.
    directory: Vec<u32>,
}

impl Tables {
    /// Writes the table before this one.
    fn turn_to(&mut self, table: u64, output: &mut Output<'_>) -> Result<(), Error> {
        if self.current != Some(table) {
            self.finish(output)?;
            self.current = Some(table);
        }
        Ok(())
    }

    fn finish(&mut self, output: &mut Output<'_>) -> Result<(), Error> {
        let Some(table) = self.current.take() else { return Ok(()) };
        let bytes: Vec<u8> = self.entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        marker(Marker::Table, bytes.len() as u64 / SECTOR, output)?;
        self.directory[table as usize] = sector(output)?;
        output.bytes(&bytes)?;
        self.entries.fill(0);
        Ok(())
    }
}

/// The sector that is written next; an entry has four bytes for it.
fn sector(output: &Output<'_>) -> Result<u32, Error> {
    u32::try_from(output.length() / SECTOR).map_err(|_| Error::TooLarge)
}

/// A sector that says what follows, and how many sectors that has.
fn marker(marker: Marker, sectors: u64, output: &mut Output<'_>) -> Result<(), Error> {
    let mut bytes = [0; SECTOR as usize];
    bytes[..8].copy_from_slice(&sectors.to_le_bytes());
    bytes[12..16].copy_from_slice(&(marker as u32).to_le_bytes());
    output.bytes(&bytes)
}

/// The first sector, and the last but one; only there it is known where the directory is.
fn header(sectors: u64, directory: u64) -> [u8; SECTOR as usize] {
    /// Its lines end as they shall (for whoever sent it as a text), grains are packed, and markers come before all.
    const FLAGS: u32 = 1 | 1 << 16 | 1 << 17;
    const DEFLATE: u16 = 1;
    let mut header = [0; SECTOR as usize];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"KDMV");
    put(4, &3_u32.to_le_bytes());
    put(8, &FLAGS.to_le_bytes());
    put(12, &sectors.to_le_bytes());
    put(20, &(GRAIN / SECTOR).to_le_bytes());
    put(28, &DESCRIPTION.0.to_le_bytes());
    put(36, &DESCRIPTION.1.to_le_bytes());
    put(44, &(GRAINS as u32).to_le_bytes());
    put(56, &directory.to_le_bytes());
    put(64, &OVERHEAD.to_le_bytes());
    put(73, b"\n \r\n");
    put(77, &DEFLATE.to_le_bytes());
    header
}

/// As text; the rest of its sectors is zeros.
fn description(sectors: u64) -> String {
    let (heads, per_track) = (255, 63);
    // No disk has more, and the size is told above.
    let cylinders = sectors.div_ceil(heads * per_track).clamp(1, 65535);
    format!(
        "# Disk DescriptorFile\n\
        version=1\n\
        CID=fffffffe\n\
        parentCID=ffffffff\n\
        createType=\"streamOptimized\"\n\
        \n\
        # Extent description\n\
        RW {sectors} SPARSE \"disk.vmdk\"\n\
        \n\
        # The Disk Data Base\n\
        #DDB\n\
        \n\
        ddb.virtualHWVersion = \"4\"\n\
        ddb.geometry.cylinders = \"{cylinders}\"\n\
        ddb.geometry.heads = \"{heads}\"\n\
        ddb.geometry.sectors = \"{per_track}\"\n\
        ddb.adapterType = \"lsilogic\"\n"
    )
}

/// Packs grains, with the memory for one.
struct Packer {
    compressor: Box<CompressorOxide>,
    packed: Vec<u8>,
}

impl Packer {
    fn new() -> Self {
        const WINDOW_BITS: u8 = 15;
        let strategy = CompressionStrategy::Default;
        let compressor = CompressorOxide::with_params(DataFormat::Zlib, LEVEL, strategy, WINDOW_BITS);
        // What cannot be packed grows by a few bytes for each of its parts.
        let packed = vec![0; 2 * GRAIN as usize];
        Self { compressor: Box::new(compressor), packed }
    }

    fn pack(&mut self, grain: &[u8]) -> &[u8] {
        self.compressor.reset();
        let (status, _, count) = compress(&mut self.compressor, grain, &mut self.packed, TDEFLFlush::Finish);
        debug_assert_eq!(status, TDEFLStatus::Done, "there is room for twice its length");
        &self.packed[..count]
    }
}
