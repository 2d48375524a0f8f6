//! Bytes on their way: each of MD5, SHA-256, what else is wanted of them, the pieces' hashes and the disk takes them on a thread of its own, so that
//! the slowest of them alone sets the pace. The buffers go round and round; waiting for a free one is what holds back
//! the source.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{io, thread};

use ays_model::{Activity, Checksum, Md5, Sha1, Sha256, Sha384, Sha512};
use ays_protocol::{Expected, PIECE};
use sha2::Digest;
use sha2::digest::Output;
use tokio::sync::{mpsc, oneshot};

use crate::disk::on_thread;
use crate::report::Report;
use crate::unpack::Arrival;
use crate::write_back::WriteBack;

/// The size of a buffer, in bytes.
pub(crate) const BUFFER: usize = 512 << 10;

/// How many buffers go round.
const BUFFERS: usize = 8;

/// The SHA-256 of a piece.
pub(crate) type PieceHash = Sha256;

/// Is told the hash of each whole piece, in order, once its bytes are in the file.
pub(crate) type OnPiece = Box<dyn FnMut(PieceHash) + Send>;

/// What the bytes hash to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) md5: Md5,
    pub(crate) sha256: Sha256,
    /// What else was wanted of the file.
    pub(crate) wanted: Option<Expected>,
    /// Of the bytes after the last whole piece, where pieces are hashed and there are such bytes.
    pub(crate) last_piece: Option<PieceHash>,
}

/// A buffer that goes back to the free ones when the last lane is done with it.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    home: mpsc::UnboundedSender<Vec<u8>>,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // Nobody waits for it any more when the lanes are gone.
        let _ = self.home.send(std::mem::take(&mut self.bytes));
    }
}

/// The threads.
#[derive(Debug)]
pub(crate) struct Lanes {
    free: mpsc::UnboundedReceiver<Vec<u8>>,
    home: mpsc::UnboundedSender<Vec<u8>>,
    md5: Lane<Md5>,
    sha256: Lane<Sha256>,
    wanted: Option<Lane<Expected>>,
    pieces: Option<Lane<Option<PieceHash>>>,
    disk: Option<DiskLane>,
}

#[derive(Debug)]
struct Lane<R> {
    queue: Sender<Arc<Buffer>>,
    result: oneshot::Receiver<R>,
}

#[derive(Debug)]
struct DiskLane {
    lane: Lane<io::Result<()>>,
    failed: Arc<AtomicBool>,
}

impl Lanes {
    /// Lanes that only hash; with `on_piece`, the pieces too.
    pub(crate) fn hashing(on_piece: Option<OnPiece>) -> Self {
        let (home, free) = mpsc::unbounded_channel();
        for _ in 0..BUFFERS {
            let _ = home.send(Vec::with_capacity(BUFFER));
        }
        let pieces = on_piece.map(hash_pieces);
        let md5 = hash::<md5::Md5, _>(|bytes| Md5(bytes.into()));
        let sha256 = hash::<sha2::Sha256, _>(|bytes| Sha256(bytes.into()));
        Self { free, home, md5, sha256, wanted: None, pieces, disk: None }
    }

    /// The same with what `expected` is, where nothing else tells it.
    pub(crate) fn for_expected(mut self, expected: Option<&Expected>) -> Self {
        self.wanted = match expected {
            Some(Expected::Checksum(checksum)) => match checksum {
                Checksum::Md5(_) | Checksum::Sha256(_) => None,
                Checksum::Sha1(_) => Some(wanted::<sha1::Sha1>(|bytes| Checksum::Sha1(Sha1(bytes.into())))),
                Checksum::Sha384(_) => {
                    Some(wanted::<sha2::Sha384>(|bytes| Checksum::Sha384(Sha384(bytes.into()))))
                }
                Checksum::Sha512(_) => {
                    Some(wanted::<sha2::Sha512>(|bytes| Checksum::Sha512(Sha512(bytes.into()))))
                }
            },
            Some(Expected::Inside(_)) | None => None,
        };
        self
    }

    /// Lanes that have hashed the first `at` bytes of `file`, and write what comes after them.
    pub(crate) async fn writing(
        file: File,
        at: u64,
        on_piece: Option<OnPiece>,
        expected: Option<&Expected>,
        arrival: &Arc<Arrival>,
        report: &Report,
    ) -> io::Result<Self> {
        let mut lanes = Self::hashing(on_piece).for_expected(expected);
        lanes.hash_file(&file, at, report).await?;
        // A piece is hashed only when it can be read from the file.
        let then = lanes.pieces.as_ref().map(|pieces| pieces.queue.clone());
        lanes.disk = Some(write(file, at, then, Arc::clone(arrival)));
        Ok(lanes)
    }

