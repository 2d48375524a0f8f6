//! The bytes of a publication: read on a node by its helper, given to the service as the body of requests. No more of them are
//! in memory than a few parts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ays_catalogue::ScrubCopy;
use ays_model::Target as Node;
use ays_protocol::{CheckCopy, CopyState, Outcome, ReadBegin, ReadCopy, ReadDisk, ReadEnd, Step, Told};
use ays_transport::{
    ConnectError, Connection, DiskPart, DiskReader, HelperError, OpenError, ReadError, Session, Transport,
};
use bytes::Bytes;
use futures_util::stream::unfold;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::http::{Answer, CallError, Http};

/// How long a service may take no byte.
const STALL: Duration = Duration::from_secs(60);

/// How long a service may take to answer when it has all.
const ANSWER: Duration = Duration::from_secs(600);

/// How often somebody is told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// A disk of the catalogue, where verified copies of it lie.
#[derive(Clone, Copy)]
pub struct Disk<'a> {
    /// All nodes of the environment.
    pub nodes: &'a [Node],
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// The verified copies.
    pub copies: &'a [ScrubCopy],
}

/// Why a disk is not read.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// No node gives it.
    #[error("no node can read {file}: {reason}")]
    NoReader {
        /// One of its files.
        file: String,
        /// Why the last one did not.
        reason: String,
    },
    /// Its reader failed on the way.
    #[error("the disk could not be read to its end")]
    Broken(#[from] ReadError),
}

impl Disk<'_> {
    /// Reads the copies until one is as it should be: that one.
    ///
    /// # Errors
    ///
    /// None is.
    pub async fn verified(&self, mut tell: impl FnMut(u64, u64)) -> Result<&ScrubCopy, DiskError> {
        let file = self.copies.first().map(|copy| copy.file.clone()).unwrap_or_default();
        let mut reason = "no node has a verified copy".to_owned();
        for copy in self.copies {
            for node in self.nodes.iter().filter(|node| node.pool_key() == copy.pool) {
                match self.verify_on(node, copy, &mut tell).await {
                    Ok(CopyState::Good) => return Ok(copy),
                    Ok(CopyState::Missing) => reason = format!("{}: it is missing", node.name()),
                    Ok(CopyState::Damaged) => reason = format!("{}: it is damaged", node.name()),
                    Err(error) => reason = format!("{}: {}", node.name(), ays_model::causes(&error)),
                }
            }
        }
        Err(DiskError::NoReader { file, reason })
    }

    async fn verify_on(
        &self,
        node: &Node,
        copy: &ScrubCopy,
        tell: &mut impl FnMut(u64, u64),
    ) -> Result<CopyState, OpenError> {
        let mut session = Session::open(node, self.transport).await?;
        let read = Some(ReadCopy { format: copy.format, expected: copy.digest });
        let check = CheckCopy { path: path(copy), size: copy.size, read, rate: None };
        let outcome = session.helper.run(Step::CheckCopy(check), |progress| {
            tell(progress.done, progress.total.unwrap_or(copy.size));
        });
        let checked = match outcome.await? {
            Outcome::Checked(checked) => checked.state,
            _ => return Err(HelperError::Answer.into()),
        };
        session.close().await;
        Ok(checked)
    }

    /// What is known of it before it is read.
    ///
    /// # Errors
    ///
    /// No node reads it.
    pub async fn look(&self, told: &Told) -> Result<ReadBegin, DiskError> {
        self.start(told).await.map(|(_, reader)| reader.begin)
    }

    /// Begins to read it where a copy is.
    pub(crate) async fn read(&self, told: &Told) -> Result<Feed, DiskError> {
        let (connection, reader) = self.start(told).await?;
        Ok(Feed(Arc::new(Mutex::new(Reading {
            reader,
            _connection: connection,
            rest: Bytes::new(),
            place: 0,
            seen: None,
            end: None,
        }))))
    }

    /// What the copy is called that is read first: its file and its pool.
    pub(crate) fn first_copy(&self) -> String {
        let Some(copy) = self.copies.first() else { return String::new() };
        let node = copy.pool.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
        format!("{} in {}{node}", copy.file, copy.pool.name)
    }

    async fn start(&self, told: &Told) -> Result<(Connection, DiskReader), DiskError> {
        let file = self.copies.first().map(|copy| copy.file.clone()).unwrap_or_default();
        let mut reason = "no node has a verified copy".to_owned();
        for copy in self.copies {
            for node in self.nodes.iter().filter(|node| node.pool_key() == copy.pool) {
                match self.start_on(node, copy, told).await {
                    Ok(started) => return Ok(started),
                    Err(error) => reason = format!("{}: {}", node.name(), ays_model::causes(&error)),
                }
            }
        }
        Err(DiskError::NoReader { file, reason })
    }

    async fn start_on(
        &self,
        node: &Node,
        copy: &ScrubCopy,
        told: &Told,
    ) -> Result<(Connection, DiskReader), NotStarted> {
        let connection = Connection::open(node, self.transport).await?;
        let order = ReadDisk { path: path(copy), format: copy.format, told: told.clone() };
        let reader = DiskReader::start(&connection, &order).await?;
        Ok((connection, reader))
    }
}

/// Where a copy lies on its nodes.
fn path(copy: &ScrubCopy) -> PathBuf {
    Path::new(&copy.pool.path).join(&copy.file)
}

