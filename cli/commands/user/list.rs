//! `ays user list`

use std::path::Path;

use ays_catalogue::Account;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Lists the users
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let users = Site::find(repo)?.users().await?;
    if args.json {
        return table::json(&users);
    }
    if users.is_empty() {
        return table::line("no user is known yet: ays user add NAME --role admin");
    }
    table::print(&["NAME", "ROLE", "PASSWORD", "SINCE (UTC)", "MADE BY"], users.iter().map(row))
}

fn row(user: &Account) -> Vec<String> {
    let password = if user.has_password { "yes" } else { "no" };
    let since = user.created_at.to_the_second();
    vec![user.name.clone(), table::word(&user.role), password.to_owned(), since, user.created_by.clone()]
}
