use std::io::{self, Read};

use crate::ahead::Ahead;
use crate::decompress::{decompress, read_error};
use crate::packing::SIGNS;
use crate::{Error, HEAD, Packing};

/// The most layers around a disk: an archive in a compression, whose files are compressed.
const LAYERS: usize = 3;

/// The first bytes of a file.
pub(crate) struct Head {
    pub(crate) bytes: Vec<u8>,
    /// Why no more of them came, where a part is enough.
    pub(crate) cut: Option<io::Error>,
}

/// A file with its layers of compression taken off.
pub(crate) struct Layers<'a> {
    /// From the outermost on.
    pub(crate) packings: Vec<Packing>,
    pub(crate) inner: Ahead<Box<dyn Read + 'a>>,
}

impl<'a> Layers<'a> {
    /// What is in `source`, which lies in `packings` itself. It may be an archive.
    pub(crate) fn open(source: Box<dyn Read + 'a>, packings: Vec<Packing>) -> Result<Self, Error> {
        let mut layers = Self { packings, inner: Ahead::new(source) };
        while let Some(packing) = layers.packing()?.filter(|packing| !packing.is_archive()) {
            if layers.packings.len() == LAYERS {
                return Err(Error::Layers);
            }
            layers.packings.push(packing);
            layers.inner = Ahead::new(decompress(packing, layers.inner)?);
        }
        Ok(layers)
    }

    /// How what comes next is packed.
    pub(crate) fn packing(&mut self) -> Result<Option<Packing>, Error> {
        let signs = self.inner.ahead(SIGNS).map(Packing::of);
        signs.map_err(|error| self.error(error))
    }

    /// The first [`HEAD`] bytes.
    pub(crate) fn head(&mut self, peeks: bool) -> Result<Head, Error> {
        let mut bytes = Vec::with_capacity(HEAD);
        let read = Read::by_ref(&mut self.inner).take(HEAD as u64).read_to_end(&mut bytes);
        match read {
            Err(error) if !peeks || bytes.is_empty() => Err(self.error(error)),
            read => Ok(Head { bytes, cut: read.err() }),
        }
    }

    /// Fills a block; less comes only at the end.
    pub(crate) fn fill(&mut self, block: &mut [u8]) -> Result<usize, Error> {
        fill(&mut self.inner, block).map_err(|error| self.error(error))
    }

    /// What a failed read means.
    pub(crate) fn error(&self, error: io::Error) -> Error {
        match self.packings.last() {
            Some(packing) => read_error(*packing, error),
            None => Error::Read(error),
        }
    }
}

/// Reads until a block is full or nothing more comes.
pub(crate) fn fill(source: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < block.len() {
        match source.read(&mut block[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}
