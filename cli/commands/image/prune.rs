//! `ays image prune`

use std::path::Path;

use ays_operations::{Prune, PruneFiles, RemovalResult, RemovedFile};

use crate::failure::Failure;
use crate::prompt;
use crate::render::{pools, table, units};
use crate::signals::stop_at_once;
use crate::site::Site;

/// Removes old generations from the pools, after it has shown which
///
/// In each pool, the generation that is offered stays, and of the others the newest ones. A file that several generations or
/// images stand on goes only when all of them let it go; what a process has open or a machine's disk stands on stays.
#[derive(clap::Args)]
pub struct Args {
    /// Only of this image: its name or id
    image: Option<String>,
    /// How many generations stay in each pool beside the one that is offered
    #[arg(long, value_name = "N", default_value_t = 2)]
    keep: u32,
    /// Remove without a question
    #[arg(long)]
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
    let (site, stop) = (Site::find(repo)?, stop_at_once());
    let look =
        Prune { image: args.image.clone(), keep: args.keep, files: PruneFiles::Look, reason: args.reason };
    let perform = |prune: Prune| site.perform(prune, args.accept_new_host_key, stop.clone(), pools::tell());
    let looked: Vec<RemovedFile> = perform(look.clone()).await?;
    if !args.json {
        show(&looked)?;
    }
    let (going, staying): (Vec<_>, Vec<_>) =
        looked.into_iter().partition(|file| file.result == RemovalResult::Unused);
    let agreed = args.yes || (!args.json && !going.is_empty() && prompt::possible() && confirm(&going)?);
    let (mut removed, is_removed) = match agreed && !going.is_empty() {
        true => {
            let files = going.into_iter().map(|file| file.file).collect();
            (perform(Prune { files: PruneFiles::These(files), ..look }).await?, true)
        }
        false => (going, false),
    };
    if !args.json && is_removed {
        let gone: Vec<_> = removed.iter().filter(|file| file.result == RemovalResult::Removed).collect();
        let bytes = gone.iter().map(|file| file.file.size).sum();
        table::line(&format!("{} of {} removed, {}", gone.len(), files(removed.len()), units::bytes(bytes)))?;
    } else if !args.json && !removed.is_empty() {
        table::line("nothing was removed: --yes removes them")?;
    }
    let mut kept = if is_removed { pools::kept(&removed) } else { Vec::new() };
    if agreed {
        // What is used stays, as it was shown; a pool that was not reached has to be asked again.
        let not_told = staying.iter().filter(|file| file.result == RemovalResult::Failed);
        kept.extend(not_told.flat_map(|file| pools::kept(std::slice::from_ref(file))));
    }
    if args.json {
        removed.extend(staying);
        table::json(&removed)?;
    }
    if kept.is_empty() {
        return Ok(());
    }
    let name = args.image.map(|image| format!(" {image}")).unwrap_or_default();
    Err(Failure::NotRemoved {
        what: "not all files that may go were removed".to_owned(),
        kept,
        again: format!("ays image prune{name} --keep {}", args.keep),
        interrupted: stop.is_wanted(),
    })
}

fn confirm(going: &[RemovedFile]) -> Result<bool, Failure> {
    let bytes = going.iter().map(|file| file.file.size).sum();
    prompt::confirm(&format!("Remove {}, {}?", files(going.len()), units::bytes(bytes)), Some(false))
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn show(looked: &[RemovedFile]) -> Result<(), Failure> {
    if looked.is_empty() {
        return table::line("nothing is older than what is kept");
    }
    let rows = looked.iter().map(|RemovedFile { file, kept, .. }| {
        let of = file.of.iter().map(|of| format!("{} {}", of.image, of.generation)).collect::<Vec<_>>();
        let because = file.of.first().map(|of| of.why.clone()).unwrap_or_default();
        let (what, why) = match kept {
            None => ("may go", because),
            Some(why) => ("stays", why.lines().next().unwrap_or_default().trim().to_owned()),
        };
        let (size, pool) = (units::bytes(file.size), pools::pool(&file.pool));
        vec![what.to_owned(), file.file.clone(), size, pool, of.join(", "), why]
    });
    table::print(&["", "FILE", "SIZE", "POOL", "GENERATION", "WHY"], rows)
}
