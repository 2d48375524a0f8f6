//! The one that passes a stored file on: it reads its own file, and says what its pieces are when all of it is what it
//! should be.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::{io, thread};

use ays_disk::content::Hasher;
use ays_model::{Activity, Content, Digest, Sha256};
use ays_protocol::{Failure, MOST_HASHES, News, Opened, PIECE, PassCopy, PassedCopy, Pieces, Said, Whole};
use sha2::Digest as _;
use tokio::sync::watch;

use super::piece::{has_data, hash, zeros_hash};
use super::server::{listen, serve};
use super::stock::Stock;
use super::teller::Teller;
use super::tls::Tls;
use super::{Listeners, Talk};
use crate::disk::{check_path, failure, on_thread};
use crate::hashing::data_in;
use crate::lanes::PieceHash;
use crate::report::Report;
use crate::stamp::stamp;

/// How many pieces wait to be hashed.
const AHEAD: usize = 4;

/// What was read of a file.
struct Read {
    hashes: Vec<PieceHash>,
    digest: Digest,
    /// How many bytes are data and no holes.
    data: u64,
}

/// Passes the file on until the helper ends; returns when all of it was read, and is what it should be.
pub(crate) async fn give(
    order: &PassCopy,
    report: &Report,
    talk: Talk,
    listeners: &Listeners,
) -> Result<PassedCopy, Failure> {
    check_path(&order.path)?;
    let tls = Arc::new(Tls::new(&order.share)?);
    let (path, size) = (order.path.clone(), order.size);
    let reading = |error: io::Error| failure(&order.path, "reading", &error);
    let opened = on_thread(move || {
        let file = crate::image_file::open_file(&path)?;
        let found = file.metadata()?;
        if !found.is_file() || found.len() != size {
            return Err(io::Error::other(format!("it is no file of {size} bytes")));
        }
        Ok((file, stamp(&found)))
    });
    let (file, stamp) = opened.await.map_err(reading)?;
    let (stock, _) = watch::channel(Stock::new(file.try_clone().map_err(reading)?));
    let (listener, port) = listen().await?;
    let serving = listeners.add(serve(listener, tls, stock.subscribe()));
    let teller = Teller::start(talk.id, talk.answers);
    teller.say(Said::Listening { port });
    let mut news = talk.news;
    let (expected, told) = (order.digest, report.clone());
    let reading_all = on_thread(move || read(&file, size, expected, &told));
    let read = tokio::select! {
        read = reading_all => read.map_err(reading),
        failure = nobody_wants_it(&mut news) => Err(failure),
    };
    let result = read
        .and_then(|read| if read.digest == expected { Ok(read) } else { Err(other(order, &read.digest)) });
    let passed = result.map(|read| {
        say_all(&stock, &teller, size, read);
        PassedCopy { size, kept: true, resumed_at: 0, received: 0, stamp }
    });
    teller.finish().await;
    if passed.is_err() {
        serving.abort();
    }
    passed
}

async fn nobody_wants_it(news: &mut tokio::sync::mpsc::UnboundedReceiver<News>) -> Failure {
    loop {
        match news.recv().await {
            Some(News::Failed(failure)) => return failure,
            // Who takes what from whom is the same to one that has all.
            Some(_) => {}
            None => return std::future::pending().await,
        }
    }
}

fn other(order: &PassCopy, found: &Digest) -> Failure {
    let algorithm = match found {
        Digest::FsVerity(_) => "fs-verity digest",
        Digest::Sha256(_) => "SHA-256",
    };
    Failure::Checksum {
        url: order.path.display().to_string(),
        algorithm: algorithm.to_owned(),
        expected: order.digest.to_string(),
        actual: found.to_string(),
    }
}

fn say_all(stock: &watch::Sender<Stock>, teller: &Teller, size: u64, read: Read) {
    let epoch = 1;
    let opened = Opened {
        epoch,
        size: Some(size),
        data: Some(read.data),
        // What is left of an interrupted transfer is of the same file when its digest is the same.
        etag: Some(format!("\"{}\"", read.digest)),
        last_modified: None,
        expected: None,
        signed_by: None,
        version: None,
    };
    teller.say(Said::Opened(opened.clone()));
    for (first, hashes) in (0..).step_by(MOST_HASHES).zip(read.hashes.chunks(MOST_HASHES)) {
        teller.say(Said::Pieces(Pieces { epoch, first, sha256: hashes.to_vec() }));
    }
    teller.say(Said::Whole(Whole {
        epoch,
        size,
        sums: None,
        verified_by: None,
        signed_by: None,
        version: None,
        etag: opened.etag.clone(),
        last_modified: None,
    }));
    stock.send_modify(|stock| {
        stock.opened = Some(opened);
        stock.known = read.hashes;
        stock.have = size;
        stock.is_whole = true;
    });
}

/// What is read is hashed by two threads; holes are not read.
#[derive(Clone)]
enum Part {
    Data(Arc<Vec<u8>>),
    Zeros(u64),
}

fn read(file: &File, size: u64, expected: Digest, report: &Report) -> io::Result<Read> {
    let (to_pieces, pieces) = sync_channel(AHEAD);
    let (to_whole, whole) = sync_channel(AHEAD);
    thread::scope(|scope| {
        let hashes = scope.spawn(move || hash_pieces(&pieces));
        let digest = scope.spawn(move || hash_whole(&whole, expected));
        let reading = || {
            for at in (0..size).step_by(PIECE as usize) {
                let length = PIECE.min(size - at);
                let part = if has_data(file, at, length)? {
                    let mut bytes = vec![0; length as usize];
                    file.read_exact_at(&mut bytes, at)?;
                    Part::Data(Arc::new(bytes))
                } else {
                    Part::Zeros(length)
                };
                // Both end only when there is no more.
                let _ = to_pieces.send(part.clone());
                let _ = to_whole.send(part);
                report.at(Activity::Verify, at + length, Some(size));
            }
            Ok::<_, io::Error>(())
        };
        let result = reading();
        drop((to_pieces, to_whole));
        let ended = |_| io::Error::other("a thread of the helper ended early");
        let (hashes, digest) = (hashes.join().map_err(ended)?, digest.join().map_err(ended)?);
        result?;
        Ok(Read { hashes, digest, data: data_in(file, size)? })
    })
}

fn hash_pieces(parts: &Receiver<Part>) -> Vec<PieceHash> {
    let of = |part| match part {
        Part::Data(bytes) => hash(&bytes),
        Part::Zeros(length) => zeros_hash(length),
    };
    parts.iter().map(of).collect()
}

fn hash_whole(parts: &Receiver<Part>, expected: Digest) -> Digest {
    match expected {
        Digest::FsVerity(_) => {
            let mut hasher = Hasher::new();
            for part in parts {
                match part {
                    Part::Data(bytes) => hasher.update(&bytes),
                    Part::Zeros(length) => hasher.skip_zeros(length),
                }
            }
            Digest::FsVerity(Content(hasher.finalize().content))
        }
        Digest::Sha256(_) => {
            let (mut hasher, zeros) = (sha2::Sha256::new(), vec![0; PIECE as usize]);
            for part in parts {
                match part {
                    Part::Data(bytes) => hasher.update(&bytes[..]),
                    Part::Zeros(length) => hasher.update(&zeros[..length as usize]),
                }
            }
            Digest::Sha256(Sha256(hasher.finalize().into()))
        }
    }
}
