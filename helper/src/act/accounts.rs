//! Users and groups of the node.

use ays_model::NodeAnswer;
use ays_protocol::Failure;

use super::paths::read_text;
use crate::disk::refused;
use crate::processes::User;
use crate::program;

const GROUPS: &str = "/etc/group";

/// Makes a user where it is not there; one that is there gets the password, when there is one.
pub(super) async fn user(
    name: &str,
    group: Option<String>,
    home: Option<String>,
    shell: Option<String>,
    password: Option<String>,
) -> Result<NodeAnswer, Failure> {
    check(name)?;
    group.as_deref().map_or(Ok(()), check)?;
    if User::of(name, Some(name)).is_err() {
        let mut arguments = vec!["--create-home".to_owned()];
        for (option, value) in [("--gid", group), ("--home-dir", home), ("--shell", shell)] {
            arguments.extend(value.map(|value| format!("{option}={value}")));
        }
        arguments.push(name.to_owned());
        program::succeed("useradd", &arguments, "").await?;
    }
    if let Some(password) = password {
        if password.contains(['\n', '\0']) {
            return Err(refused(name.as_ref(), "a password has no line breaks"));
        }
        program::succeed("chpasswd", [""; 0], &format!("{name}:{password}\n")).await?;
    }
    Ok(NodeAnswer::Done)
}

/// Makes a group where it is not there.
pub(super) async fn group(name: &str) -> Result<NodeAnswer, Failure> {
    check(name)?;
    if group_number(name)?.is_none() {
        program::succeed("groupadd", [name], "").await?;
    }
    Ok(NodeAnswer::Done)
}

/// The number of a group; none: there is no such group.
pub(super) fn group_number(name: &str) -> Result<Option<u32>, Failure> {
    let groups = read_text(GROUPS.as_ref())?;
    let number = |line: &str| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok()).flatten()
    };
    Ok(groups.lines().find_map(number))
}

fn check(name: &str) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_plain) {
        return Err(refused(name.as_ref(), "it is no name of a user or group"));
    }
    Ok(())
}
