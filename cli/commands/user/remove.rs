//! `ays user remove`

use std::path::Path;

use ays_operations::remove_user;

use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Forgets a user and its tokens
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    name: String,
}

pub async fn run(Args { name }: Args, repo: Option<&Path>) -> Result<(), Failure> {
    remove_user(context::controller_of(repo).await?, name.clone()).await?;
    table::line(&format!("user {name} is removed"))
}
