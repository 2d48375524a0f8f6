use std::io::{Read, Seek};

use crate::layers::{Head, Layers, fill};
use crate::packing::SIGNS;
use crate::receiver::{Receiver, Unpacked, receive};
use crate::{Error, Packing, archive};

/// Unpacks the one disk in `source`, or the one of that name in an archive; none when the source is not packed at all.
/// A zip archive is read from its end; everything else from its start to its end, once.
///
/// # Errors
/// See [`Error`]. The receiver may have been given a part of the disk.
pub fn unpack<S: Read + Seek>(
    mut source: S,
    member: Option<&str>,
    receiver: &mut impl Receiver,
) -> Result<Option<Unpacked>, Error> {
    let mut signs = [0; SIGNS];
    let count = fill(&mut source, &mut signs).map_err(Error::Read)?;
    match Packing::of(&signs[..count]) {
        None => return Ok(None),
        Some(Packing::Zip) => return archive::unpack_zip(source, member, receiver).map(Some),
        Some(_) => source.rewind().map_err(Error::Read)?,
    }
    unpack_stream(Box::new(source), member, receiver, false).map(Some)
}

/// Unpacks what is read once from its start. With `peeks`, a part of the head is enough where the rest does not come.
pub(crate) fn unpack_stream(
    source: Box<dyn Read + '_>,
    member: Option<&str>,
    receiver: &mut impl Receiver,
    peeks: bool,
) -> Result<Unpacked, Error> {
    let mut layers = Layers::open(source, Vec::new())?;
    if layers.packing()? == Some(Packing::Tar) {
        return archive::unpack_tar(layers, member, receiver, peeks);
    }
    if member.is_some() {
        return Err(Error::NoArchive);
    }
    let packing = layers.packings.last().copied().unwrap_or(Packing::Tar);
    let found = Unpacked { packings: layers.packings.clone(), member: None };
    let Head { bytes: head, cut } = layers.head(peeks)?;
    receiver.check(&head).map_err(|reason| match cut {
        Some(error) => Error::Read(error),
        None => Error::NoDisk { packing, reason },
    })?;
    receive(&mut layers, &found, &head, receiver)?;
    Ok(found)
}
