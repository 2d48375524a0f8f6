//! `ays secret`

mod allow;

use std::io::{IsTerminal, Read};
use std::path::Path;

use ays_recipes::LookupError;
use ays_secrets::{Receiver, SecretName, SecretsError, Store};
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
///
/// A secret goes only to hosts that you allow, wherever it is from, and whatever a recipe says.
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
        /// The hosts that it may go to, and no others; without it, those that it could go to before
        ///
        /// HOST is https or ftp, whichever is used first; https://HOST and ftp://HOST are that alone; http://HOST lets it
        /// go in clear text.
        #[arg(long = "for", value_name = "HOST,..", value_delimiter = ',')]
        receivers: Vec<Receiver>,
    },
    /// Lists the names of all secrets, where each is from, and where it may go; never what they are
    ///
    /// What the command of secrets.command has is not listed before it may go somewhere: only the command knows.
    List {
        /// Print JSON: [{"name": .., "from": "VARIABLE|FILE|elsewhere", "for": ["HOST"]}]
        #[arg(long)]
        json: bool,
    },
    /// Removes a secret from the file
    Remove {
        /// Its name
        name: SecretName,
    },
    Allow(allow::AllowArgs),
    Deny(allow::DenyArgs),
}

/// The most bytes of a secret.
const MOST: u64 = 1 << 20;

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = context::environment(repo)?;
    let store = &environment.secrets;
    match &args.command {
        Command::Set { name, receivers } => set(store, name, receivers),
        Command::List { json } => list(store, *json),
        Command::Remove { name } => {
            if store.remove(name)? {
                return table::line(&format!("`{name}` is removed"));
            }
            let known: Vec<_> = store.list()?.into_iter().map(|(name, _)| name).collect();
            Err(LookupError::unknown("secret", name.as_str(), known.iter().map(SecretName::as_str)).into())
        }
        Command::Allow(args) => allow::allow(args, &environment),
        Command::Deny(args) => allow::deny(args, store),
    }
}

fn set(store: &Store, name: &SecretName, receivers: &[Receiver]) -> Result<(), Failure> {
    store.claim()?;
    let file = store.set(name, value(name)?)?;
    let allowed = store.allowed()?;
    if !receivers.is_empty() {
        allowed.allow_only(name, receivers)?;
    }
    table::line(&format!("`{name}` is kept in {}", file.display()))?;
    table::line(&match &allowed.receivers(name)?[..] {
        [] => format!(
            "it may go nowhere yet: its first use asks on a terminal, or `ays secret allow {name} HOST`"
        ),
        all => format!("it may go to {}", shown(all)),
    })
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
    let allowed = store.allowed()?;
    let all = store.list()?.into_iter();
    let all = all.map(|(name, origin)| Ok((allowed.receivers(&name)?, name.to_string(), origin.to_string())));
    let all: Vec<_> = all.collect::<Result<_, SecretsError>>()?;
    if json {
        let rows: Vec<_> = all
            .iter()
            .map(|(receivers, name, from)| json!({"name": name, "from": from, "for": receivers}))
            .collect();
        return table::json(&rows);
    }
    let rows = all.into_iter().map(|(receivers, name, from)| vec![name, from, shown(&receivers)]);
    table::print(&["SECRET", "FROM", "MAY GO TO"], rows)?;
    // Nodes are as many as there are.
    let mut carriers = allowed.carriers()?;
    carriers.retain(|id| !id.starts_with("node:"));
    match &carriers[..] {
        [] => Ok(()),
        carriers => table::line(&format!("\nall of them may go through {}", carriers.join(", "))),
    }
}

fn shown(receivers: &[Receiver]) -> String {
    receivers.iter().map(Receiver::to_string).collect::<Vec<_>>().join(", ")
}
