//! `ays image delete`

use std::path::Path;

use ays_catalogue::ImageMove;
use ays_operations::{self as operations, DestroyImage, Destroyed};

use super::state;
use crate::context;
use crate::failure::{Failure, eprint_line};
use crate::prompt;
use crate::render::{pools, table, units};
use crate::signals::stop_at_once;

/// Puts an image into the recycle bin, or removes its files for ever
///
/// From the recycle bin nothing is offered, and the files stay: `ays image restore` brings it back, and so does an install of
/// its recipe. With --permanently its files are removed from every pool. What a process has open, or a machine's disk
/// stands on, is refused by name before anything is removed. When it was stopped, the same command goes on.
#[derive(clap::Args)]
pub struct Args {
    /// Its name or id
    image: String,
    /// Remove its files from every pool
    #[arg(long)]
    permanently: bool,
    /// Do not ask for the name again
    #[arg(long, requires = "permanently")]
    yes: bool,
    /// Why, for the records
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let Args { image, permanently, yes, reason, accept_new_host_key } = args;
    if !permanently {
        let args = state::Args::new(image, reason, accept_new_host_key);
        return state::run(args, ImageMove::Delete, repo).await;
    }
    let controller = context::controller_of(repo).await?;
    let ssh = context::ssh(&controller.environment, accept_new_host_key)?;
    if !yes {
        let name = operations::image(controller.clone(), image.clone()).await?.image.name;
        ask(name.as_str())?;
    }
    let stop = stop_at_once();
    let destroyed = DestroyImage { image, reason }.run(controller, ssh, stop.clone(), pools::tell()).await?;
    let interrupted = stop.is_wanted();
    let again = |name: &str| format!("ays image delete {name} --permanently");
    match destroyed {
        Destroyed::Before(name) => table::line(&format!("{name} is DESTROYED already")),
        Destroyed::Now(name, files) => {
            let bytes = files.iter().map(|file| file.file.size).sum();
            let count = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
            table::line(&format!("{name} is DESTROYED: {count} removed, {}", units::bytes(bytes)))?;
            pools::kept(&files).iter().for_each(|kept| eprint_line(&format!("warning: {kept}")));
            Ok(())
        }
        Destroyed::Refused(name, files) => Err(Failure::NotRemoved {
            what: format!("{name} is as it was, and nothing was removed"),
            kept: pools::kept(&files),
            again: again(name.as_str()),
            interrupted,
        }),
        Destroyed::Offered(name, failed) => Err(Failure::NotRemoved {
            what: format!("{name} is in the recycle bin, and nothing was removed: pools may still offer it"),
            kept: pools::not_published(&failed),
            again: again(name.as_str()),
            interrupted,
        }),
        Destroyed::Partly(name, files) => Err(Failure::NotRemoved {
            what: format!("{name} is in the recycle bin, and not all of its files were removed"),
            kept: pools::kept(&files),
            again: again(name.as_str()),
            interrupted,
        }),
    }
}

/// Lets the operator type the name.
fn ask(name: &str) -> Result<(), Failure> {
    if !prompt::possible() {
        return Err(Failure::NotConfirmed(
            "--permanently removes files: --yes says that it is meant".to_owned(),
        ));
    }
    let expected = name.to_owned();
    let check = move |typed: &str| {
        if typed.trim() == expected { Ok(()) } else { Err(format!("type {expected}, or press Esc")) }
    };
    let question = format!("All files of {name} are removed from every pool. Type its name to go on:");
    prompt::text(&question, None, check).map(drop)
}
