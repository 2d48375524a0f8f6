//! What the methods of a recipe have done on the node, one thing after the other.
//!
//! What is written is noted before it is written, and what was there before is kept, so that an uninstall brings it
//! back. What goes wrong is an answer: the method may catch it.

mod accounts;
mod archives;
mod commands;
mod copying;
mod files;
mod found_processes;
mod paths;
mod units;

use std::path::PathBuf;
use std::time::Duration;

use ays_model::{Fact, FileAction, NodeAction, NodeAnswer, PackageVerb, UnitVerb};
use ays_protocol::{Act, Failure, InstallPackages};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::disk::on_thread;
use crate::service::Service;
use crate::{facts, packages};

/// How often a port is tried.
const TRY_EVERY: Duration = Duration::from_millis(100);
/// How long a try may take.
const TRY_LIMIT: Duration = Duration::from_secs(3);

/// Does one thing.
///
/// # Errors
///
/// What has been written of the service cannot be read or noted: then nothing is done.
pub(crate) async fn act(order: Act) -> Result<NodeAnswer, Failure> {
    let action = order.action.0;
    let Some(name) = order.service else {
        return Ok(if only_looks(&action) {
            perform(action, "", None).await.unwrap_or_else(|failure| NodeAnswer::Failed(failure.to_string()))
        } else {
            NodeAnswer::Failed("a rehearsal changes nothing outside its own directory".to_owned())
        });
    };
    let service = if matches!(&action, NodeAction::File(action) if changes(action)) {
        let name = name.clone();
        // Somebody else may be at work on it for a while.
        Some(on_thread(move || Service::open(&name)).await?)
    } else {
        None
    };
    let done = perform(action, &name, service).await;
    Ok(done.unwrap_or_else(|failure| NodeAnswer::Failed(failure.to_string())))
}

/// Whether nothing changes by it.
fn only_looks(action: &NodeAction) -> bool {
    match action {
        NodeAction::File(action) => !changes(action),
        NodeAction::Pids(_) | NodeAction::Port { .. } | NodeAction::Fact(_) => true,
        NodeAction::Unit { verb, .. } => *verb == UnitVerb::IsActive,
        _ => false,
    }
}

fn changes(action: &FileAction) -> bool {
    use FileAction::{List, Look, Read, ReadLink};
    !matches!(action, Look { .. } | Read { .. } | List { .. } | ReadLink { .. })
}

async fn perform(action: NodeAction, name: &str, service: Option<Service>) -> Result<NodeAnswer, Failure> {
    match action {
        NodeAction::Execute(execute) => commands::execute(execute).await,
        NodeAction::File(action) => match (action, service) {
            (FileAction::Unpack { archive, to, clean }, Some(service)) => {
                archives::unpack(service, PathBuf::from(archive), PathBuf::from(to), clean).await
            }
            (FileAction::Pack { from, archive }, Some(service)) => {
                archives::pack(service, PathBuf::from(from), PathBuf::from(archive)).await
            }
            (action, Some(service)) => on_thread(move || files::change(service, action)).await,
            (action, None) => on_thread(move || files::look(action)).await,
        },
        NodeAction::Packages { verb, names } => pack(verb, names, name.to_owned()).await,
        NodeAction::Unit { verb, name } => units::act(verb, &name).await,
        NodeAction::User { name, group, home, shell, password } => {
            accounts::user(&name, group, home, shell, password).await
        }
        NodeAction::Group { name } => accounts::group(&name).await,
        NodeAction::Pids(which) => {
            on_thread(move || found_processes::find(&which)).await.map(NodeAnswer::Pids)
        }
        NodeAction::Kill { processes, signal } => {
            on_thread(move || found_processes::end(&processes, signal)).await.map(|()| NodeAnswer::Done)
        }
        NodeAction::Port { host, port, open, timeout } => {
            Ok(NodeAnswer::Bool(becomes(&host, port, open, timeout).await))
        }
        NodeAction::Fact(fact) => Ok(NodeAnswer::Text(tell(fact)?)),
    }
}

async fn pack(verb: PackageVerb, names: Vec<String>, service: String) -> Result<NodeAnswer, Failure> {
    let (update, upgrade) = (verb == PackageVerb::Update, verb == PackageVerb::Upgrade);
    if verb == PackageVerb::Remove {
        packages::remove_named(&names).await?;
    } else {
        let (sources, keys) = (Vec::new(), Vec::new());
        packages::install(InstallPackages { service, sources, keys, update, upgrade, names }).await?;
    }
    Ok(NodeAnswer::Done)
}

/// Whether a port becomes open, or closed, within a time; it is tried once at least.
async fn becomes(host: &str, port: u16, open: bool, limit: Duration) -> bool {
    let begun = Instant::now();
    loop {
        let connected = timeout(TRY_LIMIT, TcpStream::connect((host, port))).await;
        if matches!(connected, Ok(Ok(_))) == open {
            return true;
        }
        if begun.elapsed() >= limit {
            return false;
        }
        sleep(TRY_EVERY).await;
    }
}

fn tell(fact: Fact) -> Result<String, Failure> {
    Ok(match fact {
        Fact::Platform => {
            let facts = facts();
            format!("{}{}", facts.os, if facts.arch.ends_with("64") { "64" } else { "32" })
        }
        Fact::Hostname => facts().hostname,
        Fact::Addresses => paths::read_text("/proc/net/fib_trie".as_ref())
            .map(|table| addresses(&table).join("\n"))
            .unwrap_or_default(),
        Fact::Interfaces => {
            let listed = paths::names_in("/sys/class/net".as_ref())?;
            listed.join("\n")
        }
    })
}

/// The node's own IPv4 addresses: those that the kernel's table has as `/32 host LOCAL`.
fn addresses(table: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut last = "";
    for line in table.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address;
        } else if line == "/32 host LOCAL" && !found.iter().any(|known| known == last) {
            found.push(last.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_s_own_addresses() {
        let table = "Main:\n  +-- 10.0.0.0/24 2 0 2\n     |-- 10.0.0.0\n        /24 link UNICAST\n     |-- 10.0.0.7\n        \
                     /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\nLocal:\n     |-- 10.0.0.7\n        \
                     /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        assert_eq!(addresses(table), ["10.0.0.7", "127.0.0.1"]);
    }
}
