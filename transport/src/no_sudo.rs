//! Why sudo does not make a login root, told from its words.

use std::fmt;

/// Why sudo does not make a login root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSudo {
    /// It is not there.
    Missing,
    /// It wants a terminal.
    Terminal,
    /// It wants a password, or does not know the login.
    Password,
    /// Something else.
    Other,
}

impl NoSudo {
    /// Of what the node said, if that is about sudo.
    pub(crate) fn of(said: &str) -> Option<Self> {
        let has = |words: &[&str]| words.iter().any(|words| said.contains(words));
        if !has(&["sudo:", "sudoers"]) {
            None
        } else if has(&["sudo: not found", "sudo: inaccessible or not found"]) {
            Some(Self::Missing)
        } else if has(&["you must have a tty"]) {
            Some(Self::Terminal)
        } else if has(&[
            "password is required",
            "not in the sudoers",
            "not allowed to execute",
            "may not run",
        ]) {
            Some(Self::Password)
        } else {
            Some(Self::Other)
        }
    }

    /// What an operator does about it.
    pub fn cure(self) -> &'static str {
        match self {
            Self::Missing => "install sudo there, or let instance.login name root",
            Self::Terminal => "put that line into a file of /etc/sudoers.d there (visudo -f FILE)",
            Self::Password => {
                "let it: a line `LOGIN ALL=(ALL) NOPASSWD: ALL` in a file of /etc/sudoers.d there (visudo -f FILE)"
            }
            Self::Other => "try it there, as this login: sudo -n true",
        }
    }
}

impl fmt::Display for NoSudo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "this login is not root, and the node has no sudo",
            Self::Terminal => {
                "sudo makes this login root only on a terminal: its sudoers need `Defaults:LOGIN !requiretty`"
            }
            Self::Password => "sudo does not let this login become root without a password",
            Self::Other => "sudo does not make this login root",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_sudo_does_not_make_a_login_root() {
        for (said, why) in [
            ("ays: 4: exec: sudo: not found", Some(NoSudo::Missing)),
            ("ays: line 4: exec: sudo: not found", Some(NoSudo::Missing)),
            ("ays: exec: sudo: inaccessible or not found", Some(NoSudo::Missing)),
            ("sudo: sorry, you must have a tty to run sudo", Some(NoSudo::Terminal)),
            ("sudo: a password is required", Some(NoSudo::Password)),
            ("guest is not in the sudoers file.", Some(NoSudo::Password)),
            ("sudo: effective uid is not 0, is sudo installed setuid root?", Some(NoSudo::Other)),
            ("sudo: The \"no new privileges\" flag is set", Some(NoSudo::Other)),
            ("This account is currently not available.", None),
        ] {
            assert_eq!(NoSudo::of(said), why, "{said}");
        }
    }
}
