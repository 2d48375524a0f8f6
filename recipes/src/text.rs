//! The text of a file of the repository.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ays_grammar::{Diagnostic, Span};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// A text of the repository together with the name that errors call it by.
#[derive(Debug, Clone)]
pub struct Text {
    /// Its path from the environment's root.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Text {
    /// An error at a place of it.
    pub(crate) fn diagnostic(&self, span: Span, message: String) -> Diagnostic {
        Diagnostic::new(&self.name, &String::from_utf8_lossy(&self.bytes), span, message)
    }

    /// All of it, which must be UTF-8.
    pub(crate) fn utf8(&self) -> Result<&str, Diagnostic> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let at = error.valid_up_to();
            // Up to the wrong byte the lossy text has the same offsets.
            self.diagnostic(Span { start: at, end: at + 1 }, "this byte is not UTF-8".to_owned())
        })
    }
}

/// The bytes of a repository's file, in a directory that a walk found. A link out of the repository is refused: what it
/// leads to is nothing that whoever wrote the repository may have shown. Outside of any repository, where the root is empty,
/// links are followed.
pub(crate) fn read_below(root: &Path, path: &Path) -> io::Result<Vec<u8>> {
    // A pipe in its place must not make anybody wait.
    let open = |flags: OFlags| {
        let flags = (flags | OFlags::NONBLOCK).bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    };
    let mut file = match open(OFlags::NOFOLLOW) {
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            let is_within =
                |root: &Path| Ok::<_, io::Error>(path.canonicalize()?.starts_with(root.canonicalize()?));
            if !root.as_os_str().is_empty() && !is_within(root)? {
                return Err(io::Error::other("it is a link that leads out of the repository"));
            }
            open(OFlags::empty())?
        }
        opened => opened?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
