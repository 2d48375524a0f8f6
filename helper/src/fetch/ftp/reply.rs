//! What a server of FTP answers, and what is read out of it.

/// The answer to a command: its code, and the server's words with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// All of its lines as one, the code in front; without control characters.
    pub(crate) text: String,
}

/// The service is not available, or not now.
const NOT_NOW: u16 = 421;

impl Reply {
    /// The file or directory may be had by another command or later.
    pub(crate) fn is_begun(&self) -> bool {
        (100..200).contains(&self.code)
    }

    pub(crate) fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Codes from 400 to 499 are for what may pass (RFC 959), but for a wrong login.
    pub(crate) fn is_passing(&self) -> bool {
        (400..500).contains(&self.code) && self.code != 430
    }

    /// The command, or this form of it, is not known.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.code, 500 | 501 | 502 | 503 | 504 | 522)
    }

    /// So many are connected that no more are let in. Some servers say it as if the login were wrong.
    pub(crate) fn is_busy(&self) -> bool {
        let says = |words: &str| self.text.to_ascii_lowercase().contains(words);
        !self.wants_tls()
            && (self.code == NOT_NOW
                || (self.code == 530 && (says("too many") || says("maximum number") || says("max clients"))))
    }

    /// A login that is refused because it would not be encrypted: code 534 of RFC 2228, or words of servers that say
    /// it by another code.
    pub(crate) fn wants_tls(&self) -> bool {
        let text = self.text.to_ascii_uppercase();
        self.code == 534
            || (self.code >= 400
                && ["TLS", "SSL", "USE AUTH", "ENCRYPT", "CLEARTEXT", "SECURE CONNECTION"]
                    .iter()
                    .any(|word| text.contains(word)))
    }

    /// The size in the answer to SIZE: `213 17`.
    pub(crate) fn size(&self) -> Option<u64> {
        if self.code != 213 {
            return None;
        }
        self.text.split_whitespace().next_back()?.parse().ok()
    }

    /// The time in the answer to MDTM: `213 20261120101112`, with fractions of a second or without.
    pub(crate) fn time(&self) -> Option<String> {
        const DIGITS: usize = 14;
        if self.code != 213 {
            return None;
        }
        let time = self.text.split_whitespace().nth(1)?;
        let time = time.split('.').next()?;
        (time.len() == DIGITS && time.bytes().all(|byte| byte.is_ascii_digit())).then(|| time.to_owned())
    }

    /// The size that many servers add to what they are about to send: `150 Opening .. for x (17 bytes).`.
    pub(crate) fn size_of_transfer(&self) -> Option<u64> {
        let (before, _) = self.text.rsplit_once(" bytes)")?;
        before.rsplit_once('(')?.1.parse().ok()
    }

    /// The port in the answer to EPSV: `229 .. (|||41000|)`, where any character may stand for the `|` (RFC 2428).
    pub(crate) fn extended_port(&self) -> Option<u16> {
        if self.code != 229 {
            return None;
        }
        let inner = self.text.rsplit_once('(')?.1.split(')').next()?;
        let delimiter = inner.chars().next()?;
        let mut parts = inner.split(delimiter);
        let is_empty = |part: Option<&str>| part == Some("");
        if !(is_empty(parts.next()) && is_empty(parts.next()) && is_empty(parts.next())) {
            return None;
        }
        let port = parts.next()?.parse().ok().filter(|port| *port != 0);
        is_empty(parts.next()).then_some(port)?
    }

    /// The port in the answer to PASV: six numbers below 256, with parentheses around them or without. The address
    /// is left: the server may not know under which one it is seen, and another one is nobody's to name.
    pub(crate) fn passive_port(&self) -> Option<u16> {
        if self.code != 227 {
            return None;
        }
        let is_inside = |c: char| c.is_ascii_digit() || c == ',' || c == ' ';
        let groups = self.text.get(3..)?.split(|c| !is_inside(c));
        let mut found = groups.filter_map(|group| {
            let numbers: Result<Vec<u8>, _> =
                group.trim().split(',').map(|part| part.trim().parse()).collect();
            match numbers.as_deref() {
                Ok([_, _, _, _, high, low]) => Some(u16::from_be_bytes([*high, *low])),
                _ => None,
            }
        });
        found.next().filter(|port| *port != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Reply {
        Reply { code: text[..3].parse().unwrap(), text: text.to_owned() }
    }

    #[test]
    fn ports_as_servers_say_them() {
        for (text, port) in [
            ("229 Entering Extended Passive Mode (|||6446|)", Some(6446)),
            ("229 ok (!!!6446!)", Some(6446)),
            ("229 (see below) (|||6446|).", Some(6446)),
            ("229 Entering Extended Passive Mode (||6446|)", None),
            ("229 Entering Extended Passive Mode (|||6446)", None),
            ("229 Entering Extended Passive Mode (|||66446|)", None),
            ("229 Entering Extended Passive Mode (|||0|)", None),
            ("229 (|1|10.0.0.1|6446|)", None),
            ("229 ", None),
            ("227 Entering Passive Mode (10,0,0,1,25,46)", None),
        ] {
            assert_eq!(reply(text).extended_port(), port, "{text}");
        }
        for (text, port) in [
            ("227 Entering Passive Mode (10,0,0,1,25,46).", Some(6446)),
            ("227 Entering Passive Mode 10,0,0,1,25,46", Some(6446)),
            ("227 =10,0,0,1,25,46", Some(6446)),
            ("227 Passive (10, 0, 0, 1, 25, 46)", Some(6446)),
            ("227 Entering Passive Mode (10,0,0,1,25)", None),
            ("227 Entering Passive Mode (10,0,0,1,25,256)", None),
            ("227 Entering Passive Mode (10,0,0,1,0,0)", None),
            ("227", None),
            ("229 (|||6446|)", None),
        ] {
            assert_eq!(reply(text).passive_port(), port, "{text}");
        }
    }

    #[test]
    fn what_is_said_of_a_file() {
        assert_eq!(reply("213 17").size(), Some(17));
        assert_eq!(reply("213 dir/x y.img 17").size(), Some(17));
        assert_eq!(reply("550 17").size(), None);
        let time = Some("20261120101112".to_owned());
        assert_eq!(reply("213 20261120101112").time(), time);
        assert_eq!(reply("213 20261120101112.123").time(), time);
        // The year 2000 came as the year 19100.
        assert_eq!(reply("213 191001120101112").time(), None);
        assert_eq!(reply("213 ").time(), None);
        assert_eq!(
            reply("150 Opening BINARY mode data connection for x (1) (17 bytes).").size_of_transfer(),
            Some(17)
        );
        assert_eq!(
            reply("150-Accepted data connection 150 17.0 kbytes to download").size_of_transfer(),
            None
        );
    }

    #[test]
    fn why_nobody_is_let_in() {
        for (text, is_busy, wants_tls) in [
            ("421 Too many connections (8) from this IP", true, false),
            (
                "530 Sorry, the maximum number of clients (8) from your host are already connected.",
                true,
                false,
            ),
            ("530 Login incorrect.", false, false),
            ("530 Non-anonymous sessions must use encryption.", false, true),
            ("550 SSL/TLS required on the control channel", false, true),
            ("421 Sorry, cleartext sessions and weak ciphers are not accepted on this server.", false, true),
            ("503 Use AUTH first.", false, true),
            ("534 Policy requires SSL.", false, true),
            ("331 Password required; TLS is welcome", false, false),
        ] {
            assert_eq!((reply(text).is_busy(), reply(text).wants_tls()), (is_busy, wants_tls), "{text}");
        }
    }
}
