//! A follower of a shared fetch: it takes pieces from another node, and verifies each.

use std::fs::File;
use std::future::pending;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use ays_model::{Activity, Digest};
use ays_protocol::{
    Expected, Failure, Fetched, News, Opened, PIECE, PassedCopy, Pieces, Said, Stamp, Sums, Supplier, Whole,
};
use tokio::net::TcpListener;

use super::piece::{Piece, has_data};
use super::request::Request;
use super::supplier::{Lost, Taking, Way};
use super::taker::digest_of;
use super::{Ended, Shared, Turn};
use crate::disk::{failure, on_thread, refused};
use crate::fetch::{Identity, Kept, Partial, Wanted, keep, room};
use crate::lanes::PieceHash;

/// The disk is told to begin with what it has after so many bytes, so that the sync at the end is short.
const WRITE_BACK_EVERY: u64 = 64 << 20;

/// Takes pieces until the file has its name, or this node is to lead.
pub(super) async fn follow(
    shared: &mut Shared<'_>,
    partial: &mut Partial,
    supplier: Option<Supplier>,
) -> Result<Turn, Failure> {
    let mut follower = Follower {
        shared,
        partial,
        left: 0,
        resumed_at: 0,
        whole: None,
        looked_for: None,
        supplier,
        taking: None,
        unsynced: 0,
        received: 0,
    };
    if follower.is_opened() {
        // What was being written when this node was to lead no more.
        follower.cut()?;
    }
    match follower.run().await? {
        End::Lead => Ok(Turn::Lead),
        End::Kept(fetched) => {
            follower.partial.give_up();
            Ok(Turn::Ended(Ended::Fetched(Box::new(fetched))))
        }
        End::Whole(whole) => follower.end(whole).await.map(Turn::Ended),
    }
}

struct Follower<'a, 'b> {
    shared: &'a mut Shared<'b>,
    partial: &'a mut Partial,
    /// How long the file is that an earlier run left; what is not verified yet may be of no use.
    left: u64,
    resumed_at: u64,
    whole: Option<Whole>,
    /// What a present file has been compared with.
    looked_for: Option<Expected>,
    supplier: Option<Supplier>,
    taking: Option<Taking>,
    /// Bytes that were written since the disk was told to begin.
    unsynced: u64,
    /// Bytes that came from other nodes.
    received: u64,
}

enum End {
    Lead,
    Kept(Fetched),
    Whole(Whole),
}

impl Follower<'_, '_> {
    async fn run(&mut self) -> Result<End, Failure> {
        loop {
            let (have, next) = {
                let stock = self.shared.stock.borrow();
                (stock.have, stock.next())
            };
            if let Some(whole) = self.whole.take_if(|whole| whole.size == have) {
                return Ok(End::Whole(whole));
            }
            let is_left = have < self.left;
            if !is_left {
                self.connect().await;
            }
            tokio::select! {
                biased;
                news = self.shared.news() => {
                    if let Some(end) = self.hear(news).await? {
                        return Ok(end);
                    }
                }
                hash = once_known(next.filter(|_| is_left)) => self.use_left(have, hash).await?,
                // A piece whose hash is not known yet waits.
                (hash, piece) = next_piece(next.filter(|_| !is_left), &mut self.taking) => match piece {
                    Ok(piece) => self.place(have, piece, hash).await?,
                    Err(lost) => self.lose(lost),
                },
            }
        }
    }

    fn is_opened(&self) -> bool {
        self.shared.stock.borrow().opened.is_some()
    }

    /// Whether it is news of what is being read now.
    fn is_current(&self, epoch: u32) -> bool {
        self.is_opened() && epoch == self.shared.stock.borrow().epoch
    }

    async fn hear(&mut self, news: News) -> Result<Option<End>, Failure> {
        match news {
            News::Failed(failure) => {
                // A stored file that no node gives now may be given by one later.
                let may_go_on = self.shared.copy.is_some() && matches!(failure, Failure::Unreachable { .. });
                if !may_go_on {
                    self.partial.give_up();
                }
                return Err(failure);
            }
            News::From(Supplier::Source) => {
                if self.is_opened() {
                    self.cut()?;
                }
                return Ok(Some(End::Lead));
            }
            News::From(supplier) => {
                self.taking = None;
                self.supplier = Some(supplier);
            }
            News::Opened(opened) => return self.open(opened).await,
            News::Pieces(pieces) if self.is_current(pieces.epoch) => self.learn(&pieces),
            News::Whole(whole) if self.is_current(whole.epoch) => self.whole = Some(whole),
            News::Pieces(_) | News::Whole(_) => {}
        }
        Ok(None)
    }

