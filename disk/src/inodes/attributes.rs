//! Extended attributes: those in the inode, and those in a block that inodes may share.

use super::{Inode, Inodes, ReadError};
use crate::bytes::{le16, le32};

const MAGIC: u32 = 0xea02_0000;

/// The number that stands for the beginning of a name, for what is no attribute but the rest of a file in its inode.
const SYSTEM: u8 = 7;
const REST_OF_INLINE: &[u8] = b"data";

/// The numbers that stand for lists of who may do what.
const ACCESS: u8 = 2;
const DEFAULT: u8 = 3;

/// An attribute as programs know it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

/// An attribute as it is kept.
struct Kept<'a> {
    index: u8,
    name: &'a [u8],
    value: &'a [u8],
}

impl Inodes {
    /// All of an inode, in the order of their names.
    pub fn attributes(&self, inode: &Inode) -> Result<Vec<Attribute>, ReadError> {
        let mut attributes = Vec::new();
        let mut add = |kept: Kept<'_>| {
            attributes.extend(attribute(kept)?);
            Ok(())
        };
        in_inode(inode, &mut add)?;
        let block = self.attribute_block(inode)?;
        in_block(&block, &mut add)?;
        attributes.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if attributes.array_windows().any(|[one, other]| one.name == other.name) {
            return Err(ReadError::Damaged("two attributes of a file have one name"));
        }
        Ok(attributes)
    }

    /// What of a file that is in its inode has no place among its blocks.
    pub(super) fn rest_of_inline(&self, inode: &Inode) -> Result<Vec<u8>, ReadError> {
        let mut rest = Vec::new();
        in_inode(inode, &mut |kept| {
            if kept.index == SYSTEM && kept.name == REST_OF_INLINE {
                rest = kept.value.to_vec();
            }
            Ok(())
        })?;
        Ok(rest)
    }

    /// Nothing when it has none. It is not charged, since many inodes may have one block.
    fn attribute_block(&self, inode: &Inode) -> Result<Vec<u8>, ReadError> {
        let number = inode.attribute_block();
        if number == 0 {
            return Ok(Vec::new());
        }
        let size = self.block_size();
        let at = number.checked_mul(size).ok_or(ReadError::Damaged("attributes are nowhere"))?;
        let mut block = vec![0; size as usize];
        self.volume.read_at(at, &mut block)?;
        if le32(&block, 0) == MAGIC { Ok(block) } else { Err(ReadError::Damaged("attributes are missing")) }
    }
}

type Add<'a> = dyn FnMut(Kept<'_>) -> Result<(), ReadError> + 'a;

fn in_inode(inode: &Inode, add: &mut Add<'_>) -> Result<(), ReadError> {
    match inode.rest() {
        // The places of values are counted from the first entry.
        rest if rest.len() >= 8 && le32(rest, 0) == MAGIC => parse(&rest[4..], 0, add),
        _ => Ok(()),
    }
}

fn in_block(block: &[u8], add: &mut Add<'_>) -> Result<(), ReadError> {
    const HEADER: usize = 32;
    if block.is_empty() { Ok(()) } else { parse(block, HEADER, add) }
}

/// The entries from `at` on, with values anywhere in `bytes`.
fn parse(bytes: &[u8], mut at: usize, add: &mut Add<'_>) -> Result<(), ReadError> {
    const HEAD: usize = 16;
    let damaged = || ReadError::Damaged("the attributes of a file are broken");
    // Values have room of their own, so all together are no longer than what they are in.
    let mut left = bytes.len();
    loop {
        let end = bytes.get(at..at + 4).ok_or_else(damaged)?;
        if end == [0; 4] {
            return Ok(());
        }
        let head = bytes.get(at..at + HEAD).ok_or_else(damaged)?;
        let (name_length, index) = (usize::from(head[0]), head[1]);
        let (start, size) = (usize::from(le16(head, 2)), le32(head, 8) as usize);
        if le32(head, 4) != 0 {
            return Err(damaged());
        }
        let name = bytes.get(at + HEAD..at + HEAD + name_length).ok_or_else(damaged)?;
        let value = if size == 0 { &[] } else { bytes.get(start..start + size).ok_or_else(damaged)? };
        left = left.checked_sub(size).ok_or_else(damaged)?;
        add(Kept { index, name, value })?;
        at += (HEAD + name_length).next_multiple_of(4);
    }
}

/// As programs know it; none: it is none that they see.
fn attribute(Kept { index, name, value }: Kept<'_>) -> Result<Option<Attribute>, ReadError> {
    let beginning: &[u8] = match index {
        1 => b"user.",
        ACCESS => b"system.posix_acl_access",
        DEFAULT => b"system.posix_acl_default",
        4 => b"trusted.",
        5 => b"lustre.",
        6 => b"security.",
        SYSTEM if name == REST_OF_INLINE => return Ok(None),
        SYSTEM => b"system.",
        8 => b"system.richacl",
        9 => return Err(ReadError::Encrypted),
        _ => return Err(ReadError::Damaged("an attribute is of a kind that does not exist")),
    };
    let value = if matches!(index, ACCESS | DEFAULT) { access_list(value)? } else { value.to_vec() };
    Ok(Some(Attribute { name: [beginning, name].concat(), value }))
}

/// A list of who may do what, as Linux gives it to programs: what is kept leaves out the numbers that say nothing.
fn access_list(mut kept: &[u8]) -> Result<Vec<u8>, ReadError> {
    const KEPT: u32 = 1;
    const GIVEN: u32 = 2;
    const NOBODY: u32 = u32::MAX;
    /// A user, and a group, that have a number.
    const NUMBERED: [u16; 2] = [0x02, 0x08];
    let damaged = || ReadError::Damaged("a list of who may do what is broken");
    let take = |kept: &mut &[u8], count| kept.split_off(..count).ok_or_else(damaged).map(<[u8]>::to_vec);
    if le32(&take(&mut kept, 4)?, 0) != KEPT {
        return Err(damaged());
    }
    let mut given = GIVEN.to_le_bytes().to_vec();
    while !kept.is_empty() {
        let entry = take(&mut kept, 4)?;
        let number = match NUMBERED.contains(&le16(&entry, 0)) {
            true => le32(&take(&mut kept, 4)?, 0),
            false => NOBODY,
        };
        given.extend(entry);
        given.extend(number.to_le_bytes());
    }
    Ok(given)
}
