//! The users of the node, as its file has them.

use std::fs;
use std::path::Path;

use ays_protocol::Failure;
use serde::{Deserialize, Serialize};

use crate::disk::failure;

const USERS: &str = "/etc/passwd";

/// Whom a process runs as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

impl User {
    /// The user of a process: the one that it names, else who we are.
    pub fn of(process: &str, name: Option<&str>) -> Result<Self, Failure> {
        let users =
            fs::read_to_string(USERS).map_err(|error| failure(Path::new(USERS), "reading", &error))?;
        let own = rustix::process::geteuid().as_raw();
        let mut all = users.lines().filter_map(parse);
        let found = match name {
            Some(name) => all.find(|user| user.name == name),
            None => all.find(|user| user.uid == own),
        };
        match (found, name) {
            (Some(user), _) => Ok(user),
            (None, None) => {
                let gid = rustix::process::getegid().as_raw();
                Ok(Self { name: own.to_string(), uid: own, gid, home: "/".to_owned() })
            }
            (None, Some(name)) => {
                let reason = format!("the node has no user `{name}`");
                Err(Failure::Process { name: process.to_owned(), reason })
            }
        }
    }
}

fn parse(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let (name, uid, gid) = (fields.next()?, fields.nth(1)?, fields.next()?);
    let home = fields.nth(1)?;
    Some(User {
        name: name.to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: home.to_owned(),
    })
}
