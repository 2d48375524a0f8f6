//! Whether a host is this machine.

use std::net::IpAddr;

/// Whether what is sent to this host of an address stays on this machine. An IPv6 address may stand in brackets.
pub fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["", "example.org", "localhost.example.org", "10.0.0.1", "[fe80::1]", "0.0.0.0"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
