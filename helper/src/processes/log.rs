//! The log of a supervised process: a file that is kept from growing for ever.

use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A log of this length becomes the older one.
const MOST: u64 = 8 << 20;
/// How many bytes of the end are read for the last words.
const TAIL: usize = 2048;
/// How many lines and characters an error quotes.
const LINES: usize = 4;
const CHARACTERS: usize = 400;

/// Starts to write a log; what it is given is written.
pub(super) fn begin(path: PathBuf) -> io::Result<PipeWriter> {
    let (reader, writer) = io::pipe()?;
    let file = open(&path)?;
    // It ends with the last process that has the other side.
    std::thread::spawn(move || copy(reader, file, &path));
    Ok(writer)
}

fn open(path: &Path) -> io::Result<File> {
    // It may say what not everybody is to know.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// What cannot be written is dropped: a full disk must stop no service.
fn copy(mut from: PipeReader, mut to: File, path: &Path) {
    let mut length = to.metadata().map_or(0, |found| found.len());
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        if length > MOST {
            let _ = fs::rename(path, older(path));
            if let Ok(file) = open(path) {
                to = file;
                length = 0;
            }
        }
        if to.write_all(&buffer[..count]).is_ok() {
            length += count as u64;
        }
    }
}

/// Where the older part of a log is.
fn older(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

/// The last lines of a log, in one line.
pub(super) fn last_words(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let cut = bytes.len().saturating_sub(TAIL);
    // A part of a line is left out: half of a password is none that is known.
    let begin = if cut == 0 {
        Some(0)
    } else {
        bytes[cut..].iter().position(|byte| *byte == b'\n').map(|at| cut + at)
    };
    quote(begin.map_or(&[], |begin| &bytes[begin..]))
}

/// The last lines of what was said, in one line.
pub(super) fn quote(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join(" | ");
    let plain: String = last.chars().filter(|c| !c.is_control()).collect();
    match plain.chars().count().checked_sub(CHARACTERS) {
        None | Some(0) => plain,
        // The same of a word.
        Some(over) => {
            plain.chars().skip(over).skip_while(|c| !c.is_whitespace()).collect::<String>().trim().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_half_of_a_word_is_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        for secret in [1, 399, 400, 401, 2047, 2048, 5000].map(|length| "s".repeat(length)) {
            fs::write(&path, format!("{secret} is wrong")).unwrap();
            let said = last_words(&path);
            assert!(said.contains(&secret) || !said.contains("ss"), "{said}");
        }
        fs::write(&path, "a\nb\n").unwrap();
        assert_eq!(last_words(&path), "a | b");
    }
}
