//! Packages of the node's system, which apt brings.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ays_protocol::{Failure, InstallPackages};
use tokio::process::Command;

use crate::child::bound;
use crate::disk::{failure, on_thread};
use crate::program;
use crate::service::{RECORD, Service, replace};

const SOURCES: &str = "/etc/apt/sources.list.d";
const KEYRINGS: &str = "/etc/apt/keyrings";
/// How long a lock of dpkg that another one has is waited for, in seconds.
const LOCK_LIMIT: u32 = 600;
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
    let name = order.service.clone();
    // Somebody else may be at work on it for a while.
    let mut service = on_thread(move || Service::open(&name)).await?;
    let is_new = write_sources(&mut service, &order)?;
    let missing = missing(&order.names).await?;
    let will_install = !missing.is_empty() || order.upgrade;
    if is_new || order.update || (will_install && !has_lists()) {
        apt(&["update"], &[]).await?;
    }
    if order.upgrade {
        apt(&["upgrade"], &[]).await?;
    }
    if !missing.is_empty() {
        // Noted before they are there: a kill in between leaves none that nobody removes.
        let names = missing.iter().map(|name| bare(name).to_owned());
        service.written.packages.extend(names);
        service.save()?;
        apt(&["install", "--no-install-recommends"], &missing).await?;
    }
    Ok(missing)
}

/// Removes the packages that a service brought and no other service of the node needs.
pub(crate) async fn remove(service: &Service) -> Result<Vec<String>, Failure> {
    let mut own = service.written.packages.clone();
    if own.is_empty() || program::find("apt-get").is_none() {
        return Ok(Vec::new());
    }
    let dir = service.dir().to_owned();
    let others = on_thread(move || packages_of_others(&dir)).await;
    own.retain(|name| !others.contains(name));
    let names: Vec<String> = own.into_iter().collect();
    let gone: BTreeSet<String> = missing(&names).await?.into_iter().collect();
    let names: Vec<String> = names.into_iter().filter(|name| !gone.contains(name)).collect();
    if !names.is_empty() {
        apt(&["remove"], &names).await?;
    }
    Ok(names)
}

/// Removes packages, whoever brought them; those that are not there are left out.
pub(crate) async fn remove_named(names: &[String]) -> Result<(), Failure> {
    let gone = missing(names).await?;
    let names: Vec<String> = names.iter().filter(|name| !gone.contains(name)).cloned().collect();
    if names.is_empty() { Ok(()) } else { apt(&["remove"], &names).await }
}

fn packages_of_others(dir: &Path) -> BTreeSet<String> {
    let beside = dir.parent().and_then(|services| fs::read_dir(services).ok());
    let others = beside.into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let read = |path: PathBuf| -> Option<crate::service::Written> {
        serde_json::from_slice(&fs::read(path.join(RECORD)).ok()?).ok()
    };
    others.filter(|path| path != dir).filter_map(read).flat_map(|written| written.packages).collect()
}

/// Writes the sources and their keys; whether anything of that is new.
fn write_sources(service: &mut Service, order: &InstallPackages) -> Result<bool, Failure> {
    let (mut is_new, mut keyrings) = (false, Vec::new());
    for (number, key) in order.keys.iter().enumerate() {
        let bytes = fs::read(key).map_err(|error| failure(key, "reading", &error))?;
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

/// `redis` of `redis=5:6.0` and `redis:i386`.
fn bare(name: &str) -> &str {
    name.split('=').next().unwrap_or(name)
}

/// Those of these packages that are not installed, or in another version than is asked for.
async fn missing(names: &[String]) -> Result<Vec<String>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let Some(program) = program::find("dpkg-query") else {
        return Err(Failure::Tool { tool: "dpkg-query".to_owned(), reason: "it is missing".to_owned() });
    };
    let mut command = bound(program);
    command.args([
        "--show",
        "--showformat=${Package} ${Package}:${Architecture} ${Version} ${db:Status-Status}\n",
    ]);
    command.stdin(Stdio::null()).env("LC_ALL", "C");
    let output = command
        .output()
        .await
        .map_err(|error| Failure::Tool { tool: "dpkg-query".to_owned(), reason: error.to_string() })?;
    let listed = String::from_utf8_lossy(&output.stdout);
    let mut installed: BTreeSet<&str> = BTreeSet::new();
    let mut versions: BTreeSet<(&str, &str)> = BTreeSet::new();
    for line in listed.lines() {
        if let [package, whole, version, "installed"] = line.split(' ').collect::<Vec<_>>()[..] {
            installed.extend([package, whole]);
            versions.extend([(package, version), (whole, version)]);
        }
    }
    let is_missing = |name: &&String| match name.split_once('=') {
        Some(pair) => !versions.contains(&pair),
        None => !installed.contains(name.as_str()),
    };
    Ok(names.iter().filter(is_missing).cloned().collect())
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
}
