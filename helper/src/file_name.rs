//! The names of what is still being written.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The end of the name of every file that is not complete.
pub(crate) const PART_SUFFIX: &str = ".ays-part";

/// `.<name>.ays-part` beside `dest`.
pub(crate) fn part_of(dest: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(dest.file_name().unwrap_or_default());
    name.push(PART_SUFFIX);
    dest.with_file_name(name)
}

/// `.<name>.ays-part.json` beside `dest`: what is known of the source of the bytes in the part.
pub(crate) fn part_state_of(dest: &Path) -> PathBuf {
    let mut name = part_of(dest).into_os_string();
    name.push(".json");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_beside_their_destination() {
        let dest = Path::new("/opt/images/x.qcow2");
        assert_eq!(part_of(dest), Path::new("/opt/images/.x.qcow2.ays-part"));
        assert_eq!(part_state_of(dest), Path::new("/opt/images/.x.qcow2.ays-part.json"));
    }
}
