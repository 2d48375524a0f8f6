//! What an operator or a maintainer should know: of an image, a node, a recipe.

use serde::Serialize;

use crate::words::words;
use crate::{Boot, BootType, Family, FirstBoot, Inspection, System};

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
        let mut findings: Vec<_> =
            self.boot.and_then(|boot| boots_otherwise(boot, expected)).into_iter().collect();
        for system in &self.systems {
            findings.extend(without_drivers(system));
            findings.extend(without_first_boot(system));
            findings.extend(cannot_grow(system));
        }
        findings
    }
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
