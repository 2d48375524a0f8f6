//! `registerImage`, the one call that makes a downloaded file an image, in both forms that are in use.

use std::path::{Path, PathBuf};

use ays_model::{BootType, ImageName, image_stem, unpacked_name};

use crate::value::Value;

/// An image to be registered, as its recipe describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterImage {
    /// The name that users know.
    pub name: ImageName,
    /// `Linux`, `Windows`, `vStorage` or a name of the recipe's own.
    pub category: String,
    /// The smallest disk that it needs, in GB.
    pub size_gb: u32,
    /// The login that the image comes with.
    pub username: Option<String>,
    /// How a machine starts from it.
    pub boot_type: BootType,
    /// Whether the downloaded file is removed in the end.
    pub delete: bool,
    /// Whether a machine's disk may grow while it runs.
    pub hot_resize: bool,
    /// The downloaded file: the one that `imagename` names, else the last `web.export`'s `dest`.
    pub file: PathBuf,
    /// Which of the recipe's downloads that is, from 0.
    pub download: usize,
    /// The file's stem: stored files' names begin with it.
    pub stem: String,
}

/// Why a call of `registerImage` cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No whole number where a size can stand.
    #[error(
        "expected registerImage(service, name, imagename, category, size) or registerImage(service, name, category, size): \
         the size in GB must be a whole number"
    )]
    NoSize,
    /// A size that no disk has.
    #[error("the size must be from 1 to 65536 GB, not {0}")]
    Size(i64),
    /// A value is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A value of the wrong kind.
    #[error("`{0}` must be {1}")]
    Kind(&'static str, &'static str),
    /// More than the call takes.
    #[error("too many arguments")]
    TooMany,
    /// A keyword that the call does not have.
    #[error("registerImage has no argument named `{0}`")]
    Keyword(String),
    /// A value given by position and by name.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// `imagename` is no file that is downloaded.
    #[error("imagename is '{imagename}', but the last web.export saves '{last}'")]
    OtherFile {
        /// As the call has it.
        imagename: String,
        /// The file name of the last `dest`.
        last: String,
    },
    /// Nothing is downloaded.
    #[error("there is no web.export, so there is no file to register")]
    NoFile,
    /// A file name that pools cannot take.
    #[error("the downloaded file's name '{0}' cannot name an image: it must begin with a letter or digit")]
    Stem(String),
}

/// Parameters after the service, in their order, of the documented form and of the real recipes' form.
const DOCUMENTED: [&str; 8] =
    ["name", "imagename", "category", "size", "username", "bootType", "delete", "hotResize"];
const IN_USE: [&str; 7] = ["name", "category", "size", "username", "bootType", "delete", "hotResize"];

impl RegisterImage {
    /// Understands a call; `args` include the service. `downloads` are each `web.export`'s `dest`.
    pub(crate) fn from_call(
        args: &[Value],
        keywords: &[(String, Value)],
        downloads: &[PathBuf],
    ) -> Result<Self, CallError> {
        let values = Arguments::bind(args, keywords)?;
        let size = match values.get("size") {
            Some(Value::Int(size)) => *size,
            _ => return Err(CallError::NoSize),
        };
        let size_gb = u32::try_from(size)
            .ok()
            .filter(|size| (1..=65536).contains(size))
            .ok_or(CallError::Size(size))?;
        let boot_type = match values.text("bootType")?.as_deref() {
            None | Some("bios") => BootType::Bios,
            Some("uefi") => BootType::Uefi,
            Some(_) => return Err(CallError::Kind("bootType", "'bios' or 'uefi'")),
        };
        let mut from_last = downloads.iter().enumerate().rev();
        let last = from_last.clone().next().ok_or(CallError::NoFile)?;
        let (download, file) = match values.text("imagename")? {
            None => last,
            Some(imagename) => match from_last.find(|(_, path)| is_named(path, &imagename)) {
                Some(named) => named,
                None => {
                    return Err(CallError::OtherFile { imagename, last: file_name(last.1) });
                }
            },
        };
        let stem = image_stem(&file_name(file)).to_owned();
        if !stem.starts_with(char::is_alphanumeric) {
            return Err(CallError::Stem(file_name(file)));
        }
        Ok(Self {
            name: values.text("name")?.ok_or(CallError::Missing("name"))?.into(),
            category: values.text("category")?.ok_or(CallError::Missing("category"))?,
            size_gb,
            username: values.text("username")?,
            boot_type,
            delete: values.truth("delete")?,
            hot_resize: values.truth("hotResize")?,
            file: file.clone(),
            download,
            stem,
        })
    }

