//! Packages of the node's system, which apt brings.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use ays_protocol::{Failure, InstallPackages};
use tokio::process::Command;

use crate::child::bound;
use crate::disk::{failure, on_thread, refused};
use crate::program;
use crate::service::{Service, replace};

const SOURCES: &str = "/etc/apt/sources.list.d";
const KEYRINGS: &str = "/etc/apt/keyrings";
/// How long a lock of dpkg that another one has is waited for, in seconds.
const LOCK_LIMIT: u32 = 600;
/// The most bytes of a key.
const MOST_OF_KEY: u64 = 1 << 20;
/// How many of the last lines of apt are told.
const LINES: usize = 4;

/// Has apt bring packages, in one transaction; those that were not there before.
pub(crate) async fn install(order: InstallPackages) -> Result<Vec<String>, Failure> {
    if program::find("apt-get").is_none() {
        let other =
            ["dnf", "yum", "apk", "zypper", "pacman"].into_iter().find(|name| program::find(name).is_some());
        let reason = match other {
            Some(other) => {
                format!("`ubuntu.*` is for nodes with apt; this one has {other}, which is not supported yet")
            }
            None => "`ubuntu.*` is for nodes with apt, and this one has none".to_owned(),
        };
        return Err(Failure::Tool { tool: "apt-get".to_owned(), reason });
    }
    let written = order.clone();
    // Somebody else may be at work on it for a while.
    let (mut service, is_new, others) = on_thread(move || {
        let mut service = Service::open(&written.service)?;
        let is_new = write_sources(&mut service, &written)?;
        let others = packages_of_others(&service);
        Ok::<_, Failure>((service, is_new, others))
    })
    .await?;
    let installed = Installed::ask().await?;
    let missing = installed.missing(&order.names);
    let will_install = !missing.is_empty() || order.upgrade;
    // Of sources that a run wrote and did not come to read, apt knows nothing yet.
    let has_lists = has_lists() && order.sources.is_empty();
    if is_new || order.update || (will_install && !has_lists) {
        apt(&["update"], &[]).await?;
    }
    if order.upgrade {
        apt(&["upgrade"], &[]).await?;
    }
    // Noted before they are there: a kill in between leaves none that nobody removes.
    let names = names_of(&order.names).await?;
    let own = names.iter().map(|name| without_version(name));
    let own = own.filter(|name| !installed.has(name) || others.contains(of_any_kind(name)));
    service.written.packages.extend(own.map(str::to_owned));
    service.save()?;
    if !missing.is_empty() {
        check_names(&missing).await?;
        apt(&["install", "--no-install-recommends"], &missing).await?;
    }
    Ok(missing)
}

/// The packages of a service that went, and those that stay, since others need them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub gone: Vec<String>,
    pub kept: Vec<String>,
}

/// Removes the packages that a service brought and no other service of the node needs.
pub(crate) async fn remove(service: &Service) -> Result<Removed, Failure> {
    let mut own = service.written.packages.clone();
    if own.is_empty() || program::find("apt-get").is_none() {
        return Ok(Removed::default());
    }
    let others = packages_of_others(service);
    own.retain(|name| !others.contains(of_any_kind(name)));
    let installed = Installed::ask().await?;
    let mut gone: Vec<String> = own.into_iter().filter(|name| installed.has(name)).collect();
    let mut kept = Vec::new();
    // What one that is kept needs is kept too, so it is asked again.
    while !removed_beside(&gone).await?.is_empty() {
        let (mut free, mut needed) = (Vec::new(), Vec::new());
        for name in &gone {
            let beside = removed_with(std::slice::from_ref(name), &gone).await?;
            if beside.is_empty() { free.push(name.clone()) } else { needed.push(name.clone()) }
        }
        if needed.is_empty() {
            // Only all of them together take others away.
            needed = std::mem::take(&mut free);
        }
        kept.extend(needed);
        gone = free;
    }
    if !gone.is_empty() {
        apt(&["remove"], &gone).await?;
    }
    Ok(Removed { gone, kept })
}

/// Removes packages, whoever brought them; those that are not there are left out.
pub(crate) async fn remove_named(names: &[String]) -> Result<(), Failure> {
    let installed = Installed::ask().await?;
    let names: Vec<String> = names
        .iter()
        .map(|name| without_version(name).to_owned())
        .filter(|name| installed.has(name))
        .collect();
    let beside = removed_beside(&names).await?;
    if !beside.is_empty() {
        let reason = format!(
            "{} cannot be removed alone: {} would go too; remove these first",
            names.join(", "),
            beside.join(", ")
        );
        return Err(Failure::Tool { tool: "apt-get".to_owned(), reason });
    }
    if names.is_empty() { Ok(()) } else { apt(&["remove"], &names).await }
}

