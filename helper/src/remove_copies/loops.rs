//! Which loop devices show a file as a disk.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ays_protocol::FileUse;

use super::wanted::{FileId, Wanted};

/// Notes the loop devices that show a file. The kernel tells the file's path as it was when the device was made.
pub(super) fn look(wanted: &mut Wanted) {
    let Ok(devices) = fs::read_dir("/sys/block") else { return };
    for device in devices.flatten() {
        let name = device.file_name().to_string_lossy().into_owned();
        let Ok(path) = fs::read(device.path().join("loop/backing_file")) else { continue };
        let path = Path::new(OsStr::from_bytes(path.strip_suffix(b"\n").unwrap_or(&path)));
        let found = fs::metadata(path).ok().and_then(|found| wanted.find(FileId::of(&found)));
        if let Some(number) = found {
            wanted.used(number, FileUse::Loop(format!("/dev/{name}")));
        }
    }
}
