//! What is wrong with a node, and what an operator does about it.

use std::path::{Path, PathBuf};

use ays_model::{Finding, NodeName, Pool, PoolName, Severity, causes};
use ays_protocol::{Directory, Examined, Failure};
use ays_transport::{ConnectError, HelperError};

use crate::obstacle::Unreadable;

/// Something on a node that is not as installs need it.
#[derive(Debug, thiserror::Error)]
pub enum NodeProblem {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The helper does not work.
    #[error(transparent)]
    Helper(#[from] HelperError),
    /// Images cannot be converted.
    #[error("{source}")]
    QemuImg {
        /// Why not.
        source: Failure,
        /// The node's system, as [`ays_protocol::Facts`] has it.
        os: String,
    },
    /// A directory that cannot be written.
    #[error("{place} cannot be used")]
    Directory {
        /// Which.
        place: Place,
        /// Why not.
        source: Failure,
    },
    /// Little space is left.
    #[error("{place} has little space: {} MB free", .free / 1_000_000)]
    Space {
        /// Where.
        place: Place,
        /// Bytes.
        free: u64,
    },
    /// What stopped runs left.
    #[error("{place} has what stopped runs left: {}", listed(.files))]
    Leftovers {
        /// Where.
        place: Place,
        /// Their files.
        files: Vec<PathBuf>,
    },
    /// Its clock does not agree with this machine's.
    #[error("its clock is {} this machine's", distance(*.ahead_ms))]
    Clock {
        /// Milliseconds; negative when it is behind.
        ahead_ms: i64,
    },
    /// A pool that nodes share is not the same directory on them.
    #[error("pool {pool} is said to be shared, but {} is not the same directory here and on {other}", .path.display())]
    NotShared {
        /// The pool.
        pool: PoolName,
        /// Its directory.
        path: PathBuf,
        /// The other node.
        other: NodeName,
    },
    /// Machines cannot read a pool.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// One connection may not have enough sessions.
    #[error(
        "its sshd lets one connection have {at_once} sessions at once, and {MOST_SESSIONS} are used (MaxSessions)"
    )]
    Sessions {
        /// How many.
        at_once: usize,
    },
}

/// A directory on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The pool of this name.
    Pool(PoolName),
    /// That of the downloads.
    Downloads,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pool(name) => write!(f, "pool {name}"),
            Self::Downloads => f.write_str("the directory of downloads"),
        }
    }
}

/// The sessions that one connection has at most: the helper, one to either neighbour where bytes go through this
/// machine, and another command.
pub(crate) const MOST_SESSIONS: usize = 4;

/// The smallest size that an image is registered with: less space is little.
const LITTLE: u64 = 10_000_000_000;

/// From here on a clock is worth a word; a round trip is not.
const CLOCK_MS: u64 = 2_000;

/// From here on certificates are not valid yet, or no longer.
const CLOCK_WRONG_MS: u64 = 60_000;

impl NodeProblem {
    /// As it is shown.
    pub fn finding(&self) -> Finding {
        Finding { code: self.code(), severity: self.severity(), message: causes(self), cure: self.cure() }
    }

    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect(ConnectError::Files { .. }) => "noFiles",
            Self::Connect(ConnectError::Unreachable { .. }) => "unreachable",
            Self::Connect(ConnectError::Refused { .. } | ConnectError::OnlyPassword { .. }) => "login",
            Self::Connect(ConnectError::HostKey(_)) => "hostKey",
            Self::Helper(HelperError::NoSudo { .. }) => "sudo",
            Self::Helper(HelperError::Machine(_)) => "machine",
            Self::Helper(_) => "helper",
            Self::QemuImg { .. } => "qemuImg",
            Self::Directory { .. } => "directory",
            Self::Space { .. } => "space",
            Self::Leftovers { .. } => "leftovers",
            Self::Clock { .. } => "clock",
            Self::NotShared { .. } => "notShared",
            Self::Unreadable(unreadable) => unreadable.code(),
            Self::Sessions { .. } => "sessions",
        }
    }

    /// How bad it is: errors keep installs from working, or machines from what is installed; warnings do not yet.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Space { .. } | Self::Leftovers { .. } | Self::Sessions { .. } => Severity::Warning,
            Self::Unreadable(unreadable) => unreadable.severity(),
            Self::Clock { ahead_ms } if ahead_ms.unsigned_abs() < CLOCK_WRONG_MS => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// What an operator does about it.
    pub fn cure(&self) -> String {
        match self {
            Self::Connect(error) => error.cure(),
            Self::Helper(error) => error.cure(),
            Self::Unreadable(unreadable) => return unreadable.cure(),
            Self::QemuImg { os, .. } => match os.as_str() {
                "debian" | "ubuntu" => "apt-get install qemu-utils",
                "alpine" => "apk add qemu-img",
                "arch" => "pacman -S qemu-img",
                "opensuse-leap" | "opensuse-tumbleweed" | "sles" => "zypper install qemu-tools",
                "fedora" | "rhel" | "centos" | "rocky" | "almalinux" | "ol" => "dnf install qemu-img",
                _ => "install the package qemu-img, or qemu-utils",
            },
            Self::Directory { .. } => {
                "let root write there: it may be mounted read-only, full, or exported with root_squash"
            }
            Self::Space { place: Place::Pool(_), .. } => {
                "free some there, or let the pool's path in ays.toml be where more is"
            }
            Self::Space { place: Place::Downloads, .. } => {
                "free some there, or let system.paths.tmp in ays.toml be where more is"
            }
            Self::Leftovers { .. } => "remove them, or install the same again: it goes on with them",
            Self::Clock { .. } => "let chrony, ntpd or systemd-timesyncd keep the time on both machines",
            Self::NotShared { .. } => {
                "mount the same storage on both, or say shared = false of the pool in ays.toml"
            }
            Self::Sessions { .. } => "MaxSessions 10, which is the default, in /etc/ssh/sshd_config there",
        }
        .to_owned()
    }

    /// What is wrong with what a node was found to have; `asked` is when this machine asked, and when the answer came,
    /// in milliseconds since 1970.
    pub(crate) fn all(examined: &Examined, os: &str, pool: &Pool, asked: (i64, i64)) -> Vec<Self> {
        let mut found = Vec::new();
        if let Err(source) = &examined.qemu_img {
            found.push(Self::QemuImg { source: source.clone(), os: os.to_owned() });
        }
        let places =
            [(Place::Pool(pool.name.clone()), &examined.pool), (Place::Downloads, &examined.downloads)];
        for (place, directory) in places {
            match directory {
                Err(source) => found.push(Self::Directory { place, source: source.clone() }),
                Ok(Directory { free, leftovers, .. }) => {
                    if *free < LITTLE {
                        found.push(Self::Space { place: place.clone(), free: *free });
                    }
                    if !leftovers.is_empty() {
                        found.push(Self::Leftovers { place, files: leftovers.clone() });
                    }
                }
            }
        }
        found.extend(examined.obstacles.iter().map(|obstacle| {
            let (pool, path) = (pool.name.clone(), pool.path.clone());
            Self::Unreadable(Unreadable { pool, path, obstacle: obstacle.clone() })
        }));
        let ahead_ms = ahead_ms(examined.clock_ms, asked);
        if ahead_ms.unsigned_abs() >= CLOCK_MS {
            found.push(Self::Clock { ahead_ms });
        }
        found
    }
}