async fn removed_beside(names: &[String]) -> Result<Vec<String>, Failure> {
    removed_with(names, names).await
}

/// The packages that apt would remove with these, `known` left out.
async fn removed_with(names: &[String], known: &[String]) -> Result<Vec<String>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let arguments = ["-s", "remove", "--"].into_iter().chain(names.iter().map(String::as_str));
    let said = program::succeed("apt-get", arguments, "").await?;
    Ok(beside(&String::from_utf8_lossy(&said), known))
}

/// `Remv NAME [VERSION] ..` for each package that goes.
fn beside(said: &str, known: &[String]) -> Vec<String> {
    let known: BTreeSet<&str> = known.iter().map(|name| of_any_kind(name)).collect();
    let going = said.lines().filter_map(|line| line.strip_prefix("Remv ")?.split(' ').next());
    going.filter(|name| !known.contains(of_any_kind(name))).map(str::to_owned).collect()
}

/// Whether apt knows packages of these names: it takes others for patterns, or for wishes to remove something.
async fn check_names(names: &[String]) -> Result<(), Failure> {
    let known = program::succeed("apt-cache", ["--all-names", "pkgnames"], "").await?;
    let known = String::from_utf8_lossy(&known);
    let known: BTreeSet<&str> = known.lines().map(str::trim).collect();
    let is_unknown = |name: &&String| !is_file(name) && !known.contains(of_any_kind(name));
    match names.iter().find(is_unknown) {
        None => Ok(()),
        Some(name) => {
            let reason = format!("no source of the node has a package `{}`", of_any_kind(name));
            Err(Failure::Tool { tool: "apt-get".to_owned(), reason })
        }
    }
}

/// Whether it is a `.deb` file of the node, which a method may have apt install.
fn is_file(name: &str) -> bool {
    name.starts_with('/')
}

/// The packages' own names, in the place of files that bring them.
async fn names_of(names: &[String]) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for name in names {
        all.push(if is_file(name) {
            let said = program::succeed("dpkg-deb", ["--field", name, "Package"], "").await?;
            String::from_utf8_lossy(&said).trim().to_owned()
        } else {
            name.clone()
        });
    }
    Ok(all)
}

/// By their names alone, for whichever machine they are.
fn packages_of_others(service: &Service) -> BTreeSet<String> {
    service.others().packages.iter().map(|name| of_any_kind(name).to_owned()).collect()
}

/// Writes the sources and their keys; whether anything of that is new.
fn write_sources(service: &mut Service, order: &InstallPackages) -> Result<bool, Failure> {
    let (mut is_new, mut keyrings) = (false, Vec::new());
    for (number, key) in order.keys.iter().enumerate() {
        let bytes = read_key(key)?;
        // apt tells the kinds apart by their names.
        let kind = if bytes.starts_with(b"-----BEGIN") { "asc" } else { "gpg" };
        let path = Path::new(KEYRINGS).join(format!("ays-{}-{}.{kind}", order.service, number + 1));
        is_new |= put(service, &path, &bytes)?;
        keyrings.push(path.display().to_string());
    }
    if !order.sources.is_empty() {
        let path = Path::new(SOURCES).join(format!("ays-{}.list", order.service));
        let lines = order.sources.iter().map(|line| signed_by(line, &keyrings) + "\n");
        let text: String =
            ["# Written by ays: an uninstall removes it.\n".to_owned()].into_iter().chain(lines).collect();
        is_new |= put(service, &path, text.as_bytes())?;
    }
    Ok(is_new)
}

fn read_key(key: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| failure(key, "reading", &error);
    let mut bytes = Vec::new();
    fs::File::open(key).map_err(failed)?.take(MOST_OF_KEY + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_OF_KEY {
        return Err(refused(key, "it is longer than a key of apt's sources is"));
    }
    Ok(bytes)
}

fn put(service: &mut Service, path: &Path, bytes: &[u8]) -> Result<bool, Failure> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    service.will_write([path])?;
    crate::disk::make_directory(path.parent().unwrap_or(Path::new("/")))?;
    replace(path, bytes, 0o644)?;
    Ok(true)
}

/// A source's line with the keys that alone may have signed it.
fn signed_by(line: &str, keyrings: &[String]) -> String {
    let Some((kind, rest)) = line.split_once(' ').filter(|_| !keyrings.is_empty()) else {
        return line.to_owned();
    };
    let keys = keyrings.join(",");
    match rest.trim_start().strip_prefix('[') {
        Some(options) if options.contains("signed-by") => line.to_owned(),
        Some(options) => format!("{kind} [signed-by={keys} {}", options.trim_start()),
        None => format!("{kind} [signed-by={keys}] {}", rest.trim_start()),
    }
}

