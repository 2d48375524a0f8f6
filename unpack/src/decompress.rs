use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use lz4_flex::frame::FrameDecoder;

use crate::ahead::Ahead;
use crate::{Error, Packing};

/// The most memory that xz may take, in bytes: `xz -9` takes 65 MiB.
const XZ_MEMORY: u64 = 80 << 20;

/// The largest window of zstd, as a power of two: 64 MiB.
const ZSTD_WINDOW: u32 = 26;

/// What is in a compressed file, as a reader. An archive is none.
pub(crate) fn decompress<'a>(
    packing: Packing,
    packed: Ahead<Box<dyn Read + 'a>>,
) -> Result<Box<dyn Read + 'a>, Error> {
    let damaged = |source| Error::Damaged { packing, source };
    Ok(match packing {
        Packing::Xz => {
            let stream =
                Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED).map_err(|error| damaged(error.into()))?;
            Box::new(XzDecoder::new_stream(packed, stream))
        }
        Packing::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(damaged)?;
            decoder.window_log_max(ZSTD_WINDOW).map_err(damaged)?;
            Box::new(decoder)
        }
        Packing::Gzip => Box::new(Members(Some(Member::Gzip(Box::new(GzDecoder::new(packed)))))),
        Packing::Bzip2 => Box::new(Members(Some(Member::Bzip2(BzDecoder::new(packed))))),
        Packing::Lz4 => Box::new(Members(Some(Member::Lz4(Box::new(FrameDecoder::new(packed)))))),
        Packing::Tar | Packing::Zip => return Err(Error::Layers),
    })
}

/// What a failed read of a compressed file means.
pub(crate) fn read_error(packing: Packing, source: io::Error) -> Error {
    let is_memory = source
        .get_ref()
        .and_then(|error| error.downcast_ref::<liblzma::stream::Error>())
        .is_some_and(|error| matches!(error, liblzma::stream::Error::MemLimit))
        || (packing == Packing::Zstd && source.to_string().contains("too much memory"));
    if is_memory { Error::Memory(packing) } else { Error::Damaged { packing, source } }
}

/// Compressed files that follow each other are one. What follows the last and is none is left out, as gzip and bzip2 do:
/// images for flash chips carry a signature there, others are padded with zeros.
struct Members<R: Read>(Option<Member<R>>);

enum Member<R: Read> {
    Gzip(Box<GzDecoder<R>>),
    Bzip2(BzDecoder<R>),
    Lz4(Box<FrameDecoder<R>>),
}

impl<R: Read> Read for Members<Ahead<R>> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.0 {
            let read = match member {
                Member::Gzip(decoder) => decoder.read(bytes),
                Member::Bzip2(decoder) => decoder.read(bytes),
                Member::Lz4(decoder) => decoder.read(bytes),
            }?;
            if read > 0 {
                return Ok(read);
            }
            self.0 = self.0.take().map(Member::next).transpose()?.flatten();
        }
        Ok(0)
    }
}

impl<R: Read> Member<Ahead<R>> {
    /// The one behind it, where there is one.
    fn next(self) -> io::Result<Option<Self>> {
        let (mut rest, packing) = match self {
            Self::Gzip(decoder) => (decoder.into_inner(), Packing::Gzip),
            Self::Bzip2(decoder) => (decoder.into_inner(), Packing::Bzip2),
            Self::Lz4(decoder) => (decoder.into_inner(), Packing::Lz4),
        };
        skip_zeros(&mut rest)?;
        if Packing::of(rest.ahead(10)?) != Some(packing) {
            return Ok(None);
        }
        Ok(Some(match packing {
            Packing::Gzip => Self::Gzip(Box::new(GzDecoder::new(rest))),
            Packing::Bzip2 => Self::Bzip2(BzDecoder::new(rest)),
            _ => Self::Lz4(Box::new(FrameDecoder::new(rest))),
        }))
    }
}

fn skip_zeros(rest: &mut impl BufRead) -> io::Result<()> {
    loop {
        let next = rest.fill_buf()?;
        let zeros = next.iter().take_while(|byte| **byte == 0).count();
        let is_all = zeros == next.len();
        rest.consume(zeros);
        if zeros == 0 || !is_all {
            return Ok(());
        }
    }
}
