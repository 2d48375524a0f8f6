//! `ays user role`

use std::path::Path;

use ays_catalogue::Role;
use ays_operations::set_role;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Gives a user another role
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    name: String,
    /// viewer, operator or admin
    role: Role,
}

pub async fn run(Args { name, role }: Args, repo: Option<&Path>) -> Result<(), Failure> {
    set_role(Site::find(repo)?.controller().await?, name.clone(), role).await?;
    table::line(&format!("{name} is {}", table::word(&role)))
}
