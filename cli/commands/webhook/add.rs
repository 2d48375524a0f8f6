//! `ays webhook add`

use std::path::Path;

use ays_operations::add_webhook;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Tells an address of all changes from now on
///
/// It gets a POST with the changes as `ays audit --json` prints them, the first first, and X-Ays-Signature: sha256= with their HMAC-SHA256.
/// What it does not take is told again, later and later.
#[derive(clap::Args)]
pub struct Args {
    /// The address: https, or one of this machine
    url: String,
    /// The name of the secret that signs: ays secret set NAME
    #[arg(long, value_name = "NAME")]
    secret: String,
}

pub async fn run(Args { url, secret }: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let id = add_webhook(Site::find(repo)?.controller().await?, url, secret).await?;
    table::line(&format!("webhook {} is told of all changes from now on, while a worker runs", id.0))
}
