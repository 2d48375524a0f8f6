//! An image without a recipe: an operator describes it, and it is installed as a recipe's image is.

use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_engine::{Mode, OperatorFile, Stacks, Starting, Stop, Survey, SurveyedImage, now};
use ays_model::{Artifact, BootType, Check, Event, Gid, ImageName, SecretUrl, Target, TemplateName};
use ays_recipes::{NewCheck, NewImage};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::controller::{Actor, Controller, Tell};
use crate::error::{Error, Kind};
use crate::new_image::LookAtImage;
use crate::off_runtime::off_runtime;
use crate::registered_by::registered_by;
use crate::roll_out::{InstalledOn, RollOut};
use crate::selection::{Selected, Selection};
use crate::uploads::{UploadId, Uploads};

/// An image that an operator adds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddImage {
    /// Where it comes from. In a job it is an address that every machine means the same by, and no login stands in it.
    #[serde(rename = "url", with = "job_address")]
    pub from: AddedFrom,
    /// The name that users know.
    pub name: ImageName,
    /// For people; none: what was said before stays.
    #[serde(default)]
    pub description: Option<String>,
    /// `Linux`, `Windows`, or a name of one's own; none: as the source's name sounds.
    #[serde(default, rename = "type")]
    pub category: Option<String>,
    /// The smallest disk of a machine, in GB; none: what the disk in it needs.
    #[serde(default, rename = "size")]
    pub size_gb: Option<u32>,
    /// The login that it comes with.
    #[serde(default)]
    pub username: Option<String>,
    /// How machines start from it; none: as the source's name sounds.
    #[serde(default)]
    pub boot_type: Option<BootType>,
    /// Whether a machine's disk may grow while it runs.
    #[serde(default = "yes")]
    pub hot_resize: bool,
    /// How its bytes are verified; none: by the best that lies beside the source.
    #[serde(default)]
    pub check: Option<NewCheck>,
    /// The signature of the list of checksums, or of the bytes: its file beside the source.
    #[serde(default)]
    pub signed: Option<String>,
    /// Where; nothing said: on this machine.
    #[serde(default)]
    pub nodes: Selection,
    /// Whether what is there already is left alone.
    #[serde(default)]
    pub mode: Mode,
    /// Whether it is registered even when the disk in it is broken.
    #[serde(default)]
    pub force: bool,
    /// The most nodes at work at once; none: as the settings say.
    #[serde(default)]
    pub parallel: Option<NonZeroUsize>,
}

fn yes() -> bool {
    true
}

/// Where an image comes from that an operator adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddedFrom {
    /// An address, as it was typed: `$(secret.NAME)` may stand in it.
    Url(String),
    /// A file on this machine: its absolute path, without links.
    File(PathBuf),
    /// A file that was sent to the server, by whoever adds it.
    Upload(UploadId),
}

impl AddedFrom {
    /// Its address for this machine, and the file that it is here.
    ///
    /// # Errors
    ///
    /// It is an upload that is not there, or not whole; or no file's path.
    pub async fn address(&self, controller: &Controller) -> Result<(String, Option<PathBuf>), Error> {
        let path = match self {
            Self::Url(url) => return Ok((url.clone(), None)),
            Self::File(path) => path.clone(),
            Self::Upload(id) => Uploads::of(controller).file(id.clone()).await.map_err(|error| {
                Error::from(error).with_cure(
                    "send the file again; a worker on another machine than the server's has no uploads, unless both \
                     share the directory `uploads`",
                )
            })?,
        };
        let address = SecretUrl::of_path(&path);
        let address = address.ok_or_else(|| Error::new(Kind::Usage, NotAdded::Path(path.clone())))?;
        Ok((address.expose().to_string(), Some(path)))
    }
}

/// What tells that a file was changed since it was added.
fn state(file: Option<&Path>) -> String {
    let Some(Ok(found)) = file.map(Path::metadata) else { return String::new() };
    format!("{} {}.{}", found.len(), found.mtime(), found.mtime_nsec())
}

/// An address as a job keeps it, for all to see.
mod job_address {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    use super::{AddedFrom, UploadId};

    /// What the id of an upload stands behind.
    const UPLOAD: &str = "upload:";
    const FILE: &str = "a file is in no job: one machine alone has it. Without --detach it is added at once";
    const SHAPE: &str =
        "an address in a job is written as SCHEME://HOST/PATH, without backslashes and line breaks";
    const LOGIN: &str =
        "a job keeps no login: `ays secret set NAME`, and write $(secret.NAME)@ in the address";

