//! `ays scrub`

use std::cell::RefCell;
use std::path::Path;

use ays_catalogue::{Catalogue, ScrubCopy};
use ays_engine::{Bad, Scrub, Stopper};
use ays_model::Node;
use ays_recipes::LookupError;
use ays_transport::Transport;

use crate::context;
use crate::failure::Failure;
use crate::render::scrub::Report;
use crate::signals::heed_signals;
use crate::targets::all_nodes;

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
    node: Vec<String>,
    /// Bring what is missing or damaged again from a node that has a good copy
    #[arg(long)]
    heal: bool,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON, one object a line: events, and each copy when it was read
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = context::environment(repo)?;
    for name in args.node.iter().filter(|name| *name != Node::LOCAL) {
        environment.node(None, name)?;
    }
    let catalogue = context::catalogue(&environment).await?;
    let copies = copies(&catalogue, args.image.as_deref()).await?;
    let settings = &environment.settings;
    let scrub = Scrub {
        nodes: &all_nodes(&environment),
        on: &args.node,
        catalogue: &catalogue,
        transport: &Transport::Ssh(context::ssh(&environment, args.accept_new_host_key)?),
        rate: settings.scrub.rate,
        bad: if args.heal { Bad::Healed } else { Bad::Marked },
        parallel: settings.install.parallel,
    };
    let copies = scrub.chosen(copies);
    let (stopper, stop) = Stopper::new();
    heed_signals(stopper);
    let report = RefCell::new(Report::new(&copies, args.json, repo));
    scrub.run(copies, &stop, &|told| report.borrow_mut().show(told)).await;
    let counts = report.into_inner().end()?;
    if counts.bad + counts.unread == 0 {
        return Ok(());
    }
    Err(Failure::Scrub { counts, healed: args.heal, interrupted: stop.is_wanted() })
}

async fn copies(catalogue: &Catalogue, image: Option<&str>) -> Result<Vec<ScrubCopy>, Failure> {
    if let Some(copies) = catalogue.copies_to_scrub(image).await? {
        return Ok(copies);
    }
    let images = catalogue.images().await?;
    let names = images.iter().map(|image| image.name.as_str());
    Err(LookupError::unknown("image", image.unwrap_or_default(), names).into())
}
