//! What happens in a job, into the catalogue: in order, many at once, progress only now and then.

use std::time::Duration;

use ays_catalogue::{Catalogue, JobId};
use ays_model::{Event, Record};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

/// How long events are gathered before they are written.
const GATHER: Duration = Duration::from_millis(200);

/// How long the last events may take.
const LAST: Duration = Duration::from_secs(10);

/// Of each step on each node, progress is written no more often.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Writes the events of a job.
pub(crate) struct Recorder {
    writing: JoinHandle<()>,
}

impl Recorder {
    /// Begins; what is sent is written until all senders are gone.
    pub fn begin(catalogue: Catalogue, id: JobId) -> (Self, UnboundedSender<Record>) {
        let (sender, receiver) = unbounded_channel();
        (Self { writing: tokio::spawn(write(catalogue, id, receiver)) }, sender)
    }

    /// Waits until all is written, but not for ever: what is not written is not shown.
    pub async fn end(self) {
        let _ = timeout(LAST, self.writing).await;
    }
}

async fn write(catalogue: Catalogue, id: JobId, mut receiver: UnboundedReceiver<Record>) {
    let mut progress_told = Instant::now() - PROGRESS_EVERY;
    while let Some(first) = receiver.recv().await {
        let mut gathered = vec![first];
        let until = Instant::now() + GATHER;
        loop {
            tokio::select! {
                more = receiver.recv() => match more {
                    Some(record) => gathered.push(record),
                    None => break,
                },
                () = sleep_until(until) => break,
            }
        }
        let tells_progress = progress_told.elapsed() >= PROGRESS_EVERY;
        if tells_progress {
            progress_told = Instant::now();
        }
        let records: Vec<Value> = worth_writing(&gathered, tells_progress);
        // What is not written is not shown; the job itself goes on.
        let _ = catalogue.add_job_events(id, &records).await;
    }
}

/// Of progress, only the last of each node and step, and only where `tells_progress`.
fn worth_writing(gathered: &[Record], tells_progress: bool) -> Vec<Value> {
    let is_last = |at: usize, record: &Record| match &record.event {
        Event::StepProgress { step, .. } => {
            tells_progress
                && !gathered[at + 1..].iter().any(|later| {
                    later.node == record.node
                        && matches!(&later.event, Event::StepProgress { step: other, .. } if other == step)
                })
        }
        _ => true,
    };
    let kept = gathered.iter().enumerate().filter(|(at, record)| is_last(*at, record));
    kept.filter_map(|(_, record)| serde_json::to_value(record).ok()).collect()
}
