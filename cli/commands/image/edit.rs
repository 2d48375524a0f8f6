//! `ays image edit`

use std::path::Path;

use ays_catalogue::ImageEdit;
use ays_model::{BootType, ImageName};
use ays_operations::{EditImage, EditedImage};
use clap::builder::BoolishValueParser;
use serde_json::Value;

use crate::failure::{Failure, eprint_line};
use crate::render::{pools, quoted, table};
use crate::signals::stop_at_once;
use crate::site::Site;

/// Changes what is said of an image: in the catalogue, and in the indexes of all pools that have it
///
/// No byte moves, and no generation is made. An image that a recipe made keeps its name, and its next generation says again
/// what the recipe says.
#[derive(clap::Args)]
pub struct Args {
    /// Its name or id
    image: String,
    /// Another name
    #[arg(long)]
    name: Option<ImageName>,
    /// A line of text for people; '' takes it away
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Linux, Windows, or a category of your own
    #[arg(long)]
    category: Option<String>,
    /// The smallest disk of a machine, in GB
    #[arg(long, value_name = "GB", value_parser = clap::value_parser!(u32).range(1..=65536))]
    size: Option<u32>,
    /// The login that it comes with; '' takes it away. Its password is nothing that is kept
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The number of the account whose it is; 0: everyone's
    #[arg(long, value_name = "ID")]
    account: Option<u32>,
    /// How machines start from it: bios or uefi
    #[arg(long)]
    boot: Option<BootType>,
    /// Whether a machine's disk may grow while it runs: yes or no
    #[arg(long, value_name = "YES|NO", value_parser = BoolishValueParser::new())]
    hot_resize: Option<bool>,
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
    let options = args.options();
    let edit = ImageEdit {
        name: args.name,
        description: args.description,
        category: args.category,
        size_gb: args.size,
        username: args.username,
        account_id: args.account,
        boot_type: args.boot,
        hot_resize: args.hot_resize,
    };
    let (site, stop) = (Site::find(repo)?, stop_at_once());
    let edit = EditImage { image: args.image, edit, reason: args.reason };
    let done: EditedImage = site.perform(edit, args.accept_new_host_key, stop.clone(), pools::tell()).await?;
    if args.json {
        table::json(&done)?;
    } else {
        show(&done)?;
    }
    if let (Some(recipe), false) = (&done.recipe, done.before == done.after) {
        eprint_line(&format!(
            "warning: the next generation that the recipe {recipe} makes says again what the recipe says"
        ));
    }
    pools::all_written(&done.pools, format!("ays image edit {} {options}", quoted(&done.image)), &stop)
}

impl Args {
    /// What it changes, as it was asked for. A new name is the image's by then.
    fn options(&self) -> String {
        let hot_resize = self.hot_resize.map(|hot| if hot { "yes" } else { "no" }.to_owned());
        let options = [
            ("name", self.name.as_ref().map(ImageName::to_string)),
            ("description", self.description.clone()),
            ("category", self.category.clone()),
            ("size", self.size.map(|size| size.to_string())),
            ("username", self.username.clone()),
            ("account", self.account.map(|account| account.to_string())),
            ("boot", self.boot.map(|boot| boot.to_string())),
            ("hot-resize", hot_resize),
        ];
        let said = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        said.map(|(name, value)| format!("--{name} {}", quoted(&value))).collect::<Vec<_>>().join(" ")
    }
}

fn show(EditedImage { image, before, after, pools, .. }: &EditedImage) -> Result<(), Failure> {
    if before == after {
        return table::line(&format!("{image}: it was so already"));
    }
    let was = |name: &str| text(&before[name]);
    for (name, now) in after.as_object().into_iter().flatten() {
        table::line(&format!("{image}: {name} is {}, and was {}", text(now), was(name)))?;
    }
    let written = pools.iter().filter(|pool| pool.why.is_none()).count();
    let pools = if written == 1 { "1 pool says".to_owned() } else { format!("{written} pools say") };
    table::line(&format!("{pools} so"))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "not said".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) if text.is_empty() => "not said".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
