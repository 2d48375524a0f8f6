//! The recipe of a new image: its source is looked at, the rest is proposed, and then it is written.

use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::{Stop, Survey, SurveyedImage, survey, survey_led};
use ays_model::{Artifact, BootType, Check, ImageName, SecretUrl, Stream, TemplateName, unpacked_name};
use ays_recipes::{Environment, NewCheck, NewImage, Place, check_template_name};

use crate::error::Error;
use crate::off_runtime::{blocking, off_runtime};

/// Bytes in the GB of a disk's size.
const GB: u64 = 1 << 30;

/// A look at the source of an image that there is no recipe for yet.
#[derive(Debug, Clone)]
pub struct LookAtImage {
    /// What the template will be called.
    pub template: TemplateName,
    /// The source's address as it is to be written: `$(secret.NAME)` may stand in it.
    pub url: String,
}

impl LookAtImage {
    /// The source's address, with its secrets.
    ///
    /// # Errors
    ///
    /// The name cannot be a template's, or is taken; the address is none, or names a secret that is not kept.
    pub async fn address(&self, environment: Arc<Environment>, stop: &Stop) -> Result<SecretUrl, Error> {
        let Self { template, url } = self.clone();
        off_runtime(stop, move || {
            check_template_name(&environment, &template)?;
            Ok(NewImage::address(&environment, &url)?)
        })
        .await
    }

    /// What is there.
    ///
    /// # Errors
    ///
    /// It does not answer, or has no disk image.
    pub async fn run(
        url: SecretUrl,
        environment: Arc<Environment>,
        temporary: PathBuf,
        stop: Stop,
    ) -> Result<Survey, Error> {
        tokio::select! {
            survey = survey(&url, &environment.settings, &temporary) => Ok(survey?),
            () = stop.after_steps() => Err(Error::interrupted()),
        }
    }

    /// What a check leads to that says where the image is: the newest version of a product in the streams at an address,
    /// or an artifact of a registry.
    ///
    /// # Errors
    ///
    /// There is no such product or artifact, or it has no disk image.
    pub async fn run_led(
        url: SecretUrl,
        check: Check,
        environment: Arc<Environment>,
        temporary: PathBuf,
        stop: Stop,
    ) -> Result<SurveyedImage, Error> {
        tokio::select! {
            found = survey_led(&url, check, &environment.settings, &temporary) => Ok(found?),
            () = stop.after_steps() => Err(Error::interrupted()),
        }
    }

    /// The recipe as its address alone tells it: nothing verifies it, and its size is not said.
    pub fn unseen(&self) -> NewImage {
        let (url, source) = split(&self.url);
        let file = source.rsplit('/').next().unwrap_or_default().to_owned();
        self.unseen_at(url, source, &file)
    }

    fn unseen_at(&self, url: String, source: String, file: &str) -> NewImage {
        let lower = file.to_lowercase();
        let is_windows = lower.contains("win") && !lower.contains("darwin");
        NewImage {
            template: self.template.clone(),
            url,
            source,
            check: NewCheck::None,
            signed: None,
            file: format!("{}.img", self.template),
            name: title(&self.template),
            category: if is_windows { "Windows" } else { "Linux" }.to_owned(),
            size_gb: 0,
            username: None,
            boot_type: if lower.contains("uefi") { BootType::Uefi } else { BootType::Bios },
            hot_resize: true,
        }
    }

