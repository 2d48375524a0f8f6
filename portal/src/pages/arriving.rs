//! How far an image is on its way to nodes.

use std::collections::HashMap;

use ays_catalogue::{Image, JobFilter, JobStatus};
use ays_model::{Record, StepName};
use ays_operations::{self as operations, Controller};

use super::image_use::names;
use crate::failure::Failure;
use crate::live::Work;

/// Bytes done and in all, by the node's name.
pub(super) type Arriving = HashMap<String, (u64, u64)>;

/// How many events are read at once.
const EVENTS: u32 = 500;

/// What running jobs bring of an image.
pub(super) async fn arriving(controller: &Controller, image: &Image) -> Result<Arriving, Failure> {
    let filter = JobFilter { status: Some(JobStatus::Running), ..JobFilter::default() };
    let mut arriving = Arriving::new();
    for job in operations::jobs(controller.clone(), filter).await? {
        if !names(&job.operation, image) {
            continue;
        }
        let (mut work, mut last) = (Work::default(), 0);
        loop {
            let events = controller.catalogue.job_events(job.id, last, EVENTS).await?;
            let Some((number, _)) = events.last() else { break };
            last = *number;
            let records =
                events.into_iter().filter_map(|(_, event)| serde_json::from_value::<Record>(event).ok());
            records.for_each(|record| work.take(&record));
        }
        for (node, on) in work.shown() {
            let comes = on.step().is_some_and(|step| matches!(step.name, StepName::Bring | StepName::Fetch));
            if let Some(progress) = on.progress.filter(|_| comes)
                && let Some(total) = progress.total
            {
                arriving.insert(node.to_owned(), (progress.done, total));
            }
        }
    }
    Ok(arriving)
}
