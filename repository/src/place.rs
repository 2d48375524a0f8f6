//! Which repository an address means, however it is written.

use crate::address::{Address, Kind};

/// Host and path, in the form that all ways to write an address have in common: `https://bob@h/a.git`, `ssh://git@h/a` and
/// `h:a` are `h/a`. Whether they lead to one repository, only a person can say.
pub fn place_of(address: &str) -> String {
    let plain = |path: &str| {
        let path = path.trim_end_matches('/');
        path.strip_suffix(".git").unwrap_or(path).to_owned()
    };
    let on_host = |host: &str, path: &str| {
        let path = path.trim_start_matches('/');
        format!("{}/{}", host.to_lowercase(), plain(path.strip_prefix("~/").unwrap_or(path)))
    };
    match Address::parse(address) {
        Ok(address) => match &address.kind {
            Kind::Ssh(ssh) => on_host(&ssh.host, &ssh.path),
            Kind::Web { host, .. } => {
                let after_host =
                    address.as_str().split_once("://").and_then(|(_, rest)| rest.split_once('/'));
                on_host(host, after_host.map_or("", |(_, path)| path))
            }
            Kind::Local => plain(address.as_str().strip_prefix("file://").unwrap_or(address.as_str())),
        },
        Err(_) => plain(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_one_place() {
        for address in [
            "https://git.aydo.com/envs/g8.git",
            "https://bob@GIT.aydo.com/envs/g8/",
            "http://git.aydo.com:80/envs/g8",
            "git@git.aydo.com:envs/g8.git",
            "ssh://git@git.aydo.com:2222/envs/g8",
            "ssh://git.aydo.com/~/envs/g8",
        ] {
            assert_eq!(place_of(address), "git.aydo.com/envs/g8", "{address}");
        }
        assert_eq!(place_of("file:///srv/g8.git"), place_of("/srv/g8/"));
        for address in
            ["https://evil.example/envs/g8", "https://git.aydo.com/evil/g8", "/git.aydo.com/envs/g8"]
        {
            assert_ne!(place_of(address), "git.aydo.com/envs/g8", "{address}");
        }
    }
}
