use std::io::{self, Read, Seek};

use tar::EntryType;
use zip::ZipArchive;

use crate::budget::Budget;
use crate::layers::Layers;
use crate::receiver::{Receiver, Unpacked, receive};
use crate::{Error, Packing};

/// The most bytes that are read to find the next file of an archive: libraries keep them in memory.
const LIST: u64 = 4 << 20;

/// The most files of an archive.
const FILES: usize = 10_000;

/// The longest name that is told, in characters.
const NAME: usize = 200;

/// The files of an archive, and which of them are disks.
struct Search<'a> {
    packing: Packing,
    /// The one that is asked for.
    member: Option<&'a str>,
    names: Vec<String>,
    disks: Vec<String>,
    found: Option<Unpacked>,
}

impl<'a> Search<'a> {
    fn new(packing: Packing, member: Option<&'a str>) -> Self {
        Self { packing, member, names: Vec::new(), disks: Vec::new(), found: None }
    }

    /// Looks at the next file; the first disk goes to the receiver.
    fn look_at(
        &mut self,
        name: &str,
        file: Box<dyn Read + '_>,
        packings: Vec<Packing>,
        receiver: &mut impl Receiver,
        peeks: bool,
    ) -> Result<(), Error> {
        if self.names.len() == FILES {
            return Err(Error::TooMany(FILES));
        }
        let shown = shown(name);
        self.names.push(shown.clone());
        if self.member.is_some_and(|member| !is_named(name, member)) {
            return Ok(());
        }
        let opened = Layers::open(file, packings).and_then(|mut layers| {
            let head = layers.head(peeks)?.bytes;
            Ok((layers, head))
        });
        let (mut layers, head) = match opened {
            Ok(opened) => opened,
            // What cannot be unpacked may be anything, unless it is what was asked for.
            Err(error) if self.member.is_some() => return Err(error),
            Err(_) => return Ok(()),
        };
        match receiver.check(&head) {
            Ok(()) => self.disks.push(shown.clone()),
            Err(reason) if self.member.is_some() => {
                return Err(Error::NoDisk { packing: self.packing, reason });
            }
            Err(_) => return Ok(()),
        }
        if self.found.is_none() {
            let found = Unpacked { packings: layers.packings.clone(), member: Some(shown) };
            receive(&mut layers, &found, &head, receiver)?;
            self.found = Some(found);
        }
        Ok(())
    }

    fn end(self) -> Result<Unpacked, Error> {
        let Self { packing, member, names, disks, found } = self;
        match (found, member) {
            (Some(_), _) if disks.len() > 1 => Err(Error::Several { names: disks }),
            (Some(found), _) => Ok(found),
            (None, Some(member)) => Err(Error::NoMember { member: shown(member), names }),
            (None, None) => Err(Error::NoDiskAmong { packing, names }),
        }
    }
}

/// Finds the disk in a tar archive, which is read once from its start to its end.
pub(crate) fn unpack_tar(
    layers: Layers<'_>,
    member: Option<&str>,
    receiver: &mut impl Receiver,
    peeks: bool,
) -> Result<Unpacked, Error> {
    let damaged = |source| Error::Damaged { packing: Packing::Tar, source };
    let mut packings = layers.packings;
    packings.push(Packing::Tar);
    let mut search = Search::new(Packing::Tar, member);
    let budget = Budget::new();
    let mut archive = tar::Archive::new(budget.bound(layers.inner));
    budget.set(LIST);
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        let stored = match kind {
            // The bytes that are in the archive are fewer than those of the file.
            EntryType::GNUSparse => entry.header().entry_size().map_err(damaged)?,
            _ => entry.size(),
        };
        if is_pax_sparse(&mut entry).map_err(damaged)? {
            return Err(damaged(io::Error::other(
                "it has a sparse file in the form of pax; make it with `tar --format=gnu`",
            )));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        budget.set(u64::MAX);
        if matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse) {
            search.look_at(&name, Box::new(&mut entry), packings.clone(), receiver, peeks)?;
        }
        let left = stored.saturating_sub(budget.taken());
        budget.set(left.saturating_add(LIST));
    }
    search.end()
}

/// Whether holes of the file are told by records of pax, which the reader does not know.
fn is_pax_sparse(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<bool> {
    let Some(records) = entry.pax_extensions()? else { return Ok(false) };
    for record in records {
        if record?.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Finds the disk in a zip archive.
pub(crate) fn unpack_zip(
    source: impl Read + Seek,
    member: Option<&str>,
    receiver: &mut impl Receiver,
) -> Result<Unpacked, Error> {
    let damaged =
        |error: zip::result::ZipError| Error::Damaged { packing: Packing::Zip, source: error.into() };
    let mut search = Search::new(Packing::Zip, member);
    let budget = Budget::new();
    budget.set(LIST);
    let mut archive = ZipArchive::new(budget.bound(source)).map_err(damaged)?;
    budget.set(u64::MAX);
    for number in 0..archive.len() {
        let file = archive.by_index(number).map_err(damaged)?;
        if file.is_file() {
            let name = String::from_utf8_lossy(file.name_raw()).into_owned();
            search.look_at(&name, Box::new(file), vec![Packing::Zip], receiver, false)?;
        }
    }
    search.end()
}

/// Whether a file of an archive is meant: by its whole name, or the last part of it.
pub fn is_named(name: &str, member: &str) -> bool {
    let name = name.trim_start_matches("./");
    name == member.trim_start_matches("./") || name.rsplit('/').next() == Some(member)
}

/// A name as it can be shown: who made the archive chose it.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(NAME).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
