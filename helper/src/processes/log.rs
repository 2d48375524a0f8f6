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
    quote(&bytes[bytes.len().saturating_sub(TAIL)..])
}

/// The last lines of what was said, in one line.
pub(super) fn quote(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join(" | ");
    let plain: String = last.chars().filter(|c| !c.is_control()).collect();
    let count = plain.chars().count();
    plain.chars().skip(count.saturating_sub(CHARACTERS)).collect()
}
