//! Why ssh has no connection, told from its words, and what it offered to a machine that did not let it in.

use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::hop::Hop;
use crate::master::NOT_REACHED;

/// Why a machine does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// Its name leads to no address.
    NoAddress,
    /// Nothing listens at its port.
    NothingListens,
    /// Nothing came back in time.
    TimedOut,
    /// There is no way to its network.
    NoRoute,
    /// The gateway does not reach it.
    NotThrough,
    /// What listens there ended the connection before any login.
    Closed,
    /// Something else.
    Other,
}

impl NoAnswer {
    /// Of what ssh said.
    pub(crate) fn of(said: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|words| said.contains(words));
        if has(&[NOT_REACHED]) {
            Self::NotThrough
        } else if has(&["Could not resolve hostname", "Name or service not known"]) {
            Self::NoAddress
        } else if has(&["Connection refused"]) {
            Self::NothingListens
        } else if has(&["timed out", "Timeout,"]) {
            Self::TimedOut
        } else if has(&["No route to host", "Network is unreachable", "Host is unreachable"]) {
            Self::NoRoute
        } else if has(&["Connection closed by", "Connection reset by", "kex_exchange_identification"]) {
            Self::Closed
        } else {
            Self::Other
        }
    }

    /// What an operator does about it.
    pub fn cure(self) -> &'static str {
        match self {
            Self::NoAddress => "put the machine's address into instance.ip, or its name into DNS",
            Self::NothingListens => {
                "start sshd there, or let instance.ssh.port name the port that it listens at"
            }
            Self::TimedOut | Self::NoRoute => {
                "is the machine up, and its address right? Where a firewall is in between, instance.ssh.gateway names a \
                 node to go through"
            }
            Self::NotThrough => {
                "is the machine up, and its address and port right? The gateway's sshd must let connections through \
                 (AllowTcpForwarding yes)"
            }
            Self::Closed => {
                "is it sshd that listens there? It may have too many connections (MaxStartups), or have banned this \
                 address"
            }
            Self::Other => "try it by hand: ssh -v",
        }
    }
}

/// What ssh offered to a machine that did not let it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// No key.
    Nothing,
    /// These keys: kind, fingerprint, and where each is from.
    Keys(Vec<String>),
    /// This key, which is a right one: the login itself is not allowed.
    Taken(String),
}

impl Offer {
    /// Asks once more, and listens to what ssh does.
    pub(crate) async fn to(hop: &Hop) -> Self {
        let ssh = Command::new("ssh")
            .arg("-F")
            .arg(hop.config())
            .args(["-v", "-T", "--", &hop.host, "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .output();
        match timeout(LIMIT, ssh).await {
            Ok(Ok(output)) => Self::read(&String::from_utf8_lossy(&output.stderr)),
            Ok(Err(_)) | Err(_) => Self::Nothing,
        }
    }

    fn read(said: &str) -> Self {
        let after = |words| said.lines().filter_map(move |line| line.split_once(words).map(|(_, key)| key));
        if let Some(key) = after("Server accepts key: ").next_back() {
            return Self::Taken(shown(key));
        }
        let mut keys: Vec<_> = after("Offering public key: ").map(shown).collect();
        keys.dedup();
        if keys.is_empty() { Self::Nothing } else { Self::Keys(keys) }
    }

    /// What an operator does about it; `reason` is what ssh said, with the ways in that the machine knows.
    pub fn cure(&self, reason: &str) -> &'static str {
        let ways = reason.rsplit_once('(').map_or("publickey", |(_, ways)| ways);
        match self {
            _ if !ways.contains("publickey") => {
                "its sshd takes no keys: PubkeyAuthentication yes in /etc/ssh/sshd_config there lets it"
            }
            Self::Nothing => {
                "load a key into your SSH agent (ssh-add), or let instance.sshkey name the sshkey service that holds one"
            }
            Self::Keys(_) => {
                "put the public half of one of them into the login's ~/.ssh/authorized_keys there (ssh-copy-id), or let \
                 instance.login name a login that has it"
            }
            Self::Taken(_) => {
                "let the login in: PermitRootLogin prohibit-password, for root, and AllowUsers in \
                 /etc/ssh/sshd_config there"
            }
        }
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no key was offered"),
            Self::Keys(keys) => write!(f, "none of these keys is let in: {}", keys.join(", ")),
            Self::Taken(key) => write!(f, "the key {key} is right, but the login is not allowed"),
        }
    }
}

