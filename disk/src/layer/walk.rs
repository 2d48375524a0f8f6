//! Writes the files of a root, one after the other.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::tar::{BLOCK, Member, Type};
use super::{LayerError, LayerWritten, ReadError};
use crate::form::Output;
use crate::inodes::{Inode, Inodes, Kind, MOST_NAMES, Names, ROOT};

/// The longest path that Linux opens, in bytes.
const LONGEST_PATH: usize = 4096;

/// The longest target of a link, in bytes.
const LONGEST_TARGET: usize = 4096;

/// Where a checker of file systems puts what it found.
const LOST: &[u8] = b"lost+found/";

/// The most bytes that are kept of the names of files that have several.
const MOST_LINKS: usize = 128 << 20;

/// What a name begins with that is none, but says that another one was removed.
const WHITEOUT: &[u8] = b".wh.";

/// `data` is where the disk has data.
pub(super) fn write(
    inodes: &Inodes,
    data: &[Range<u64>],
    output: Output<'_>,
) -> Result<LayerWritten, LayerError> {
    let walk = Walk {
        inodes,
        data,
        output,
        written: LayerWritten::default(),
        path: Vec::new(),
        levels: Vec::new(),
        held: 0,
        directories: HashSet::from([ROOT]),
        links: HashMap::new(),
        links_held: 0,
    };
    walk.run()
}

struct Walk<'a, 'out> {
    inodes: &'a Inodes,
    data: &'a [Range<u64>],
    output: Output<'out>,
    written: LayerWritten,
    /// Of the file that is written; that of a directory ends with a slash.
    path: Vec<u8>,
    /// The directories from the root to the one whose files are written.
    levels: Vec<Level>,
    /// What their names need, in bytes.
    held: usize,
    /// The inodes of those that were met.
    directories: HashSet<u32>,
    /// The first names of files that have several.
    links: HashMap<u32, Box<[u8]>>,
    links_held: usize,
}

struct Level {
    names: Names,
    next: usize,
    /// The length of its path.
    path: usize,
}

impl Walk<'_, '_> {
    fn run(mut self) -> Result<LayerWritten, LayerError> {
        let root = self.inodes.read(ROOT);
        let root =
            root.and_then(|root| if root.kind()? == Kind::Directory { Ok(root) } else { Err(NO_ROOT) });
        let root = self.of_path(root)?;
        self.descend(&root)?;
        while let Some(level) = self.levels.last_mut() {
            self.path.truncate(level.path);
            let Some((name, number)) = level.names.get(level.next) else {
                self.held -= level.names.held();
                self.levels.pop();
                continue;
            };
            level.next += 1;
            // A slash may follow.
            if self.path.len() + name.len() + 1 > LONGEST_PATH {
                return Err(LayerError::PathTooLong { path: self.shown_path() });
            }
            self.path.extend(name);
            if name.starts_with(WHITEOUT) {
                return Err(LayerError::WhiteoutName { path: self.shown_path() });
            }
            self.write_file(number)?;
        }
        // Two empty blocks end a tar.
        self.output.zeros(2 * BLOCK)?;
        self.written.length = self.output.finish()?.length;
        Ok(self.written)
    }

    /// Goes on with what is in this directory, which is at `path`.
    fn descend(&mut self, directory: &Inode) -> Result<(), LayerError> {
        let names = self.inodes.names(directory, MOST_NAMES - self.held);
        let names = self.of_path(names)?;
        self.held += names.held();
        self.levels.push(Level { names, next: 0, path: self.path.len() });
        Ok(())
    }

    /// Writes the file at `path`.
    fn write_file(&mut self, number: u32) -> Result<(), LayerError> {
        let inode = self.inodes.read(number);
        let (inode, kind) = self.of_path(inode.and_then(|inode| inode.kind().map(|kind| (inode, kind))))?;
        if kind == Kind::Directory {
            if !self.directories.insert(number) {
                return self.of_path(Err(ReadError::Damaged("a directory is in several directories")));
            }
            self.path.push(b'/');
            self.header(&inode, Type::Directory)?;
            return if self.path == LOST { Ok(()) } else { self.descend(&inode) };
        }
        if kind == Kind::Socket {
            self.written.sockets += 1;
            return Ok(());
        }
        if inode.links() > 1 {
            if let Some(first) = self.links.get(&number).cloned() {
                return self.header(&inode, Type::HardLink(&first));
            }
            self.links_held += self.path.len() + size_of::<(u32, Box<[u8]>)>();
            if self.links_held > MOST_LINKS {
                return Err(LayerError::TooManyLinks);
            }
            self.links.insert(number, self.path.as_slice().into());
        }
        let (major, minor) = inode.device();
        match kind {
            Kind::Link => {
                let target = self.of_path(self.target(&inode))?;
                self.header(&inode, Type::Link(&target))
            }
            Kind::Fifo => self.header(&inode, Type::Fifo),
            Kind::CharacterDevice => self.header(&inode, Type::CharacterDevice(major, minor)),
            Kind::BlockDevice => self.header(&inode, Type::BlockDevice(major, minor)),
            Kind::File | Kind::Directory | Kind::Socket => {
                self.header(&inode, Type::File { size: inode.size() })?;
                self.content(&inode)
            }
        }
    }

