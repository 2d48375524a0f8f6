//! One file's way from its source to its name, with as many tries as it takes.

use tokio::time::sleep;

use super::expected::Expected;
use super::fault::Fault;
use super::identity::Identity;
use super::partial::Partial;
use super::source::{Opened, Resume, Source};
use super::tries::Tries;
use crate::helper::Limits;
use crate::helper::disk::{failure, free_space, on_thread};
use crate::helper::lanes::{Digests, Lanes};
use crate::helper::report::Report;
use crate::{Activity, Failure, Fetch, Fetched, Phase};

/// The most that a source which does not say its size may leave free, in bytes: a full disk stops other services.
const MARGIN: u64 = 1 << 30;

pub(crate) struct Transfer<'a> {
    order: &'a Fetch,
    source: Source,
    expected: Option<Expected>,
    limits: &'a Limits,
    report: &'a Report,
    partial: Partial,
    /// The bytes that came in this run or an earlier one.
    have: u64,
    /// What the source said of them.
    identity: Option<Identity>,
    /// Where they are hashed and written; none before the first byte, and after a restart.
    lanes: Option<Lanes>,
    /// Where the bytes were first taken up again; 0 while they come in one piece.
    resumed_at: u64,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(
        order: &'a Fetch,
        source: Source,
        expected: Option<Expected>,
        limits: &'a Limits,
        report: &'a Report,
        partial: Partial,
    ) -> Self {
        Self {
            order,
            source,
            expected,
            limits,
            report,
            partial,
            have: 0,
            identity: None,
            lanes: None,
            resumed_at: 0,
        }
    }

    pub(crate) async fn run(mut self) -> Result<Fetched, Failure> {
        let digests = match self.bring().await {
            Ok(digests) => digests,
            Err(failure) => {
                self.settle().await;
                return Err(failure);
            }
        };
        self.report.at(Activity::Sync, self.have, Some(self.have));
        let partial = self.partial;
        let stamp = on_thread(move || partial.commit()).await?;
        let identity = self.identity.unwrap_or_default();
        Ok(Fetched {
            size: self.have,
            md5: digests.md5,
            sha256: digests.sha256,
            verified: self.expected.is_some(),
            kept: false,
            is_source: false,
            resumed_at: self.resumed_at,
            etag: identity.etag,
            last_modified: identity.last_modified,
            stamp,
        })
    }

    /// Until all bytes are here, and are what they should be.
    async fn bring(&mut self) -> Result<Digests, Failure> {
        self.take_over().await?;
        loop {
            self.receive().await?;
            let digests = self.digests().await?;
            let Some(expected) = &self.expected else { return Ok(digests) };
            match expected.verify(&self.order.url, &digests) {
                Ok(()) => return Ok(digests),
                // The pieces may be of two different files, or an earlier run's may be damaged.
                Err(_) if self.resumed_at > 0 => self.restart().await?,
                Err(mismatch) => {
                    self.partial.give_up();
                    return Err(mismatch);
                }
            }
        }
    }

    /// Goes on with what an earlier run left, or empties it.
    async fn take_over(&mut self) -> Result<(), Failure> {
        let Some(mut resume) = self.partial.resumable(&self.order.url, self.expected.is_some()) else {
            return self.restart().await;
        };
        // At least one byte is asked for, so that the source says whether it still has the same file.
        if resume.identity.size == Some(resume.at) {
            resume.at = resume.at.saturating_sub(1);
        }
        if resume.at == 0 {
            return self.restart().await;
        }
        // Noted again at once, so that the bytes stay when this run ends before the source has answered.
        self.partial.note(&self.order.url, &resume.identity)?;
        self.have = resume.at;
        self.resumed_at = resume.at;
        self.identity = Some(resume.identity);
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Failure> {
        self.settle().await;
        self.have = 0;
        self.resumed_at = 0;
        self.identity = None;
        self.partial.restart()
    }

    /// Waits until nothing more is written: bytes on their way would land among those of the next try, and their
    /// thread would hold the lock on the file.
    async fn settle(&mut self) {
        if let Some(lanes) = self.lanes.take() {
            // What it says is of bytes that are not wanted any more.
            let _ = lanes.finish().await;
        }
    }

    /// Tries until all bytes are here.
    async fn receive(&mut self) -> Result<(), Failure> {
        let limits = self.limits;
        let mut tries = Tries::new(limits, self.have);
        loop {
            let (phase, reason, reached) = match self.receive_once().await {
                Ok(()) => return Ok(()),
                Err(Fault::Final(failure)) => {
                    if matches!(failure, Failure::Refused { .. }) {
                        // Nobody will resume what the source does not have any more.
                        self.partial.give_up();
                    }
                    return Err(failure);
                }
                Err(Fault::Again { phase, reason }) => {
                    let reached = self.have;
                    if !self.identity.as_ref().is_some_and(Identity::is_telling) {
                        self.restart().await?;
                    }
                    (phase, reason, reached)
                }
                Err(Fault::StartOver { phase, reason }) => {
                    let reached = self.have;
                    self.restart().await?;
                    (phase, reason, reached)
                }
            };
            sleep(tries.failed(&self.order.url.to_string(), reached, phase, &reason)?).await;
        }
    }

    async fn receive_once(&mut self) -> Result<(), Fault> {
        let resume = match &self.identity {
            Some(identity) if self.have > 0 => Some(Resume { at: self.have, identity: identity.clone() }),
            _ => None,
        };
        let Opened { identity, start, mut body } = self.source.open(resume.as_ref()).await?;
        if start == 0 {
            self.restart().await.map_err(Fault::Final)?;
        } else if self.resumed_at == 0 {
            self.resumed_at = start;
        }
        let most = self.most(&identity).map_err(Fault::Final)?;
        if self.source.resumes() {
            self.partial.note(&self.order.url, &identity).map_err(Fault::Final)?;
        }
        let size = identity.size;
        self.identity = Some(identity);
        let mut lanes = self.take_lanes().await.map_err(Fault::Final)?;
        let ended = loop {
            let mut buffer = lanes.buffer().await;
            let more = body.fill(&mut buffer.bytes, self.limits.stall).await;
            let have = self.have + buffer.bytes.len() as u64;
            if have > most {
                break Err(self.too_much(size, have, most));
            }
            self.have = have;
            lanes.push(buffer);
            self.report.at(Activity::Download, have, size);
            match more {
                Ok(true) if lanes.is_disk_failed() => break Ok(()),
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(fault) => break Err(fault),
            }
        };
        if lanes.is_disk_failed() {
            self.partial.give_up();
            return Err(Fault::Final(match lanes.finish().await {
                Err(error) => self.writing(&error),
                Ok(_) => self.writing(&std::io::Error::other("it failed")),
            }));
        }
        self.lanes = Some(lanes);
        ended?;
        match size {
            Some(size) if self.have < size => {
                Err(Fault::again(Phase::Transfer, format!("it ended after {} of {size} bytes", self.have)))
            }
            _ => Ok(()),
        }
    }

    /// How many bytes may come: what the source announced, if the disk has room for it, else what the disk has.
    fn most(&self, identity: &Identity) -> Result<u64, Failure> {
        let directory = self.order.dest.parent().unwrap_or(&self.order.dest);
        let free = free_space(directory)?;
        match identity.size {
            Some(size) => {
                let needed = size.saturating_sub(self.have);
                if needed > free {
                    return Err(Failure::Space { path: directory.display().to_string(), needed, free });
                }
                Ok(size)
            }
            None => Ok(self.have + free - MARGIN.min(free / 20)),
        }
    }

    fn too_much(&mut self, size: Option<u64>, have: u64, most: u64) -> Fault {
        match size {
            Some(size) => Fault::StartOver {
                phase: Phase::Transfer,
                reason: format!("more than the {size} bytes that were announced came"),
            },
            None => {
                // What was brought would keep the disk full, and would not be less the next time.
                self.partial.give_up();
                Fault::Final(Failure::Space {
                    path: self.order.dest.parent().unwrap_or(&self.order.dest).display().to_string(),
                    needed: have,
                    free: most,
                })
            }
        }
    }

    async fn take_lanes(&mut self) -> Result<Lanes, Failure> {
        if let Some(lanes) = self.lanes.take() {
            return Ok(lanes);
        }
        let lanes = match self.partial.file() {
            Ok(file) => Lanes::writing(file, self.have, self.report).await,
            Err(error) => Err(error),
        };
        lanes.map_err(|error| self.writing(&error))
    }

    async fn digests(&mut self) -> Result<Digests, Failure> {
        let lanes = self.take_lanes().await?;
        lanes.finish().await.map_err(|error| {
            self.partial.give_up();
            self.writing(&error)
        })
    }

    fn writing(&self, error: &std::io::Error) -> Failure {
        failure(self.partial.path(), "writing", error)
    }
}