    /// The recipe that is proposed for what was found at `asked`, the address that was looked at first.
    pub fn propose(&self, asked: &SecretUrl, found: &SurveyedImage) -> Proposal {
        // As it was typed: what stands in it for a secret stays there.
        let (url, mut source) = split(&self.url);
        if found.url != *asked {
            let path = split(found.url.expose().as_str()).1;
            let path = path.split('?').next().unwrap_or_default();
            // A query stays as it was typed: it may name a secret.
            let query = source.find('?').map_or("", |at| &source[at..]);
            source = format!("{path}{query}");
        }
        // What a stream or a manifest leads to has a name of its own.
        let led_to =
            found.state.address.as_ref().map(ToString::to_string).or_else(|| found.state.file.clone());
        let file = led_to.as_deref().unwrap_or(&source).rsplit('/').next().unwrap_or_default();
        let check = match found.checks.first() {
            Some(Check::Sums { list, .. }) => NewCheck::Sums(list.clone()),
            Some(Check::Stream(Stream { product, item, .. })) => {
                NewCheck::Stream { product: product.clone(), item: item.clone() }
            }
            Some(Check::Artifact(artifact)) => {
                let Artifact { arch, item, member, .. } = artifact.clone();
                NewCheck::Artifact { arch, item, member }
            }
            Some(_) => NewCheck::Md5Beside,
            None => NewCheck::None,
        };
        let image = NewImage {
            check,
            file: download(file, &found.disk.format, &self.template),
            ..self.unseen_at(url, source.clone(), file)
        };
        let disk_gb = found.disk.virtual_size.map_or(0, |size| size.div_ceil(GB));
        Proposal { image, disk_gb: disk_gb.try_into().unwrap_or(u32::MAX) }
    }
}

/// A recipe that is proposed; whoever asked may change what it says. Its size is not said yet.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The recipe.
    pub image: NewImage,
    disk_gb: u32,
}

impl Proposal {
    /// The smallest disk of a machine, in GB: what the image needs, and what systems of its category do.
    pub fn size_gb(&self) -> u32 {
        let least = if self.image.category.eq_ignore_ascii_case("windows") { 20 } else { 10 };
        self.disk_gb.max(least)
    }
}

/// Writes a recipe; it appears when all of its files are there. They are named as errors name them.
///
/// # Errors
///
/// The name is taken, or the disk says no.
pub async fn write_image(environment: Arc<Environment>, image: NewImage) -> Result<Vec<Place>, Error> {
    blocking(move || Ok(image.write(&environment)?)).await
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
fn title(template: &TemplateName) -> ImageName {
    let words = template.strip_prefix("image_").unwrap_or(template).split(['-', '_']);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    words.filter_map(capital).collect::<Vec<_>>().join(" ").into()
}

/// The name of the downloaded file: the source's, with an ending that says what it is. `format` is as the source was
/// found to be: `qcow2`, or `raw in tar in xz`.
fn download(file: &str, format: &str, template: &TemplateName) -> String {
    let file = file.split('?').next().unwrap_or_default();
    let packing = format.rsplit_once(" in ").map(|(_, packing)| packing);
    let is_named_so = packing.is_some() && unpacked_name(file).is_some();
    let stem = match file.rsplit_once('.') {
        Some((stem, _)) if !is_named_so => stem,
        _ => file,
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let stem: String = stem.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    let stem = stem.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let stem = if stem.is_empty() { template } else { stem };
    if is_named_so {
        return stem.to_owned();
    }
    let ending = match packing.unwrap_or(format) {
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
        assert_eq!(title(&"image_wily-server".into()), "Wily Server");
        assert_eq!(title(&"debian_13".into()), "Debian 13");
        let wily = "wily-server-cloudimg-amd64-uefi1";
        let download = |file: &str, format| download(file, format, &"image_x".into());
        assert_eq!(download(&format!("{wily}.img"), "qcow2"), format!("{wily}.qcow2"));
        assert_eq!(download("a%20b.img?x=y", "raw"), "a-20b.img");
        assert_eq!(download("disk.vhd", "vpc"), "disk.vhd");
        assert_eq!(download("?id=5", "vmdk"), "image_x.vmdk");
        assert_eq!(download("d.tar.xz", "raw in tar in xz"), "d.tar.xz");
        assert_eq!(download("x 1.qcow2.xz?a=b", "qcow2 in xz"), "x-1.qcow2.xz");
        assert_eq!(download("x.img", "raw in gzip"), "x.gzip");
        assert_eq!(download("x.lz4", "unknown in lz4"), "x.lz4");
        assert_eq!(split("ftp://u:p@h/a/b"), ("ftp://u:p@h".to_owned(), "/a/b".to_owned()));
        assert_eq!(split("http://h"), ("http://h".to_owned(), String::new()));
    }
}