/// How far a clock is ahead at least: it was read some time between the question and the answer.
fn ahead_ms(clock_ms: i64, (from, to): (i64, i64)) -> i64 {
    if clock_ms < from { clock_ms.saturating_sub(from) } else { clock_ms.saturating_sub(to).max(0) }
}

fn distance(ahead_ms: i64) -> String {
    let side = if ahead_ms < 0 { "behind" } else { "ahead of" };
    format!("{:.1} s {side}", ahead_ms.unsigned_abs() as f64 / 1000.0)
}

fn listed(files: &[PathBuf]) -> String {
    files.iter().map(|file| Path::display(file).to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use ays_model::DiskFormat;

    use super::*;

    fn pool() -> Pool {
        Pool {
            name: "local".into(),
            path: "/pool".into(),
            format: DiskFormat::Raw,
            shared: false,
            user: None,
            users: Vec::new(),
        }
    }

    fn good() -> Examined {
        let directory = Directory { exists: true, free: LITTLE, leftovers: Vec::new() };
        Examined {
            clock_ms: 1_000_000,
            qemu_img: Ok("7.2.9".to_owned()),
            pool: Ok(directory.clone()),
            downloads: Ok(directory),
            obstacles: Vec::new(),
        }
    }

    /// Code, weight and text of each.
    fn found(examined: &Examined) -> Vec<(&'static str, Severity, String)> {
        let all = NodeProblem::all(examined, "alpine", &pool(), (999_900, 1_000_100));
        all.iter().map(|problem| (problem.code(), problem.severity(), problem.to_string())).collect()
    }

    #[test]
    fn nothing_is_found_where_all_is_well() {
        assert_eq!(found(&good()), []);
    }

    #[test]
    fn a_clock_is_wrong_by_what_the_round_trip_does_not_explain() {
        for (clock_ms, said) in [
            (1_002_099, None),
            (998_001 - 100, None),
            (1_002_100, Some((Severity::Warning, "its clock is 2.0 s ahead of this machine's"))),
            (940_000, Some((Severity::Warning, "its clock is 59.9 s behind this machine's"))),
            (1_060_100, Some((Severity::Error, "its clock is 60.0 s ahead of this machine's"))),
            (i64::MIN, Some((Severity::Error, "its clock is 9223372036854776.0 s behind this machine's"))),
        ] {
            let expected = said.map(|(weight, text)| ("clock", weight, text.to_owned()));
            assert_eq!(found(&Examined { clock_ms, ..good() }), Vec::from_iter(expected), "{clock_ms}");
        }
    }

    #[test]
    fn what_is_wrong_with_directories_and_tools_is_told() {
        let missing = Failure::Tool { tool: "qemu-img".to_owned(), reason: "it is missing".to_owned() };
        let refused = Failure::Disk {
            path: "/pool".to_owned(),
            doing: "writing in it".to_owned(),
            reason: "Read-only file system".to_owned(),
        };
        let downloads =
            Directory { exists: true, free: 5_000_000, leftovers: vec!["/tmp/.x.ays-part".into()] };
        let examined =
            Examined { qemu_img: Err(missing), pool: Err(refused), downloads: Ok(downloads), ..good() };
        let said = |code, weight, text: &str| (code, weight, text.to_owned());
        assert_eq!(
            found(&examined),
            [
                said("qemuImg", Severity::Error, "qemu-img: it is missing"),
                said("directory", Severity::Error, "pool local cannot be used"),
                said("space", Severity::Warning, "the directory of downloads has little space: 5 MB free"),
                said(
                    "leftovers",
                    Severity::Warning,
                    "the directory of downloads has what stopped runs left: /tmp/.x.ays-part"
                ),
            ]
        );
        let cures: Vec<_> = NodeProblem::all(&examined, "alpine", &pool(), (0, i64::MAX))
            .iter()
            .map(NodeProblem::cure)
            .take(1)
            .collect();
        assert_eq!(cures, ["apk add qemu-img"]);
    }
}
