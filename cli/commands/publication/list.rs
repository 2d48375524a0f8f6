//! `ays publication list`

use std::path::Path;

use ays_catalogue::Publication;

use super::status;
use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Lists publications, the newest first
#[derive(clap::Args)]
pub struct Args {
    /// Only of this image: its name or id
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Only with this account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let image = match &args.image {
        Some(image) => Some(site.image(image).await?.image.id),
        None => None,
    };
    let all = site.publications(image, args.account).await?;
    if args.json {
        return table::json(&all);
    }
    if all.is_empty() {
        return table::line("nothing was published yet: ays publish -n IMAGE --account ACCOUNT");
    }
    table::print(
        &["PUBLICATION", "IMAGE", "GENERATION", "ACCOUNT", "TYPE", "STATUS", "CLOUD ID", "MADE (UTC)"],
        all.iter().map(row),
    )
}

fn row(of: &Publication) -> Vec<String> {
    vec![
        of.id.to_string(),
        of.image.to_string(),
        of.generation.to_string(),
        of.account.clone(),
        of.target.clone(),
        status(of),
        of.cloud_id.clone().unwrap_or_default(),
        of.created_at.to_the_second(),
    ]
}
