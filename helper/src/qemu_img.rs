//! `qemu-img`, always told the format of what it reads.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use ays_disk::{LARGEST, Refusal};
use ays_model::{Activity, DiskFormat};
use ays_protocol::Failure;
use serde::Deserialize;
use tokio::process::Command;

use crate::child::bound;
use crate::complaint::{Words, gather};
use crate::program;
use crate::report::Report;
use ays_disk::ImageFormat;

const NAME: &str = "qemu-img";

/// The program, or a failure that names the package that brings it.
pub(crate) fn find() -> Result<PathBuf, Failure> {
    program::find(NAME).ok_or_else(|| {
        failed("it is missing on the node; the package qemu-utils (Debian, Ubuntu) or qemu-img (others) brings it")
    })
}

fn failed(reason: impl Into<String>) -> Failure {
    Failure::Tool { tool: NAME.to_owned(), reason: reason.into() }
}

/// What `qemu-img info` says of an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Info {
    /// In bytes.
    pub(crate) virtual_size: u64,
    #[serde(default)]
    encrypted: bool,
    backing_filename: Option<String>,
    format_specific: Option<FormatSpecific>,
}

#[derive(Debug, Deserialize)]
struct FormatSpecific {
    data: Specifics,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Specifics {
    data_file: Option<String>,
    #[serde(default)]
    extents: Vec<Extent>,
}

#[derive(Debug, Deserialize)]
struct Extent {
    filename: String,
}

impl Info {
    /// Why the image at `source` is not whole in itself, if it is not.
    pub(crate) fn objection(&self, source: &Path) -> Option<Refusal> {
        let data = self.format_specific.as_ref().map(|specific| &specific.data);
        let is_elsewhere = |data: &Specifics| {
            data.data_file.is_some()
                || data.extents.iter().any(|extent| Path::new(&extent.filename) != source)
        };
        if self.backing_filename.is_some() {
            Some(Refusal::Backed)
        } else if data.is_some_and(is_elsewhere) {
            Some(Refusal::DataFile)
        } else if self.encrypted {
            Some(Refusal::Encrypted)
        } else if self.virtual_size > LARGEST {
            Some(Refusal::TooLarge(self.virtual_size))
        } else {
            None
        }
    }
}

#[derive(Debug, Deserialize)]
struct Measured {
    required: u64,
}

/// The program on this node.
#[derive(Debug)]
pub(crate) struct QemuImg {
    program: PathBuf,
}

impl QemuImg {
    pub(crate) fn find() -> Result<Self, Failure> {
        Ok(Self { program: find()? })
    }

    /// Its version (`7.2.9`).
    pub(crate) async fn version(&self) -> Result<String, Failure> {
        let mut command = self.command();
        command.arg("--version");
        let ended = self.run(command, |_| ()).await?;
        if !ended.status.success() {
            return Err(ended.failure());
        }
        let said = String::from_utf8_lossy(ended.said.first());
        let version = said.split_whitespace().nth(2);
        Ok(version.ok_or_else(|| failed("it does not say which version it is"))?.to_owned())
    }

    /// Reads an image's header. A file that `qemu-img` cannot open is a [`Failure::BadImage`].
    pub(crate) async fn info(&self, source: &Path, kind: ImageFormat) -> Result<Info, Failure> {
        let mut command = self.command();
        command.args(["info", "--output=json"]).args(input(source, kind));
        let ended = self.run(command, |_| ()).await?;
        match ended.status.code() {
            Some(0) => serde_json::from_slice(ended.said.first()).map_err(|error| failed(error.to_string())),
            Some(_) => {
                Err(Failure::BadImage { path: source.display().to_string(), reason: ended.complaint() })
            }
            None => Err(ended.failure()),
        }
    }

    /// Looks for damage, such as that of a file that was cut off: without this, what is missing is read as zeros.
    pub(crate) async fn check(&self, source: &Path, kind: ImageFormat) -> Result<(), Failure> {
        // Exit codes: 2 is damage, 3 is unused space only, 63 a format without checks.
        let mut command = self.command();
        command.args(["check", "-q"]).args(input(source, kind));
        let ended = self.run(command, |_| ()).await?;
        match ended.status.code() {
            Some(0 | 3 | 63) => Ok(()),
            Some(_) => Err(Failure::BadImage {
                path: source.display().to_string(),
                reason: format!(
                    "it is damaged: {}. Bring it again, or have it made again where it comes from",
                    ended.complaint().trim_end_matches('.')
                ),
            }),
            None => Err(ended.failure()),
        }
    }

    /// How many bytes of disk the image's data takes. It is measured as qcow2, which counts what is not empty; a raw
    /// file counts as its whole length, which a sparse one never takes.
    pub(crate) async fn measure(&self, source: &Path, kind: ImageFormat) -> Result<u64, Failure> {
        let mut command = self.command();
        command.args(["measure", "--output=json", "-O", "qcow2"]).args(input(source, kind));
        let ended = self.run(command, |_| ()).await?;
        if !ended.status.success() {
            return Err(ended.failure());
        }
        let measured: Measured =
            serde_json::from_slice(ended.said.first()).map_err(|error| failed(error.to_string()))?;
        Ok(measured.required)
    }