    /// Begins anew; with what an earlier run left, when that was of the same file.
    async fn open(&mut self, opened: Opened) -> Result<Option<End>, Failure> {
        let order = self.shared.order;
        let is_first = !self.is_opened();
        if !is_first && opened.epoch <= self.shared.stock.borrow().epoch {
            return Ok(None);
        }
        if self.taking.take().is_some() && self.supplier.is_none() {
            self.lose(Lost::failed("the file is read anew"));
        }
        let identity = Identity {
            size: opened.size,
            etag: opened.etag.clone(),
            last_modified: opened.last_modified.clone(),
        };
        let (size, data, expected) = (opened.size, opened.data, opened.expected);
        let (signer, version) = (opened.signed_by.clone(), opened.version.clone());
        let mut wanted = Wanted { expected, signer, version, ..Wanted::default() };
        self.shared.stock.send_modify(|stock| stock.reset(opened.epoch, Some(opened)));
        self.resumed_at = 0;
        self.whole = None;
        // The pieces' hashes tell whether its bytes are whole.
        let left = self.partial.resumable(order, true);
        self.left = match left.filter(|left| is_first && left.identity == identity) {
            Some(left) => left.at,
            None => {
                self.partial.restart()?;
                0
            }
        };
        self.make_sure_of_room(size, data)?;
        self.partial.note(&order.url, &identity)?;
        if expected.is_none() || expected == self.looked_for {
            return Ok(None);
        }
        self.looked_for = expected;
        let kept = keep(order, None, &mut wanted, None, self.shared.report).await?;
        Ok(kept.map(|Kept { fetched, file, .. }| {
            self.shared.stock.send_modify(|stock| {
                stock.file = file;
                stock.have = fetched.size;
                stock.is_whole = true;
            });
            End::Kept(fetched)
        }))
    }

    fn learn(&self, pieces: &Pieces) {
        self.shared.stock.send_modify(|stock| {
            for (number, hash) in (pieces.first..).zip(&pieces.sha256) {
                if number == stock.known.len() as u64 {
                    stock.known.push(*hash);
                }
            }
        });
    }

    /// Begins to take pieces, if it is time for that.
    async fn connect(&mut self) {
        let (request, is_time) = {
            let stock = self.shared.stock.borrow();
            let is_time = stock.opened.as_ref().is_some_and(|opened| opened.size != Some(stock.have));
            (Request { epoch: stock.epoch, first: stock.pieces() }, is_time)
        };
        if !is_time || self.taking.is_some() {
            return;
        }
        let way = match &self.supplier {
            Some(Supplier::Peer(address)) => Way::Peer(*address),
            Some(Supplier::Inbox) => {
                self.supplier = None;
                match inbox().await {
                    Ok((listener, port)) => {
                        self.shared.teller.say(Said::Inbox { port });
                        Way::Inbox(listener)
                    }
                    Err(error) => return self.lose(Lost::unreachable(error)),
                }
            }
            Some(Supplier::Source) | None => return,
        };
        self.taking = Some(Taking::start(way, Arc::clone(&self.shared.tls), request));
    }

    fn lose(&mut self, Lost { reason, unreachable }: Lost) {
        self.taking = None;
        self.supplier = None;
        self.shared.teller.say(Said::Lost { reason, unreachable });
    }

    /// The next piece of what an earlier run left.
    async fn use_left(&mut self, have: u64, hash: PieceHash) -> Result<(), Failure> {
        let length = PIECE.min(self.left - have);
        let file = Arc::clone(&self.shared.stock.borrow().file);
        if on_thread(move || is_there(&file, have, length, hash)).await {
            self.resumed_at = have + length;
            self.advance(have + length);
            Ok(())
        } else {
            self.cut()
        }
    }

    /// Leaves only what is verified in the file.
    fn cut(&mut self) -> Result<(), Failure> {
        self.left = 0;
        self.partial.cut(self.shared.stock.borrow().have)
    }

    async fn place(&mut self, have: u64, piece: Piece, hash: PieceHash) -> Result<(), Failure> {
        let (length, received) = (piece.length, piece.received);
        let opened_size = self.shared.stock.borrow().opened.as_ref().and_then(|opened| opened.size);
        if opened_size.is_none() {
            let most = room(&self.shared.order.dest, have, None)?;
            if have + length > most {
                self.partial.give_up();
                let path = self.shared.order.dest.parent().unwrap_or(&self.shared.order.dest);
                let path = path.display().to_string();
                return Err(Failure::Space { path, needed: have + length, free: most });
            }
        }
        let written = match self.partial.file() {
            Ok(file) => on_thread(move || place(&file, have, &piece, hash)).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(Placed::Good) => {
                self.received += received;
                self.advance(have + length);
                self.write_back(received);
            }
            Ok(Placed::Wrong) => self.lose(Lost::failed("it gave a piece that is not the leader's")),
            Err(error) => {
                self.partial.give_up();
                return Err(failure(self.partial.path(), "writing", &error));
            }
        }
        Ok(())
    }

