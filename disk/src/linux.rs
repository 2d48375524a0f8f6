//! The Linux on an ext4: its name, its processor, its cloud-init.

use std::io;

use ays_model::{Family, FirstBoot};

use crate::ext4::Tree;
use crate::found::{Found, plain};
use crate::program::processor;

/// Where systems say what they are; the first one is a link to the second, as a rule.
const RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// The most of it that is read, in bytes.
const MOST_RELEASE: usize = 16 << 10;

/// Programs that any system has, through links where need be.
const PROGRAMS: [&str; 5] =
    ["/usr/bin/env", "/bin/sh", "/sbin/init", "/bin/busybox", "/usr/lib/systemd/systemd"];

/// Its program, or its Python package where distributions put it. What lies in `/etc/cloud` stays when it is removed.
const CLOUD_INIT: [&str; 4] = [
    "/usr/bin/cloud-init",
    "/usr/local/bin/cloud-init",
    "/usr/lib/python3/dist-packages/cloudinit/cmd/main.py",
    "/usr/lib/python3/site-packages/cloudinit/cmd/main.py",
];

/// What is in it; none when it is no system's root. What could not be read it tells `unread`.
pub(crate) fn look(tree: &Tree, unread: &mut dyn FnMut(&str, io::Error)) -> io::Result<Option<Found>> {
    let mut is_root = false;
    for sign in ["/etc/os-release", "/usr/lib/os-release", "/etc/fstab", "/sbin/init"] {
        is_root = is_root || tree.exists(sign)?;
    }
    if !is_root {
        return Ok(None);
    }
    let mut found = Found::of(Family::Linux);
    match release(tree) {
        Ok(Some(text)) => {
            found.name = value(&text, "NAME");
            found.version = value(&text, "VERSION_ID");
        }
        Ok(None) => {}
        Err(error) => unread("its os-release", error),
    }
    match processor(&PROGRAMS, |path, most| tree.head(path, most)) {
        Ok(architecture) => found.architecture = architecture,
        Err(error) => unread("its programs", error),
    }
    match first_boot(tree) {
        Ok(first_boot) => found.first_boot = Some(first_boot),
        Err(error) => unread("whether cloud-init is in it", error),
    }
    Ok(Some(found))
}

fn release(tree: &Tree) -> io::Result<Option<String>> {
    for path in RELEASE {
        if let Some(bytes) = tree.head(path, MOST_RELEASE)? {
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(None)
}

/// The value of a line `KEY=value` or `KEY="value"`.
fn value(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    plain(unquoted.unwrap_or(value))
}

fn first_boot(tree: &Tree) -> io::Result<FirstBoot> {
    for path in CLOUD_INIT {
        if tree.exists(path)? {
            return Ok(FirstBoot::CloudInit);
        }
    }
    Ok(FirstBoot::None)
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn an_os_release_is_read_as_a_shell_would() {
        let text = "# NAME=no\nPRETTY_NAME=\"x\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nID=debian\nEMPTY=\nBAD=\"\x1b[2J\n";
        let found = ["NAME", "VERSION_ID", "ID", "EMPTY", "BAD", "NONE"].map(|key| value(text, key));
        let expected = [Some("Debian GNU/Linux"), Some("12"), Some("debian"), None, Some("\"[2J"), None];
        assert_eq!(found, expected.map(|value| value.map(str::to_owned)));
    }
}
