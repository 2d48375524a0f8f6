//! `ays account test`

use std::path::Path;

use ays_operations::test_account;

use super::print_seen;
use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Signs in with an account, and shows what it can see
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    account: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(Args { account, json }: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let seen = test_account(Site::find(repo)?.controller().await?, account.clone()).await?;
    if json {
        return table::json(&seen);
    }
    table::line(&format!("account {account} is let in; it sees"))?;
    print_seen(&seen)
}
