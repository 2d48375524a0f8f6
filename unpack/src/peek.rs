use std::io::{self, Cursor, Read};

use crate::archive::{is_named, shown};
use crate::receiver::{Receiver, Unpacked};
use crate::unpacking::unpack_stream;
use crate::{Error, Packing};

/// What the first bytes of a packed file tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// How the disk is packed.
    pub packed: Unpacked,
    /// Its first bytes.
    pub head: Vec<u8>,
}

/// Looks into a packed file of which perhaps only the start is there; none when that does not reach to a disk. `check`
/// says why what begins so is none.
///
/// # Errors
/// It is plain that there is no disk in it that can be unpacked.
pub fn peek(
    start: &[u8],
    member: Option<&str>,
    check: &dyn Fn(&[u8]) -> Result<(), String>,
) -> Result<Option<Peek>, Error> {
    let mut peeking = Peeking { check, found: None };
    if Packing::of(start) == Some(Packing::Zip) {
        peek_zip(start, member, &mut peeking);
        return Ok(peeking.found);
    }
    match unpack_stream(Box::new(Cursor::new(start)), member, &mut peeking, true) {
        // These do not come from an early end.
        Err(
            error @ (Error::NoDisk { .. } | Error::NoDiskAmong { .. } | Error::Memory(_) | Error::Layers),
        ) => Err(error),
        _ => Ok(peeking.found),
    }
}

/// A zip archive's list is at its end, but each file has a header of its own too.
fn peek_zip(mut start: &[u8], member: Option<&str>, peeking: &mut Peeking<'_>) {
    while let Ok(Some(mut file)) = zip::read::read_zipfile_from_stream(&mut start) {
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        let is_meant = member.is_none_or(|member| is_named(&name, member));
        if !is_meant || !file.is_file() {
            continue;
        }
        let mut head = Vec::new();
        let _ = Read::by_ref(&mut file).take(crate::HEAD as u64).read_to_end(&mut head);
        if peeking.check(&head).is_ok() {
            let packed = Unpacked { packings: vec![Packing::Zip], member: Some(shown(&name)) };
            // That it wants no more is what it always says.
            let _ = peeking.begin(&packed, &head);
            return;
        }
    }
}

struct Peeking<'a> {
    check: &'a dyn Fn(&[u8]) -> Result<(), String>,
    found: Option<Peek>,
}

impl Receiver for Peeking<'_> {
    fn check(&self, head: &[u8]) -> Result<(), String> {
        (self.check)(head)
    }

    fn begin(&mut self, packed: &Unpacked, head: &[u8]) -> io::Result<()> {
        self.found = Some(Peek { packed: packed.clone(), head: head.to_owned() });
        Err(io::Error::other("the start is enough"))
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}
