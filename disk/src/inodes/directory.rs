//! The names in a directory. One that is indexed by hashes is read as one that is not: its index looks like unused room.

use super::{Inode, Inodes, ReadError};
use crate::bytes::{le16, le32};

/// What belongs to a name is kept in so many bytes.
const ENTRY: usize = size_of::<Entry>();

/// Sorted by their bytes; `.` and `..` are left out.
#[derive(Default)]
pub(crate) struct Names {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    length: u8,
    inode: u32,
}

impl Names {
    /// The name at this place in order, and its inode.
    pub fn get(&self, index: usize) -> Option<(&[u8], u32)> {
        let entry = self.entries.get(index)?;
        Some((self.text(entry), entry.inode))
    }

    pub fn find(&self, name: &[u8]) -> Option<u32> {
        let found = self.entries.binary_search_by(|entry| self.text(entry).cmp(name)).ok()?;
        Some(self.entries[found].inode)
    }

    /// What they need, in bytes.
    pub fn held(&self) -> usize {
        self.text.len() + self.entries.len() * ENTRY
    }

    fn text(&self, entry: &Entry) -> &[u8] {
        &self.text[entry.start as usize..][..usize::from(entry.length)]
    }

    fn add(&mut self, name: &[u8], inode: u32) -> Result<(), ReadError> {
        if matches!(name, b"." | b"..") {
            return Ok(());
        }
        if name.is_empty() || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
            return Err(ReadError::Damaged("a file has a name that no file can have"));
        }
        let start = u32::try_from(self.text.len()).map_err(|_| ReadError::TooManyNames(u32::MAX as usize))?;
        let length = u8::try_from(name.len()).map_err(|_| ReadError::Damaged("a name is too long"))?;
        self.text.extend(name);
        self.entries.push(Entry { start, length, inode });
        Ok(())
    }

    fn sort(&mut self) -> Result<(), ReadError> {
        let text = &self.text;
        let of = |entry: &Entry| &text[entry.start as usize..][..usize::from(entry.length)];
        self.entries.sort_unstable_by(|one, other| of(one).cmp(of(other)));
        if self.entries.array_windows().any(|[one, other]| of(one) == of(other)) {
            return Err(ReadError::Damaged("two files of a directory have one name"));
        }
        Ok(())
    }
}

impl Inodes {
    /// The names in a directory, when they need at most so many bytes.
    pub fn names(&self, directory: &Inode, most: usize) -> Result<Names, ReadError> {
        /// In an inode, the number of the directory above comes first, and is all that is left of `.` and `..`.
        const ABOVE: usize = 4;
        let mut names = Names::default();
        if directory.is_inline() {
            parse(&directory.blocks()[ABOVE..], &mut names)?;
            parse(&self.rest_of_inline(directory)?, &mut names)?;
        } else {
            let mut runs = self.runs(directory)?;
            while let Some(run) = runs.next()? {
                let Some(block) = run.block else { continue };
                for block in block..block + run.count {
                    parse(&self.block(block)?, &mut names)?;
                    check(&names, most)?;
                }
            }
        }
        check(&names, most)?;
        names.sort()?;
        Ok(names)
    }
}

fn check(names: &Names, most: usize) -> Result<(), ReadError> {
    if names.held() > most { Err(ReadError::TooManyNames(most)) } else { Ok(()) }
}

/// The names in a block, or in what is instead of one.
fn parse(mut block: &[u8], names: &mut Names) -> Result<(), ReadError> {
    const HEAD: usize = 8;
    let damaged = || ReadError::Damaged("the entries of a directory are broken");
    while !block.is_empty() {
        let head = block.get(..HEAD).ok_or_else(damaged)?;
        let (inode, name_length) = (le32(head, 0), usize::from(head[6]));
        let length = match usize::from(le16(head, 4)) {
            // Only blocks of 64 KiB have longer ones, whose upper bits are in the lowest two.
            0 | 65535 if block.len() > 65535 => 65536,
            length => length & !3 | (length & 3) << 16,
        };
        if length < HEAD || length > block.len() {
            return Err(damaged());
        }
        if inode != 0 {
            names.add(block[..length].get(HEAD..HEAD + name_length).ok_or_else(damaged)?, inode)?;
        }
        block = &block[length..];
    }
    Ok(())
}