/// Why a node does not read.
#[derive(Debug, thiserror::Error)]
enum NotStarted {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Sees all bytes that are given.
type Seen = Box<dyn FnMut(&[u8]) + Send>;

struct Reading {
    reader: DiskReader,
    /// It must last as long as the reader.
    _connection: Connection,
    /// What was read, and not given yet.
    rest: Bytes,
    /// Where that was in the disk when it was read, in bytes.
    place: u64,
    seen: Option<Seen>,
    end: Option<Result<ReadEnd, ReadError>>,
}

/// A disk that is being read, for one request after the other.
#[derive(Clone)]
pub(crate) struct Feed(Arc<Mutex<Reading>>);

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

/// Says that a publication is to end as soon as it can do so in order.
#[derive(Debug, Clone, Default)]
pub struct Ending(Arc<AtomicBool>);

impl Ending {
    /// It is to end.
    pub fn want(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many bytes were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    bytes: Arc<AtomicU64>,
    /// All of the request under way was given.
    at_end: Arc<AtomicBool>,
}

impl Counter {
    pub fn get(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn set(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    fn is_at_end(&self) -> bool {
        self.at_end.load(Ordering::Relaxed)
    }
}

impl Feed {
    /// What is known of it.
    pub async fn begin(&self) -> ReadBegin {
        self.0.lock().await.reader.begin.clone()
    }

    /// Shows all bytes that are given from now on to somebody besides.
    pub async fn show(&self, seen: impl FnMut(&[u8]) + Send + 'static) {
        self.0.lock().await.seen = Some(Box::new(seen));
    }

    /// The next bytes, at most so many, as the body of a request. It ends early when that is wanted.
    pub fn body(&self, most: u64, counter: &Counter, ending: Option<&Ending>) -> reqwest::Body {
        let ending = ending.cloned().unwrap_or_default();
        counter.at_end.store(false, Ordering::Relaxed);
        let state = (self.0.clone(), most, counter.clone(), ending);
        reqwest::Body::wrap_stream(unfold(state, |(reading, left, counter, ending)| async move {
            let next = if ending.is_wanted() { None } else { reading.lock().await.take(left).await };
            let Some(bytes) = next else {
                counter.at_end.store(true, Ordering::Relaxed);
                return None;
            };
            let given = bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
            counter.bytes.fetch_add(given, Ordering::Relaxed);
            Some((bytes, (reading, left - given, counter, ending)))
        }))
    }

    /// Takes the next bytes without giving them to anybody; whether there were some.
    pub async fn skip(&self) -> Result<bool, DiskError> {
        Ok(matches!(self.0.lock().await.take(u64::MAX).await, Some(Ok(_))))
    }

    /// The next block and its place in the disk, in bytes, where the disk is told in blocks; none: there are no more.
    pub async fn block(&self) -> Result<Option<(u64, Bytes)>, DiskError> {
        if self.end().await?.is_some() {
            return Ok(None);
        }
        let mut reading = self.0.lock().await;
        Ok(Some((reading.place, std::mem::take(&mut reading.rest))))
    }

    /// What all of it was; none: there is more.
    pub async fn end(&self) -> Result<Option<ReadEnd>, DiskError> {
        let mut reading = self.0.lock().await;
        if reading.end.is_none() && reading.rest.is_empty() {
            reading.fill().await;
        }
        match reading.end.take() {
            None => Ok(None),
            Some(Ok(end)) => {
                reading.end = Some(Ok(end));
                Ok(Some(end))
            }
            Some(Err(error)) => Err(error.into()),
        }
    }
}

impl Reading {
    /// At most so many of the next bytes; none: there are no more, or no more are wanted.
    async fn take(&mut self, most: u64) -> Option<std::io::Result<Bytes>> {
        if most == 0 {
            return None;
        }
        if self.rest.is_empty() && self.end.is_none() {
            self.fill().await;
        }
        match &self.end {
            Some(Err(_)) => return Some(Err(std::io::Error::other("the disk could not be read to its end"))),
            Some(Ok(_)) if self.rest.is_empty() => return None,
            _ => {}
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.rest.len());
        Some(Ok(self.rest.split_to(most)))
    }

    async fn fill(&mut self) {
        match self.reader.next().await {
            Ok(DiskPart::Bytes(place, bytes)) => {
                self.place = place;
                if let Some(seen) = &mut self.seen {
                    seen(&bytes);
                }
                self.rest = bytes.into();
            }
            Ok(DiskPart::End(end)) => self.end = Some(Ok(end)),
            Err(error) => self.end = Some(Err(error)),
        }
    }
}

/// Makes one call whose body is told as it goes, and gives up when the service takes nothing any more.
pub(crate) async fn send(
    http: &Http,
    doing: &'static str,
    request: reqwest::RequestBuilder,
    counter: &Counter,
    tell: &(dyn Fn(u64) + Sync),
) -> Result<Answer, CallError> {
    let mut sending = std::pin::pin!(http.ask_once(doing, request));
    let mut tick = interval(TELL_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut since) = (counter.get(), Instant::now());
    loop {
        tokio::select! {
            answer = &mut sending => {
                tell(counter.get());
                return answer;
            }
            _ = tick.tick() => {
                let given = counter.get();
                if given != last {
                    (last, since) = (given, Instant::now());
                    tell(given);
                    continue;
                }
                let limit = if counter.is_at_end() { ANSWER } else { STALL };
                if since.elapsed() > limit {
                    return Err(CallError::Stalled { doing, seconds: limit.as_secs() });
                }
            }
        }
    }
}
