//! What an operator or a maintainer should know: of an image, a node, a recipe.

use serde::Serialize;

use crate::words::words;
use crate::{Boot, BootType, Family, FirstBoot, Flaw, Inspection, System};

/// What is said of an image elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// What its machines start by; none: nothing is said.
    pub boot: Option<BootType>,
}

/// Something that is not as it should be: of an image, a node, a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A word for programs.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What. It holds no secret.
    pub message: String,
    /// What to do about it.
    pub cure: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It works, less well than it could, or is most likely not what was meant.
    Warning,
    /// It does not work, or must not be so.
    Error,
}

words!(Severity { Warning => "warning", Error => "error" });

impl Inspection {
    /// What is wrong, by what was read alone: what could not be read is in [`Inspection::unread`].
    pub fn findings(&self, expected: Expected) -> Vec<Finding> {
        let mut findings: Vec<_> = self.flaws.iter().map(|flaw| self.of_flaw(flaw)).collect();
        findings.extend(self.boot.and_then(|boot| boots_otherwise(boot, expected)));
        for system in &self.systems {
            findings.extend(without_drivers(system));
            findings.extend(without_first_boot(system));
            findings.extend(cannot_grow(system));
        }
        findings
    }

    /// Whether the disk is so flawed that it is not known what starts it.
    pub fn is_broken(&self) -> bool {
        self.flaws.iter().any(|flaw| self.of_flaw(flaw).severity == Severity::Error)
    }

    /// Severities are by what UEFI (EDK II), Linux and GRUB do with such a disk.
    fn of_flaw(&self, flaw: &Flaw) -> Finding {
        const FETCH: &str = "fetch the image again: its end is missing";
        const REPAIR: &str = "repair the image with `sgdisk --move-second-header`, or take another one";
        let disk = self.virtual_size;
        match flaw {
            // UEFI skips such a partition, Linux shortens it, and its file system is not mounted.
            Flaw::PartitionsBeyondEnd { partitions, end } => error(
                "partitionEnd",
                &format!(
                    "the disk is cut short: it ends at byte {disk}, {} at byte {end}",
                    numbered(partitions)
                ),
                FETCH,
            ),
            // What is written to one partition destroys the other; UEFI skips both.
            Flaw::PartitionsOverlap { partitions } => error(
                "partitionOverlap",
                &format!("{} lie on each other", numbered(partitions)),
                "make the partition table again so that no two partitions share a sector",
            ),
            // UEFI and Linux look for a GPT only behind such a first sector.
            Flaw::NoProtectiveMbr => error(
                "protectiveMbr",
                "it has a GPT and no protective MBR: neither UEFI nor Linux will find its partitions",
                "open the image with `gdisk` and write its GPT again",
            ),
            Flaw::NoGpt => error(
                "gpt",
                "its GPT is damaged, at the beginning and at the end of the disk: its partitions are not known",
                "fetch the image again",
            ),
            // A machine looks for the GPT at byte 512, where there is none.
            Flaw::GptSectorSize { sector } => error(
                "gptSectorSize",
                &format!(
                    "its GPT is made for sectors of {sector} bytes: machines have disks with sectors of 512 bytes \
                     and will find no partitions"
                ),
                "make the image on a disk with sectors of 512 bytes",
            ),
            // Linux looks at the second copy only when it is told to (`gpt`), GRUB never.
            Flaw::PrimaryGpt { damage } => error(
                "primaryGpt",
                &format!("the first copy of its GPT {damage}: Linux will find no partitions"),
                REPAIR,
            ),
            // UEFI, Linux and GRUB go by the first copy.
            Flaw::BackupGpt { damage } => warning(
                "backupGpt",
                &format!(
                    "the second copy of its GPT {damage}: nothing replaces the first one should that be damaged"
                ),
                REPAIR,
            ),
            // Linux takes no GPT whose last usable sector lies behind the disk.
            Flaw::BackupGptPlace { end } if *end > disk => error(
                "backupGpt",
                &format!(
                    "the disk is cut short: it ends at byte {disk}, its GPT is for a disk of {end} bytes"
                ),
                FETCH,
            ),
            Flaw::BackupGptPlace { end } => warning(
                "backupGpt",
                &format!(
                    "the disk has grown to {disk} bytes, its GPT is for {end} bytes: the second copy is not at the end"
                ),
                "move it to the end with `sgdisk --move-second-header`",
            ),
            Flaw::FileSystemTooLarge { partition, file_system, claimed, size } => {
                let place = partition.map_or("the disk".to_owned(), |number| format!("partition {number}"));
                error(
                    "fileSystemSize",
                    &format!("the {file_system} of {place} has {claimed} bytes, {place} only {size}"),
                    "fetch the image again; shrink a file system before its partition",
                )
            }
        }
    }
}

