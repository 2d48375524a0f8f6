//! Whether the stacks of a wave work, before the next wave begins.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use ays_catalogue::{StackId, StackOffer};
use ays_engine::Bad;
use ays_model::{CopyVerdict, Event, NodeName, PoolKey, Record};
use tokio::process::Command;

use super::Work;
use crate::error::Error;

/// Why no further wave began.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// A copy was read again and was not as it should be.
    #[error("the copy in pool {} is {verdict}{}", .pool.name, on(.pool))]
    Copy {
        /// The pool.
        pool: PoolKey,
        /// What it is.
        verdict: CopyVerdict,
    },
    /// The check did not end well for a stack.
    #[error("the check of {stack} ended with {ended}")]
    Check {
        /// The stack.
        stack: NodeName,
        /// Its exit code or signal.
        ended: ExitStatus,
    },
    /// The check could not be started.
    #[error("the check could not be started")]
    NoCheck(#[source] std::io::Error),
}

fn on(pool: &PoolKey) -> String {
    pool.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default()
}

impl Work<'_> {
    /// Reads the copies of a wave again, where there are waves, then runs the operator's check for each of its stacks.
    pub(super) async fn prove(&mut self, wave: &[StackId]) -> Result<(), Error> {
        if self.asked.canary.is_some() {
            self.read_again(wave).await?;
        }
        for stack in wave {
            if self.stopped.is_some() {
                break;
            }
            self.check(*stack).await?;
        }
        if self.stop.is_wanted() { Err(Error::interrupted()) } else { Ok(()) }
    }

    async fn read_again(&mut self, wave: &[StackId]) -> Result<(), Error> {
        let pools: Vec<_> = wave.iter().filter_map(|stack| self.pool(*stack)).collect();
        let mut copies = self.to_bring(&[]).await?.copies;
        copies.retain(|copy| pools.contains(&copy.pool));
        let bad: Arc<Mutex<Option<Stopped>>> = Arc::default();
        let (tell, noted) = (Arc::clone(&self.tell), Arc::clone(&bad));
        let listen = move |record: Record| {
            if let Event::CopyChecked(report) = &record.event
                && report.result != CopyVerdict::Good
            {
                let stopped = Stopped::Copy { pool: report.pool.clone(), verdict: report.result };
                noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stopped);
            }
            tell(record);
        };
        self.pools.scrub(self.controller, Bad::Marked).run(copies, self.stop, &listen).await;
        self.stopped = bad.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    async fn check(&mut self, stack: StackId) -> Result<(), Error> {
        let (Some(command), Some(on)) = (self.asked.check.as_deref(), self.on(stack)) else { return Ok(()) };
        let stopped = tokio::select! {
            ended = run(command, self.detail.image.name.as_str(), on) => match ended {
                Ok(ended) if ended.success() => None,
                Ok(ended) => Some(Stopped::Check { stack: on.stack.name.clone(), ended }),
                Err(error) => Some(Stopped::NoCheck(error)),
            },
            () = self.stop.after_steps() => return Err(Error::interrupted()),
        };
        self.stopped = stopped;
        Ok(())
    }
}

/// Runs the operator's program. Dropped, it is ended.
async fn run(command: &[OsString], image: &str, on: &StackOffer) -> std::io::Result<ExitStatus> {
    let [program, arguments @ ..] = command else {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "no program is named"));
    };
    let generation = on.offered_generation.map(|number| number.to_string()).unwrap_or_default();
    Command::new(program)
        .args(arguments)
        .env("AYS_IMAGE", image)
        .env("AYS_STACK", on.stack.name.as_str())
        .env("AYS_GENERATION", generation)
        .stdin(Stdio::null())
        // What it says is for people; standard output is this program's own.
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
}
