//! `ays user token`

use std::path::Path;

use ays_catalogue::Role;
use ays_operations::add_token;
use secrecy::ExposeSecret as _;

use crate::failure::{Failure, eprint_line};
use crate::render::table;
use crate::site::Site;

/// Makes a token, by which a program is let in as a user; it is printed once
#[derive(clap::Args)]
pub struct Args {
    /// The user
    name: String,
    /// What it is for, such as the program's name
    #[arg(long = "for", value_name = "TEXT", default_value = "")]
    purpose: String,
    /// What it may do, and never more than the user
    #[arg(long, value_name = "ROLE", default_value = "admin", hide_default_value = true)]
    role: Role,
    /// For how long it lets in, such as 90d; else until it is revoked
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Option<std::time::Duration>,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let Args { name, purpose, role, expires } = args;
    let (made, token) =
        add_token(Site::find(repo)?.controller().await?, name, purpose, role, expires).await?;
    eprint_line(&format!("token {} of {}; it is not shown again:", made.id.0, made.account));
    table::line(token.expose_secret())
}
