//! `ays publication follow`

use std::path::Path;
use std::time::Duration;

use ays_catalogue::{PublicationId, PublicationStatus};
use ays_operations::Kind;

use super::status;
use crate::failure::Failure;
use crate::render::{table, units};
use crate::site::Site;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Shows how a publication goes on, until it has ended; fails where it failed
#[derive(clap::Args)]
pub struct Args {
    /// Its number: ays publication list
    publication: i64,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let (site, id) = (Site::find(repo)?, PublicationId(args.publication));
    let mut shown = String::new();
    loop {
        let of = site.publication(id).await?.publication;
        let doing =
            if of.status == PublicationStatus::Running { format!(": {}", of.message) } else { String::new() };
        let line = format!("{}{doing}, {} sent", status(&of), units::bytes(of.bytes_done));
        if line != shown {
            table::line(&line)?;
            shown = line;
        }
        match of.status {
            PublicationStatus::Running => tokio::time::sleep(LOOK_EVERY).await,
            PublicationStatus::Done | PublicationStatus::Removed => return Ok(()),
            PublicationStatus::Failed | PublicationStatus::Cancelled => {
                let why = of.problem.unwrap_or_else(|| "somebody has ended it".to_owned());
                return Err(Failure::AtClouds {
                    said: vec![format!("{}: {why}", of.account)],
                    kind: Kind::Failed,
                });
            }
        }
    }
}
