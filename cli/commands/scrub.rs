//! `ays scrub`

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ays_engine::Stopper;
use ays_model::NodeName;
use ays_operations::{ScrubCopies, Scrubbed, Tell};

use super::job;
use crate::failure::Failure;
use crate::render::scrub::Report;
use crate::signals::heed_signals;
use crate::site::Site;

/// Reads every copy of the images again, and says which are not as they should be
///
/// What is missing or damaged is offered no more. A copy that was read longest ago is read first, so a scrub that was
/// stopped is gone on with by the next one.
#[derive(clap::Args)]
pub struct Args {
    /// Only of this image: its name or id
    image: Option<String>,
    /// Only on these nodes (a,b or repeated)
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    node: Vec<NodeName>,
    /// Bring what is missing or damaged again from a node that has a good copy
    #[arg(long)]
    heal: bool,
    /// Let a worker do it: print the job's number, and end
    #[arg(long)]
    detach: bool,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON, one object a line: events, and each copy when it was read
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let scrub = ScrubCopies { image: args.image, nodes: args.node, heal: args.heal };
    if args.detach {
        return job::detach(&site, scrub).await;
    }
    let (stopper, stop) = Stopper::new();
    heed_signals(stopper);
    let report = Arc::new(Mutex::new(Report::new(args.json, repo.map(Path::to_owned))));
    let shown = Arc::clone(&report);
    let tell: Tell =
        Arc::new(move |record| shown.lock().unwrap_or_else(PoisonError::into_inner).show(record));
    let _: Scrubbed = site.perform(scrub, args.accept_new_host_key, stop.clone(), tell).await?;
    let counts = report.lock().unwrap_or_else(PoisonError::into_inner).end()?;
    if counts.bad + counts.unread == 0 {
        return Ok(());
    }
    Err(Failure::Scrub { counts, healed: args.heal, interrupted: stop.is_wanted() })
}
