//! `ays publication cancel`

use std::path::Path;

use ays_catalogue::PublicationId;
use ays_operations::cancel_publication;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Ends a publication that is under way, whoever is at it; what it made is removed
#[derive(clap::Args)]
pub struct Args {
    /// Its number: ays publication list
    publication: i64,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let id = PublicationId(args.publication);
    cancel_publication(Site::find(repo)?.controller().await?, id).await?;
    table::line(&format!(
        "publication {id} ends within some seconds; where nobody is at it, `ays recover` ends it"
    ))
}
