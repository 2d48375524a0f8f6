//! `ays user revoke`

use std::path::Path;

use ays_catalogue::TokenId;
use ays_operations::revoke_token;

use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Takes a token back: it lets in no more
#[derive(clap::Args)]
pub struct Args {
    /// Its number: ays user tokens
    token: i64,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    revoke_token(context::controller_of(repo).await?, TokenId(args.token)).await?;
    table::line(&format!("token {} lets nobody in any more", args.token))
}
