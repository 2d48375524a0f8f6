//! One pool takes the file.

use std::path::PathBuf;

use ays_catalogue::LockHolder;
use ays_model::{Digest, DiskFormat, Event, Progress, StepName, Target};
use ays_protocol::{Failure, Outcome, PassedCopy, Requirements, Step, StoreImage, Stored};
use ays_transport::{Helper, HelperError, Session};

use super::plan::{Group, Taker};
use super::{Arrived, NotBrought, Work, failed, not_opened, not_recorded};
use crate::delivery::{Member, PassedFile, Place};
use crate::passing::Passing;
use crate::record::{lock_files, record_file};
use crate::run_log::{now, tell_warnings};

/// A node that has taken it.
struct Taken {
    arrived: Arrived,
    member: Member,
    /// Stands before the connection, because it must end first.
    session: Session,
}

impl Work<'_, '_> {
    /// Brings it to one pool, by the first of its nodes that works, and passes it on while others need it.
    pub(super) async fn take(
        &self,
        group: &Group<'_>,
        passing: &Passing<'_>,
        taker: &Taker<'_>,
        place: Place,
    ) -> Result<Arrived, NotBrought> {
        let permit = self.permits.acquire().await;
        let mut place = Some(place);
        let mut why = NotBrought::NoNode;
        for target in &taker.nodes {
            if self.stop.is_wanted() {
                return Err(NotBrought::Interrupted);
            }
            match self.on_node(group, passing, taker, target, &mut place).await {
                Ok(Taken { arrived, member, mut session }) => {
                    drop(permit);
                    member.serve(&mut session.helper).await;
                    drop(member);
                    session.close().await;
                    return Ok(arrived);
                }
                // Another node of the same pool may do better.
                Err(error @ (NotBrought::Connect(_) | NotBrought::Helper { .. })) if place.is_some() => {
                    why = error
                }
                Err(error) => return Err(error),
            }
        }
        Err(why)
    }

    async fn on_node(
        &self,
        group: &Group<'_>,
        passing: &Passing<'_>,
        taker: &Taker<'_>,
        target: &Target,
        place: &mut Option<Place>,
    ) -> Result<Taken, NotBrought> {
        let opened = Session::open(target, self.bring.transport).await;
        let mut session = opened.map_err(not_opened(target))?;
        let own = self.own(taker.pool, target);
        let format = target.pool().format;
        let converts = format != group.copy.format;
        let requirements = Requirements { pool: Some(own.claim().await?), qemu_img: converts };
        match session.helper.run(Step::CheckRequirements(requirements), |_| {}).await {
            Ok(Outcome::Ready) => {}
            other => return Err(failed(target)(other.err().unwrap_or(HelperError::Answer))),
        }
        let pool = target.pool().path.clone();
        let name = if converts { format!(".{}.ays-bring", group.copy.file) } else { group.copy.file.clone() };
        let file = PassedFile { path: pool.join(name), size: group.copy.size, digest: group.copy.digest };
        self.tell(
            target,
            Event::StepStarted { step: StepName::Bring, what: file.path.display().to_string() },
        );
        let Some(here) = place.as_ref() else { return Err(NotBrought::NoNode) };
        let mut member = here.join(session.helper.facts.address, &session.connection);
        let passed = member.take(&mut session.helper, &file, self.on_progress(target)).await;
        let passed = passed.map_err(|error| match error {
            HelperError::Failed(Failure::Unreachable { reason, .. }) => NotBrought::NoGiver { reason },
            other => failed(target)(other),
        })?;
        *place = None;
        let from = if passed.kept { None } else { passing.from() };
        let (kept, received) = (passed.kept, passed.received);
        let arrived = |file, digest, size| Arrived {
            pool: taker.pool.clone(),
            node: target.name().clone(),
            file,
            format,
            digest,
            size,
            kept,
            received,
            from,
        };
        let arrived = if converts {
            let stored =
                self.convert(&mut session.helper, target, group, (file.path, passed), format).await?;
            arrived(stored.file, stored.digest, stored.size)
        } else {
            arrived(group.copy.file.clone(), group.copy.digest, group.copy.size)
        };
        let on_wait = |holder: &LockHolder| self.tell(target, Event::Waiting { message: holder.to_string() });
        let lock = lock_files(&own, on_wait).await?;
        let (recorder, stored) = (self.recorder, (pool.join(&arrived.file), arrived.size));
        let preview = (recorder.rehearse)(arrived.clone());
        let record = (recorder.record)(arrived.clone());
        let recorded = record_file(&mut session.helper, own, lock, stored, preview, record).await;
        tell_warnings(self.tell, target.name(), &mut session.helper.warnings);
        recorded.map_err(not_recorded(target))?;
        self.tell(target, Event::StepDone { step: StepName::Bring, result: told(&arrived) });
        Ok(Taken { arrived, member, session })
    }

    /// Makes the pool's own format of what was brought, and removes that.
    async fn convert(
        &self,
        helper: &mut Helper,
        target: &Target,
        group: &Group<'_>,
        (source, passed): (PathBuf, PassedCopy),
        format: DiskFormat,
    ) -> Result<Stored, NotBrought> {
        let name = &group.copy.file;
        let stem = name.rsplit_once('-').map_or(name.as_str(), |(stem, _)| stem).to_owned();
        let store = StoreImage {
            known: Some(group.copy.format),
            source: source.clone(),
            member: None,
            stamp: Some(passed.stamp),
            pool: target.pool().path.clone(),
            stem,
            format,
            // It was judged when it was registered.
            force: true,
        };
        let stored = match helper.run(Step::StoreImage(store), self.on_progress(target)).await {
            Ok(Outcome::Stored(stored)) => Ok(stored),
            other => Err(failed(target)(other.err().unwrap_or(HelperError::Answer))),
        };
        // One that is left by a broken connection is removed by a run on this node, a day later.
        let removed = helper.run(Step::Remove(source), |_| {}).await;
        let stored = stored?;
        removed.map_err(failed(target))?;
        let became = Digest::FsVerity(stored.content);
        if became == self.what.content {
            return Ok(stored);
        }
        if !stored.kept {
            let file = target.pool().path.join(&stored.file);
            helper.run(Step::Remove(file), |_| {}).await.map_err(failed(target))?;
        }
        Err(NotBrought::Converted { from: name.clone(), became })
    }

    fn tell(&self, target: &Target, event: Event) {
        (self.tell)(now(target.name(), event));
    }

    fn on_progress(&self, target: &Target) -> impl FnMut(Progress) {
        move |progress| self.tell(target, Event::StepProgress { step: StepName::Bring, progress })
    }
}

fn told(arrived: &Arrived) -> String {
    let Arrived { file, received, from, .. } = arrived;
    match from {
        None => format!("{file}: was there"),
        Some(from) => format!("{file}: {received} bytes, from {from}"),
    }
}
