//! Cuts a disk into pieces, has them hashed by all cores, and puts their hashes together in order.

use std::collections::VecDeque;
use std::fs::File;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, available_parallelism, scope};

use super::extents::{Emit, Extent};
use super::pieces::{Common, Hashes, Piece, Reader, SPAN};
use super::tree::{BLOCK, Hash, Tree, parent, zero_leaf, zero_span};
use super::{Control, Error, Measured, Progress};

/// How many pieces wait or are in work for each thread, so that none is idle while the first is waited for.
const AHEAD: usize = 4;

/// Measures a disk of `size` bytes with the extents that `walk` emits in order. A compressed cluster of it has
/// `cluster_size` bytes, and is in one piece, so that it is inflated once.
pub(super) fn measure<'a>(
    file: &'a File,
    size: u64,
    cluster_size: u64,
    control: Control<'a>,
    walk: impl FnOnce(&mut Emit<'_>) -> Result<(), Error>,
) -> Result<Measured, Error> {
    let common = Common::new(file, cluster_size, &control);
    let threads = available_parallelism().map_or(1, NonZero::get);
    let (jobs, queue) = sync_channel(threads * AHEAD);
    let queue = Mutex::new(queue);
    scope(|scope| {
        let mut order = Order {
            scope,
            crew: Crew { common: &common, queue: &queue },
            jobs,
            threads: (0, threads),
            size,
            span: SPAN.max(cluster_size),
            open: None,
            pending: VecDeque::new(),
            tree: Tree::default(),
            position: 0,
            data: 0,
            progress: control.progress,
            pieces: control.pieces,
        };
        let result = walk(&mut |extent| order.add(extent)).and_then(|()| order.finish());
        if result.is_err() {
            common.failed.store(true, Ordering::Relaxed);
        }
        result
    })
}

/// A piece, and where its hashes go.
struct Job {
    piece: Piece,
    reply: SyncSender<Result<Hashes, Error>>,
}

/// What a thread needs.
#[derive(Clone, Copy)]
struct Crew<'env> {
    common: &'env Common<'env>,
    queue: &'env Mutex<Receiver<Job>>,
}

impl Crew<'_> {
    /// Hashes pieces until there are no more.
    fn work(self) {
        let mut reader = Reader::new(self.common);
        loop {
            // No thread panics while it has the lock.
            let Ok(Ok(job)) = self.queue.lock().map(|queue| queue.recv()) else { return };
            // Nobody listens after a failure.
            let _ = job.reply.send(reader.hash(&job.piece));
        }
    }
}

/// A piece that was given away.
struct Pending {
    start: u64,
    length: u64,
    data: u64,
    hashes: Receiver<Result<Hashes, Error>>,
}

struct Order<'scope, 'env, 'a> {
    scope: &'scope Scope<'scope, 'env>,
    crew: Crew<'env>,
    jobs: SyncSender<Job>,
    /// How many there are, and how many there may be.
    threads: (usize, usize),
    size: u64,
    /// The size of a piece.
    span: u64,
    /// The piece to which extents are added.
    open: Option<Piece>,
    pending: VecDeque<Pending>,
    tree: Tree,
    /// All before it is in the tree.
    position: u64,
    data: u64,
    progress: Option<&'a mut dyn FnMut(Progress)>,
    pieces: Option<&'a mut dyn FnMut(u64, Hash)>,
}

impl<'scope, 'env> Order<'scope, 'env, '_> {
    fn add(&mut self, extent: Option<Extent>) -> Result<(), Error> {
        self.crew.common.check()?;
        let span = self.span;
        let mut rest = extent;
        while let Some(extent) = rest {
            let start = extent.start - extent.start % span;
            if self.open.as_ref().is_some_and(|piece| piece.start != start) {
                self.close()?;
            }
            let length = span.min(self.size - start);
            let piece = self.open.get_or_insert_with(|| Piece { start, length, extents: Vec::new() });
            let (first, after) = extent.split(start + length - extent.start);
            piece.extents.push(first);
            rest = after;
        }
        Ok(())
    }

    /// Gives the open piece away.
    fn close(&mut self) -> Result<(), Error> {
        let Some(piece) = self.open.take() else { return Ok(()) };
        let (count, most) = self.threads;
        if self.pending.len() >= count && count < most {
            self.start_thread()?;
        }
        if self.pending.len() >= self.threads.0 * AHEAD {
            self.combine()?;
        }
        let (reply, hashes) = sync_channel(1);
        let data = piece.extents.iter().map(|extent| extent.length).sum();
        self.pending.push_back(Pending { start: piece.start, length: piece.length, data, hashes });
        // It cannot fail: the queue outlives all.
        self.jobs.send(Job { piece, reply }).map_err(|_| Error::Cancelled)
    }

    fn start_thread(&mut self) -> Result<(), Error> {
        let crew = self.crew;
        match Builder::new().spawn_scoped(self.scope, move || crew.work()) {
            Ok(_) => self.threads.0 += 1,
            // Those that there are must do.
            Err(_) if self.threads.0 > 0 => self.threads.1 = self.threads.0,
            Err(error) => return Err(Error::Threads(error)),
        }
        Ok(())
    }

    /// Waits for the first piece that was given away, and puts it into the tree.
    fn combine(&mut self) -> Result<(), Error> {
        let Some(Pending { start, length, data, hashes }) = self.pending.pop_front() else { return Ok(()) };
        // Without an answer its thread has panicked, as the scope will.
        let hashes = hashes.recv().map_err(|_| Error::Cancelled)??;
        self.tell_pieces(start, &hashes);
        self.tree.push_zeros((start - self.position) / BLOCK as u64);
        hashes.spans.into_iter().for_each(|hash| self.tree.push(1, hash));
        hashes.blocks.into_iter().for_each(|hash| self.tree.push(0, hash));
        self.data += data;
        self.proceed(start + length);
        Ok(())
    }

    fn tell_pieces(&mut self, start: u64, Hashes { spans, blocks }: &Hashes) {
        let Some(pieces) = &mut self.pieces else { return };
        let last = blocks.iter().any(|hash| *hash != zero_leaf()).then(|| parent(blocks));
        let spans = spans.iter().map(|hash| Some(*hash).filter(|hash| *hash != zero_span()));
        for (number, hash) in (start / SPAN..).zip(spans.chain([last])) {
            if let Some(hash) = hash {
                pieces(number, hash);
            }
        }
    }

    fn finish(mut self) -> Result<Measured, Error> {
        self.close()?;
        while !self.pending.is_empty() {
            self.combine()?;
        }
        if self.position < self.size {
            self.tree.push_zeros((self.size - self.position).div_ceil(BLOCK as u64));
            self.proceed(self.size);
        }
        Ok(Measured { content: self.tree.digest(self.size), virtual_size: self.size, data_size: self.data })
    }

    fn proceed(&mut self, position: u64) {
        self.position = position;
        let (virtual_size, data) = (self.size, self.data);
        if let Some(progress) = &mut self.progress {
            progress(Progress { position, virtual_size, data });
        }
    }
}
