//! `ays secret allow`, `ays secret deny`

use ays_recipes::{Environment, LookupError};
use ays_secrets::{Receiver, SecretName, Store, Use};

use super::shown;
use crate::failure::Failure;
use crate::prompt;
use crate::render::table;

/// Lets a secret go to hosts as well, or all secrets to where the recipes send them now
///
/// HOST is https or ftp, whichever is used first; https://HOST and ftp://HOST are that alone; http://HOST lets it go in
/// clear text, where the host does not serve the same by https.
#[derive(clap::Args)]
pub struct AllowArgs {
    /// Its name; it need not be kept here
    #[arg(required_unless_present_any = ["all", "through"], requires = "receivers")]
    name: Option<SecretName>,
    /// The hosts
    #[arg(value_name = "HOST", value_delimiter = ',')]
    receivers: Vec<Receiver>,
    /// Shows where the recipes of this environment send secrets now, and through what, and allows all of it
    #[arg(long, conflicts_with_all = ["name", "through"])]
    all: bool,
    /// Lets secrets go through what the repository names: a proxy http://HOST:PORT, an authority ca:DIGEST, a node at a new
    /// address node:NAME@HOST:PORT
    #[arg(long, value_name = "WHAT", conflicts_with = "name")]
    through: Option<String>,
}

/// Lets a secret go to hosts no more
#[derive(clap::Args)]
pub struct DenyArgs {
    /// Its name
    #[arg(required_unless_present = "through")]
    name: Option<SecretName>,
    /// The hosts; none: all
    #[arg(value_name = "HOST", value_delimiter = ',')]
    receivers: Vec<Receiver>,
    /// Lets no secret go through this proxy, authority or node any more
    #[arg(long, value_name = "WHAT", conflicts_with = "name")]
    through: Option<String>,
}

pub fn allow(args: &AllowArgs, environment: &Environment) -> Result<(), Failure> {
    let allowed = environment.secrets.allowed()?;
    if args.all {
        return allow_all(environment);
    }
    if let Some(id) = &args.through {
        allowed.allow_carriers([id.as_str()])?;
        return table::line(&format!("secrets may go through {id}"));
    }
    let Some(name) = &args.name else { return Ok(()) };
    allowed.allow(name, &args.receivers)?;
    table::line(&format!("`{name}` may go to {}", shown(&allowed.receivers(name)?)))
}

pub fn deny(args: &DenyArgs, store: &Store) -> Result<(), Failure> {
    let allowed = store.allowed()?;
    if let Some(id) = &args.through {
        if allowed.deny_carrier(id)? {
            return table::line(&format!("secrets may go through {id} no more"));
        }
        let known = allowed.carriers()?;
        return Err(
            LookupError::unknown("proxy, authority or node", id, known.iter().map(String::as_str)).into()
        );
    }
    let Some(name) = &args.name else { return Ok(()) };
    let known: Vec<_> = allowed.receivers(name)?.iter().map(Receiver::to_string).collect();
    match &allowed.deny(name, &args.receivers)?[..] {
        [] => {
            let asked = shown(&args.receivers);
            Err(LookupError::unknown("allowed host", &asked, known.iter().map(String::as_str)).into())
        }
        denied => table::line(&format!("`{name}` may go to {} no more", shown(denied))),
    }
}

/// Shows where secrets go now, and allows it.
fn allow_all(environment: &Environment) -> Result<(), Failure> {
    let (uses, allowed) = (environment.secret_uses(), environment.secrets.allowed()?);
    if uses.is_empty() {
        return table::line("no recipe sends a secret anywhere");
    }
    table::print(&["SECRET", "GOES TO", "THROUGH", "RECIPE"], uses.iter().flat_map(rows))?;
    if prompt::possible() && !prompt::confirm("Allow all of this?", Some(false))? {
        return table::line("nothing was allowed");
    }
    for Use { secrets, receiver, carriers, .. } in &uses {
        for name in secrets {
            allowed.allow(name, std::slice::from_ref(receiver))?;
        }
        allowed.allow_carriers(carriers.iter().map(|carrier| carrier.id.as_str()))?;
    }
    table::line("allowed")
}

fn rows(used: &Use) -> Vec<Vec<String>> {
    let clear = if used.receiver.is_in_clear() { " (clear text)" } else { "" };
    let through: Vec<_> = used.carriers.iter().map(|carrier| carrier.id.clone()).collect();
    let row = |name: &SecretName| {
        vec![name.to_string(), format!("{}{clear}", used.receiver), through.join(", "), used.by.clone()]
    };
    used.secrets.iter().map(row).collect()
}