    /// The next free buffer, empty.
    pub(crate) async fn buffer(&mut self) -> Buffer {
        let mut bytes = self.free.recv().await.unwrap_or_default();
        bytes.clear();
        Buffer { bytes, home: self.home.clone() }
    }

    /// Hashes and writes.
    pub(crate) fn push(&mut self, buffer: Buffer) {
        let buffer = Arc::new(buffer);
        if let Some(disk) = &self.disk {
            // A lane ends only when its queue does.
            let _ = disk.lane.queue.send(Arc::clone(&buffer));
        }
        self.hash_whole(buffer);
    }

    fn hash_whole(&mut self, buffer: Arc<Buffer>) {
        let _ = self.md5.queue.send(Arc::clone(&buffer));
        if let Some(wanted) = &self.wanted {
            let _ = wanted.queue.send(Arc::clone(&buffer));
        }
        let _ = self.sha256.queue.send(buffer);
    }

    /// The disk refused bytes: the rest need not come. [`Lanes::finish`] says why.
    pub(crate) fn is_disk_failed(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.failed.load(Ordering::Relaxed))
    }

    /// Hashes the first `length` bytes of a file; a file that is shorter is an error.
    pub(crate) async fn hash_file(&mut self, file: &File, length: u64, report: &Report) -> io::Result<()> {
        let mut at = 0;
        while at < length {
            let (file, mut buffer) = (file.try_clone()?, self.buffer().await);
            let count = usize::try_from(length - at).map_or(BUFFER, |left| left.min(BUFFER));
            let buffer = on_thread(move || {
                buffer.bytes.resize(count, 0);
                file.read_exact_at(&mut buffer.bytes, at).map(|()| buffer)
            })
            .await?;
            let buffer = Arc::new(buffer);
            if let Some(pieces) = &self.pieces {
                let _ = pieces.queue.send(Arc::clone(&buffer));
            }
            self.hash_whole(buffer);
            at += count as u64;
            report.at(Activity::Verify, at, Some(length));
        }
        Ok(())
    }

    /// Waits until all bytes are hashed and handed to the system.
    pub(crate) async fn finish(self) -> io::Result<Digests> {
        let (md5, sha256) = (self.md5.finish().await?, self.sha256.finish().await?);
        if let Some(disk) = self.disk {
            disk.lane.finish().await??;
        }
        let last_piece = match self.pieces {
            Some(pieces) => pieces.finish().await?,
            None => None,
        };
        let wanted = match self.wanted {
            Some(wanted) => Some(wanted.finish().await?),
            None => None,
        };
        Ok(Digests { md5, sha256, wanted, last_piece })
    }
}

impl<R> Lane<R> {
    async fn finish(self) -> io::Result<R> {
        drop(self.queue);
        self.result.await.map_err(|_| io::Error::other("a thread of the helper ended early"))
    }
}

fn lane<R: Send + 'static>(work: impl FnOnce(Receiver<Arc<Buffer>>) -> R + Send + 'static) -> Lane<R> {
    let (queue, pieces) = channel();
    let (done, result) = oneshot::channel();
    thread::spawn(move || done.send(work(pieces)));
    Lane { queue, result }
}

fn hash<D: Digest + Send, T: Send + 'static>(named: fn(Output<D>) -> T) -> Lane<T> {
    lane(move |pieces| {
        let mut hash = D::new();
        for piece in pieces {
            hash.update(&piece.bytes);
        }
        named(hash.finalize())
    })
}

fn wanted<D: Digest + Send + 'static>(named: fn(Output<D>) -> Checksum) -> Lane<Expected> {
    lane(move |pieces| {
        let mut hash = D::new();
        for piece in pieces {
            hash.update(&piece.bytes);
        }
        Expected::Checksum(named(hash.finalize()))
    })
}

fn hash_pieces(mut on_piece: OnPiece) -> Lane<Option<PieceHash>> {
    lane(move |buffers| {
        let mut hash = sha2::Sha256::new();
        let mut room = PIECE;
        for buffer in buffers {
            let mut bytes = &buffer.bytes[..];
            while !bytes.is_empty() {
                let fits = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
                let (now, then) = bytes.split_at(fits);
                hash.update(now);
                room -= now.len() as u64;
                bytes = then;
                if room == 0 {
                    on_piece(Sha256(hash.finalize_reset().into()));
                    room = PIECE;
                }
            }
        }
        (room < PIECE).then(|| Sha256(hash.finalize().into()))
    })
}

