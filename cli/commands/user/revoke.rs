//! `ays user revoke`

use std::path::Path;

use ays_catalogue::TokenId;
use ays_operations::revoke_token;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Takes a token back: it lets in no more
#[derive(clap::Args)]
pub struct Args {
    /// Its number: ays user tokens
    token: i64,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    revoke_token(Site::find(repo)?.controller().await?, TokenId(args.token)).await?;
    table::line(&format!("token {} lets nobody in any more", args.token))
}
