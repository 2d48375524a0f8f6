//! `ays image`

mod add;
mod availability;
mod check;
mod compare;
mod copy;
mod delete;
mod digest;
mod edit;
mod export;
mod generations;
mod prune;
mod state;
mod undo;

use std::path::Path;

use ays_catalogue::{Copy, Generation, ImageDetail, ImageMove, ImageStatus, StackOffer};

use crate::failure::Failure;
use crate::render::{disk, table, units};
use crate::site::Site;

/// Shows the images of the catalogue, changes what is offered of them, and looks into disk images
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Lists all images, but for those that are destroyed
    List {
        /// Those that are destroyed too
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows one image with its generations, their copies, and the stacks that offer it
    Show {
        /// Its name or id
        image: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    Add(Box<add::Args>),
    Availability(availability::Args),
    Edit(edit::Args),
    Export(export::Args),
    Copy(copy::Args),
    Compare(compare::Args),
    Generations(generations::Args),
    Undo(undo::Args),
    /// Makes a disabled image usable again
    Enable(state::Args),
    /// Takes an image away for now: no stack offers it until it is enabled
    Disable(state::Args),
    Delete(delete::Args),
    /// Brings an image back from the recycle bin
    Restore(state::Args),
    Prune(prune::Args),
    Check(check::Args),
    Digest(digest::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.command {
        Command::Check(args) => check::run(args, repo).await,
        Command::Digest(args) => digest::run(args).await,
        Command::Add(args) => add::run(*args, repo).await,
        Command::Availability(args) => availability::run(args, repo).await,
        Command::Edit(args) => edit::run(args, repo).await,
        Command::Compare(args) => compare::run(args, repo).await,
        Command::Copy(args) => copy::run(args, repo).await,
        Command::Export(args) => export::run(args, repo).await,
        Command::Generations(args) => generations::run(args, repo).await,
        Command::Undo(args) => undo::run(args, repo).await,
        Command::Enable(args) => state::run(args, ImageMove::Enable, repo).await,
        Command::Disable(args) => state::run(args, ImageMove::Disable, repo).await,
        Command::Delete(args) => delete::run(args, repo).await,
        Command::Restore(args) => state::run(args, ImageMove::Restore, repo).await,
        Command::Prune(args) => prune::run(args, repo).await,
        Command::List { all, json } => {
            let mut images = Site::find(repo)?.images().await?;
            images.retain(|image| all || image.status != ImageStatus::Destroyed);
            if json {
                return table::json(&images);
            }
            let rows = images.into_iter().map(|image| {
                let boot = table::word(&image.boot_type);
                vec![
                    image.id.0.to_string(),
                    image.name.into(),
                    image.category,
                    format!("{} GB", image.size_gb),
                    table::word(&image.status),
                    boot,
                    image.unc_path.unwrap_or_default(),
                ]
            });
            table::print(&["ID", "NAME", "TYPE", "SIZE", "STATUS", "BOOT", "FILE"], rows)
        }
        Command::Show { image, json } => {
            let detail = Site::find(repo)?.image(&image).await?;
            if json { table::json(&detail) } else { show(&detail) }
        }
    }
}

fn show(ImageDetail { image, generations, stacks }: &ImageDetail) -> Result<(), Failure> {
    table::line(&format!("Image: {}\n", image.name))?;
    let facts = [
        ("Id", image.id.0.to_string()),
        ("Description", image.description.clone()),
        ("Type", image.category.clone()),
        ("Size", format!("{} GB", image.size_gb)),
        ("Status", table::word(&image.status)),
        ("Boot type", table::word(&image.boot_type)),
        ("Hot resize", if image.hot_resize { "yes" } else { "no" }.to_owned()),
        ("User name", image.username.clone().unwrap_or_default()),
        ("Source", image.url.clone()),
        ("UNCPath", image.unc_path.clone().unwrap_or_default()),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        table::line(&format!("  {name:11}  {value}"))?;
    }
    table::line("\nGenerations, the newest first")?;
    for generation in generations {
        show_generation(generation)?;
    }
    table::line("\nStacks")?;
    for StackOffer { stack, wanted, offered_generation, .. } in stacks {
        let offer = match (offered_generation, wanted) {
            (Some(number), _) => format!("offers generation {number}"),
            (None, true) => "wanted here, not offered".to_owned(),
            (None, false) => "not wanted here".to_owned(),
        };
        table::line(&format!("  {:16}  {:11}  {offer}", stack.name, table::word(&stack.status)))?;
    }
    Ok(())
}

fn show_generation(generation: &Generation) -> Result<(), Failure> {
    let current = if generation.current { ", current" } else { "" };
    let verified = if generation.verified_at_source { "verified" } else { "unverified" };
    table::line(&format!(
        "  {}{current}: from {} by {}\n     source  {} {verified} at its source, MD5 {}\n     stored  {} {}, content {}",
        generation.number,
        generation.made_at,
        generation.made_by,
        units::bytes(generation.source_size),
        generation.source_md5,
        units::bytes(generation.stored_size),
        table::word(&generation.format),
        generation.content.digits(),
    ))?;
    if let (Some(at), Some(by)) = (&generation.undone_at, &generation.undone_by) {
        table::line(&format!("     undone  {at} by {by}"))?;
    }
    if let Some(version) = &generation.source_version {
        table::line(&format!("     version {version} of its source"))?;
    }
    if let (Some(key), Some(signer)) = (&generation.signed_by, &generation.signer) {
        table::line(&format!("     proven  by the key {key} ({signer})"))?;
    }
    if let Some(facts) = disk::facts(&generation.disk) {
        table::line(&format!("     disk    {facts}"))?;
        for finding in &generation.disk.findings.0 {
            table::line(&format!("             {finding}"))?;
        }
    }
    for Copy { pool, state, file, .. } in &generation.copies {
        let node = pool.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
        table::line(&format!(
            "     copy    {} in pool {}{node}: {}/{file}",
            table::word(state),
            pool.name,
            pool.path
        ))?;
    }
    Ok(())
}
