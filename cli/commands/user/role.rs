//! `ays user role`

use std::path::Path;

use ays_catalogue::Role;
use ays_operations::set_role;

use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Gives a user another role
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    name: String,
    /// viewer, operator or admin
    role: Role,
}

pub async fn run(Args { name, role }: Args, repo: Option<&Path>) -> Result<(), Failure> {
    set_role(context::controller_of(repo).await?, name.clone(), role).await?;
    table::line(&format!("{name} is {}", table::word(&role)))
}
