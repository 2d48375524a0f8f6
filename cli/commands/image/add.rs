//! `ays image add`

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ays_engine::{Mode, Stopper};
use ays_model::{BootType, Checksum, ChecksumKind, ImageName, NoDigest};
use ays_operations::{AddImage, AddedFrom, AddedImage, Selection};
use ays_recipes::NewCheck;
use clap::builder::BoolishValueParser;

use crate::client::only_here;
use crate::commands::job;
use crate::failure::Failure;
use crate::render::{quoted, rollout};
use crate::signals::heed_signals;
use crate::site::Site;
use crate::targets::Targets;
use crate::upload;

/// Adds an image that has no recipe, from an address or from a file of this machine
///
/// It is fetched, verified, stored and offered as a recipe's image is; the same command again goes on where one was stopped.
/// A name that an image without a recipe has already gets a new generation; one that a recipe registers is refused.
#[derive(clap::Args)]
pub struct Args {
    /// A file on this machine, or an address: http, https, ftp, ftps or ftpes, where a directory will do;
    /// oci://HOST/REPOSITORY:TAG; or file:///PATH, a file on the nodes
    #[arg(value_name = "FILE|URL")]
    source: String,
    /// The name that users see
    #[arg(long)]
    name: ImageName,
    #[command(flatten)]
    targets: Targets,
    /// A line of text for people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Linux, Windows, or a category of your own; without it, as the source's name sounds
    #[arg(long)]
    category: Option<String>,
    /// The smallest disk of a machine, in GB; without it, what the disk in it needs
    #[arg(long, value_name = "GB", value_parser = clap::value_parser!(u32).range(1..=65536))]
    size: Option<u32>,
    /// The login that it comes with. Its password is nothing that is kept
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// How machines start from it: bios or uefi; without it, as the source's name sounds
    #[arg(long)]
    boot: Option<BootType>,
    /// Whether a machine's disk may grow while it runs: yes or no
    #[arg(long, value_name = "YES|NO", default_value = "yes", value_parser = BoolishValueParser::new())]
    hot_resize: bool,
    #[command(flatten)]
    check: Check,
    /// The signature of the list of --sums, or of the image: its file beside the source, by a key of the environment
    #[arg(long, value_name = "FILE")]
    signed: Option<String>,
    /// The most nodes at work at once (setting install.parallel)
    #[arg(long, value_name = "N")]
    parallel: Option<NonZeroUsize>,
    /// Read the source again, whatever is there
    #[arg(short, long)]
    reinstall: bool,
    /// Register it even when the disk in it is broken; the record says by whom
    #[arg(long)]
    force: bool,
    /// Leave it to a worker (ays worker, ays serve), and print the job's number
    #[arg(long)]
    detach: bool,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print warnings and errors only
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    /// Print events as JSON, one a line, as `ays install` does
    #[arg(long)]
    json: bool,
}

/// How its bytes are verified; without any of these, by the best that lies beside the source.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Check {
    /// The MD5 of its bytes
    #[arg(long, value_name = "HEX", value_parser = |text: &str| read(ChecksumKind::Md5, text))]
    md5: Option<Checksum>,
    /// The SHA-1 of its bytes
    #[arg(long, value_name = "HEX", value_parser = |text: &str| read(ChecksumKind::Sha1, text))]
    sha1: Option<Checksum>,
    /// The SHA-256 of its bytes
    #[arg(long, value_name = "HEX", value_parser = |text: &str| read(ChecksumKind::Sha256, text))]
    sha256: Option<Checksum>,
    /// The SHA-384 of its bytes
    #[arg(long, value_name = "HEX", value_parser = |text: &str| read(ChecksumKind::Sha384, text))]
    sha384: Option<Checksum>,
    /// The SHA-512 of its bytes
    #[arg(long, value_name = "HEX", value_parser = |text: &str| read(ChecksumKind::Sha512, text))]
    sha512: Option<Checksum>,
    /// The list of checksums beside it, such as SHA256SUMS
    #[arg(long, value_name = "LIST")]
    sums: Option<String>,
    /// The MD5 at its address + .md5sum
    #[arg(long)]
    checkmd5: bool,
    /// Nothing verifies it: the image is marked as unverified at its source
    #[arg(long)]
    unverified: bool,
}

