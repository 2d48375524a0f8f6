//! At which TCP ports of the node somebody listens.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use ays_protocol::Failure;

use crate::disk::failure;

/// What the kernel calls a socket that listens.
const LISTENS: &str = "0A";

/// Those of `ports` where nobody listens.
pub(super) fn silent(ports: &[u16]) -> Result<Vec<u16>, Failure> {
    if ports.is_empty() {
        return Ok(Vec::new());
    }
    let heard: HashSet<u16> = listeners()?.into_iter().map(|(port, _)| port).collect();
    Ok(ports.iter().copied().filter(|port| !heard.contains(port)).collect())
}

/// The sockets that listen at a port, by the kernel's numbers of them.
pub(crate) fn sockets(port: u16) -> Result<HashSet<u64>, Failure> {
    Ok(listeners()?.into_iter().filter(|(at, _)| *at == port).map(|(_, socket)| socket).collect())
}

/// Ports, each with a socket that listens there.
fn listeners() -> Result<Vec<(u16, u64)>, Failure> {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match fs::read_to_string(table) {
            Ok(table) => found.extend(table.lines().skip(1).filter_map(listens_at)),
            // A kernel without IPv6.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failure(Path::new(table), "reading", &error)),
        }
    }
    Ok(found)
}

/// `NUMBER: ADDRESS:PORT ADDRESS:PORT STATE QUEUES TIMER RETRIES USER TIMEOUT SOCKET ..`, ports in hexadecimal digits.
fn listens_at(line: &str) -> Option<(u16, u64)> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
    let (_, port) = local.rsplit_once(':')?;
    let socket = fields.nth(5)?.parse().ok()?;
    if state == LISTENS { Some((u16::from_str_radix(port, 16).ok()?, socket)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_counts() {
        let rest = "00000000:00000000 00:00000000 00000000 0 0 77 1 0 100 0 0 10 0";
        let v6 = "00000000000000000000000000000000";
        for (line, port) in [
            (format!("0: 0100007F:1F90 00000000:0000 0A {rest}"), Some((8080, 77))),
            (format!("1: {v6}:0050 {v6}:0000 0A {rest}"), Some((80, 77))),
            (format!("2: 0100007F:1F90 0100007F:A000 01 {rest}"), None),
            (String::new(), None),
        ] {
            assert_eq!(listens_at(&line), port, "{line}");
        }
    }
}
