//! `ays user password`

use std::io::Read as _;
use std::path::Path;

use ays_operations::set_password;
use secrecy::SecretString;

use crate::failure::Failure;
use crate::prompt;
use crate::render::table;
use crate::site::Site;

/// Gives a user another password, which is asked for, or read from standard input
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    name: String,
}

pub async fn run(Args { name }: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let password = read()?;
    set_password(Site::find(repo)?.controller().await?, name.clone(), password).await?;
    table::line(&format!("{name} has another password"))
}

/// A password, without the end of its line.
pub fn read() -> Result<SecretString, Failure> {
    if prompt::possible() {
        return prompt::secret("Password:");
    }
    let mut text = String::new();
    std::io::stdin().lock().take(4096).read_to_string(&mut text).map_err(Failure::Input)?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}
