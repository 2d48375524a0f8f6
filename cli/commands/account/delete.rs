//! `ays account delete`

use std::path::Path;

use ays_operations::remove_account;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Forgets an account and its secrets
///
/// What was published with it stays at its cloud, and in `ays publication list`.
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    account: String,
}

pub async fn run(Args { account }: Args, repo: Option<&Path>) -> Result<(), Failure> {
    remove_account(Site::find(repo)?.controller().await?, account.clone()).await?;
    table::line(&format!("account {account} is deleted"))
}
