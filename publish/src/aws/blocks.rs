//! Blocks straight to a snapshot, by the interface that is called EBS direct: only those with data, each with its checksum, many
//! at a time.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::pin;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ays_catalogue::CloudObject;
use ays_protocol::Told;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::call::{BlockRequest, NotDone, Region};
use crate::error::TargetError;
use crate::job::Job;

/// The size of a block, in bytes.
pub(super) const BLOCK: u32 = 512 << 10;

/// So many blocks are on their way at a time, and in memory.
const IN_FLIGHT: usize = 64;

/// How long a block may take.
const BLOCK_LIMIT: Duration = Duration::from_secs(60);

/// How long any other call may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a call is made again.
const TRIES: u32 = 7;

/// The longest pause between two tries of a call.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// After so many blocks is written down which are there for sure.
const NOTE_EVERY: u64 = 64;

/// How often somebody is told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// After so many minutes without a block AWS gives a snapshot up that is not complete.
const GIVEN_UP_AFTER: u32 = 60;

/// The kind of checksum that is used.
const ALGORITHM: &str = "SHA256";

/// How far the blocks of a snapshot are, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// All blocks before this one are there. They are not sent again: their bytes are the same, since a generation's content
    /// never changes. All are read again, for the checksum of all.
    Sure(u64),
    /// All are there: so many, with this checksum of their checksums.
    All {
        /// How many.
        count: u64,
        /// In base64.
        checksum: String,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sure(index) => write!(f, "{index}"),
            Self::All { count, checksum } => write!(f, "all {count} {checksum}"),
        }
    }
}

impl FromStr for Progress {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("all ").and_then(|rest| rest.split_once(' ')) {
            Some((count, checksum)) => Ok(Self::All { count: count.parse()?, checksum: checksum.to_owned() }),
            None => Ok(Self::Sure(text.parse()?)),
        }
    }
}

impl Progress {
    /// What the ledger says; nothing, or what is not understood: all is sent, and sending a block again is harmless.
    pub fn of(object: &CloudObject) -> Self {
        let said = object.cloud_id.as_deref().and_then(|text| text.parse().ok());
        said.unwrap_or(Self::Sure(0))
    }
}

/// What is known of the blocks that were read so far.
#[derive(Default)]
struct Read {
    /// Their numbers, of those that are not there yet.
    waiting: BTreeSet<u64>,
    /// The number after that of the last one.
    next: u64,
    count: u64,
    checksums: Sha256,
}

struct Block {
    index: u64,
    bytes: Bytes,
    checksum: String,
}

impl Read {
    fn block(&mut self, place: u64, bytes: Bytes) -> Block {
        let (index, checksum) = (place / u64::from(BLOCK), Sha256::digest(&bytes));
        self.checksums.update(checksum);
        self.waiting.insert(index);
        (self.next, self.count) = (index + 1, self.count + 1);
        Block { index, bytes, checksum: BASE64.encode(checksum) }
    }

    /// All blocks before this one are there.
    fn sure(&self) -> u64 {
        self.waiting.first().copied().unwrap_or(self.next)
    }

    fn all(&self) -> Progress {
        Progress::All { count: self.count, checksum: BASE64.encode(self.checksums.clone().finalize()) }
    }
}

#[derive(Deserialize)]
struct Started {
    #[serde(rename = "SnapshotId")]
    id: String,
}

impl Region {
    /// Begins a snapshot, once; its id.
    pub async fn start_snapshot(
        &self,
        gibibytes: u64,
        token: &str,
        description: &str,
        tags: &[(&str, &str)],
    ) -> Result<String, NotDone> {
        let tags: Vec<_> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        let body = json!({
            "VolumeSize": gibibytes,
            "ClientToken": token,
            "Description": description,
            "Tags": tags,
            "Timeout": GIVEN_UP_AFTER,
        });
        let request = BlockRequest {
            method: Method::POST,
            path: "/snapshots".to_owned(),
            headers: &[("content-type", "application/json".to_owned())],
            body: body.to_string().into(),
        };
        let answer = self.blocks_once("beginning the snapshot", "StartSnapshot", &request, LIMIT).await?;
        Ok(answer.json::<Started>()?.id)
    }

