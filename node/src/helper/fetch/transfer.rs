//! One file's way from its source to its name, with as many tries as it takes.

use std::path::Path;

use tokio::time::sleep;

use super::fault::Fault;
use super::identity::Identity;
use super::partial::Partial;
use super::room::room;
use super::source::{Opened, Resume, Source};
use super::tries::Tries;
use crate::helper::Limits;
use crate::helper::disk::{failure, on_thread};
use crate::helper::lanes::{Digests, Lanes};
use crate::helper::report::Report;
use crate::helper::share::Lead;
use crate::{Activity, Expected, Failure, Fetch, Fetched, Phase};

pub(crate) struct Transfer<'a> {
    order: &'a Fetch,
    source: Source,
    expected: Option<Expected>,
    limits: &'a Limits,
    report: &'a Report,
    partial: Partial,
    /// Other nodes are told of what comes.
    lead: Option<Lead>,
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
        lead: Option<Lead>,
    ) -> Self {
        Self {
            order,
            source,
            expected,
            limits,
            report,
            partial,
            lead,
            have: 0,
            identity: None,
            lanes: None,
            resumed_at: 0,
        }
    }

    /// Gives what was brought its name.
    pub(crate) async fn end(mut self, brought: Result<Digests, Failure>) -> Result<Fetched, Failure> {
        self.settle().await;
        let digests = brought?;
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

    /// Another node goes on reading the source: what is here stays.
    pub(crate) async fn stop(mut self) -> Partial {
        self.settle().await;
        self.partial
    }

    /// Until all bytes are here, and are what they should be.
    pub(crate) async fn bring(&mut self) -> Result<Digests, Failure> {
        self.take_over().await?;
        loop {
            self.receive().await?;
            let digests = self.digests().await?;
            if self.lead.as_ref().is_some_and(|lead| !lead.is_agreed(self.have, digests.last_piece)) {
                self.restart().await?;
                continue;
            }
            match self.expected.as_ref().map(|expected| expected.verify(&self.order.url, &digests)) {
                None | Some(Ok(())) => {
                    if let Some(lead) = &self.lead {
                        let identity = self.identity.clone().unwrap_or_default();
                        lead.whole(self.have, &digests, self.expected.as_ref(), &identity);
                    }
                    return Ok(digests);
                }
                // The pieces may be of two different files, or an earlier run's may be damaged.
                Some(Err(_)) if self.resumed_at > 0 => {
                    if let Some(lead) = &self.lead {
                        lead.dispute();
                    }
                    self.restart().await?;
                }
                Some(Err(mismatch)) => {
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
        if let Some(lead) = &self.lead {
            lead.withdraw();
        }
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
        let most = room(&self.order.dest, self.have, identity.size).map_err(Fault::Final)?;
        if self.source.resumes() {
            self.partial.note(&self.order.url, &identity).map_err(Fault::Final)?;
        }
        if let Some(lead) = &self.lead {
            lead.opened(start, &identity, self.expected.as_ref());
        }
        let size = identity.size;
        self.identity = Some(identity);
        let lanes = self.take_lanes().await.map_err(Fault::Final)?;
        let lanes = self.lanes.insert(lanes);
        let ended = loop {
            let mut buffer = lanes.buffer().await;
            let more = body.fill(&mut buffer.bytes, self.limits.stall).await;
            let have = self.have + buffer.bytes.len() as u64;
            if have > most {
                break Err(too_much(&mut self.partial, &self.order.dest, size, have, most));
            }
            self.have = have;
            lanes.push(buffer);
            self.report.at(Activity::Download, have, size);
            if self.lead.as_ref().is_some_and(Lead::is_disputed) {
                break Err(Fault::StartOver {
                    phase: Phase::Transfer,
                    reason: "the source has changed".to_owned(),
                });
            }
            match more {
                Ok(true) if lanes.is_disk_failed() => break Ok(()),
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(fault) => break Err(fault),
            }
        };
        if lanes.is_disk_failed() {
            let failure = match self.digests().await {
                Err(failure) => failure,
                Ok(_) => self.writing(&std::io::Error::other("it failed")),
            };
            return Err(Fault::Final(failure));
        }
        ended?;
        match size {
            Some(size) if self.have < size => {
                Err(Fault::again(Phase::Transfer, format!("it ended after {} of {size} bytes", self.have)))
            }
            _ => Ok(()),
        }
    }

    async fn take_lanes(&mut self) -> Result<Lanes, Failure> {
        if let Some(lanes) = self.lanes.take() {
            return Ok(lanes);
        }
        let lanes = match self.partial.file() {
            Ok(file) => {
                Lanes::writing(file, self.have, self.lead.as_ref().map(Lead::on_piece), self.report).await
            }
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

fn too_much(partial: &mut Partial, dest: &Path, size: Option<u64>, have: u64, most: u64) -> Fault {
    match size {
        Some(size) => Fault::StartOver {
            phase: Phase::Transfer,
            reason: format!("more than the {size} bytes that were announced came"),
        },
        None => {
            // What was brought would keep the disk full, and would not be less the next time.
            partial.give_up();
            let path = dest.parent().unwrap_or(dest).display().to_string();
            Fault::Final(Failure::Space { path, needed: have, free: most })
        }
    }
}