/// Partitions as a subject: `partition 1`, `partitions 1, 5`.
fn numbered(partitions: &[u32]) -> String {
    let numbers: Vec<_> = partitions.iter().map(u32::to_string).collect();
    format!("partition{} {}", if numbers.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

fn boots_otherwise(boot: Boot, expected: Expected) -> Option<Finding> {
    let (message, cure) = match (boot, expected.boot) {
        (Boot::Neither, _) => (
            "nothing starts it: it has neither boot code for a BIOS nor an EFI system partition",
            "install a boot loader in the image",
        ),
        (boot, Some(firmware)) if !boot.is_started_by(firmware) => match firmware {
            BootType::Bios => (
                "it is registered for bios and starts by UEFI alone: machines will find no boot code",
                "register it with bootType 'uefi'",
            ),
            BootType::Uefi => (
                "it is registered for uefi and has no EFI system partition: machines will stay in the firmware",
                "register it with bootType 'bios'",
            ),
        },
        _ => return None,
    };
    Some(error("boot", message, cure))
}

fn without_drivers(system: &System) -> Vec<Finding> {
    match system.has_disk_driver() {
        Some(false) => vec![error(
            "virtio",
            "Windows without VirtIO drivers: it will not boot on KVM: the disk's driver is missing: \
             stop 0x7B INACCESSIBLE_BOOT_DEVICE",
            "install the drivers of virtio-win in the image (viostor or vioscsi, and NetKVM)",
        )],
        Some(true) if !system.virtio.iter().flatten().any(|driver| driver == "netkvm") => vec![warning(
            "virtio",
            "Windows without the VirtIO driver NetKVM: it will have no network",
            "install NetKVM of virtio-win in the image",
        )],
        _ => Vec::new(),
    }
}

fn without_first_boot(system: &System) -> Option<Finding> {
    if system.first_boot != Some(FirstBoot::None) {
        return None;
    }
    Some(match system.family {
        Family::Linux => warning(
            "firstBoot",
            "cloud-init is missing: machines get no users, no keys and no larger file system at their first start",
            "take the distribution's cloud image, or install cloud-init in it",
        ),
        Family::Windows => warning(
            "firstBoot",
            "cloudbase-init is missing: machines get no password and no larger file system at their first start",
            "install cloudbase-init in the image",
        ),
    })
}

fn cannot_grow(system: &System) -> Option<Finding> {
    let number = system.partition.filter(|_| !system.can_grow)?;
    Some(warning(
        "grow",
        &format!("the root file system, partition {number}, cannot grow: another partition lies behind it"),
        "move the root partition to the end of the disk",
    ))
}

fn error(code: &'static str, message: &str, cure: &str) -> Finding {
    Finding { code, severity: Severity::Error, message: message.to_owned(), cure: cure.to_owned() }
}

fn warning(code: &'static str, message: &str, cure: &str) -> Finding {
    Finding { code, severity: Severity::Warning, message: message.to_owned(), cure: cure.to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::{DiskFormat, FileSystem, GptDamage};

    use super::*;

    #[test]
    fn flaws_and_what_is_said_of_them() {
        let all = [
            (
                Flaw::PartitionsBeyondEnd { partitions: vec![1], end: 2000 },
                "error partitionEnd: the disk is cut short: it ends at byte 1000, partition 1 at byte 2000",
            ),
            (
                Flaw::PartitionsOverlap { partitions: vec![1, 5] },
                "error partitionOverlap: partitions 1, 5 lie on each other",
            ),
            (
                Flaw::NoProtectiveMbr,
                "error protectiveMbr: it has a GPT and no protective MBR: neither UEFI nor Linux will find its \
                 partitions",
            ),
            (
                Flaw::NoGpt,
                "error gpt: its GPT is damaged, at the beginning and at the end of the disk: its partitions are not \
                 known",
            ),
            (
                Flaw::GptSectorSize { sector: 4096 },
                "error gptSectorSize: its GPT is made for sectors of 4096 bytes: machines have disks with sectors of \
                 512 bytes and will find no partitions",
            ),
            (
                Flaw::PrimaryGpt { damage: GptDamage::Header },
                "error primaryGpt: the first copy of its GPT has a damaged header: Linux will find no partitions",
            ),
            (
                Flaw::BackupGpt { damage: GptDamage::Missing },
                "warning backupGpt: the second copy of its GPT is missing: nothing replaces the first one should \
                 that be damaged",
            ),
            (
                Flaw::BackupGptPlace { end: 1001 },
                "error backupGpt: the disk is cut short: it ends at byte 1000, its GPT is for a disk of 1001 bytes",
            ),
            (
                Flaw::BackupGptPlace { end: 999 },
                "warning backupGpt: the disk has grown to 1000 bytes, its GPT is for 999 bytes: the second copy is \
                 not at the end",
            ),
            (
                Flaw::FileSystemTooLarge {
                    partition: Some(2),
                    file_system: FileSystem::Xfs,
                    claimed: 9,
                    size: 8,
                },
                "error fileSystemSize: the XFS of partition 2 has 9 bytes, partition 2 only 8",
            ),
        ];
        for (flaw, expected) in all {
            // It comes from a node as JSON.
            let json = serde_json::to_string(&flaw).unwrap();
            assert_eq!(serde_json::from_str::<Flaw>(&json).unwrap(), flaw, "{json}");
            let found = with(flaw);
            let finding = found.findings(Expected::default()).remove(0);
            assert_eq!(format!("{} {}: {}", finding.severity, finding.code, finding.message), expected);
            assert_eq!(found.is_broken(), finding.severity == Severity::Error, "{expected}");
        }
    }

    fn with(flaw: Flaw) -> Inspection {
        Inspection {
            format: DiskFormat::Raw,
            virtual_size: 1000,
            table: None,
            boot: None,
            partitions: Vec::new(),
            systems: Vec::new(),
            unread: Vec::new(),
            flaws: vec![flaw],
        }
    }
}
