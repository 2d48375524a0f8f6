//! `ays account list`

use std::path::Path;

use ays_catalogue::{CloudAccount, Timestamp};

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Lists the accounts, and how the last test of each went
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let accounts = Site::find(repo)?.accounts().await?;
    if args.json {
        return table::json(&accounts);
    }
    if accounts.is_empty() {
        return table::line("there is no account yet: ays account create TYPE");
    }
    table::print(&["ACCOUNT", "TYPE", "TESTED (UTC)", "PROBLEM"], accounts.iter().map(row))
}

fn row(account: &CloudAccount) -> Vec<String> {
    vec![
        account.name.clone(),
        account.target.clone(),
        account.tested_at.as_ref().map(Timestamp::to_the_second).unwrap_or_default(),
        account.problem.clone().unwrap_or_default(),
    ]
}
