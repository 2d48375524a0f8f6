//! Paths of a node that belong to its system: no recipe writes there.

use std::path::{Component, Path, PathBuf};

/// Whatever lies in these makes a node what it is: programs, configuration, devices, jobs, logins.
const SYSTEM: [&str; 18] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/sbin",
    "/sys",
    "/usr",
    "/run",
    "/var/lib/cloud",
    "/var/lib/dpkg",
    "/var/run",
    "/var/spool/cron",
    // What is known of services, and, on the machine that `ays` runs on, of nodes.
    "/var/lib/ays",
];

/// The usual pool, which is none of the system's.
const POOL: &str = "/var/lib/ays/templates";

/// Where users have their homes: what they hide there says what runs when they log in.
const HOMES: [&str; 2] = ["/root", "/home"];

/// What can be done about one.
pub(crate) const SYSTEM_PATH_CURE: &str =
    "choose another directory, or allow it in recipes.system_paths of ~/.config/ays/config.toml";

/// Whether a path lies where a node's system does, and in none of the directories that the operator allows.
pub(crate) fn is_of_system(path: &Path, allowed: &[PathBuf]) -> bool {
    // `//etc/./x` is `/etc/x`.
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let is_hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    let is_of_home = HOMES.iter().any(|home| plain.starts_with(home)) && plain.components().any(is_hidden);
    let holds_logins = plain.components().any(|part| part.as_os_str() == ".ssh");
    (holds_logins || is_of_home || SYSTEM.iter().any(|directory| plain.starts_with(directory)))
        && !plain.starts_with(POOL)
        && !allowed.iter().any(|directory| plain.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_system() {
        let allowed = [PathBuf::from("/usr/local/images")];
        let is_of_system = |path: &str| is_of_system(Path::new(path), &allowed);
        for path in [
            "/etc/shadow-",
            "/etc",
            "//etc/x",
            "/./usr/bin/x",
            "/dev/sda",
            "/home/u/.ssh/x",
            "/usr/local/x",
            "/var/lib/ays/services/x/written.json",
            "/var/lib/ays/catalogue.db",
            "/run/systemd/system/x.service",
            "/var/run/x",
            "/root/.bashrc",
            "/home/u/.config/systemd/x",
            "/var/lib/dpkg/status",
            "/var/lib/cloud/x",
            "/srv/app/.ssh/x",
        ] {
            assert!(is_of_system(path), "{path}");
        }
        for path in [
            "/opt/x",
            "/var/tmp/etc/x",
            "/etcetera",
            "/usr/local/images/x",
            "/srv/usr",
            "/root/x",
            "/srv/.x",
            "/var/lib/ays/templates/x",
            "/runs",
        ] {
            assert!(!is_of_system(path), "{path}");
        }
    }
}
