//! Services of the node's init system.

use ays_model::{NodeAnswer, UnitVerb};
use ays_protocol::Failure;

use crate::disk::refused;
use crate::processes::systemd_runs;
use crate::program;

/// Does something with a service, by systemd, else by the scripts in `/etc/init.d`.
pub(super) async fn act(verb: UnitVerb, name: &str) -> Result<NodeAnswer, Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@:\\".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_plain) {
        return Err(refused(name.as_ref(), "it is no name of a service"));
    }
    let word = verb.as_str();
    let (tool, arguments) = if systemd_runs() {
        ("systemctl", [word, name])
    } else {
        match verb {
            UnitVerb::Enable => ("update-rc.d", [name, "defaults"]),
            UnitVerb::Disable => ("update-rc.d", [name, "disable"]),
            UnitVerb::IsActive => ("service", [name, "status"]),
            _ => ("service", [name, word]),
        }
    };
    if verb == UnitVerb::IsActive {
        return Ok(NodeAnswer::Bool(program::run(tool, arguments, "").await?.status.success()));
    }
    program::succeed(tool, arguments, "").await.map(|_| NodeAnswer::Done)
}
