//! What is said of a stored file that cannot be removed, and what an operator does about it.

use std::path::{Path, PathBuf};

use ays_model::NodeName;
use ays_protocol::FileUse;

/// What keeps a stored file from being removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .path.display(), said(.by))]
pub struct InUse {
    /// The node that found it.
    pub node: NodeName,
    /// The file.
    pub path: PathBuf,
    /// What.
    pub by: FileUse,
}

fn said(by: &FileUse) -> String {
    match by {
        FileUse::Process { pid, command } => format!("process {pid}, {command}, has it open"),
        FileUse::Disk(disk) => format!("the disk {} stands on it", disk.display()),
        FileUse::Named { disk } => {
            format!("{} names it in a way that is not understood here", disk.display())
        }
        FileUse::Link(link) => format!("the link {} leads to it", link.display()),
        FileUse::HardLinks(count) => format!("it has {count} names"),
        FileUse::Loop(device) => format!("the loop device {device} shows it as a disk"),
        FileUse::Offered => "the pool's ays-images.json offers it".to_owned(),
        FileUse::Other => "it is not the file that the catalogue knows: its length is another one".to_owned(),
        FileUse::NotTold { path, reason } => {
            format!("what uses it could not be told: {}: {reason}", path.display())
        }
    }
}

impl InUse {
    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match &self.by {
            FileUse::Process { .. } => "process",
            FileUse::Disk(_) => "disk",
            FileUse::Named { .. } => "named",
            FileUse::Link(_) => "link",
            FileUse::HardLinks(_) => "hardLinks",
            FileUse::Loop(_) => "loop",
            FileUse::Offered => "offered",
            FileUse::Other => "other",
            FileUse::NotTold { .. } => "notTold",
        }
    }

    /// What an operator does about it.
    pub fn cure(&self) -> String {
        let (node, file) = (&self.node, Path::display(&self.path));
        match &self.by {
            FileUse::Process { .. } => format!("end what runs on it on {node}, then do this again"),
            FileUse::Disk(disk) => format!(
                "on {node}, delete that disk, or make it stand alone while its machine is off: `qemu-img rebase -b '' {}`",
                disk.display()
            ),
            FileUse::Named { disk } => {
                let disk = disk.display();
                format!("on {node}, `qemu-img info {disk}` says what it needs: delete it or move it away")
            }
            FileUse::Link(link) => format!("on {node}, delete the link: `rm {}`", link.display()),
            FileUse::HardLinks(_) => {
                format!("on {node}, `find DIRECTORY -samefile {file}` finds the other names")
            }
            FileUse::Loop(device) => format!("on {node}, `losetup --detach {device}`"),
            FileUse::Offered => "do this again: another run has offered it meanwhile".to_owned(),
            FileUse::Other => {
                format!(
                    "look at it on {node}; `ays scrub` says what it is, and a damaged copy may be removed"
                )
            }
            FileUse::NotTold { path, .. } => format!(
                "look at {} on {node}; `users` of the pool in ays.toml names only directories with machines' disks",
                path.display()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_names_what_uses_the_file_and_its_cure() {
        let told = [
            FileUse::Process { pid: 7, command: "qemu-system-x86".to_owned() },
            FileUse::Disk("/vm/a.qcow2".into()),
            FileUse::Named { disk: "/vm/b.vhdx".into() },
            FileUse::Link("/vm/c".into()),
            FileUse::HardLinks(2),
            FileUse::Loop("/dev/loop0".to_owned()),
            FileUse::Offered,
            FileUse::Other,
            FileUse::NotTold { path: "/vm".into(), reason: "it is full".to_owned() },
        ]
        .map(|by| {
            let used = InUse { node: "n1".into(), path: "/pool/x.raw".into(), by };
            format!("{}: {used}; {}", used.code(), used.cure())
        });
        assert_eq!(
            told,
            [
                "process: /pool/x.raw: process 7, qemu-system-x86, has it open; end what runs on it on n1, then do this \
                 again",
                "disk: /pool/x.raw: the disk /vm/a.qcow2 stands on it; on n1, delete that disk, or make it stand alone \
                 while its machine is off: `qemu-img rebase -b '' /vm/a.qcow2`",
                "named: /pool/x.raw: /vm/b.vhdx names it in a way that is not understood here; on n1, `qemu-img info \
                 /vm/b.vhdx` says what it needs: delete it or move it away",
                "link: /pool/x.raw: the link /vm/c leads to it; on n1, delete the link: `rm /vm/c`",
                "hardLinks: /pool/x.raw: it has 2 names; on n1, `find DIRECTORY -samefile /pool/x.raw` finds the other \
                 names",
                "loop: /pool/x.raw: the loop device /dev/loop0 shows it as a disk; on n1, `losetup --detach /dev/loop0`",
                "offered: /pool/x.raw: the pool's ays-images.json offers it; do this again: another run has offered it \
                 meanwhile",
                "other: /pool/x.raw: it is not the file that the catalogue knows: its length is another one; look at it \
                 on n1; `ays scrub` says what it is, and a damaged copy may be removed",
                "notTold: /pool/x.raw: what uses it could not be told: /vm: it is full; look at /vm on n1; `users` of the \
                 pool in ays.toml names only directories with machines' disks",
            ]
        );
    }
}
