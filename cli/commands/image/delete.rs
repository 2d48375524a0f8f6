//! `ays image delete`

use std::path::Path;

use ays_catalogue::ImageMove;
use ays_operations::{DestroyImage, DestroyResult, Destroyed};

use super::state;
use crate::failure::{Failure, eprint_line};
use crate::prompt;
use crate::render::{pools, table, units};
use crate::signals::stop_at_once;
use crate::site::Site;

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
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let Args { image, permanently, yes, reason, accept_new_host_key, json } = args;
    if !permanently {
        let args = state::Args::new(image, reason, accept_new_host_key, json);
        return state::run(args, ImageMove::Delete, repo).await;
    }
    let site = Site::find(repo)?;
    if !yes {
        ask(site.image(&image).await?.image.name.as_str())?;
    }
    let stop = stop_at_once();
    let destroy = DestroyImage { image, reason };
    let done: Destroyed = site.perform(destroy, accept_new_host_key, stop.clone(), pools::tell()).await?;
    if json {
        table::json(&done)?;
    }
    let Destroyed { image, result, files, not_published } = &done;
    let (what, kept) = match result {
        DestroyResult::Before | DestroyResult::Now if json => return Ok(()),
        DestroyResult::Before => return table::line(&format!("{image} is DESTROYED already")),
        DestroyResult::Now => {
            let bytes = files.iter().map(|file| file.file.size).sum();
            let count = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
            table::line(&format!("{image} is DESTROYED: {count} removed, {}", units::bytes(bytes)))?;
            pools::kept(files).iter().for_each(|kept| eprint_line(&format!("warning: {kept}")));
            return Ok(());
        }
        DestroyResult::Refused => ("is as it was, and nothing was removed", pools::kept(files)),
        DestroyResult::Offered => (
            "is in the recycle bin, and nothing was removed: pools may still offer it",
            pools::problems(not_published),
        ),
        DestroyResult::Partly => {
            ("is in the recycle bin, and not all of its files were removed", pools::kept(files))
        }
    };
    Err(Failure::NotRemoved {
        what: format!("{image} {what}"),
        kept,
        again: format!("ays image delete {image} --permanently"),
        interrupted: stop.is_wanted(),
    })
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