    /// What a link leads to.
    fn target(&self, inode: &Inode) -> Result<Vec<u8>, ReadError> {
        let in_place = inode.blocks();
        let size = inode.size() as usize;
        let target = if size < in_place.len() && !inode.has_extents() && !inode.is_inline() {
            in_place[..size].to_vec()
        } else {
            self.inodes.content(inode, LONGEST_TARGET)?
        };
        if target.is_empty() || target.contains(&0) {
            return Err(ReadError::Damaged("a link leads to what no path can be"));
        }
        Ok(target)
    }

    fn header(&mut self, inode: &Inode, is: Type<'_>) -> Result<(), LayerError> {
        let attributes = match is {
            // They are those of the first name.
            Type::HardLink(_) => Vec::new(),
            _ => self.of_path(self.inodes.attributes(inode))?,
        };
        let all = attributes.len();
        let attributes: Vec<_> = attributes
            .iter()
            .map(|attribute| (attribute.name.as_slice(), attribute.value.as_slice()))
            .filter(|(name, _)| !name.iter().any(|byte| matches!(byte, b'=' | 0)))
            .collect();
        self.written.attributes += (all - attributes.len()) as u64;
        let member = Member {
            path: &self.path,
            is,
            permissions: inode.permissions(),
            uid: inode.uid(),
            gid: inode.gid(),
            modified: inode.modified(),
            attributes: &attributes,
        };
        self.written.entries += 1;
        self.output.check()?;
        Ok(self.output.bytes(&member.headers())?)
    }

    /// The bytes of a file, whose headers are written.
    fn content(&mut self, inode: &Inode) -> Result<(), LayerError> {
        let (inodes, size) = (self.inodes, inode.size());
        if inode.is_inline() {
            let content = self.of_path(inodes.inline(inode, size))?;
            self.output.bytes(&content)?;
            self.zeros(size - content.len() as u64)?;
        } else {
            let block_size = inodes.block_size();
            let mut done = 0;
            let mut runs = self.of_path(inodes.runs(inode))?;
            while let Some(run) = self.of_path(runs.next())? {
                let Some(block) = run.block else { continue };
                let start = run.start * block_size;
                let length = (run.count * block_size).min(size - start);
                self.zeros(start - done)?;
                let place = self.of_path(inodes.place(block, run.count))?;
                self.data(place, length)?;
                done = start + length;
            }
            self.zeros(size - done)?;
        }
        self.written.file_bytes += size;
        Ok(self.output.fill_up(BLOCK)?)
    }

    /// So many bytes at `place` of the disk. Where that has no data, they are zeros that are not read.
    fn data(&mut self, place: u64, length: u64) -> Result<(), LayerError> {
        let ranges = self.data;
        let (mut at, end) = (place, place + length);
        let first = ranges.partition_point(|range| range.end <= at);
        for range in ranges[first..].iter().take_while(|range| range.start < end) {
            let data = range.start.max(at)..range.end.min(end);
            self.zeros(data.start - at)?;
            self.of_path(self.inodes.budget().spend(data.end - data.start))?;
            at = data.end;
            self.output.data(data)?;
        }
        self.zeros(end - at)
    }

    fn zeros(&mut self, count: u64) -> Result<(), LayerError> {
        self.of_path(self.inodes.budget().spend_zeros(count))?;
        Ok(self.output.zeros(count)?)
    }

    /// Says of what was read which file it belongs to.
    fn of_path<T>(&self, read: Result<T, ReadError>) -> Result<T, LayerError> {
        read.map_err(|source| LayerError::File { path: self.shown_path(), source })
    }

    fn shown_path(&self) -> String {
        format!("/{}", String::from_utf8_lossy(&self.path))
    }
}

const NO_ROOT: ReadError = ReadError::Damaged("its root is no directory");