    /// Why an address is in no job; none: it may be.
    fn refusal(url: &str) -> Option<&'static str> {
        // What reads an address leaves blanks and line breaks out, takes `\` for `/`, and needs no `//`.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        if scheme.is_empty()
            || !scheme.chars().all(is_plain)
            || url.contains(|c: char| c.is_control() || c == '\\')
        {
            return Some(SHAPE);
        }
        let (scheme, rest) = url.trim().split_once("://").unwrap_or((url, ""));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let login = authority.rsplit_once('@').map_or("", |(login, _)| login);
        if scheme.to_ascii_lowercase().starts_with("file") {
            return Some(FILE);
        }
        // What stands for a secret is no login: it is put in where nobody sees it.
        let words = login.split("$(secret.").enumerate();
        let plain =
            words.map(
                |(at, part)| if at == 0 { part } else { part.split_once(')').map_or(part, |(_, rest)| rest) },
            );
        let is_kept = plain.collect::<String>().chars().all(|c| c == ':');
        (!is_kept).then_some(LOGIN)
    }

    pub fn serialize<S: Serializer>(from: &AddedFrom, serializer: S) -> Result<S::Ok, S::Error> {
        match from {
            AddedFrom::File(_) => Err(ser::Error::custom(FILE)),
            AddedFrom::Upload(id) => serializer.serialize_str(&format!("{UPLOAD}{}", id.as_str())),
            AddedFrom::Url(url) => match refusal(url) {
                Some(why) => Err(ser::Error::custom(why)),
                None => serializer.serialize_str(url),
            },
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AddedFrom, D::Error> {
        let url = String::deserialize(deserializer)?;
        if let Some(id) = url.strip_prefix(UPLOAD).and_then(UploadId::parse) {
            return Ok(AddedFrom::Upload(id));
        }
        match refusal(&url) {
            Some(why) => Err(de::Error::custom(why)),
            None => Ok(AddedFrom::Url(url)),
        }
    }
}

/// What became of an image that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedImage {
    /// Each node by its name, those first that were tried, in the order in which they were named.
    pub nodes: Vec<InstalledOn>,
}