fn write(file: File, mut at: u64, then: Option<Sender<Arc<Buffer>>>, arrival: Arc<Arrival>) -> DiskLane {
    let failed = Arc::new(AtomicBool::new(false));
    let fail = Arc::clone(&failed);
    let lane = lane(move |pieces| {
        let mut write_back = WriteBack::new(&file)?;
        arrival.reached(at);
        let mut result = Ok(());
        // After a failure the pieces are still taken, so that their buffers go round.
        for piece in pieces {
            if result.is_err() {
                continue;
            }
            result = file.write_all_at(&piece.bytes, at);
            at += piece.bytes.len() as u64;
            if result.is_ok() {
                arrival.reached(at);
            }
            fail.store(result.is_err(), Ordering::Relaxed);
            write_back.written(piece.bytes.len() as u64);
            if let Some(then) = &then
                && result.is_ok()
            {
                let _ = then.send(piece);
            }
        }
        result
    });
    DiskLane { lane, failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_than_the_buffers_hold_is_hashed_and_written_in_order() {
        let file = tempfile::tempfile().unwrap();
        let (report, _) = Report::new();
        let mut lanes =
            Lanes::writing(file.try_clone().unwrap(), 0, None, None, &Arc::default(), &report).await.unwrap();
        let mut whole = Vec::new();
        for number in 0..=(2 * BUFFERS as u8) {
            let mut buffer = lanes.buffer().await;
            buffer.bytes.resize(1000 + usize::from(number), number);
            whole.extend_from_slice(&buffer.bytes);
            lanes.push(buffer);
        }
        let digests = lanes.finish().await.unwrap();
        assert_eq!(
            digests,
            Digests {
                md5: Md5(md5::Md5::digest(&whole).into()),
                sha256: Sha256(sha2::Sha256::digest(&whole).into()),
                wanted: None,
                last_piece: None
            }
        );
        let mut written = vec![0; whole.len()];
        file.read_exact_at(&mut written, 0).unwrap();
        assert_eq!(written, whole);
    }

    #[tokio::test]
    async fn what_is_there_already_is_hashed_first() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"abc-and-what-is-overwritten", 0).unwrap();
        let (report, _) = Report::new();
        let mut lanes =
            Lanes::writing(file.try_clone().unwrap(), 3, None, None, &Arc::default(), &report).await.unwrap();
        let mut buffer = lanes.buffer().await;
        buffer.bytes.extend_from_slice(b"def");
        lanes.push(buffer);
        assert_eq!(lanes.finish().await.unwrap().md5, Md5(md5::Md5::digest(b"abcdef").into()));
    }

    #[tokio::test]
    async fn pieces_are_hashed_wherever_a_buffer_ends_and_can_be_read() {
        let whole: Vec<_> = (0..2 * PIECE + 100).map(|number| (number / 1000) as u8).collect();
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&whole[..1000], 0).unwrap();
        let (report, _) = Report::new();
        let (sender, hashes) = channel();
        let there = file.try_clone().unwrap();
        let on_piece: OnPiece = Box::new(move |hash| {
            sender.send((hash, there.metadata().unwrap().len())).unwrap();
        });
        let mut lanes =
            Lanes::writing(file.try_clone().unwrap(), 1000, Some(on_piece), None, &Arc::default(), &report)
                .await
                .unwrap();
        for bytes in whole[1000..].chunks(BUFFER - 1) {
            let mut buffer = lanes.buffer().await;
            buffer.bytes.extend_from_slice(bytes);
            lanes.push(buffer);
        }
        let digests = lanes.finish().await.unwrap();
        let piece = PIECE as usize;
        assert_eq!(digests.last_piece, Some(Sha256(sha2::Sha256::digest(&whole[2 * piece..]).into())));
        let (hashes, lengths): (Vec<PieceHash>, Vec<_>) = hashes.iter().unzip();
        assert_eq!(
            hashes,
            [&whole[..piece], &whole[piece..2 * piece]]
                .map(|piece| Sha256(sha2::Sha256::digest(piece).into()))
        );
        assert!((1..).zip(lengths).all(|(number, length)| length >= number * PIECE));
    }

    #[tokio::test]
    async fn a_full_disk_is_an_error_and_no_standstill() {
        let file = File::options().read(true).write(true).open("/dev/full").unwrap();
        let (report, _) = Report::new();
        let mut lanes = Lanes::writing(file, 0, None, None, &Arc::default(), &report).await.unwrap();
        while !lanes.is_disk_failed() {
            let mut buffer = lanes.buffer().await;
            buffer.bytes.push(1);
            lanes.push(buffer);
        }
        assert_eq!(lanes.finish().await.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
