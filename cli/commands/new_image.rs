//! `ays new image`

use std::path::Path;

use ays_engine::{Survey, SurveyedImage, survey};
use ays_model::{BootType, Check, SecretUrl};
use ays_recipes::{Environment, NewCheck, NewImage};

use crate::failure::{Failure, eprint_line};
use crate::render::{quoted, table, units};
use crate::{context, prompt};

/// Writes the recipe of an image: looks at its source first, and asks for what is missing
///
/// The source may be a directory: then the newest one in it is taken. What is not given is asked for on a terminal; elsewhere
/// what would be proposed there is taken.
#[derive(clap::Args)]
pub struct Args {
    /// The template's name, such as image_debian-13
    name: String,
    /// Where the disk image is: http, https or ftp; a directory will do
    #[arg(long)]
    url: String,
    /// Verify it by the MD5 beside it, whatever else is there
    #[arg(long)]
    checkmd5: bool,
    /// Linux, Windows, or a category of your own
    #[arg(long)]
    category: Option<String>,
    /// The smallest disk of a machine, in GB
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=250))]
    size: Option<u32>,
    /// The name that users see
    #[arg(long)]
    display_name: Option<String>,
    /// How machines start from it
    #[arg(long)]
    boot: Option<Boot>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Boot {
    Bios,
    Uefi,
}

/// Bytes in the GB of a disk's size.
const GB: u64 = 1 << 30;

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = context::environment(repo)?;
    NewImage::check_name(&environment, &args.name)?;
    let asked = NewImage::address(&environment, &args.url)?;
    let found = find(&asked, &environment).await?;
    let size = found.state.size.map_or("size unknown".to_owned(), units::bytes);
    let disk =
        found.disk.virtual_size.map_or(String::new(), |size| format!(", a disk of {}", units::bytes(size)));
    table::line(&format!("source  {}\n        {size}, {}{disk}", found.url, found.disk.format))?;
    let check = check(&args, &found)?;
    table::line(&match &check {
        NewCheck::Sums(list) => format!("check   {list} beside it"),
        NewCheck::Md5Beside => "check   the MD5 beside it".to_owned(),
        NewCheck::None => {
            "check   NONE: no checksum is beside it, so the image will be marked unverified".to_owned()
        }
    })?;
    let image = describe(args, &asked, &found, check)?;
    let written: Vec<_> = image.write(&environment)?.iter().map(ToString::to_string).collect();
    table::line(&format!("wrote   {}", written.join("\n        ")))?;
    let has_login = image.url.contains('@') && !image.url.contains("$(");
    if has_login {
        eprint_line(
            "warning: the source's login is in service.hrd, for all who read the repository: `ays secret set NAME` \
             keeps it, and `$(secret.NAME)` in its place reads it",
        );
    }
    let template = quoted(&image.template);
    table::line(&format!(
        "next    ays env save -m 'New image {}'\n        ays install -n {template} --targetname NODE",
        image.template
    ))
}

/// The image itself; of several, the one that is chosen.
async fn find(url: &SecretUrl, environment: &Environment) -> Result<SurveyedImage, Failure> {
    let mut url = url.clone();
    loop {
        match survey(&url, &environment.settings, &std::env::temp_dir()).await? {
            Survey::Image(image) => return Ok(*image),
            Survey::Several(urls) if prompt::possible() => {
                let names = urls.iter().map(ToString::to_string).collect();
                let chosen = prompt::choose("Which of these images?", names, None)?;
                url = urls.into_iter().find(|url| url.to_string() == chosen).unwrap_or(url);
            }
            Survey::Several(urls) => return Err(Failure::SeveralImages(urls)),
        }
    }
}

fn check(args: &Args, found: &SurveyedImage) -> Result<NewCheck, Failure> {
    let has_md5 = found.checks.contains(&Check::Md5Beside);
    Ok(match found.checks.first() {
        _ if args.checkmd5 && !has_md5 => return Err(Failure::NoMd5(found.url.clone())),
        _ if args.checkmd5 => NewCheck::Md5Beside,
        Some(Check::Sums(list)) => NewCheck::Sums(list.clone()),
        Some(_) => NewCheck::Md5Beside,
        None => NewCheck::None,
    })
}

