//! A remote that git itself talks to, since its ways to get there are more than libgit2's.

use std::path::Path;

use ays_model::NewHostKeys;
use git2::{Oid, Repository};
use secrecy::{ExposeSecret, SecretString};
use tempfile::NamedTempFile;

use crate::access::Access;
use crate::address::{Address, Kind};
use crate::needs::Need;
use crate::ssh::configuration;
use crate::user_git::{UserGit, UserGitError};

/// git, and how it gets there.
pub(crate) struct ByGit<'a> {
    git: UserGit<'a>,
    address: &'a Address,
    ssh: Option<Ssh>,
    token: Option<&'a SecretString>,
}

struct Ssh {
    command: String,
    /// It goes when the work is done.
    _configuration: NamedTempFile,
}

/// The words for git by which it gives a login to a helper that prints it.
const HELPER: &str = "!f() { test \"$1\" != get || printf 'username=%s\\npassword=%s\\n' \"$AYS_LOGIN_USER\" \"$AYS_LOGIN_PASSWORD\"; }; f";

impl<'a> ByGit<'a> {
    pub fn new(
        repository: &'a Repository,
        address: &'a Address,
        need: Need,
        access: &'a Access,
    ) -> std::io::Result<Self> {
        let ssh = match need {
            Need::Ssh { .. } => Some(Ssh::new(repository.path(), access)?),
            _ => None,
        };
        let root = repository.workdir().unwrap_or_else(|| repository.path());
        Ok(Self {
            git: UserGit { root, need, stop: &access.stop },
            address,
            ssh,
            token: access.token.as_ref(),
        })
    }

    /// The full name of the remote's main branch.
    pub fn default_branch(&self) -> Result<Option<String>, UserGitError> {
        let said = self.run(&["ls-remote", "-q", "--symref", "--", self.address.as_str(), "HEAD"])?;
        let first = said.lines().next().and_then(|line| line.strip_prefix("ref: ")?.strip_suffix("\tHEAD"));
        Ok(first.map(str::to_owned))
    }

    /// The commit of one of the remote's branches.
    pub fn commit_of(&self, branch: &str) -> Result<Option<Oid>, UserGitError> {
        let name = format!("refs/heads/{branch}");
        let said = self.run(&["ls-remote", "-q", "--", self.address.as_str(), &name])?;
        let mut lines = said.lines().filter_map(|line| line.split_once('\t'));
        Ok(lines.find(|(_, found)| *found == name).and_then(|(commit, _)| commit.parse().ok()))
    }

    pub fn fetch(&self, refspecs: &[String]) -> Result<(), UserGitError> {
        let quiet = ["--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
        let specs: Vec<_> = refspecs.iter().map(String::as_str).collect();
        self.run(&[&["fetch", "-q"], &quiet[..], &["--", self.address.as_str()], &specs].concat()).map(drop)
    }

    /// Pushes; gives what the remote refused it with.
    pub fn push(&self, refspec: &str) -> Result<Option<String>, UserGitError> {
        // The hook was asked already.
        match self.run(&["push", "-q", "--no-verify", "--", self.address.as_str(), refspec]) {
            Ok(_) => Ok(None),
            Err(UserGitError::Failed { said, .. }) if said.contains("[remote rejected]") => {
                Ok(Some(rejected(&said)))
            }
            Err(error) => Err(error),
        }
    }

    /// The key of a helper for the address's host alone, and what it says: the password of the address, or the token.
    fn login(&self) -> Option<(String, String, &SecretString)> {
        let Kind::Web { user, is_encrypted, .. } = &self.address.kind else { return None };
        // A token may be meant for another server, but is never sent in the clear.
        let token = self.token.filter(|_| *is_encrypted);
        let password = self.address.password.as_ref().or(token)?;
        let origin = url::Url::parse(self.address.as_str()).ok()?.origin().ascii_serialization();
        Some((
            format!("credential.{origin}.helper"),
            user.clone().unwrap_or_else(|| "git".to_owned()),
            password,
        ))
    }

    fn run(&self, arguments: &[&str]) -> Result<String, UserGitError> {
        // Its words are read.
        let mut variables = vec![("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C")];
        variables.extend(self.ssh.as_ref().map(|ssh| ("GIT_SSH_COMMAND", ssh.command.as_str())));
        let login = self.login();
        if let Some((key, user, password)) = &login {
            variables.extend([
                // The first leaves out the helpers of before: what was given goes before what they know.
                ("GIT_CONFIG_COUNT", "2"),
                ("GIT_CONFIG_KEY_0", key.as_str()),
                ("GIT_CONFIG_VALUE_0", ""),
                ("GIT_CONFIG_KEY_1", key.as_str()),
                ("GIT_CONFIG_VALUE_1", HELPER),
                ("AYS_LOGIN_USER", user.as_str()),
                ("AYS_LOGIN_PASSWORD", password.expose_secret()),
            ]);
        }
        let output = self.git.run_with(arguments, &[], &variables)?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

impl Ssh {
    fn new(git_dir: &Path, access: &Access) -> std::io::Result<Self> {
        // A jump of ssh reads the file again, so that it cannot be a pipe.
        let file = tempfile::Builder::new().prefix("ays-ssh-").tempfile_in(git_dir)?;
        std::fs::write(file.path(), configuration(&access.home))?;
        let host_keys = match access.new_host_keys {
            NewHostKeys::Accept => "accept-new",
            NewHostKeys::Refuse => "yes",
            NewHostKeys::Ask(_) => "ask",
        };
        let batch = if access.ask.is_some() { "no" } else { "yes" };
        let path = quoted(&file.path().display().to_string());
        let command = format!("ssh -F {path} -o StrictHostKeyChecking={host_keys} -o BatchMode={batch}");
        Ok(Self { command, _configuration: file })
    }
}

/// What the server told people, and why it refused.
fn rejected(said: &str) -> String {
    let told = said.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim_end);
    let why = said.lines().find_map(|line| line.split_once("[remote rejected]")?.1.rsplit_once('('));
    let why = why.map(|(_, why)| why.trim_end_matches(')'));
    told.chain(why).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A word as a shell takes it for itself.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_push_is_told_as_the_server_says() {
        let said = "remote: not on a Friday        \nTo forge:g8.git\n ! [remote rejected] main -> main (pre-receive hook \
                    declined)\nerror: failed to push some refs to 'forge:g8.git'";
        assert_eq!(rejected(said), "not on a Friday\npre-receive hook declined");
    }

    #[test]
    fn a_word_stays_one_in_a_shell() {
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
