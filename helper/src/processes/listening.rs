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
    let mut heard = HashSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match fs::read_to_string(table) {
            Ok(table) => heard.extend(table.lines().skip(1).filter_map(listens_at)),
            // A kernel without IPv6.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failure(Path::new(table), "reading", &error)),
        }
    }
    Ok(ports.iter().copied().filter(|port| !heard.contains(port)).collect())
}

/// `NUMBER: ADDRESS:PORT ADDRESS:PORT STATE ..`, in hexadecimal digits.
fn listens_at(line: &str) -> Option<u16> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
    let (_, port) = local.rsplit_once(':')?;
    if state == LISTENS { u16::from_str_radix(port, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_counts() {
        let rest = "00000000:00000000 00:00000000 00000000 0 0 1 1 0 100 0 0 10 0";
        let v6 = "00000000000000000000000000000000";
        for (line, port) in [
            (format!("0: 0100007F:1F90 00000000:0000 0A {rest}"), Some(8080)),
            (format!("1: {v6}:0050 {v6}:0000 0A {rest}"), Some(80)),
            (format!("2: 0100007F:1F90 0100007F:A000 01 {rest}"), None),
            (String::new(), None),
        ] {
            assert_eq!(listens_at(&line), port, "{line}");
        }
    }
}