/// How long ssh has to say what it offers.
const LIMIT: Duration = Duration::from_secs(20);

/// A key as `ssh -v` tells it, `PATH-OR-COMMENT KIND SHA256:DIGEST [explicit|agent]`, in the order of `ssh-keygen -l`.
fn shown(told: &str) -> String {
    let told: String = told.chars().filter(|c| !c.is_control()).collect();
    let words: Vec<_> = told.split(' ').collect();
    let Some(at) = words.iter().position(|word| word.starts_with("SHA256:")).filter(|at| *at > 0) else {
        return told;
    };
    let (kind, digest, from) = (words[at - 1], words[at], words[..at - 1].join(" "));
    let from = match words.get(at + 1) {
        Some(&"agent") => format!("agent: {from}"),
        // A key that we gave it in memory.
        _ if from.starts_with("/proc/") => "instance.sshkey".to_owned(),
        _ => from,
    };
    format!("{kind} {digest} ({from})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_machine_does_not_answer() {
        for (said, why) in [
            ("ssh: Could not resolve hostname n1.example: Name or service not known", NoAnswer::NoAddress),
            ("ssh: connect to host 10.0.0.1 port 22: Connection refused", NoAnswer::NothingListens),
            ("ssh: connect to host 10.0.0.1 port 22: Connection timed out", NoAnswer::TimedOut),
            ("Connection timed out during banner exchange", NoAnswer::TimedOut),
            ("ssh: connect to host 10.0.0.1 port 22: No route to host", NoAnswer::NoRoute),
            (
                "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.1 port 22",
                NoAnswer::Closed,
            ),
            ("stdio forwarding failed", NoAnswer::NotThrough),
            ("something new", NoAnswer::Other),
        ] {
            assert_eq!(NoAnswer::of(said), why, "{said}");
        }
    }

    #[test]
    fn what_was_offered() {
        let offering = "debug1: Next authentication method: publickey\n\
            debug1: Offering public key: /root/.ssh/id_ed25519 ED25519 SHA256:abc explicit\n\
            debug1: Authentications that can continue: publickey\n\
            debug1: Offering public key: my key RSA SHA256:def agent\n\
            debug1: Offering public key: /proc/7/fd/9 ECDSA SHA256:ghi explicit\n";
        let keys = [
            "ED25519 SHA256:abc (/root/.ssh/id_ed25519)",
            "RSA SHA256:def (agent: my key)",
            "ECDSA SHA256:ghi (instance.sshkey)",
        ];
        assert_eq!(Offer::read(offering), Offer::Keys(keys.map(str::to_owned).to_vec()));
        let taken = format!("{offering}debug1: Server accepts key: my key RSA SHA256:def agent\n");
        assert_eq!(Offer::read(&taken), Offer::Taken(keys[1].to_owned()));
        assert_eq!(Offer::read("debug1: Trying private key: /root/.ssh/id_rsa\n"), Offer::Nothing);
    }

    #[test]
    fn a_machine_that_takes_no_keys_is_told_so() {
        let cure = Offer::Nothing.cure("root@10.0.0.1: Permission denied (password).");
        assert_eq!(
            cure,
            "its sshd takes no keys: PubkeyAuthentication yes in /etc/ssh/sshd_config there lets it"
        );
        let cure = Offer::Nothing.cure("root@10.0.0.1: Permission denied (publickey).");
        assert_eq!(
            cure,
            "load a key into your SSH agent (ssh-add), or let instance.sshkey name the sshkey service that holds one"
        );
    }
}