fn read(kind: ChecksumKind, text: &str) -> Result<Checksum, NoDigest> {
    kind.read(text.trim())
}

impl Check {
    /// None: nothing was said.
    fn said(&self) -> Option<NewCheck> {
        let checksums = [self.md5, self.sha1, self.sha256, self.sha384, self.sha512];
        if let Some(checksum) = checksums.into_iter().flatten().next() {
            return Some(NewCheck::Checksum(checksum));
        }
        match self {
            Self { sums: Some(list), .. } => Some(NewCheck::Sums(list.clone())),
            Self { checkmd5: true, .. } => Some(NewCheck::Md5Beside),
            Self { unverified: true, .. } => Some(NewCheck::None),
            _ => None,
        }
    }
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let from = from(&args.source)?;
    let nodes = Selection::from(&args.targets);
    let are_several = match &site {
        Site::Here(environment) => nodes.select(environment)?.targets.len() > 1,
        Site::Server(_) => nodes.may_mean_several(),
    };
    let style = rollout::style(args.json, args.quiet, are_several);
    let (stopper, stop) = Stopper::new();
    heed_signals(stopper);
    let from = match (from, &site) {
        (AddedFrom::File(path), Site::Server(client)) => {
            // What it refuses is refused before the file is sent.
            if args.accept_new_host_key {
                return Err(only_here());
            }
            let shows = !args.json && !args.quiet;
            AddedFrom::Upload(upload::send(client, &path, shows, &stop).await?)
        }
        (from, _) => from,
    };
    let add = AddImage {
        from,
        name: args.name.clone(),
        description: args.description.clone(),
        category: args.category.clone(),
        size_gb: args.size,
        username: args.username.clone(),
        boot_type: args.boot,
        hot_resize: args.hot_resize,
        check: args.check.said(),
        signed: args.signed.clone(),
        nodes,
        mode: if args.reinstall { Mode::Again } else { Mode::IfNeeded },
        force: args.force,
        parallel: args.parallel,
    };
    if args.detach {
        return job::detach(&site, add).await;
    }
    let tell = rollout::tell(style);
    let AddedImage { nodes } = site.perform(add, args.accept_new_host_key, stop.clone(), tell).await?;
    rollout::end(&args.name, nodes, style, |nodes| args.again(nodes, repo), stop.is_wanted())
}

/// What has `://` in it is an address; all else is a file.
fn from(source: &str) -> Result<AddedFrom, Failure> {
    if source.contains("://") {
        return Ok(AddedFrom::Url(source.to_owned()));
    }
    let unreadable = |source_error| Failure::Unreadable { path: PathBuf::from(source), source: source_error };
    let path = Path::new(source).canonicalize().map_err(unreadable)?;
    // A directory, or a pipe, has no bytes that could be read twice.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(std::io::Error::other("it is not a file")));
    }
    Ok(AddedFrom::File(path))
}

impl Args {
    /// The command that does the same on these nodes alone.
    fn again(&self, nodes: &[&str], repo: Option<&Path>) -> String {
        // An address may hold a login.
        let source = if self.source.contains('@') { "URL" } else { &self.source };
        let mut words = vec!["ays".to_owned(), "image".to_owned(), "add".to_owned(), quoted(source)];
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([format!("--{name}"), quoted(&value)]);
            }
        };
        option("name", Some(self.name.to_string()));
        option("targetname", Some(nodes.join(",")));
        option("description", self.description.clone());
        option("category", self.category.clone());
        option("size", self.size.map(|size| size.to_string()));
        option("username", self.username.clone());
        option("boot", self.boot.map(|boot| boot.to_string()));
        option("hot-resize", (!self.hot_resize).then(|| "no".to_owned()));
        match self.check.said() {
            Some(NewCheck::Checksum(checksum)) => option(checksum.kind().as_str(), Some(checksum.digits())),
            Some(NewCheck::Sums(list)) => option("sums", Some(list)),
            _ => {}
        }
        option("signed", self.signed.clone());
        option("repo", repo.map(|repo| repo.display().to_string()));
        for (is_given, flag) in [
            (self.check.checkmd5, "--checkmd5"),
            (self.check.unverified, "--unverified"),
            (self.reinstall, "-r"),
            (self.force, "--force"),
        ] {
            if is_given {
                words.push(flag.to_owned());
            }
        }
        words.join(" ")
    }
}
