use std::io;

use crate::layers::Layers;
use crate::{Error, HEAD, Packing};

/// How much is handed to the receiver at once, in bytes.
const BLOCK: usize = 256 << 10;

/// Where a disk goes.
pub trait Receiver {
    /// Whether a file that begins with these (its first [`HEAD`]) bytes is a disk.
    ///
    /// # Errors
    /// Why it is none, as the end of a sentence.
    fn check(&self, head: &[u8]) -> Result<(), String>;

    /// The disk comes: its bytes, those of `head` included, are given to [`Receiver::write`] after this.
    ///
    /// # Errors
    /// There is no place for it.
    fn begin(&mut self, found: &Unpacked, head: &[u8]) -> io::Result<()>;

    /// Takes the next bytes of the disk.
    ///
    /// # Errors
    /// It has no room for them, or wants no more.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// How a disk was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The layers, from the outermost on.
    pub packings: Vec<Packing>,
    /// The disk's name in an archive.
    pub member: Option<String>,
}

impl Unpacked {
    /// The format of the disk and how it was packed: `raw in tar in xz`.
    pub fn describe(&self, format: &str) -> String {
        let around = self.packings.iter().rev();
        around.fold(format.to_owned(), |inner, packing| format!("{inner} in {packing}"))
    }
}

/// Hands a disk over, whose head has been read.
pub(crate) fn receive(
    layers: &mut Layers<'_>,
    found: &Unpacked,
    head: &[u8],
    receiver: &mut impl Receiver,
) -> Result<(), Error> {
    receiver.begin(found, head).map_err(Error::Write)?;
    receiver.write(head).map_err(Error::Write)?;
    if head.len() < HEAD {
        return Ok(());
    }
    let mut block = vec![0; BLOCK];
    loop {
        let count = layers.fill(&mut block)?;
        receiver.write(&block[..count]).map_err(Error::Write)?;
        if count < block.len() {
            return Ok(());
        }
    }
}