/// `redis:i386` of `redis:i386=5:6.0`.
fn without_version(name: &str) -> &str {
    name.split('=').next().unwrap_or(name)
}

/// `redis` of `redis:i386=5:6.0`.
fn of_any_kind(name: &str) -> &str {
    name.split(['=', ':']).next().unwrap_or(name)
}

/// The packages of the node.
#[derive(Debug, Default)]
struct Installed {
    /// `redis` and `redis:amd64`.
    names: BTreeSet<String>,
    /// The same, each with its version.
    versions: BTreeSet<(String, String)>,
}

impl Installed {
    async fn ask() -> Result<Self, Failure> {
        let format = "--showformat=${Package} ${Package}:${Architecture} ${Version} ${db:Status-Status}\n";
        let said = program::succeed("dpkg-query", ["--show", format], "").await?;
        Ok(Self::parse(&String::from_utf8_lossy(&said)))
    }

    fn parse(said: &str) -> Self {
        let mut all = Self::default();
        for line in said.lines() {
            if let [package, whole, version, "installed"] = line.split(' ').collect::<Vec<_>>()[..] {
                for name in [package, whole] {
                    all.names.insert(name.to_owned());
                    all.versions.insert((name.to_owned(), version.to_owned()));
                }
            }
        }
        all
    }

    /// Whether a package is there, in any version.
    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Those of these that are not there, or in another version than is asked for.
    fn missing(&self, names: &[String]) -> Vec<String> {
        let is_missing = |name: &&String| match name.split_once('=') {
            Some((name, version)) => !self.versions.contains(&(name.to_owned(), version.to_owned())),
            None => !self.has(name),
        };
        names.iter().filter(is_missing).cloned().collect()
    }
}

/// Whether apt has ever been told what its sources have.
fn has_lists() -> bool {
    let lists = fs::read_dir("/var/lib/apt/lists").into_iter().flatten().filter_map(Result::ok);
    lists.filter(|entry| entry.file_name().to_string_lossy().ends_with("Packages")).count() > 0
}

async fn apt(what: &[&str], names: &[String]) -> Result<(), Failure> {
    let failed = |reason: String| Failure::Tool { tool: "apt-get".to_owned(), reason };
    let program = program::find("apt-get").ok_or_else(|| failed("it is missing".to_owned()))?;
    let mut command: Command = bound(program);
    command.args(["-q", "-y", "-o", &format!("DPkg::Lock::Timeout={LOCK_LIMIT}")]);
    // What an operator changed stays as it is.
    command.args(["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]);
    command.args(what).arg("--").args(names);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C").stdin(Stdio::null());
    let output = command.output().await.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(failed(format!("{}: {}", what.join(" "), lines[lines.len().saturating_sub(LINES)..].join(" | "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_trusts_its_own_keys_only() {
        let keys = ["/k/a.asc".to_owned()];
        for (line, with_keys) in [
            ("deb http://h/u x main", "deb [signed-by=/k/a.asc] http://h/u x main"),
            ("deb [arch=amd64] http://h/u x main", "deb [signed-by=/k/a.asc arch=amd64] http://h/u x main"),
            ("deb [signed-by=/k/b] http://h/u x", "deb [signed-by=/k/b] http://h/u x"),
        ] {
            assert_eq!(signed_by(line, &keys), with_keys);
        }
        assert_eq!(signed_by("deb http://h/u x main", &[]), "deb http://h/u x main");
    }

    #[test]
    fn what_is_longer_than_a_key_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        fs::write(&key, vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(read_key(&key).unwrap().len(), 1 << 20);
        fs::write(&key, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert!(read_key(&key).is_err());
    }

    #[test]
    fn another_version_is_missing_and_is_not_the_services_own() {
        let said = "redis redis:amd64 5:5.0 installed\nold old:all 1 config-files\nx x:i386 2 installed\n";
        let installed = Installed::parse(said);
        let names = ["redis=5:6.0", "redis", "redis:amd64", "old", "x:i386", "x=2"].map(str::to_owned);
        assert_eq!(installed.missing(&names), ["redis=5:6.0", "old"]);
        assert!(installed.has(without_version(&names[0])));
    }

    #[test]
    fn what_else_apt_would_remove_is_found() {
        let said = "Reading package lists...\nRemv shop [1.0]\nRemv redis:amd64 [5:6.0] [extra]\nPurg x\n";
        assert_eq!(beside(said, &["redis".to_owned()]), ["shop"]);
        assert_eq!(beside(said, &["redis".to_owned(), "shop:all".to_owned()]), Vec::<String>::new());
    }
}
