//! `ays webhook list`

use std::path::Path;

use ays_catalogue::{Timestamp, Webhook};
use ays_operations::webhooks;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Lists the webhooks, and how far each has been told
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let webhooks = webhooks(Site::find(repo)?.controller().await?).await?;
    if args.json {
        return table::json(&webhooks);
    }
    if webhooks.is_empty() {
        return table::line("nobody is told of changes: ays webhook add URL --secret NAME");
    }
    table::print(&["WEBHOOK", "URL", "WAITING", "TOLD (UTC)", "PROBLEM"], webhooks.iter().map(row))
}

fn row(webhook: &Webhook) -> Vec<String> {
    vec![
        webhook.id.0.to_string(),
        webhook.url.clone(),
        webhook.waiting.to_string(),
        webhook.delivered_at.as_ref().map(Timestamp::to_the_second).unwrap_or_default(),
        webhook.problem.clone().unwrap_or_default(),
    ]
}
