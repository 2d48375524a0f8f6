//! A new image's recipe: the three files, as AYS's documentation shows them.

use std::path::PathBuf;

use ays_grammar::hrd;
use ays_model::{Artifact, BootType, Checksum, ImageName, SecretUrl, TemplateName};
use ays_secrets::SecretsError;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::names::Place;
use crate::new_template::{NewTemplateError, write_template};
use crate::secrets::{self, SECRET, Secrets};

/// What a new recipe says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImage {
    /// The template's name: its directory's.
    pub template: TemplateName,
    /// Scheme, login and host of the source, as they are to be written (`ftp://$(secret.aydo)@ftp.aydo.com`).
    pub url: String,
    /// The source's path there.
    pub source: String,
    /// How its bytes are verified.
    pub check: NewCheck,
    /// The signature of that list, or of the bytes where there is none: its file beside the source.
    pub signed: Option<String>,
    /// The name of the file that it is downloaded to.
    pub file: String,
    /// The name that users know.
    pub name: ImageName,
    /// `Linux`, `Windows`, or a name of one's own.
    pub category: String,
    /// The smallest disk of a machine, in GB.
    pub size_gb: u32,
    /// The login that the image comes with.
    pub username: Option<String>,
    /// How machines start from it.
    pub boot_type: BootType,
    /// Whether a machine's disk may grow while it runs.
    pub hot_resize: bool,
}

/// How a new recipe verifies its source's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NewCheck {
    /// By a list of checksums beside it.
    Sums(String),
    /// By the MD5 at its address + `.md5sum`.
    Md5Beside,
    /// By this checksum.
    Checksum(Checksum),
    /// By a simplestreams server, whose newest version of the product it is.
    #[serde(skip)]
    Stream {
        /// The product.
        product: String,
        /// Which of its files.
        item: String,
    },
    /// By a registry: the address is an artifact's.
    #[serde(skip)]
    Artifact {
        /// For which processor.
        arch: String,
        /// Which entry of its index.
        item: Option<String>,
        /// Which layer.
        member: Option<String>,
    },
    /// Not at all.
    None,
}

/// Why no recipe was written.
#[derive(Debug, thiserror::Error)]
pub enum NewImageError {
    /// Its name, or the disk.
    #[error(transparent)]
    Template(#[from] NewTemplateError),
    /// The source's address.
    #[error("the source's address: {0}")]
    Address(String),
    /// A secret of that address cannot be read.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

/// Where recipes download to: the environment says which directory that is.
const DOWNLOADS: &str = "$(system.paths.tmp)/templates";

impl NewImage {
    /// The address of a source, with the secrets that it names (`ftp://$(secret.aydo)@ftp.aydo.com/x.img`).
    pub fn address(environment: &Environment, text: &str) -> Result<SecretUrl, NewImageError> {
        let secrets = Secrets::new(&environment.secrets);
        let filled = hrd::substitute(text, &|key| secrets.word(key.strip_prefix(SECRET)?));
        let address = secrets.address(&filled, &environment.settings);
        let uses = secrets.finish("this command")?;
        if let Some((_, secret)) = secrets::missing(&filled) {
            let how = secrets::how_to_keep(secret);
            return Err(NewImageError::Address(format!("the secret `{secret}` is not kept: {how}")));
        }
        let address = address.map_err(|error| NewImageError::Address(error.to_string()))?;
        environment.secrets.permit(&uses)?;
        Ok(address)
    }

    /// Writes the files; see [`write_template`].
    pub fn write(&self, environment: &Environment) -> Result<Vec<Place>, NewImageError> {
        let files = [
            ("service.hrd", self.service()),
            ("actions.py", self.actions()),
            ("instance.hrd", String::new()),
        ];
        let files = files.map(|(name, text)| (PathBuf::from(name), text.into_bytes()));
        Ok(write_template(environment, &self.template, &files)?)
    }

    /// The text of its `service.hrd`.
    pub(crate) fn service(&self) -> String {
        let checkmd5 = self.check == NewCheck::Md5Beside;
        let sums = match &self.check {
            NewCheck::Sums(list) => format!("    sums:'{}',\n", plain(list)),
            NewCheck::Checksum(checksum) => format!("    {}:'{}',\n", checksum.kind(), checksum.digits()),
            NewCheck::Stream { product, item } => {
                format!("    product:'{}',\n    item:'{}',\n", plain(product), plain(item))
            }
            NewCheck::Artifact { arch, item, member } => {
                let arch = Some(arch.as_str()).filter(|arch| *arch != Artifact::ARCH);
                let keys = [("arch", arch), ("item", item.as_deref()), ("member", member.as_deref())];
                let said = keys.into_iter().filter_map(|(key, value)| Some((key, value?)));
                said.map(|(key, value)| format!("    {key}:'{}',\n", plain(value))).collect()
            }
            NewCheck::Md5Beside | NewCheck::None => String::new(),
        };
        let signed = self.signed.as_ref().map(|file| format!("    signed:'{}',\n", plain(file)));
        format!(
            "platform.supported             = 'generic'\n\n\
             web.export.1                   =\n    checkmd5:'{checkmd5}',\n    dest:'{DOWNLOADS}/{}',\n    \
             source:'{}',\n    url:'{}',\n{sums}{}",
            plain(&self.file),
            plain(&self.source),
            plain(&self.url),
            signed.unwrap_or_default(),
        )
    }

    /// The text of its `actions.py`.
    pub(crate) fn actions(&self) -> String {
        let mut more = String::new();
        if let Some(username) = &self.username {
            more.push_str(&format!(", username={}", python(username)));
        }
        if self.boot_type == BootType::Uefi {
            more.push_str(", bootType='uefi'");
        }
        if !self.hot_resize {
            more.push_str(", hotResize=False");
        }
        format!(
            "from JumpScale import j\n\nActionsBase=j.atyourservice.getActionsBaseClass()\n\n\
             class Actions(ActionsBase):\n\n    def configure(self, serviceObj):\n        \
             from CloudscalerLibcloud.imageutil import registerImage\n        name = {}\n        \
             imagename = {}\n        registerImage(serviceObj, name, imagename, {}, {}{more})\n",
            python(&self.name),
            python(&self.file),
            python(&self.category),
            self.size_gb
        )
    }
}

/// A quoted value of HRD ends at its quote or its line; in an address both can be written otherwise.
fn plain(text: &str) -> String {
    let escaped = |c: char| match c {
        '\'' => "%27".to_owned(),
        c if c.is_control() => utf8_percent_encode(c.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC).to_string(),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// A text of Python: it ends at its quote or its line, unless these are escaped.
fn python(text: &str) -> String {
    let escaped = |c: char| match c {
        '\\' => "\\\\".to_owned(),
        '\'' => "\\'".to_owned(),
        // What a text does not hold either: see where images are added.
        c if c.is_control() => " ".to_owned(),
        c => c.to_string(),
    };
    format!("'{}'", text.chars().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_neither_its_quotes_nor_its_line() {
        for text in ["x',\n    sums:'y", "x\r\nprocess.1 =", "x\u{85}y", "x\u{0}"] {
            assert!(!plain(text).contains(|c: char| c == '\'' || c.is_control()), "{text:?}");
            let python = python(text);
            assert!(!python.contains(char::is_control), "{python:?}");
        }
        assert_eq!(plain("https://example.org/ä $(secret.x)"), "https://example.org/ä $(secret.x)");
        assert_eq!(python("it's \\"), "'it\\'s \\\\'");
    }
}
