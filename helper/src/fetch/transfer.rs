//! One file's way from one source to its name, with as many tries as it takes.

use std::io;
use std::path::Path;
use std::time::Duration;

use ays_model::{Activity, Check, Download, SecretUrl};
use ays_protocol::{Expected, Failure, Fetched, Phase};
use tokio::time::{Instant, sleep, timeout};

use super::access::Access;
use super::body::Body;
use super::expected::{Wanted, verify_inside, wanted};
use super::fault::Fault;
use super::identity::Identity;
use super::opened::{Opened, Resume, answered};
use super::partial::Partial;
use super::room::room;
use super::slowness::Slowness;
use super::source::{Source, file_name};
use super::tries::Tries;
use crate::disk::failure;
use crate::image_file::bad_image;
use crate::lanes::{BUFFER, Digests, Lanes};
use crate::pace::Pace;
use crate::report::Report;
use crate::share::lead::Lead;

pub(crate) struct Transfer<'a> {
    order: &'a Download,
    source: Source,
    wanted: Wanted,
    access: Access<'a>,
    report: &'a Report,
    partial: &'a mut Partial,
    /// Who tells other nodes of what comes.
    lead: Option<&'a Lead>,
    /// The bytes that came in this run or an earlier one.
    have: u64,
    /// What the source said of them.
    identity: Option<Identity>,
    /// Where the bytes were first taken up again; 0 while they come in one piece.
    resumed_at: u64,
    /// Who sent the last bytes, where that is not whom was asked.
    answered_by: Option<SecretUrl>,
    /// The pieces did not fit together once: from now on only the same source goes on with what it began.
    started_over: bool,
    /// A list of checksums has been read a second time.
    list_read_again: bool,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(
        order: &'a Download,
        source: Source,
        wanted: Wanted,
        access: Access<'a>,
        report: &'a Report,
        partial: &'a mut Partial,
        lead: Option<&'a Lead>,
    ) -> Self {
        Self {
            order,
            source,
            wanted,
            access,
            report,
            partial,
            lead,
            have: 0,
            identity: None,
            resumed_at: 0,
            answered_by: None,
            started_over: false,
            list_read_again: false,
        }
    }

    pub(crate) async fn run(mut self) -> Result<Fetched, Failure> {
        let digests = match self.bring().await {
            Ok(digests) => digests,
            Err(failure) => {
                self.partial.settle().await;
                return Err(failure);
            }
        };
        let identity = self.identity.unwrap_or_default();
        if let Some(lead) = self.lead {
            lead.whole(self.have, digests.md5, digests.sha256, &self.wanted, &identity);
        }
        self.report.at(Activity::Sync, self.have, Some(self.have));
        let stamp = self.partial.commit().await?;
        Ok(Fetched {
            size: self.have,
            md5: digests.md5,
            sha256: digests.sha256,
            verified_by: self.wanted.expected,
            signed_by: self.wanted.signer,
            version: self.wanted.version,
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
            if self.lead.is_some_and(|lead| !lead.is_agreed(self.have, digests.last_piece)) {
                self.restart().await?;
                continue;
            }
            self.partial.arrival().complete();
            let mismatch = match self.verify(&digests).await {
                Ok(()) => return Ok(digests),
                Err(failure @ Failure::Disk { .. }) => return Err(failure),
                Err(mismatch) => mismatch,
            };
            let list_changed = self.read_list_again().await;
            let mismatch = if list_changed {
                let Err(mismatch) = self.verify(&digests).await else { return Ok(digests) };
                mismatch
            } else {
                mismatch
            };
            // The pieces may be of two different files, or an earlier run's may be damaged.
            let is_of_pieces = self.resumed_at > 0 && !self.started_over;
            if let Some(lead) = self.lead {
                lead.dispute();
            }
            self.restart().await?;
            if !is_of_pieces && !list_changed {
                return Err(mismatch);
            }
            self.started_over = true;
        }
    }

    /// The list was read before the bytes came: the file and its list may have changed since. It is read once more;
    /// whether it says something else now.
    async fn read_list_again(&mut self) -> bool {
        let is_list = match &self.order.check {
            Check::Md5Beside | Check::Sums { .. } => true,
            // The file itself may be at another address by now.
            Check::Stream(_) | Check::Artifact(_) => false,
            Check::None | Check::Checksum(_) | Check::Signed { .. } => false,
        };
        if !is_list || std::mem::replace(&mut self.list_read_again, true) {
            return false;
        }
        match wanted(&self.order.url, &self.order.check, self.access).await {
            Ok(now) if (self.wanted.expected, self.wanted.inside) != (now.expected, now.inside) => {
                self.wanted = now;
                true
            }
            // That it cannot be read now changes nothing: the mismatch is told.
            _ => false,
        }
    }

    /// Whether all bytes are what they should be, and what is packed in them.
    async fn verify(&mut self, digests: &Digests) -> Result<(), Failure> {
        let url = answered(self.order.url.to_string(), self.answered_by.as_ref());
        let partial = &*self.partial;
        let reader = || partial.reader().map_err(|error| failure(partial.path(), "reading", &error));
        self.wanted.compare(&url, digests, reader).await?;
        let Some(inside) = self.wanted.inside else { return Ok(()) };
        let Some(unpacking) = self.partial.unpacking() else {
            // The file as it is served has been verified, unless its list knows the disk alone.
            return match self.wanted.expected {
                Some(Expected::Inside(_)) => Err(Failure::NoChecksum {
                    url: self.order.url.to_string(),
                    name: file_name(&self.order.url),
                    reason: "it is for what is packed in the file, which only `registerImage` unpacks"
                        .to_owned(),
                }),
                _ => Ok(()),
            };
        };
        let disk = unpacking.outcome(self.report).await?.ok_or_else(|| {
            bad_image(&self.order.dest, "its checksum is for what is packed in it, and it is not packed")
        })?;
        verify_inside(&disk, inside, url, self.report).await
    }

    /// Goes on with what an earlier run left, or empties it.
    async fn take_over(&mut self) -> Result<(), Failure> {
        let Some(mut resume) = self.partial.resumable(self.order, self.wanted.is_checked()) else {
            return self.restart().await;
        };
        // At least one byte is asked for, so that the source says whether it still has the same file.
        if resume.identity.size == Some(resume.at) {
            resume.at = resume.at.saturating_sub(1);
        }
        if resume.at == 0 {
            return self.restart().await;
        }
        if resume.identity.is_telling() {
            // Noted again at once, so that the bytes stay when this run ends before the source has answered.
            self.partial.note(&self.order.url, &resume.identity)?;
        }
        self.have = resume.at;
        self.resumed_at = resume.at;
        self.identity = Some(resume.identity);
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Failure> {
        self.partial.settle().await;
        self.have = 0;
        self.resumed_at = 0;
        self.identity = None;
        if let Some(lead) = self.lead {
            lead.withdraw();
        }
        self.partial.restart()
    }

    /// Tries until all bytes are here.
    async fn receive(&mut self) -> Result<(), Failure> {
        let mut tries = Tries::new(self.access, self.have);
        loop {
            let fault = match self.receive_once().await {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            let reached = self.have;
            let (phase, reason, after) = match fault {
                Fault::Final(failure) => return Err(failure),
                Fault::Again { phase, reason, after } => {
                    // Without validators, only a check can tell that the rest is of the same file.
                    let may_resume =
                        self.wanted.is_checked() || self.identity.as_ref().is_some_and(Identity::is_telling);
                    if !may_resume {
                        self.restart().await?;
                    }
                    (phase, reason, after)
                }
                Fault::StartOver { phase, reason } => {
                    self.restart().await?;
                    (phase, reason, Duration::ZERO)
                }
            };
            let reason = answered(reason, self.answered_by.as_ref());
            let pause = tries.failed(&self.order.url.to_string(), reached, phase, &reason)?;
            sleep(pause.max(after)).await;
        }
    }

    async fn receive_once(&mut self) -> Result<(), Fault> {
        let resume = match &self.identity {
            Some(identity) if self.have > 0 => Some(Resume {
                at: self.have,
                identity: identity.clone(),
                is_checked: self.wanted.is_checked() && !self.started_over,
            }),
            _ => None,
        };
        self.answered_by = None;
        let opened = self.source.open(resume.as_ref()).await?;
        let Opened { identity, start, body, answered_by } = opened;
        self.answered_by = answered_by;
        if start == 0 {
            self.restart().await.map_err(Fault::Final)?;
        } else if self.resumed_at == 0 {
            self.resumed_at = start;
        }
        let size = identity.size;
        let most = room(&self.order.dest, self.have, size).map_err(Fault::Final)?;
        if self.source.resumes() {
            self.partial.note(&self.order.url, &identity).map_err(Fault::Final)?;
        }
        if let Some(lead) = self.lead {
            lead.opened(start, &identity, &self.wanted);
        }
        self.identity = Some(identity);
        self.pump(body, size, most).await?;
        match size {
            Some(size) if self.have < size => {
                Err(Fault::again(Phase::Transfer, format!("it ended after {} of {size} bytes", self.have)))
            }
            _ => Ok(()),
        }
    }

    /// Hands what comes to the lanes, until it ends.
    async fn pump(&mut self, mut body: Body, size: Option<u64>, most: u64) -> Result<(), Fault> {
        let stall = self.access.stall();
        let mut pace = Pace::new(self.access.network.limit);
        let mut slowness = Slowness::new(self.access);
        let lanes = self.take_lanes().await.map_err(Fault::Final)?;
        let lanes = self.partial.lanes.insert(lanes);
        let ended = loop {
            // The threads that hash are never behind for so long.
            let Ok(mut buffer) = timeout(stall, lanes.buffer()).await else {
                return Err(self.disk_is_stuck(stall));
            };
            let begun = Instant::now();
            let more = body.fill(&mut buffer.bytes, pace.portion(BUFFER), stall).await;
            let count = buffer.bytes.len();
            let slow = slowness.count(begun.elapsed(), count);
            let have = self.have + count as u64;
            if have > most {
                break Err(too_much(&self.order.dest, size, have, most));
            }
            self.have = have;
            lanes.push(buffer);
            self.report.at(Activity::Download, have, size);
            if self.lead.is_some_and(Lead::is_disputed) {
                let reason = "the source has changed".to_owned();
                break Err(Fault::StartOver { phase: Phase::Transfer, reason });
            }
            match more.and_then(|more| slow.map(|()| more)) {
                Ok(true) if lanes.is_disk_failed() => break Ok(()),
                Ok(true) => {
                    let pause = pace.pause(count);
                    // Even none at all would last until the clock's next tick.
                    if !pause.is_zero() {
                        sleep(pause).await;
                    }
                }
                Ok(false) => break Ok(()),
                Err(fault) => break Err(fault),
            }
        };
        if lanes.is_disk_failed() {
            let failure = match self.digests().await {
                Err(failure) => failure,
                Ok(_) => self.writing(&io::Error::other("it failed")),
            };
            return Err(Fault::Final(failure));
        }
        if matches!(ended, Err(Fault::Final(_))) {
            // What was brought would keep the disk full, and would not be less the next time.
            self.partial.give_up();
        }
        ended
    }

    fn disk_is_stuck(&mut self, stall: Duration) -> Fault {
        // Nobody waits for what may never end.
        self.partial.lanes = None;
        self.partial.give_up();
        let reason = format!("the node's own disk took no bytes for {stall:?}");
        Fault::Final(self.writing(&io::Error::other(reason)))
    }

    async fn take_lanes(&mut self) -> Result<Lanes, Failure> {
        if let Some(lanes) = self.partial.lanes.take() {
            return Ok(lanes);
        }
        let on_piece = self.lead.map(Lead::on_piece);
        let lanes = match self.partial.file() {
            Ok(file) => {
                let (expected, arrival) = (self.wanted.expected.as_ref(), self.partial.arrival());
                Lanes::writing(file, self.have, on_piece, expected, arrival, self.report).await
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

    fn writing(&self, error: &io::Error) -> Failure {
        failure(self.partial.path(), "writing", error)
    }
}

fn too_much(dest: &Path, size: Option<u64>, have: u64, most: u64) -> Fault {
    match size {
        Some(size) => Fault::StartOver {
            phase: Phase::Transfer,
            reason: format!("more than the {size} bytes that were announced came"),
        },
        None => {
            let path = dest.parent().unwrap_or(dest).display().to_string();
            Fault::Final(Failure::Space { path, needed: have, free: most })
        }
    }
}
