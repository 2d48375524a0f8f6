//! Where the sockets and logs of connections lie.

use std::io;
use std::path::Path;

use tempfile::TempDir;

/// The longest name that leaves room in a socket's address (107 bytes) for `/ays-USER/` with the name of a kept master,
/// and for what ssh appends while it makes the socket.
const LONGEST: usize = 107 - "/ays-4294967295/0123456789abcdef0123".len() - ".0123456789abcdef".len();

/// `wanted`, or `/tmp` where a socket in it would have too long a name, or one that ssh reads as something else.
pub(crate) fn usable(wanted: &Path) -> &Path {
    let name = wanted.as_os_str().as_encoded_bytes();
    if name.len() > LONGEST || name.iter().any(|byte| b"%$".contains(byte)) {
        Path::new("/tmp")
    } else {
        wanted
    }
}

/// A directory for one connection of this process, which nobody else can read.
pub(crate) fn own_directory(run: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(&format!("ays-ssh-{}-", std::process::id())).tempdir_in(run)
}

/// Removes the directories of connections whose process was killed.
pub(crate) fn remove_stale(run: &Path) {
    let Ok(entries) = std::fs::read_dir(run) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix("ays-ssh-")?.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another user's is not ours to remove.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_whose_sockets_could_not_be_named_is_not_used() {
        let longest = format!("/{}", "d".repeat(LONGEST - 1));
        for (wanted, used) in [
            ("/run/user/1000", "/run/user/1000"),
            (&longest, &longest),
            (&format!("{longest}d"), "/tmp"),
            ("/tmp/100%", "/tmp"),
            ("/tmp/${USER}", "/tmp"),
        ] {
            assert_eq!(usable(Path::new(wanted)), Path::new(used), "{wanted}");
        }
    }
}