    /// What an operator should know before it is registered.
    pub fn warnings(&self) -> Vec<String> {
        let least = match &*self.category.to_lowercase() {
            "windows" => 20,
            "linux" => 10,
            _ => return Vec::new(),
        };
        if self.size_gb >= least {
            return Vec::new();
        }
        vec![format!(
            "image `{}`: {} images should be at least {least} GB, this one says {}",
            self.name, self.category, self.size_gb
        )]
    }
}

/// Whether a download is meant: by its own name, or by that of what is packed in it.
fn is_named(path: &Path, imagename: &str) -> bool {
    let name = file_name(path);
    name == imagename || unpacked_name(&name) == Some(imagename)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.display().to_string()).unwrap_or_default()
}

/// The values of one call by their parameters' names.
struct Arguments<'a>(Vec<(&'static str, &'a Value)>);

impl<'a> Arguments<'a> {
    fn bind(args: &'a [Value], keywords: &'a [(String, Value)]) -> Result<Self, CallError> {
        let positional = args.get(1..).ok_or(CallError::Missing("service"))?;
        let documented = match positional.iter().position(|value| matches!(value, Value::Int(_))) {
            Some(at) => at >= 3,
            None => positional.len() >= 3 || keywords.iter().any(|(name, _)| name == "imagename"),
        };
        let parameters: &[&'static str] = if documented { &DOCUMENTED } else { &IN_USE };
        if positional.len() > parameters.len() {
            return Err(CallError::TooMany);
        }
        let mut bound: Vec<_> = parameters.iter().copied().zip(positional).collect();
        for (keyword, value) in keywords {
            let name = match keyword.as_str() {
                "type" => "category",
                "disksize" => "size",
                other => other,
            };
            let Some(name) = parameters.iter().find(|parameter| **parameter == name) else {
                return Err(CallError::Keyword(keyword.clone()));
            };
            if bound.iter().any(|(bound, _)| bound == name) {
                return Err(CallError::Twice(keyword.clone()));
            }
            bound.push((name, value));
        }
        Ok(Self(bound))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.iter().find(|(bound, _)| *bound == name).map(|(_, value)| *value)
    }

    /// A text, none where it is not given or `None`.
    fn text(&self, name: &'static str) -> Result<Option<String>, CallError> {
        match self.get(name) {
            None | Some(Value::None) => Ok(None),
            Some(Value::Str(text)) if !text.trim().is_empty() && !text.chars().any(char::is_control) => {
                Ok(Some(text.clone()))
            }
            Some(_) => Err(CallError::Kind(name, "text of one line")),
        }
    }

    /// A truth value that is true where it is not given.
    fn truth(&self, name: &'static str) -> Result<bool, CallError> {
        match self.get(name) {
            None => Ok(true),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(CallError::Kind(name, "True or False")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Str(text.to_owned())
    }

    fn call(args: &[Value], keywords: &[(&str, Value)]) -> Result<RegisterImage, CallError> {
        let keywords: Vec<_> =
            keywords.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let args: Vec<_> = [Value::None].iter().chain(args).cloned().collect();
        RegisterImage::from_call(&args, &keywords, &[PathBuf::from("/t/win-2016.qcow2")])
    }

    fn image() -> RegisterImage {
        RegisterImage {
            name: "Win".into(),
            category: "Windows".to_owned(),
            size_gb: 20,
            username: None,
            boot_type: BootType::Bios,
            delete: true,
            hot_resize: true,
            file: PathBuf::from("/t/win-2016.qcow2"),
            download: 0,
            stem: "win-2016".to_owned(),
        }
    }

    #[test]
    fn the_first_integer_tells_the_forms_apart() {
        let documented = call(&[text("Win"), text("win-2016.qcow2"), text("Windows"), Value::Int(20)], &[]);
        assert_eq!(documented, Ok(image()));
        assert_eq!(call(&[text("Win"), text("Windows"), Value::Int(20)], &[]), Ok(image()));
    }

    #[test]
    fn options_come_by_position_or_by_name() {
        let by_position = call(
            &[text("Win"), text("Windows"), Value::Int(20), text("admin"), text("uefi"), Value::Bool(false)],
            &[("hotResize", Value::Bool(false))],
        );
        let by_name = call(
            &[text("Win")],
            &[
                ("type", text("Windows")),
                ("disksize", Value::Int(20)),
                ("username", text("admin")),
                ("bootType", text("uefi")),
                ("delete", Value::Bool(false)),
                ("hotResize", Value::Bool(false)),
            ],
        );
        let expected = RegisterImage {
            username: Some("admin".to_owned()),
            boot_type: BootType::Uefi,
            delete: false,
            hot_resize: false,
            ..image()
        };
        assert_eq!(by_position.as_ref(), Ok(&expected));
        assert_eq!(by_name, Ok(expected));
    }

    #[test]
    fn wrong_calls_are_named() {
        let good = [text("Win"), text("Windows"), Value::Int(20)];
        for (args, keywords, error) in [
            (&[text("Win"), text("Windows"), text("20")][..], vec![], CallError::NoSize),
            (&[text("Win"), text("Windows"), Value::Int(0)], vec![], CallError::Size(0)),
            (
                &[text("Win"), text("w.qcow2"), text("Windows"), Value::Int(20)],
                vec![],
                CallError::OtherFile { imagename: "w.qcow2".to_owned(), last: "win-2016.qcow2".to_owned() },
            ),
            (&good, vec![("colour", text("red"))], CallError::Keyword("colour".to_owned())),
            (&good, vec![("name", text("x"))], CallError::Twice("name".to_owned())),
            (&good, vec![("bootType", text("floppy"))], CallError::Kind("bootType", "'bios' or 'uefi'")),
            (&good, vec![("delete", Value::Int(1))], CallError::Kind("delete", "True or False")),
        ] {
            assert_eq!(call(args, &keywords), Err(error));
        }
    }

    #[test]
    fn imagename_picks_one_of_several_downloads() {
        let downloads = [PathBuf::from("/t/one.qcow2.xz"), PathBuf::from("/t/two.img")];
        let of = |imagename: Option<&str>| {
            let mut args = vec![Value::None, text("Win")];
            args.extend(imagename.map(text));
            args.extend([text("Linux"), Value::Int(10)]);
            RegisterImage::from_call(&args, &[], &downloads).map(|image| (image.file, image.stem))
        };
        let (one, two) = ((downloads[0].clone(), "one".to_owned()), (downloads[1].clone(), "two".to_owned()));
        assert_eq!(of(Some("one.qcow2.xz")), Ok(one.clone()));
        assert_eq!(of(Some("one.qcow2")), Ok(one));
        assert_eq!(of(Some("two.img")), Ok(two.clone()));
        assert_eq!(of(None), Ok(two));
        assert_eq!(
            of(Some("three.img")),
            Err(CallError::OtherFile { imagename: "three.img".to_owned(), last: "two.img".to_owned() })
        );
    }

    #[test]
    fn small_images_are_warned_about() {
        let small = RegisterImage { size_gb: 19, ..image() };
        assert_eq!(
            small.warnings(),
            ["image `Win`: Windows images should be at least 20 GB, this one says 19"]
        );
        assert_eq!(image().warnings(), Vec::<String>::new());
    }
}
