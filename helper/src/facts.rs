use std::net::IpAddr;

use ays_protocol::{Facts, PROTOCOL};

/// What this machine is.
pub fn facts() -> Facts {
    let system = rustix::system::uname();
    Facts {
        protocol: PROTOCOL,
        os: std::fs::read_to_string("/etc/os-release")
            .or_else(|_| std::fs::read_to_string("/usr/lib/os-release"))
            .ok()
            .and_then(|text| os_id(&text))
            .unwrap_or_else(|| "linux".to_owned()),
        arch: system.machine().to_string_lossy().into_owned(),
        machine: std::fs::read_to_string("/etc/machine-id")
            .ok()
            .map(|id| id.trim().to_owned())
            .filter(|id| !id.is_empty()),
        hostname: system.nodename().to_string_lossy().into_owned(),
        address: std::env::var("SSH_CONNECTION").ok().and_then(|text| own_address(&text)),
    }
}

/// The third word of what sshd says of a connection: `client port server port`.
fn own_address(connection: &str) -> Option<IpAddr> {
    // A link-local address has its interface after a `%`.
    connection.split(' ').nth(2)?.split('%').next()?.parse().ok()
}

/// The value of `ID` in an `os-release` file.
fn os_id(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix("ID="))?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_s_own_address_is_the_server_s() {
        assert_eq!(own_address("10.0.0.1 50000 10.0.0.2 22"), Some(IpAddr::from([10, 0, 0, 2])));
        assert_eq!(own_address(""), None);
    }

    #[test]
    fn the_id_of_an_os_release() {
        for (text, id) in [
            ("NAME=x\nVERSION_ID=\"12\"\nID=debian\n", Some("debian")),
            ("ID=\"alpine\"\n", Some("alpine")),
            ("ID='ubuntu'", Some("ubuntu")),
            ("ID=\n", None),
            ("NAME=x\n", None),
        ] {
            assert_eq!(os_id(text).as_deref(), id, "{text:?}");
        }
    }
}
