//! What is said of a pool that machines cannot read, and what an operator does about it.

use std::path::Path;

use ays_model::{PoolName, Severity};
use ays_protocol::Obstacle;

/// How many files a message names.
const NAMED: usize = 3;

/// What keeps machines from reading a pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pool {pool}: {}", said(.obstacle))]
pub struct Unreadable {
    /// The pool.
    pub pool: PoolName,
    /// Its directory.
    pub path: std::path::PathBuf,
    /// What.
    pub obstacle: Obstacle,
}

fn said(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::NoUser(user) => format!("the node has no user {user}"),
        Obstacle::NotTold { user, reason } => format!("it is not known what user {user} may read: {reason}"),
        Obstacle::Directory { user, path } => {
            format!("user {user} may not pass the directory {}", path.display())
        }
        Obstacle::Files { user, files } => {
            let named = files.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more =
                if files.len() > NAMED { format!(", .. ({} files)", files.len()) } else { String::new() };
            format!("user {user} may not read {named}{more}")
        }
        Obstacle::Label { path, label, .. } => {
            format!(
                "SELinux is enforcing, and machines may not read what has the label {label}: {}",
                path.display()
            )
        }
        Obstacle::Profile { path, profile } => {
            format!("AppArmor enforces {profile}, and no rule lets machines read {}", path.display())
        }
    }
}

impl Unreadable {
    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match &self.obstacle {
            Obstacle::NoUser(_) | Obstacle::NotTold { .. } => "poolUser",
            Obstacle::Directory { .. } | Obstacle::Files { .. } => "poolAccess",
            Obstacle::Label { .. } => "selinux",
            Obstacle::Profile { .. } => "apparmor",
        }
    }

    /// How bad it is. libvirt may give a label or a rule to each disk that it starts a machine from, so these two are
    /// warnings.
    pub fn severity(&self) -> Severity {
        match &self.obstacle {
            Obstacle::NoUser(_) | Obstacle::Directory { .. } | Obstacle::Files { .. } => Severity::Error,
            Obstacle::NotTold { .. } | Obstacle::Label { .. } | Obstacle::Profile { .. } => Severity::Warning,
        }
    }

    /// What an operator does about it.
    pub fn cure(&self) -> String {
        let pool = Path::display(&self.path);
        match &self.obstacle {
            Obstacle::NoUser(_) => format!(
                "let user of [pool.{}] in ays.toml be the one that machines run as there: libvirt-qemu on Debian and \
                 Ubuntu, qemu on Fedora and RHEL",
                self.pool
            ),
            Obstacle::NotTold { user, .. } => {
                format!("look at it as root there: `runuser -u {user} -- ls {pool}`")
            }
            Obstacle::Directory { user, path } => {
                let path = path.display();
                format!("there, `setfacl -m u:{user}:x {path}`, or `chmod o+x {path}`")
            }
            Obstacle::Files { user, .. } => {
                format!("in {pool} there, `setfacl -m u:{user}:r` or `chmod o+r` of each")
            }
            Obstacle::Label { boolean: Some(boolean), .. } => format!("there, `setsebool -P {boolean} on`"),
            Obstacle::Label { path, .. } => {
                let path = path.display();
                format!(
                    "there, `semanage fcontext -a -t virt_image_t '{path}(/.*)?'`, then `restorecon -R {path}`"
                )
            }
            Obstacle::Profile { path, .. } => format!(
                "there, the line `{}/** rk,` in /etc/apparmor.d/local/abstractions/libvirt-qemu, then `systemctl reload \
                 apparmor`",
                path.display()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_names_what_is_in_the_way_and_its_cure() {
        let user = || "qemu".into();
        let files = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let label = |label: &str, boolean: Option<&str>| Obstacle::Label {
            path: "/pool".into(),
            label: label.to_owned(),
            boolean: boolean.map(str::to_owned),
        };
        let told = [
            Obstacle::Directory { user: user(), path: "/srv".into() },
            Obstacle::Files { user: user(), files },
            label("var_lib_t", None),
            label("nfs_t", Some("virt_use_nfs")),
            Obstacle::Profile { path: "/pool".into(), profile: "libvirtd".to_owned() },
        ]
        .map(|obstacle| {
            let problem = Unreadable { pool: "local".into(), path: "/pool".into(), obstacle };
            format!("{} {}: {problem}; {}", problem.severity(), problem.code(), problem.cure())
        });
        assert_eq!(
            told,
            [
                "error poolAccess: pool local: user qemu may not pass the directory /srv; there, `setfacl -m u:qemu:x \
                 /srv`, or `chmod o+x /srv`",
                "error poolAccess: pool local: user qemu may not read a, b, c, .. (4 files); in /pool there, `setfacl -m \
                 u:qemu:r` or `chmod o+r` of each",
                "warning selinux: pool local: SELinux is enforcing, and machines may not read what has the label \
                 var_lib_t: /pool; there, `semanage fcontext -a -t virt_image_t '/pool(/.*)?'`, then `restorecon -R \
                 /pool`",
                "warning selinux: pool local: SELinux is enforcing, and machines may not read what has the label nfs_t: \
                 /pool; there, `setsebool -P virt_use_nfs on`",
                "warning apparmor: pool local: AppArmor enforces libvirtd, and no rule lets machines read /pool; there, \
                 the line `/pool/** rk,` in /etc/apparmor.d/local/abstractions/libvirt-qemu, then `systemctl reload \
                 apparmor`",
            ]
        );
    }
}
