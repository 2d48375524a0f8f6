//! `ays account create`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ays_operations::{Error, Kind, add_accounts, new_account};
use ays_publish::{Account, Field, TargetType, account_fields, read_accounts};
use secrecy::{ExposeSecret, SecretString};

use super::{print_seen, read_file};
use crate::failure::{Failure, eprint_line};
use crate::prompt;
use crate::render::table;
use crate::site::Site;

/// Makes accounts, after it has signed in with each: from a file, or by questions
///
/// A file is TOML, YAML or JSON: `type`, `name` and the fields of that type, or a list of such under `accounts`. `ays account create
/// TYPE` asks for them on a terminal; the words that a type has are in docs/publishing.md.
#[derive(clap::Args)]
pub struct Args {
    /// The type of target: aws, docker, openstack
    #[arg(value_name = "TYPE", required_unless_present = "file", conflicts_with = "file")]
    target: Option<TargetType>,
    /// The file that says them
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let accounts = match (args.file, args.target) {
        (Some(file), _) => read(&file)?,
        (None, Some(target)) => vec![ask(target)?],
        (None, None) => Vec::new(),
    };
    for account in &accounts {
        if let Some(address) = account.sends_in_clear() {
            let name = &account.name;
            eprint_line(&format!("warning: the secrets of account {name} go to {address} in clear text"));
        }
    }
    let names: Vec<_> = accounts.iter().map(|account| (account.name.clone(), account.target)).collect();
    let seen = add_accounts(site.controller().await?, accounts).await?;
    for ((name, target), seen) in names.into_iter().zip(seen) {
        table::line(&format!("account {name} ({target}) is made; it sees"))?;
        print_seen(&seen)?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<Account>, Failure> {
    let (text, format) = read_file(file)?;
    Ok(read_accounts(&text, format).map_err(|faults| {
        let said: Vec<_> = faults.iter().map(|fault| format!("{}: {fault}", file.display())).collect();
        Error::new(Kind::Invalid, said.join("\n"))
    })?)
}

fn ask(target: TargetType) -> Result<Account, Failure> {
    if !prompt::possible() {
        let nobody = Error::new(Kind::Usage, "there is no terminal to ask on");
        return Err(nobody.with_cure("say the account in a file: --file").into());
    }
    let name = prompt::text("name:", None, |_| Ok(()))?;
    let mut values = BTreeMap::new();
    for field in account_fields(target) {
        let value = ask_field(field)?;
        if !value.expose_secret().is_empty() {
            values.insert(field.key.to_owned(), value);
        }
    }
    Ok(new_account(name, target, values)?)
}

fn ask_field(field: &Field) -> Result<SecretString, Failure> {
    let optional = if field.mandatory { "" } else { " (may be empty)" };
    let question = format!("{} - {}{optional}:", field.key, field.about);
    if field.secret {
        return prompt::secret(&question);
    }
    Ok(SecretString::from(prompt::text(&question, None, |_| Ok(()))?))
}
