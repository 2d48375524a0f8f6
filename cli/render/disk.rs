//! What is in a disk image.

use ays_catalogue::{DiskFacts, FirstBoot, StartedBy};
use ays_model::{Boot, DiskFormat, Family, Inspection, System, Table};

use super::units;

/// An inspection in lines, the first of which begins with what was looked into.
pub fn inspection(what: &str, found: &Inspection) -> Vec<String> {
    let format = match found.format {
        DiskFormat::Raw => "raw",
        DiskFormat::Qcow2 => "qcow2",
    };
    let table = match found.table {
        Some(Table::Gpt) => "GPT",
        Some(Table::Mbr) => "MBR",
        None => "no partition table",
    };
    let size = units::bytes(found.virtual_size);
    let mut lines = vec![format!("{what}: {format}, a disk of {size}, {table}")];
    if let Some(boot) = found.boot {
        let by = match boot {
            Boot::Bios => "BIOS",
            Boot::Uefi => "UEFI",
            Boot::Both => "BIOS and UEFI",
            Boot::Neither => "nothing",
        };
        lines.push(format!("  {:10}  {by}", "starts by"));
    }
    for system in &found.systems {
        lines.extend(of_system(system));
    }
    lines.extend(found.unread.iter().map(|unread| format!("  {:10}  {unread}", "not read")));
    lines
}

fn of_system(system: &System) -> Vec<String> {
    let place = match system.partition {
        Some(number) => format!("partition {number}, {}", system.file_system),
        None => format!("the whole disk, {}", system.file_system),
    };
    let grows = if system.can_grow { "can grow" } else { "cannot grow" };
    let family = match system.family {
        Family::Linux => "Linux",
        Family::Windows => "Windows",
    };
    let name = [system.name.as_deref().unwrap_or(family), system.version.as_deref().unwrap_or_default()];
    let architecture = system.architecture.as_deref().unwrap_or("an unknown processor");
    let mut lines = vec![
        format!("  {:10}  {}, for {architecture}", "system", name.join(" ").trim_end()),
        format!("  {:10}  {place}, {grows}", "root"),
    ];
    let first_boot = system.first_boot.map(|first_boot| match first_boot {
        ays_model::FirstBoot::CloudInit => "cloud-init",
        ays_model::FirstBoot::CloudbaseInit => "cloudbase-init",
        ays_model::FirstBoot::None => "nothing sets it up",
    });
    lines.extend(first_boot.map(|first_boot| format!("  {:10}  {first_boot}", "first boot")));
    lines.extend(system.virtio.as_ref().map(|drivers| {
        let drivers = if drivers.is_empty() { "none".to_owned() } else { drivers.join(", ") };
        format!("  {:10}  {drivers}", "VirtIO")
    }));
    lines
}

/// What is recorded of a disk, in one line; none when nobody has looked into it.
pub fn facts(facts: &DiskFacts) -> Option<String> {
    facts.inspected_at.as_ref()?;
    let mut said = vec![match (&facts.os, &facts.os_version) {
        (Some(os), Some(version)) => format!("{os} {version}"),
        (Some(os), None) => os.clone(),
        (None, _) => "an unknown system".to_owned(),
    }];
    said.extend(facts.architecture.clone());
    let started_by = facts.started_by.map(|by| match by {
        StartedBy::Bios => "starts by BIOS",
        StartedBy::Uefi => "starts by UEFI",
        StartedBy::Both => "starts by BIOS and UEFI",
        StartedBy::Neither => "nothing starts it",
    });
    let first_boot = facts.first_boot.map(|first_boot| match first_boot {
        FirstBoot::CloudInit => "cloud-init",
        FirstBoot::CloudbaseInit => "cloudbase-init",
        FirstBoot::None => "nothing sets it up",
    });
    let virtio = facts.virtio.map(|has| if has { "VirtIO drivers" } else { "NO VirtIO drivers" });
    let grows = facts.can_grow.map(|can| if can { "can grow" } else { "cannot grow" });
    said.extend([started_by, first_boot, virtio, grows].into_iter().flatten().map(str::to_owned));
    Some(said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_said_and_nothing_else() {
        let nothing = DiskFacts::default();
        assert_eq!(facts(&nothing), None);
        let looked = DiskFacts { inspected_at: Some(ays_catalogue::Timestamp::now()), ..nothing };
        assert_eq!(facts(&looked).as_deref(), Some("an unknown system"));
        let windows = DiskFacts {
            os: Some("Windows Server 2022 Standard".to_owned()),
            os_version: Some("20348".to_owned()),
            architecture: Some("x86_64".to_owned()),
            started_by: Some(StartedBy::Bios),
            first_boot: Some(FirstBoot::None),
            virtio: Some(false),
            can_grow: Some(true),
            ..looked
        };
        assert_eq!(
            facts(&windows).as_deref(),
            Some(
                "Windows Server 2022 Standard 20348, x86_64, starts by BIOS, nothing sets it up, NO VirtIO drivers, can grow"
            )
        );
    }
}