/// What the recipe says: as given, else as answered, else as proposed.
fn describe(
    args: Args,
    asked: &SecretUrl,
    found: &SurveyedImage,
    check: NewCheck,
) -> Result<NewImage, Failure> {
    // As it was typed: what stands in it for a secret stays there.
    let (url, mut source) = split(&args.url);
    if found.url != *asked {
        let path = split(found.url.expose()).1;
        let path = path.split('?').next().unwrap_or_default();
        // A query stays as it was typed: it may name a secret.
        let query = source.find('?').map_or("", |at| &source[at..]);
        source = format!("{path}{query}");
    }
    let file = source.rsplit('/').next().unwrap_or_default();
    let lower = file.to_lowercase();
    let one_line = |text: &str| {
        let is_wrong = text.trim().is_empty() || text.contains(char::is_control);
        if is_wrong { Err("one line of text is needed".to_owned()) } else { Ok(()) }
    };
    let name = given_or(args.display_name, "Name that users see?", &title(&args.name), one_line)?;
    let is_windows = lower.contains("win") && !lower.contains("darwin");
    let category = if is_windows { "Windows" } else { "Linux" };
    let category = given_or(args.category, "Category?", category, one_line)?;
    let least = if category.eq_ignore_ascii_case("windows") { 20 } else { 10 };
    let disk = found.disk.virtual_size.map_or(0, |size| size.div_ceil(GB)).try_into().unwrap_or(u32::MAX);
    let is_size = |text: &str| match text.parse() {
        Ok(1_u32..=250) => Ok(()),
        _ => Err("a number from 1 to 250 is needed".to_owned()),
    };
    let size = args.size.map(|size| size.to_string());
    let size = given_or(size, "Smallest disk of a machine, in GB?", &least.max(disk).to_string(), is_size)?;
    let boot_type = match args.boot {
        Some(Boot::Bios) => BootType::Bios,
        Some(Boot::Uefi) => BootType::Uefi,
        None if lower.contains("uefi") => BootType::Uefi,
        None => BootType::Bios,
    };
    Ok(NewImage {
        file: download(file, &found.disk.format, &args.name),
        template: args.name,
        url,
        source,
        check,
        name,
        category,
        size_gb: size.parse().unwrap_or(least),
        boot_type,
    })
}

fn given_or(
    given: Option<String>,
    question: &str,
    proposed: &str,
    check: impl Fn(&str) -> Result<(), String> + Clone + 'static,
) -> Result<String, Failure> {
    match given {
        Some(given) => Ok(given),
        None if prompt::possible() => prompt::text(question, Some(proposed), check),
        None => Ok(proposed.to_owned()),
    }
}

/// Scheme, login and host; and the path with what follows it.
fn split(url: &str) -> (String, String) {
    let host = url.find("://").map_or(0, |at| at + 3);
    match url[host..].find('/') {
        Some(at) => (url[..host + at].to_owned(), url[host + at..].to_owned()),
        None => (url.to_owned(), String::new()),
    }
}

/// `image_wily-server` -> `Wily Server`.
fn title(template: &str) -> String {
    let words = template.strip_prefix("image_").unwrap_or(template).split(['-', '_']);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    words.filter_map(capital).collect::<Vec<_>>().join(" ")
}

/// The name of the downloaded file: the source's, with an ending that says what it is.
fn download(file: &str, format: &str, template: &str) -> String {
    let file = file.split('?').next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let stem: String = stem.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    let stem = stem.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let stem = if stem.is_empty() { template } else { stem };
    let ending = match format {
        "vpc" => "vhd",
        "raw" => "img",
        other => other,
    };
    format!("{stem}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_proposed() {
        assert_eq!(title("image_wily-server"), "Wily Server");
        assert_eq!(title("debian_13"), "Debian 13");
        let wily = "wily-server-cloudimg-amd64-uefi1";
        assert_eq!(download(&format!("{wily}.img"), "qcow2", "image_x"), format!("{wily}.qcow2"));
        assert_eq!(download("a%20b.img?x=y", "raw", "image_x"), "a-20b.img");
        assert_eq!(download("disk.vhd", "vpc", "image_x"), "disk.vhd");
        assert_eq!(download("?id=5", "vmdk", "image_x"), "image_x.vmdk");
        assert_eq!(split("ftp://u:p@h/a/b"), ("ftp://u:p@h".to_owned(), "/a/b".to_owned()));
        assert_eq!(split("http://h"), ("http://h".to_owned(), String::new()));
    }
}