    /// Writes `source` as `to` into `target`, which keeps its holes.
    pub(crate) async fn convert(
        &self,
        source: &Path,
        kind: ImageFormat,
        target: &Path,
        to: DiskFormat,
        size: u64,
        report: &Report,
    ) -> Result<(), Failure> {
        let mut command = self.command();
        command.args(["convert", "-p", "-O", to.as_str()]).args(input(source, kind)).arg(target);
        let ended = self
            .run(command, |said| {
                if let Some(done) = permyriad(said) {
                    let done = u128::from(size) * u128::from(done) / 10_000;
                    report.at(Activity::Convert, u64::try_from(done).unwrap_or(size), Some(size));
                }
            })
            .await?;
        if ended.status.success() { Ok(()) } else { Err(ended.failure()) }
    }

    fn command(&self) -> Command {
        let mut command = bound(&self.program);
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs to the end; `hear` is given every piece of its output as it comes.
    async fn run(&self, mut command: Command, hear: impl FnMut(&[u8])) -> Result<Ended, Failure> {
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (said, complained, status) =
            tokio::join!(gather(stdout, hear), gather(stderr, |_| ()), child.wait());
        Ok(Ended { status: status.map_err(|error| failed(error.to_string()))?, said, complained })
    }
}

/// The arguments that name an image and its format. The disk of a VHD is as large as its footer says: which of two sizes
/// holds, qemu-img would guess by the name of the program that made it.
fn input(source: &Path, kind: ImageFormat) -> Vec<OsString> {
    if kind != ImageFormat::Vhd {
        return vec!["-f".into(), kind.qemu_name().into(), source.into()];
    }
    let mut options =
        OsString::from("driver=vpc,force_size_calc=current_size,file.driver=file,file.filename=");
    // A comma ends an option.
    options.push(OsString::from_vec(
        source.as_os_str().as_bytes().split(|byte| *byte == b',').collect::<Vec<_>>().join(&b",,"[..]),
    ));
    vec!["--image-opts".into(), options]
}

#[derive(Debug)]
struct Ended {
    status: ExitStatus,
    said: Words,
    complained: Words,
}

impl Ended {
    fn complaint(&self) -> String {
        self.complained.complaint(NAME)
    }

    fn failure(&self) -> Failure {
        match self.status.signal() {
            Some(signal) => failed(format!("it was ended by signal {signal}")),
            None => failed(self.complaint()),
        }
    }
}

/// Hundredths of a percent from `    (12.34/100%)`, which `-p` prints again and again; the last one in a piece.
fn permyriad(said: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(said).ok()?;
    let (before, _) = text.rsplit_once("/100%)")?;
    let (_, percent) = before.rsplit_once('(')?;
    let (whole, part) = percent.split_once('.')?;
    let done = whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(part.parse().ok()?)?;
    (part.len() == 2 && done <= 10_000).then_some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_of_a_conversion() {
        for (said, done) in [
            ("    (0.00/100%)\r", Some(0)),
            ("    (1.01/100%)\r    (52.34/100%)\r", Some(5234)),
            ("    (100.00/100%)\r\n", Some(10_000)),
            ("(5.2/100%)", None),
            ("(999.00/100%)", None),
            ("    (12.3", None),
            ("", None),
        ] {
            assert_eq!(permyriad(said.as_bytes()), done, "{said:?}");
        }
    }

    #[test]
    fn an_image_that_is_not_whole() {
        let source = Path::new("/images/x.vmdk");
        for (json, objection) in [
            (r#"{"virtual-size": 1}"#, None),
            (r#"{"virtual-size": 1, "format-specific": {"type": "qcow2", "data": {"compat": "1.1"}}}"#, None),
            (
                r#"{"virtual-size": 1, "backing-filename": "base"}"#,
                Some(
                    "it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is",
                ),
            ),
            (
                r#"{"virtual-size": 1, "format-specific": {"data": {"data-file": "d"}}}"#,
                Some(
                    "its data is in another file: `qemu-img convert -O qcow2`, where that file is, makes one of both",
                ),
            ),
            (r#"{"virtual-size": 1, "encrypted": true}"#, Some("it is encrypted")),
            (
                r#"{"virtual-size": 1, "format-specific": {"data": {"extents": [{"filename": "/images/x.vmdk"}]}}}"#,
                None,
            ),
            (
                r#"{"virtual-size": 1, "format-specific": {"data": {"extents": [{"filename": "/etc/shadow"}]}}}"#,
                Some(
                    "its data is in another file: `qemu-img convert -O qcow2`, where that file is, makes one of both",
                ),
            ),
        ] {
            let info: Info = serde_json::from_str(json).unwrap();
            assert_eq!(
                info.objection(source).map(|refusal| refusal.to_string()).as_deref(),
                objection,
                "{json}"
            );
        }
    }
}
