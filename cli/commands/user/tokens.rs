//! `ays user tokens`

use std::path::Path;

use ays_catalogue::{Timestamp, Token};
use ays_operations::tokens;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Lists tokens, without what lets in
#[derive(clap::Args)]
pub struct Args {
    /// Only of this user
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let tokens = tokens(Site::find(repo)?.controller().await?, args.name).await?;
    if args.json {
        return table::json(&tokens);
    }
    table::print(&["TOKEN", "USER", "FOR", "ROLE", "MADE (UTC)", "UNTIL (UTC)"], tokens.iter().map(row))
}

fn row(token: &Token) -> Vec<String> {
    let until = match (&token.revoked_at, &token.expires_at) {
        (Some(at), _) => format!("revoked at {}", at.to_the_second()),
        (None, Some(at)) if *at <= Timestamp::now() => format!("expired at {}", at.to_the_second()),
        (None, Some(at)) => at.to_the_second(),
        (None, None) => String::new(),
    };
    vec![
        token.id.0.to_string(),
        token.account.clone(),
        token.name.clone(),
        table::word(&token.role),
        token.created_at.to_the_second(),
        until,
    ]
}
