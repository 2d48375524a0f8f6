//! A running helper: steps go in, outcomes come out, and both sides beat so that neither waits for one that is gone.

use std::sync::Arc;
use std::time::Duration;

use ays_model::{FaultKind, FaultStep, Progress};
use ays_protocol::{
    BEAT_EVERY, Facts, FromNode, News, Outcome, PROTOCOL, SILENCE_LIMIT, Said, Step, ToNode, read_frame,
    write_frame,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::bootstrap::{self, Greeted, last_words};
use crate::connection::Connection;
use crate::faults::{Faults, OnPurpose};
use crate::helper_error::HelperError;
use crate::remote::Remote;

/// What a step that is under way has to say.
pub enum Heard {
    /// How far it has come.
    Progress(Progress),
    /// Of a shared fetch.
    Said(Said),
    /// It has ended well.
    Done(Outcome),
}

/// A running helper.
pub struct Helper {
    /// What the node says of itself.
    pub facts: Facts,
    /// How many bytes of helper had to be sent; 0 when it was there.
    pub sent: u64,
    to: mpsc::Sender<ToNode>,
    from: mpsc::Receiver<Result<FromNode, HelperError>>,
    reader: JoinHandle<()>,
    last_id: u64,
    /// Its process, where that is on this machine.
    process: Option<Pid>,
    /// What a rehearsal lets go wrong.
    pub faults: Option<Arc<Faults>>,
    /// What went wrong beside a step that ended well, until it is told to the operator.
    pub warnings: Vec<String>,
}

impl Helper {
    /// How long an ending helper may take to end what it started.
    const END_LIMIT: Duration = Duration::from_secs(10);

    /// Starts a helper on the other side of a connection, sending it first where it is not there.
    pub async fn start(connection: &Connection) -> Result<Self, HelperError> {
        let greeting = timeout(SILENCE_LIMIT * 10, bootstrap::start(connection, &["serve"]));
        let Greeted { remote: Remote { stdin, stdout, stderr, process, id }, sent } =
            greeting.await.map_err(|_| HelperError::Silent(SILENCE_LIMIT * 10))??;
        let (to, outgoing) = mpsc::channel(4);
        let (incoming, mut from) = mpsc::channel(64);
        let reader = tokio::spawn(async move {
            read(stdout, stderr, incoming).await;
            // Dropped earlier it would cut the streams.
            drop(process);
        });
        tokio::spawn(write(stdin, outgoing));
        match from.recv().await {
            Some(Ok(FromNode::Hello(facts))) if facts.protocol == PROTOCOL => Ok(Self {
                facts,
                sent,
                to,
                from,
                reader,
                last_id: 0,
                process: id,
                faults: None,
                warnings: Vec::new(),
            }),
            Some(Ok(FromNode::Hello(facts))) => Err(HelperError::Protocol(facts.protocol)),
            Some(Ok(_)) => Err(HelperError::Answer),
            Some(Err(error)) => Err(error),
            None => Err(HelperError::Ended { said: String::new() }),
        }
    }

    /// Does one step, telling how far it has come.
    pub async fn run(
        &mut self,
        step: Step,
        mut on_progress: impl FnMut(Progress),
    ) -> Result<Outcome, HelperError> {
        let fault = self.faults.as_ref().and_then(|faults| faults.strike(fault_step(&step)));
        if let Some(kind @ FaultKind::Fail) = fault {
            return Err(OnPurpose { kind }.into());
        }
        let id = self.begin(step).await;
        if let (Some(FaultKind::Kill), Some(process)) = (fault, self.process) {
            // One that has ended is dead as well.
            let _ = kill_process(process, Signal::KILL);
        }
        loop {
            match self.hear(id).await? {
                Heard::Progress(progress) => on_progress(progress),
                Heard::Said(_) => return Err(HelperError::Answer),
                Heard::Done(outcome) => {
                    return match fault {
                        Some(kind @ FaultKind::Lost) => Err(OnPurpose { kind }.into()),
                        _ => Ok(outcome),
                    };
                }
            }
        }
    }

    /// Begins a step; its number.
    pub async fn begin(&mut self, step: Step) -> u64 {
        self.last_id += 1;
        // A writer that is gone is explained by what the reader has to say.
        let _ = self.to.send(ToNode::Run { id: self.last_id, step }).await;
        self.last_id
    }

    /// Tells a step that is under way something new.
    pub async fn tell(&self, id: u64, news: News) {
        let _ = self.to.send(ToNode::News { id, news }).await;
    }

    /// What comes next from a step that is under way.
    pub async fn hear(&mut self, asked: u64) -> Result<Heard, HelperError> {
        loop {
            return match self.from.recv().await {
                Some(Ok(FromNode::Progress { id, progress })) if id == asked => Ok(Heard::Progress(progress)),
                Some(Ok(FromNode::Said { id, said })) if id == asked => Ok(Heard::Said(said)),
                Some(Ok(FromNode::Done { id, result })) if id == asked => Ok(Heard::Done(result?)),
                Some(Ok(FromNode::Beat)) => continue,
                // Of a step that has ended meanwhile.
                Some(Ok(FromNode::Progress { id, .. } | FromNode::Said { id, .. })) if id < asked => continue,
                Some(Ok(_)) => Err(HelperError::Answer),
                Some(Err(error)) => Err(error),
                None => Err(HelperError::Ended { said: String::new() }),
            };
        }
    }

    /// Completes when a helper that has nothing to do ends.
    pub async fn idle(&mut self) -> HelperError {
        loop {
            // No step is under way, so only beats come.
            if let Err(error) = self.hear(0).await {
                return error;
            }
        }
    }

    /// Ends the helper, and waits until it has ended what it started.
    pub async fn close(self) {
        drop(self.to);
        drop(self.from);
        // One that does not end in time ends by its own silence limit.
        let _ = timeout(Self::END_LIMIT, self.reader).await;
    }
}

/// What a rehearsal calls a step.
fn fault_step(step: &Step) -> FaultStep {
    match step {
        Step::CheckOwner(_) | Step::LookAtPool(_) => FaultStep::Owner,
        Step::AdoptPool(_) => FaultStep::Adopt,
        Step::CheckRequirements(_) => FaultStep::Check,
        Step::ListPool(_) => FaultStep::Look,
        Step::Look(_) => FaultStep::Ask,
        Step::Examine(_) => FaultStep::Examine,
        Step::Fetch(_) | Step::GiveCopy(_) | Step::TakeCopy(_) => FaultStep::Fetch,
        Step::StoreImage(_) => FaultStep::Store,
        Step::CheckCopy(_) => FaultStep::Look,
        Step::Inspect(_) => FaultStep::Inspect,
        Step::Digest(_) | Step::ReadPieces(_) => FaultStep::Digest,
        Step::WriteIndex(_) => FaultStep::Index,
        Step::Remove(_) | Step::RemoveCopies(_) | Step::RemoveService(_) => FaultStep::Remove,
        Step::Note(_) => FaultStep::Note,
        Step::Act(_) => FaultStep::Action,
        Step::Processes(_) => FaultStep::Processes,
        Step::CompareTree(_) | Step::WritePart(_) => FaultStep::Tree,
        Step::InstallPackages(_) => FaultStep::Packages,
    }
}

async fn write(mut stdin: impl AsyncWrite + Unpin, mut outgoing: mpsc::Receiver<ToNode>) {
    let mut beat = interval(BEAT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            message = outgoing.recv() => message,
            _ = beat.tick() => Some(ToNode::Beat),
        };
        let Some(message) = message else { return };
        if write_frame(&mut stdin, &message).await.is_err() {
            return;
        }
    }
}

/// Hands on what the helper says, up to its end.
async fn read(
    mut stdout: impl AsyncRead + Unpin,
    mut stderr: impl AsyncRead + Unpin,
    incoming: mpsc::Sender<Result<FromNode, HelperError>>,
) {
    loop {
        let said = match timeout(SILENCE_LIMIT, read_frame(&mut stdout)).await {
            Err(_) => Err(HelperError::Silent(SILENCE_LIMIT)),
            Ok(Err(ays_protocol::FrameError::Io(_)) | Ok(None)) => {
                Err(HelperError::Ended { said: last_words(&mut stderr).await })
            }
            Ok(Err(error)) => Err(HelperError::Frame(error)),
            Ok(Ok(Some(message))) => Ok(message),
        };
        let last = said.is_err();
        // Nobody listens while the helper is being closed; its output is still read to its end.
        let _ = incoming.send(said).await;
        if last {
            return;
        }
    }
}
