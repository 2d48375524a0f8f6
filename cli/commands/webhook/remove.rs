//! `ays webhook remove`

use std::path::Path;

use ays_catalogue::WebhookId;
use ays_operations::remove_webhook;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Tells an address nothing any more
#[derive(clap::Args)]
pub struct Args {
    /// Its number: ays webhook list
    webhook: i64,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    remove_webhook(Site::find(repo)?.controller().await?, WebhookId(args.webhook)).await?;
    table::line(&format!("webhook {} is removed", args.webhook))
}