    /// Sends all blocks with data that are not there for sure, and writes down how far it is.
    pub async fn send_blocks(
        &self,
        job: &Job<'_>,
        snapshot: &str,
        object: &CloudObject,
        sure: u64,
    ) -> Result<Progress, TargetError> {
        let feed = job.disk.read(&told()).await?;
        let total = feed.begin().await.data;
        let blocks =
            unfold(feed.clone(), |feed| async move { Some((feed.block().await.transpose()?, feed)) });
        let read = Mutex::new(Read::default());
        let mut sent = pin!(
            blocks
                .map(|block| {
                    let block = block.map(|(place, bytes)| lock(&read).block(place, bytes));
                    async move {
                        let block = block?;
                        if block.index >= sure {
                            self.put_block(snapshot, &block).await?;
                        }
                        Ok::<_, TargetError>((block.index, block.bytes.len() as u64))
                    }
                })
                .buffer_unordered(IN_FLIGHT)
        );
        let (mut bytes, mut done, mut told) = (0, 0_u64, Instant::now());
        while let Some(block) = sent.next().await {
            let (index, length) = block?;
            (bytes, done) = (bytes + length, done + 1);
            lock(&read).waiting.remove(&index);
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                (job.tell)("sending blocks", bytes, Some(total.max(bytes)));
            }
            if done.is_multiple_of(NOTE_EVERY) {
                let far = lock(&read).sure().max(sure);
                job.ledger.made(object, &Progress::Sure(far).to_string()).await?;
            }
        }
        let all = lock(&read).all();
        (job.tell)("sending blocks", bytes, Some(bytes));
        job.ledger.made(object, &all.to_string()).await?;
        Ok(all)
    }

    async fn put_block(&self, snapshot: &str, block: &Block) -> Result<(), TargetError> {
        let headers = [
            ("content-type", "application/octet-stream".to_owned()),
            ("x-amz-checksum", block.checksum.clone()),
            ("x-amz-checksum-algorithm", ALGORITHM.to_owned()),
            ("x-amz-data-length", block.bytes.len().to_string()),
        ];
        let request = BlockRequest {
            method: Method::PUT,
            path: format!("/snapshots/{snapshot}/blocks/{}", block.index),
            headers: &headers,
            body: block.bytes.clone(),
        };
        let answer = self.blocks("sending a block", "PutSnapshotBlock", &request, BLOCK_LIMIT).await?;
        let found = answer.header("x-amz-checksum")?;
        if found != block.checksum {
            let (sent, found) = (block.checksum.clone(), found.to_owned());
            return Err(TargetError::Differs { what: "the checksum of a block", sent, found });
        }
        Ok(())
    }

    /// Says that all blocks are there; AWS compares the checksum of them all.
    pub async fn complete_snapshot(
        &self,
        snapshot: &str,
        count: u64,
        checksum: String,
    ) -> Result<(), NotDone> {
        let mut headers = vec![("x-amz-changedblockscount", count.to_string())];
        if count > 0 {
            headers.push(("x-amz-checksum", checksum));
            headers.push(("x-amz-checksum-aggregation-method", "LINEAR".to_owned()));
            headers.push(("x-amz-checksum-algorithm", ALGORITHM.to_owned()));
        }
        let request = BlockRequest {
            method: Method::POST,
            path: format!("/snapshots/completion/{snapshot}"),
            headers: &headers,
            body: Bytes::new(),
        };
        self.blocks("completing the snapshot", "CompleteSnapshot", &request, LIMIT).await.map(drop)
    }

    /// Makes a request, again where that may help.
    async fn blocks(
        &self,
        doing: &'static str,
        action: &str,
        request: &BlockRequest<'_>,
        limit: Duration,
    ) -> Result<crate::http::Answer, NotDone> {
        let mut tries = 0;
        loop {
            match self.blocks_once(doing, action, request, limit).await {
                Err(error) if tries < TRIES && error.may_pass() => {
                    tokio::time::sleep(pause(tries)).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }
}

/// How long nothing is asked after so many tries.
pub(super) fn pause(tries: u32) -> Duration {
    let doubled = Duration::from_millis(200).saturating_mul(2_u32.saturating_pow(tries));
    doubled.min(LONGEST_PAUSE)
}

/// As what a disk is read.
pub(super) fn told() -> Told {
    Told::Blocks { size: BLOCK, from: 0 }
}

fn lock(read: &Mutex<Read>) -> MutexGuard<'_, Read> {
    read.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_numbers_and_a_checksum_of_checksums() {
        let mut read = Read::default();
        let bytes = |byte: u8| Bytes::from(vec![byte; BLOCK as usize]);
        let block = u64::from(BLOCK);
        let (first, second, third) =
            (read.block(0, bytes(1)), read.block(3 * block, bytes(2)), read.block(4 * block, bytes(3)));
        assert_eq!([first.index, second.index, third.index], [0, 3, 4]);
        assert_eq!(first.checksum, BASE64.encode(Sha256::digest(vec![1; 524_288])));
        let decoded = [first, second, third].map(|block| BASE64.decode(block.checksum).unwrap()).concat();
        let checksum = BASE64.encode(Sha256::digest(decoded));
        assert_eq!(read.all(), Progress::All { count: 3, checksum });
    }

    #[test]
    fn only_what_all_before_are_there_is_sure() {
        let mut read = Read::default();
        assert_eq!(read.sure(), 0);
        for index in [0, 5, 6] {
            read.block(index * u64::from(BLOCK), Bytes::from_static(b"x"));
        }
        read.waiting.remove(&5);
        assert_eq!(read.sure(), 0);
        read.waiting.remove(&0);
        assert_eq!(read.sure(), 6);
        read.waiting.remove(&6);
        assert_eq!(read.sure(), 7);
    }

    #[test]
    fn the_ledger_keeps_how_far_it_is() {
        for progress in [Progress::Sure(12), Progress::All { count: 3, checksum: "a+/=".to_owned() }] {
            assert_eq!(progress.to_string().parse(), Ok(progress));
        }
        assert!("much".parse::<Progress>().is_err());
    }

    #[test]
    fn pauses_grow_and_end() {
        let pauses = [0, 1, 5, 6, 40].map(|tries| pause(tries).as_millis());
        assert_eq!(pauses, [200, 400, 6_400, 10_000, 10_000]);
    }
}
