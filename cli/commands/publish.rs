//! `ays publish`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ays_operations::{Error, Kind, PublicationPlan, PublishImage, PublishOutdated, PublishedTo};
use ays_publish::{Weight, read_fields};

use super::account::read_file;
use super::job;
use crate::failure::Failure;
use crate::render::events::Style;
use crate::render::{rollout, table, units};
use crate::signals::stop_at_once;
use crate::site::Site;

/// Publishes an image: brings it to clouds and registries, each by an account
///
/// All that stands in the way is told before a byte is sent. A node reads the disk where it lies; what arrives is compared with what
/// was sent. Stopped or failed, what was made there is removed again, and the same command goes on where that is possible.
#[derive(clap::Args)]
pub struct Args {
    /// The image's name or id
    #[arg(short, long, value_name = "IMAGE", required_unless_present = "outdated")]
    name: Option<String>,
    /// Bring the current generation wherever an older one is: of all images, and with all accounts, where none is named
    #[arg(long, conflicts_with_all = ["generation", "fields", "file", "plan", "overwrite"])]
    outdated: bool,
    /// Which generation; without it, the current one
    #[arg(long, value_name = "NUMBER")]
    generation: Option<u32>,
    /// The accounts (a,b or repeated): all at once
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',', required_unless_present = "outdated")]
    account: Vec<String>,
    /// A field of the target, which goes before the file's: docs/publishing.md lists them
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
    /// A file with the target's fields: TOML, YAML or JSON
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only show what would be done, and what stands in the way
    #[arg(long)]
    plan: bool,
    /// Replace what has the name already
    #[arg(long)]
    overwrite: bool,
    /// Say that the licence of what is in the image allows it; that is recorded, once for the image
    #[arg(long)]
    accept_licence: bool,
    /// What becomes of what was made when it fails
    #[arg(long, value_name = "WHAT", default_value = "cleanup")]
    on_error: OnError,
    /// Let a worker do it: print the job's number, and end
    #[arg(long, conflicts_with = "plan")]
    detach: bool,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnError {
    /// It is removed
    Cleanup,
    /// It stays, and `ays publication show` names it
    Keep,
}

fn field(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it has no `=`: KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    if args.outdated {
        let outdated = PublishOutdated { image: args.name, accounts: args.account };
        if args.detach {
            return job::detach(&site, outdated).await;
        }
        let tell = rollout::tell(if args.json { Style::Quiet } else { Style::Summary });
        let done: Vec<PublishedTo> =
            site.perform(outdated, args.accept_new_host_key, stop_at_once(), tell).await?;
        if done.is_empty() && !args.json {
            return table::line("every account has the current generations");
        }
        return show(&done, args.json);
    }
    let publish = PublishImage {
        image: args.name.unwrap_or_default(),
        generation: args.generation,
        accounts: args.account,
        fields: fields(args.file.as_deref(), args.fields)?,
        overwrite: args.overwrite,
        accept_licence: args.accept_licence,
        keep: args.on_error == OnError::Keep,
    };
    let stop = stop_at_once();
    if args.plan {
        let plans = site.plan_publication(publish, args.accept_new_host_key, &stop).await?;
        return show_plans(&plans, args.json);
    }
    if args.detach {
        return job::detach(&site, publish).await;
    }
    let tell = rollout::tell(if args.json { Style::Quiet } else { Style::Summary });
    let done: Vec<PublishedTo> = site.perform(publish, args.accept_new_host_key, stop, tell).await?;
    show(&done, args.json)
}

fn fields(file: Option<&Path>, said: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Failure> {
    let mut fields = BTreeMap::new();
    if let Some(file) = file {
        let (text, format) = read_file(file)?;
        fields = read_fields(&text, format)
            .map_err(|fault| Error::new(Kind::Invalid, format!("{}: {fault}", file.display())))?;
    }
    fields.extend(said);
    Ok(fields)
}

fn show_plans(plans: &[PublicationPlan], json: bool) -> Result<(), Failure> {
    if json {
        table::json(plans)?;
    } else {
        for plan in plans {
            show_plan(plan)?;
        }
    }
    let refused = plans.iter().filter(|plan| plan.is_refused()).count();
    match refused {
        0 => Ok(()),
        _ => {
            Err(Error::new(Kind::Failed, "nothing was sent, and nothing can be before that is mended").into())
        }
    }
}

fn show_plan(plan: &PublicationPlan) -> Result<(), Failure> {
    table::line(&format!("account {} ({})", plan.account, plan.target))?;
    let fields: Vec<_> = plan.fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
    table::line(&format!("  fields   {}", fields.join(" ")))?;
    let (data, size) = (units::bytes(plan.data), units::bytes(plan.virtual_size));
    table::line(&format!("  read     at most {data} of data, of a disk of {size}"))?;
    let sent = plan.sent.map_or("less than that: it is compressed on its way".to_owned(), units::bytes);
    table::line(&format!("  sent     {sent}"))?;
    if let Some(done) = plan.done {
        table::line(&format!("  nothing is to be done: publication {done} has brought it there"))?;
    }
    for problem in &plan.problems {
        let weight = match problem.weight {
            Weight::Error => "error",
            Weight::Warning => "warning",
        };
        table::line(&format!("  {weight}: {}\n    cure: {}", problem.problem, problem.cure))?;
    }
    Ok(())
}

/// What publications came to.
pub fn show(done: &[PublishedTo], json: bool) -> Result<(), Failure> {
    if json {
        table::json(done)?;
    }
    let mut said = Vec::new();
    for to in done {
        match (&to.problem, &to.publication, &to.location, &to.cloud_id) {
            (Some(problem), publication, ..) => {
                let number = publication.map(|id| format!(" (publication {id})")).unwrap_or_default();
                let cure =
                    problem.cure.as_ref().map(|cure| format!("\n    cure: {cure}")).unwrap_or_default();
                said.push(format!("{}{number}: {}{cure}", to.account, problem.in_one_line()));
            }
            (None, Some(id), Some(location), Some(cloud_id)) if !json => {
                let was = if to.kept { "was there" } else { "is there" };
                table::line(&format!("{}: {location} {was}: {cloud_id} (publication {id})", to.account))?;
            }
            _ => {}
        }
    }
    if said.is_empty() {
        return Ok(());
    }
    // Where all have failed by the same kind, that is said.
    let first = done.iter().find_map(|to| to.problem.as_ref()).map_or(Kind::Failed, |problem| problem.kind);
    let is_one = done.iter().filter_map(|to| to.problem.as_ref()).all(|problem| problem.kind == first);
    Err(Failure::AtClouds { said, kind: if is_one { first } else { Kind::Failed } })
}
