//! `ays user remove`

use std::path::Path;

use ays_operations::remove_user;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Forgets a user and its tokens
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    name: String,
}

pub async fn run(Args { name }: Args, repo: Option<&Path>) -> Result<(), Failure> {
    remove_user(Site::find(repo)?.controller().await?, name.clone()).await?;
    table::line(&format!("user {name} is removed"))
}
