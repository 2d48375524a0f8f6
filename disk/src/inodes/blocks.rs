//! Where the content of a file is: by extents, or by the map of blocks of ext2 and ext3.

use super::{Inode, Inodes, ReadError};
use crate::bytes::{le16, le32};

/// Consecutive blocks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// The first one, counted from the beginning of the file.
    pub start: u64,
    pub count: u64,
    /// The first one in the file system; none: nothing was written to them yet, so they are zeros.
    pub block: Option<u64>,
}

/// The runs of a file, in ascending order; what is in none is a hole.
pub(crate) struct Runs<'a> {
    inodes: &'a Inodes,
    tree: Tree,
    /// The nodes from the root to the one that is read.
    nodes: Vec<Node>,
    /// All blocks of the file before this one are told.
    done: u64,
    /// How many blocks the file has.
    end: u64,
}

#[derive(Clone, Copy)]
enum Tree {
    Extents,
    Map,
}

/// A part of a tree.
struct Node {
    bytes: Vec<u8>,
    next: usize,
    count: usize,
    /// How many levels there are below it. In the root of a map that is for its first 12 entries.
    depth: u16,
}

impl Inodes {
    /// Where the content of a file, a directory or a link is, unless it is in the inode itself.
    pub fn runs(&self, inode: &Inode) -> Result<Runs<'_>, ReadError> {
        let bytes = inode.blocks().to_vec();
        let (tree, root) = if inode.has_extents() {
            (Tree::Extents, extent_node(bytes, None)?)
        } else {
            (Tree::Map, Node { bytes, next: 0, count: 15, depth: 0 })
        };
        let end = inode.size().div_ceil(self.block_size());
        Ok(Runs { inodes: self, tree, nodes: vec![root], done: 0, end })
    }

    /// The content of something small; more than `most` bytes is damage.
    pub fn content(&self, inode: &Inode, most: usize) -> Result<Vec<u8>, ReadError> {
        let size = usize::try_from(inode.size()).ok().filter(|size| *size <= most);
        let size = size.ok_or(ReadError::Damaged("a file is larger than such a file can be"))?;
        if inode.is_inline() {
            let mut content = self.inline(inode, size as u64)?;
            content.resize(size, 0);
            return Ok(content);
        }
        let mut content = vec![0; size];
        let mut runs = self.runs(inode)?;
        while let Some(run) = runs.next()? {
            let Some(block) = run.block else { continue };
            for (index, block) in (run.start..run.start + run.count).zip(block..) {
                let start = (index * self.block_size()) as usize;
                let into = content.get_mut(start..).unwrap_or_default();
                let bytes = self.block(block)?;
                let count = into.len().min(bytes.len());
                into[..count].copy_from_slice(&bytes[..count]);
            }
        }
        Ok(content)
    }

    /// What a file of `size` bytes holds that has no blocks: the first bytes in their place, the rest as an attribute. Zeros
    /// may be missing at its end.
    pub fn inline(&self, inode: &Inode, size: u64) -> Result<Vec<u8>, ReadError> {
        let mut content = inode.blocks().to_vec();
        if size > content.len() as u64 {
            content.extend(self.rest_of_inline(inode)?);
        }
        content.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(content)
    }
}

impl Runs<'_> {
    /// The next one. None ends behind the last block of the file.
    pub fn next(&mut self) -> Result<Option<Run>, ReadError> {
        let run = match self.tree {
            Tree::Extents => self.next_extent()?,
            Tree::Map => self.next_of_map()?,
        };
        // Room that was taken beyond the end of a file is not a part of it.
        let Some(run) = run.filter(|run| run.start < self.end) else { return Ok(None) };
        if run.start < self.done {
            return Err(ReadError::Damaged("the blocks of a file are not in order"));
        }
        let count = run.count.min(self.end - run.start);
        self.done = run.start + count;
        Ok(Some(Run { count, ..run }))
    }

    fn next_extent(&mut self) -> Result<Option<Run>, ReadError> {
        const ENTRY: usize = 12;
        /// More blocks than this: they are so many more, and nothing was written to them.
        const UNWRITTEN: u64 = 32768;
        while let Some(node) = self.nodes.last_mut() {
            if node.next == node.count {
                self.nodes.pop();
                continue;
            }
            // The header is as long as an entry.
            node.next += 1;
            let entry = &node.bytes[node.next * ENTRY..][..ENTRY];
            if node.depth == 0 {
                let length = u64::from(le16(entry, 4));
                let block = u64::from(le32(entry, 8)) | u64::from(le16(entry, 6)) << 32;
                let (count, block) =
                    if length > UNWRITTEN { (length - UNWRITTEN, None) } else { (length, Some(block)) };
                return Ok(Some(Run { start: le32(entry, 0).into(), count, block }));
            }
            let child = u64::from(le32(entry, 4)) | u64::from(le16(entry, 8)) << 32;
            let depth = node.depth - 1;
            let node = extent_node(self.inodes.block(child)?, Some(depth))?;
            self.nodes.push(node);
        }
        Ok(None)
    }

    fn next_of_map(&mut self) -> Result<Option<Run>, ReadError> {
        let in_block = self.inodes.block_size() / 4;
        let mut at = self.done;
        while let Some(node) = self.nodes.last_mut() {
            if node.next == node.count || at >= self.end {
                self.nodes.pop();
                continue;
            }
            let is_root = node.bytes.len() == 60;
            let depth = if is_root { node.next.saturating_sub(11) as u16 } else { node.depth };
            let block = le32(&node.bytes, node.next * 4);
            node.next += 1;
            match (block, depth) {
                // No more than three levels of at most 2^14 entries.
                (0, _) => at += in_block.pow(depth.into()),
                (_, 0) => {
                    let mut count = 1;
                    let last = if is_root { 12 } else { node.count };
                    while node.next < last
                        && u64::from(le32(&node.bytes, node.next * 4)) == u64::from(block) + count
                    {
                        node.next += 1;
                        count += 1;
                    }
                    return Ok(Some(Run { start: at, count, block: Some(block.into()) }));
                }
                _ => {
                    let bytes = self.inodes.block(block.into())?;
                    let count = bytes.len() / 4;
                    self.nodes.push(Node { bytes, next: 0, count, depth: depth - 1 });
                }
            }
            self.done = at;
        }
        Ok(None)
    }
}

/// A node of a tree of extents; the root may be as deep as it says.
fn extent_node(bytes: Vec<u8>, expected: Option<u16>) -> Result<Node, ReadError> {
    const MAGIC: u16 = 0xf30a;
    const DEEPEST: u16 = 5;
    let (count, depth) = (usize::from(le16(&bytes, 2)), le16(&bytes, 6));
    let is_sound = le16(&bytes, 0) == MAGIC
        && (count + 1) * 12 <= bytes.len()
        && expected.map_or(depth <= DEEPEST, |expected| expected == depth);
    if is_sound {
        Ok(Node { bytes, next: 0, count, depth })
    } else {
        Err(ReadError::Damaged("the tree of a file's extents is broken"))
    }
}
