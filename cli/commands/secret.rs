//! `ays secret`

use std::io::{IsTerminal, Read};
use std::path::Path;

use ays_recipes::LookupError;
use ays_secrets::{SecretName, Store};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::json;

use crate::context;
use crate::failure::Failure;
use crate::prompt;
use crate::render::table;

/// Keeps the secrets that recipes name with $(secret.NAME), such as url:'ftp://$(secret.aydo)@ftp.example.org'
///
/// A variable goes first (AYS_SECRET_AYDO), then the command of the setting secrets.command, then the file secrets.age
/// beside the catalogue. That is encrypted by age for the key ~/.config/ays/age.key, which is made with the first secret:
/// without that key the file cannot be read.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Keeps a secret in the file; it is asked for, and not shown, or read from standard input
    ///
    /// `user:password` can be a whole login: ftp://$(secret.NAME)@host. The last line's end is no part of it.
    Set {
        /// Its name: letters, digits, `_`, `-` and `.`, in any case
        name: SecretName,
    },
    /// Lists the names of all secrets, and where each is from; never what they are
    ///
    /// What the command of secrets.command has is not listed: only the command knows.
    List {
        /// Print JSON: [{"name": .., "from": "VARIABLE|FILE"}]
        #[arg(long)]
        json: bool,
    },
    /// Removes a secret from the file
    Remove {
        /// Its name
        name: SecretName,
    },
}

/// The most bytes of a secret.
const MOST: u64 = 1 << 20;

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let store = context::environment(repo)?.secrets;
    match &args.command {
        Command::Set { name } => {
            let file = store.set(name, value(name)?)?;
            table::line(&format!("`{name}` is kept in {}", file.display()))
        }
        Command::List { json } => list(&store, *json),
        Command::Remove { name } => {
            if store.remove(name)? {
                return table::line(&format!("`{name}` is removed"));
            }
            let known: Vec<_> = store.list()?.into_iter().map(|(name, _)| name).collect();
            Err(LookupError::unknown("secret", name.as_str(), known.iter().map(SecretName::as_str)).into())
        }
    }
}

/// Asked for on a terminal, else read.
fn value(name: &SecretName) -> Result<SecretString, Failure> {
    if std::io::stdin().is_terminal() {
        return not_empty(prompt::secret(&format!("{name}:"))?);
    }
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().take(MOST + 1).read_to_string(&mut text).map_err(Failure::Input)?;
    if text.len() as u64 > MOST {
        return Err(Failure::LongSecret);
    }
    let value = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    not_empty(SecretString::from(value))
}

fn not_empty(secret: SecretString) -> Result<SecretString, Failure> {
    use secrecy::ExposeSecret;
    if secret.expose_secret().is_empty() { Err(Failure::EmptySecret) } else { Ok(secret) }
}

fn list(store: &Store, json: bool) -> Result<(), Failure> {
    let all = store.list()?.into_iter().map(|(name, origin)| (name.to_string(), origin.to_string()));
    if json {
        let rows: Vec<_> = all.map(|(name, from)| json!({"name": name, "from": from})).collect();
        return table::json(&rows);
    }
    table::print(&["SECRET", "FROM"], all.map(|(name, from)| vec![name, from]))
}