    fn advance(&self, have: u64) {
        self.shared.stock.send_modify(|stock| stock.have = have);
        self.partial.arrival().reached(have);
        let size = self.shared.stock.borrow().opened.as_ref().and_then(|opened| opened.size);
        self.shared.report.at(Activity::Download, have, size);
    }

    fn write_back(&mut self, length: u64) {
        self.unsynced += length;
        if self.unsynced >= WRITE_BACK_EVERY {
            self.unsynced = 0;
            let file = Arc::clone(&self.shared.stock.borrow().file);
            // The sync at the end says when the disk fails.
            drop(tokio::task::spawn_blocking(move || rustix::fs::fdatasync(&file)));
        }
    }

    async fn end(mut self, whole: Whole) -> Result<Ended, Failure> {
        // What an earlier run left may be longer than the file is.
        self.cut()?;
        self.partial.arrival().complete();
        self.shared.stock.send_modify(|stock| stock.is_whole = true);
        if let Some(digest) = self.shared.copy {
            self.verify(digest, whole.size).await?;
        }
        self.shared.report.at(Activity::Sync, whole.size, Some(whole.size));
        let stamp = self.partial.commit().await?;
        self.ended(whole, stamp)
    }

    /// All came from other nodes; what they say of it is not believed.
    async fn verify(&mut self, expected: Digest, size: u64) -> Result<(), Failure> {
        let (file, report) = (Arc::clone(&self.shared.stock.borrow().file), self.shared.report.clone());
        let found = on_thread(move || digest_of(&file, size, expected, &report)).await;
        let found = found.map_err(|error| failure(self.partial.path(), "reading", &error))?;
        if found == expected {
            return Ok(());
        }
        self.partial.give_up();
        Err(Failure::Checksum {
            url: self.shared.order.dest.display().to_string(),
            algorithm: "digest".to_owned(),
            expected: expected.to_string(),
            actual: found.to_string(),
        })
    }

    fn ended(&self, whole: Whole, stamp: Stamp) -> Result<Ended, Failure> {
        let (kept, resumed_at, size) = (false, self.resumed_at, whole.size);
        if self.shared.copy.is_some() {
            let received = self.received;
            return Ok(Ended::Taken(PassedCopy { size, kept, resumed_at, received, stamp }));
        }
        let Some(Sums { md5, sha256 }) = whole.sums else {
            return Err(refused(&self.shared.order.dest, "it came without its source's checksums"));
        };
        Ok(Ended::Fetched(Box::new(Fetched {
            size,
            md5,
            sha256,
            verified_by: whole.verified_by,
            signed_by: whole.signed_by,
            version: whole.version,
            kept,
            is_source: false,
            resumed_at,
            etag: whole.etag,
            last_modified: whole.last_modified,
            stamp,
        })))
    }

    /// Before anything is written. Holes take no room.
    fn make_sure_of_room(&self, size: Option<u64>, data: Option<u64>) -> Result<(), Failure> {
        let dest = &self.shared.order.dest;
        match data {
            None => room(dest, self.left, size).map(drop),
            Some(data) => room(dest, self.partial.taken(), Some(data)).map(drop),
        }
    }
}

async fn once_known<T>(value: Option<T>) -> T {
    match value {
        Some(value) => value,
        None => pending().await,
    }
}

async fn next_piece(
    hash: Option<PieceHash>,
    taking: &mut Option<Taking>,
) -> (PieceHash, Result<Piece, Lost>) {
    match (hash, taking) {
        (Some(hash), Some(taking)) => (hash, taking.next().await),
        _ => pending().await,
    }
}

async fn inbox() -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Whether the file has that piece. A file that cannot be read has not.
fn is_there(file: &File, at: u64, length: u64, hash: PieceHash) -> bool {
    if has_data(file, at, length).is_ok_and(|has_data| !has_data) {
        return super::piece::zeros_hash(length) == hash;
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut bytes, at).is_ok() && super::piece::hash(&bytes) == hash
}

enum Placed {
    Good,
    /// It is another piece; nothing was written.
    Wrong,
}

/// Puts a piece at the end of the file; its zeros as holes.
fn place(file: &File, at: u64, piece: &Piece, hash: PieceHash) -> io::Result<Placed> {
    if !piece.is(hash) {
        return Ok(Placed::Wrong);
    }
    piece.write(file, at)?;
    Ok(Placed::Good)
}