/// Why an image is not added.
#[derive(Debug, thiserror::Error)]
enum NotAdded {
    #[error("the {0} of an image is one line of text")]
    Text(&'static str),
    #[error("`{image}` is the image of the recipe {template}")]
    OfRecipe { image: ImageName, template: TemplateName },
    #[error("{path} cannot be the path of a file", path = .0.display())]
    Path(PathBuf),
    #[error("several images are there; name one of them:{}", .0.iter().map(|url| format!("\n  {url}")).collect::<String>())]
    Several(Vec<SecretUrl>),
}

impl AddImage {
    /// Adds it: a new image, or a new generation of one that has no recipe.
    ///
    /// # Errors
    ///
    /// What is said of it cannot be; a recipe has an image of this name; its source does not answer; or an error that met
    /// all nodes.
    pub async fn run(
        mut self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<AddedImage, Error> {
        self.check_texts()?;
        let (environment, selection) = (Arc::clone(&controller.environment), self.nodes.clone());
        let nodes = off_runtime(&stop, move || selection.select(&environment)).await?;
        self.check_name(&nodes, &controller, &stop).await?;
        let (url, here) = self.from.address(&controller).await?;
        let mut image = self.describe(url, &controller, &stop).await?;
        let state = state(here.as_deref());
        let file = self.file(here, &nodes, &controller);
        if let Some(file) = &file {
            (image.url, image.source) = address_here(&file.path, &controller.actor);
        }
        let Self { from, name, description, mode, force, parallel, .. } = self;
        if image.check == NewCheck::None
            && image.signed.is_none()
            && let Some(first) = nodes.targets.first()
        {
            let message = format!(
                "{name}: nothing verifies its bytes, so it will be marked as unverified at its source"
            );
            tell(now(first.name(), Event::Warning { message }));
        }
        let environment = Arc::clone(&controller.environment);
        let names: Vec<_> = nodes.targets.iter().map(|target| target.name().clone()).collect();
        let reading = move || {
            let recipe = image.recipe(&environment, &names, description, &state)?;
            Ok((recipe, Stacks::of(&environment)))
        };
        let (recipe, stacks) = off_runtime(&stop, reading).await?;
        let rolled = RollOut {
            what: name.into(),
            recipe,
            file,
            trees: Vec::new(),
            stacks,
            nodes,
            mode,
            starting: Starting::Starts,
            force,
            parallel,
        };
        let nodes = rolled.run(&controller, ssh, &stop, &tell).await?;
        if let AddedFrom::Upload(id) = from
            && nodes.iter().all(|node| node.problem.is_none())
        {
            Uploads::of(&controller).remove(id).await?;
        }
        Ok(AddedImage { nodes })
    }

    /// The file of this machine that nodes are given. This machine alone reads it where it lies, if it stays there.
    fn file(&self, here: Option<PathBuf>, nodes: &Selected, controller: &Controller) -> Option<OperatorFile> {
        let is_away = nodes.targets.iter().any(|target| matches!(target, Target::Node(_)));
        let path = here.filter(|_| is_away || matches!(self.from, AddedFrom::Upload(_)))?;
        Some(OperatorFile { path, temporary: controller.temporary.clone() })
    }

    fn check_texts(&self) -> Result<(), Error> {
        let texts = [
            ("name", Some(self.name.as_str())),
            ("description", self.description.as_deref()),
            ("category", self.category.as_deref()),
            ("user name", self.username.as_deref()),
            ("name of a signature", self.signed.as_deref()),
        ];
        let address = match &self.from {
            AddedFrom::Url(url) => Some(("address", Some(url.as_str()))),
            AddedFrom::File(_) | AddedFrom::Upload(_) => None,
        };
        let of_check: Vec<Option<&str>> = match &self.check {
            Some(NewCheck::Sums(list)) => vec![Some(list)],
            Some(NewCheck::Stream { product, item }) => vec![Some(product), Some(item)],
            Some(NewCheck::Artifact { arch, item, member }) => {
                vec![Some(arch), item.as_deref(), member.as_deref()]
            }
            _ => Vec::new(),
        };
        let texts = texts.into_iter().chain(address).chain(of_check.into_iter().map(|text| ("check", text)));
        let mut texts = texts;
        match texts.find(|(_, text)| text.is_some_and(|text| !is_line(text))) {
            Some((what, _)) => Err(Error::new(Kind::Usage, NotAdded::Text(what))),
            None => Ok(()),
        }
    }

    /// An image has one maker: where that is a recipe, its next install would take back what was added here.
    async fn check_name(&self, nodes: &Selected, controller: &Controller, stop: &Stop) -> Result<(), Error> {
        let (environment, name) = (Arc::clone(&controller.environment), self.name.clone());
        let mut template = off_runtime(stop, move || Ok(registered_by(&environment, &name))).await?;
        if template.is_none() {
            let grids: Vec<Gid> = nodes.targets.iter().map(Target::gid).collect();
            template = of_recipe(controller, &self.name, &grids).await?;
        }
        match template {
            None => Ok(()),
            Some(template) => {
                let cure =
                    format!("add it by another name, or change the recipe {template} and install that");
                let refused = NotAdded::OfRecipe { image: self.name.clone(), template };
                Err(Error::new(Kind::Usage, refused).with_cure(cure))
            }
        }
    }

    /// All that a recipe would say of it. The source is looked at only for what the operator has not said.
    async fn describe(
        &mut self,
        url: String,
        controller: &Controller,
        stop: &Stop,
    ) -> Result<NewImage, Error> {
        let look = LookAtImage { template: slug(&self.name).into(), url: url.clone() };
        let environment = Arc::clone(&controller.environment);
        let asked = off_runtime(stop, move || Ok(NewImage::address(&environment, &url)?)).await?;
        let is_known = self.size_gb.is_some() && self.check.is_some();
        let (mut image, least) = if is_known {
            (look.unseen(), 0)
        } else {
            let found = self.find(&asked, controller, stop).await?;
            let mut proposal = look.propose(&asked, &found);
            if let Some(category) = &self.category {
                proposal.image.category.clone_from(category);
            }
            let least = proposal.size_gb();
            (proposal.image, least)
        };
        image.name = self.name.clone();
        // Its own, so that no other image's download is in the way; what the bytes are, they say themselves.
        image.file = format!("{}.img", look.template);
        image.size_gb = self.size_gb.unwrap_or(least);
        image.username = self.username.take();
        image.hot_resize = self.hot_resize;
        image.signed = self.signed.take();
        image.boot_type = self.boot_type.unwrap_or(image.boot_type);
        if let Some(category) = self.category.take() {
            image.category = category;
        }
        if let Some(check) = self.check.take() {
            image.check = check;
        }
        Ok(image)
    }

    async fn find(
        &self,
        asked: &SecretUrl,
        controller: &Controller,
        stop: &Stop,
    ) -> Result<SurveyedImage, Error> {
        let (environment, temporary) = (Arc::clone(&controller.environment), controller.temporary.clone());
        if asked.scheme().is_oci() {
            let artifact =
                Artifact { arch: Artifact::ARCH.to_owned(), item: None, member: None, tokens: None };
            let check = Check::Artifact(artifact);
            return LookAtImage::run_led(asked.clone(), check, environment, temporary, stop.clone()).await;
        }
        match LookAtImage::run(asked.clone(), environment, temporary, stop.clone()).await? {
            Survey::Image(image) => Ok(*image),
            Survey::Several(urls) => Err(Error::new(Kind::Usage, NotAdded::Several(urls))),
        }
    }
}

/// Whether a text can be a fact of an image.
pub(crate) fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}

/// The recipe that has made the newest generation of an image of this name, in one of these grids, and that the environment
/// still has.
pub(crate) async fn of_recipe(
    controller: &Controller,
    name: &ImageName,
    grids: &[Gid],
) -> Result<Option<TemplateName>, Error> {
    let images = controller.catalogue.images().await?;
    let named = images.iter().filter(|image| image.name == *name && grids.contains(&image.gid));
    for image in named {
        let Some(detail) = controller.catalogue.image(&image.id.0.to_string()).await? else { continue };
        let newest = detail.generations.iter().max_by_key(|generation| generation.number);
        let template = newest.map(|generation| generation.template.clone());
        let is_there = |template: &TemplateName| {
            !template.is_by_hand() && controller.environment.template(template).is_ok()
        };
        if let Some(template) = template.filter(is_there) {
            return Ok(Some(template));
        }
    }
    Ok(None)
}

/// How a file of this machine is written down for nodes that it does not lie on: scheme and machine, and the path there.
fn address_here(path: &Path, Actor(actor): &Actor) -> (String, String) {
    let host = actor.rsplit('@').next().unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    // `localhost` would be the node itself.
    let is_good = !host.is_empty() && host != "localhost" && host.chars().all(is_name);
    let address = SecretUrl::of_path(path).map(|url| url.expose().path().replace('$', "%24"));
    let host = if is_good { host } else { "operator" };
    (format!("file://{host}"), address.unwrap_or_default())
}

/// The name of an image as that of a file: what it is downloaded to, and what stored files' names begin with.
fn slug(name: &ImageName) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<_> = plain.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "image".to_owned() } else { words.join("-") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn a_file_here_is_no_file_of_a_node() {
        let actor = |actor: &str| Actor(actor.to_owned());
        for (path, by, whole) in [
            ("/srv/x y.img", "me@laptop", "file://laptop/srv/x%20y.img"),
            ("/x$(secret.a)", "me@localhost", "file://operator/x%24(secret.a)"),
            ("/x", "me@a b", "file://operator/x"),
        ] {
            let (url, source) = address_here(Path::new(path), &actor(by));
            assert_eq!(format!("{url}{source}"), whole);
            let address = SecretUrl::parse(whole).unwrap();
            assert_eq!(address.path_on_node(), None, "{whole}");
        }
    }

    #[test]
    fn a_job_keeps_no_login_and_no_file() {
        for (url, is_kept) in [
            ("https://example.org/x.qcow2", true),
            ("oci://example.org/x:1", true),
            ("ftp://$(secret.aydo)@example.org/x.img", true),
            ("ftp://$(secret.user):$(secret.word)@example.org/x.img", true),
            ("ftp://user:password@example.org/x.img", false),
            ("ftp://user:password@example.org/$(secret.x)", false),
            ("ftp://$(secret.x)password@example.org/x.img", false),
            ("https://user@example.org/x.img", false),
            ("file:///etc/shadow", false),
            ("FILE:/etc/shadow", false),
            ("fi\tle:///etc/shadow", false),
            ("\u{1}file:///etc/shadow", false),
            ("https:user:password@example.org/x", false),
            ("http:\\\\user:password@example.org\\x", false),
            ("https://example.org/x\n    process.1 =", false),
        ] {
            let added = serde_json::json!({ "url": url, "name": "x" });
            let read: Result<AddImage, _> = serde_json::from_value(added.clone());
            assert_eq!(read.is_ok(), is_kept, "{url}: {read:?}");
            let written = AddImage {
                from: AddedFrom::Url(url.to_owned()),
                ..serde_json::from_value(serde_json::json!({ "url": "https://a/", "name": "x" })).unwrap()
            };
            assert_eq!(serde_json::to_value(written).is_ok(), is_kept, "{url}");
        }
    }

    #[test]
    fn the_name_of_an_image_names_a_file() {
        for (name, slug_of_it) in [
            ("Wily Server 15.10 (amd64)", "Wily-Server-15-10-amd64"),
            ("../x", "x"),
            ("\u{e9}t\u{e9}", "t"),
            ("--", "image"),
        ] {
            assert_eq!(slug(&name.into()), slug_of_it);
        }
    }
}
