//! `ays user add`

use std::path::Path;

use ays_catalogue::Role;
use ays_operations::add_user;

use super::password;
use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Makes a user
///
/// Without --password only its tokens let it in: ays user token NAME.
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    name: String,
    /// What it may do: viewer looks, operator asks for operations, admin says who may what
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// Ask for a password, or read it from standard input
    #[arg(long)]
    password: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let Args { name, role, password } = args;
    let password = if password { Some(password::read()?) } else { None };
    add_user(Site::find(repo)?.controller().await?, name.clone(), role, password).await?;
    table::line(&format!("user {name} is there; `ays user token {name}` makes a token"))
}
