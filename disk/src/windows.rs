//! The Windows on an NTFS: its name and build, its processor, its VirtIO drivers, its cloudbase-init.

use std::io;

use ays_model::{Family, FirstBoot};

use crate::found::{Found, plain};
use crate::hive::Hive;
use crate::ntfs::Tree;
use crate::program::processor;

/// The drivers of virtio-win that machines on KVM use: disks, network, memory, serial lines, random numbers.
const VIRTIO: [&str; 6] = ["balloon", "netkvm", "vioscsi", "vioser", "viorng", "viostor"];

/// Programs that any Windows has.
const PROGRAMS: [&str; 2] = ["Windows/System32/ntoskrnl.exe", "Windows/System32/cmd.exe"];

/// The part of the registry that says what Windows it is.
const SOFTWARE: &str = "Windows/System32/config/SOFTWARE";

/// Client systems from this build on are called Windows 11, but for this one value.
const FIRST_OF_11: u32 = 22_000;

/// What is in it; none when it is no system's root. What could not be read it tells `unread`.
pub(crate) fn look(tree: &Tree, unread: &mut dyn FnMut(&str, io::Error)) -> io::Result<Option<Found>> {
    if !tree.exists("Windows/System32")? {
        return Ok(None);
    }
    let mut found = Found::of(Family::Windows);
    let mut build_architecture = None;
    match registry(tree) {
        Ok(Some(registry)) => {
            found.name = registry.name();
            found.version = registry.build.as_deref().and_then(plain);
            build_architecture = registry.architecture();
        }
        Ok(None) => {}
        Err(error) => unread("its registry", error),
    }
    match processor(&PROGRAMS, |path, most| tree.head(path, most)) {
        Ok(architecture) => found.architecture = architecture.or(build_architecture),
        // A program may be compressed; the registry may know.
        Err(_) if build_architecture.is_some() => found.architecture = build_architecture,
        Err(error) => unread("its programs", error),
    }
    match virtio(tree) {
        Ok(drivers) => found.virtio = Some(drivers),
        Err(error) => unread("its drivers", error),
    }
    match tree.exists("Program Files/Cloudbase Solutions/Cloudbase-Init") {
        Ok(true) => found.first_boot = Some(FirstBoot::CloudbaseInit),
        Ok(false) => found.first_boot = Some(FirstBoot::None),
        Err(error) => unread("whether cloudbase-init is in it", error),
    }
    Ok(Some(found))
}

/// Values of `Microsoft\Windows NT\CurrentVersion`.
struct Registry {
    product: Option<String>,
    build: Option<String>,
    lab: Option<String>,
}

fn registry(tree: &Tree) -> io::Result<Option<Registry>> {
    let read = tree.read_by(SOFTWARE, |read| {
        let mut hive = Hive::open(read)?;
        let Some(key) = hive.key(&["Microsoft", "Windows NT", "CurrentVersion"])? else { return Ok(None) };
        Ok(Some(Registry {
            product: hive.text(key, "ProductName")?,
            build: hive.text(key, "CurrentBuild")?,
            lab: hive.text(key, "BuildLabEx")?,
        }))
    })?;
    Ok(read.flatten())
}

impl Registry {
    fn name(&self) -> Option<String> {
        let product = self.product.as_deref()?;
        let build: Option<u32> = self.build.as_ref().and_then(|build| build.parse().ok());
        match product.strip_prefix("Windows 10") {
            Some(edition) if build.is_some_and(|build| build >= FIRST_OF_11) => {
                plain(&format!("Windows 11{edition}"))
            }
            _ => plain(product),
        }
    }

    /// From a text such as `20348.1.amd64fre.fe_release.210507-1500`.
    fn architecture(&self) -> Option<String> {
        let kind = self.lab.as_deref()?.split('.').nth(2)?;
        let known = [("amd64", "x86_64"), ("arm64", "aarch64"), ("x86", "i686")];
        known.iter().find(|(name, _)| kind.starts_with(name)).map(|(_, found)| (*found).to_owned())
    }
}

fn virtio(tree: &Tree) -> io::Result<Vec<String>> {
    let mut drivers = Vec::new();
    for name in VIRTIO {
        if tree.exists(&format!("Windows/System32/drivers/{name}.sys"))? {
            drivers.push(name.to_owned());
        }
    }
    Ok(drivers)
}
