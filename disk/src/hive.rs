//! A registry hive, for reading a few values of one key. Only the cells on the way to them are read, since the hive
//! of a real Windows has more than a hundred megabytes.
//!
//! The layout is that of version 1.3 to 1.6, as ReactOS and the project libregf describe it.

use std::io;

/// The longest value that is read, in bytes.
const LONGEST: u32 = 4096;

/// The most subkeys or values of one key that are looked at.
const MOST: u32 = 20_000;

/// Cells are counted from behind the file's first block.
const BASE: u64 = 4096;

/// "There is none", where a place is expected.
const NOWHERE: u32 = u32::MAX;

/// A hive, read by `read(offset, into)`.
pub(crate) struct Hive<R> {
    read: R,
    root: u32,
}

/// A key, by the place of its cell.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    subkeys: u32,
    values: u32,
    value_count: u32,
}

impl<R: FnMut(u64, &mut [u8]) -> io::Result<()>> Hive<R> {
    pub fn open(mut read: R) -> io::Result<Self> {
        let mut head = [0; 40];
        read(0, &mut head)?;
        if &head[..4] != b"regf" {
            return Err(damaged());
        }
        Ok(Self { read, root: le32(&head, 36)? })
    }

    /// The key at the end of this path, whatever the case of its letters.
    pub fn key(&mut self, path: &[&str]) -> io::Result<Option<Key>> {
        let (_, mut key) = self.key_at(self.root)?;
        for name in path {
            let Some(found) = self.subkey(key, name)? else { return Ok(None) };
            key = found;
        }
        Ok(Some(key))
    }

    /// A value that is a text.
    pub fn text(&mut self, key: Key, name: &str) -> io::Result<Option<String>> {
        if key.values == NOWHERE {
            return Ok(None);
        }
        for number in 0..key.value_count.min(MOST) {
            let place = le32(&self.cell(key.values, number * 4, 4)?, 0)?;
            let header = self.cell(place, 0, 20)?;
            let is_narrow = le16(&header, 16)? & 1 != 0;
            let found = self.cell(place, 20, u32::from(le16(&header, 2)?))?;
            if &header[..2] != b"vk" || !decoded(&found, is_narrow).eq_ignore_ascii_case(name) {
                continue;
            }
            const IN_PLACE: u32 = 1 << 31;
            let length = le32(&header, 4)?;
            if length & IN_PLACE != 0 || length > LONGEST {
                return Ok(None);
            }
            let bytes = self.cell(le32(&header, 8)?, 0, length)?;
            let text = decoded(&bytes, false);
            return Ok(Some(text.split('\0').next().unwrap_or_default().to_owned()));
        }
        Ok(None)
    }

    fn key_at(&mut self, place: u32) -> io::Result<(String, Key)> {
        let node = self.cell(place, 0, 76)?;
        if &node[..2] != b"nk" {
            return Err(damaged());
        }
        let is_narrow = le16(&node, 2)? & 0x20 != 0;
        let name = self.cell(place, 76, u32::from(le16(&node, 72)?))?;
        let key = Key { subkeys: le32(&node, 28)?, values: le32(&node, 40)?, value_count: le32(&node, 36)? };
        Ok((decoded(&name, is_narrow), key))
    }

    fn subkey(&mut self, key: Key, name: &str) -> io::Result<Option<Key>> {
        if key.subkeys == NOWHERE {
            return Ok(None);
        }
        let (sign, count) = self.list(key.subkeys)?;
        if sign != *b"ri" {
            return self.in_leaf(key.subkeys, name);
        }
        for number in 0..count {
            let leaf = le32(&self.cell(key.subkeys, 4 + number * 4, 4)?, 0)?;
            if let Some(found) = self.in_leaf(leaf, name)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn in_leaf(&mut self, place: u32, name: &str) -> io::Result<Option<Key>> {
        let (sign, count) = self.list(place)?;
        let step = match &sign {
            b"lf" | b"lh" => 8,
            b"li" => 4,
            _ => return Err(damaged()),
        };
        for number in 0..count {
            let node = le32(&self.cell(place, 4 + number * step, 4)?, 0)?;
            let (found, key) = self.key_at(node)?;
            if found.eq_ignore_ascii_case(name) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// A list's sign and how many entries it has.
    fn list(&mut self, place: u32) -> io::Result<([u8; 2], u32)> {
        let head = self.cell(place, 0, 4)?;
        Ok(([head[0], head[1]], u32::from(le16(&head, 2)?).min(MOST)))
    }

    /// `count` bytes of the cell at `place`, from `from` on; the cell begins with its size.
    fn cell(&mut self, place: u32, from: u32, count: u32) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count as usize];
        (self.read)(BASE + u64::from(place) + 4 + u64::from(from), &mut bytes)?;
        Ok(bytes)
    }
}

fn decoded(bytes: &[u8], is_narrow: bool) -> String {
    if is_narrow {
        return bytes.iter().map(|byte| char::from(*byte)).collect();
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

fn le16(bytes: &[u8], at: usize) -> io::Result<u16> {
    let pair = bytes.get(at..at + 2).and_then(|pair| pair.try_into().ok());
    pair.map(u16::from_le_bytes).ok_or_else(damaged)
}

fn le32(bytes: &[u8], at: usize) -> io::Result<u32> {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map(u32::from_le_bytes).ok_or_else(damaged)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the registry is damaged")
}
