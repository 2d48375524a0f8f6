//! `git.export.N` and `git.build.N`: files of a git repository that come to a node.

use std::path::{Component, Path, PathBuf};

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{Hrd, Item};
use ays_repository::{Address, Which};

use crate::fields::{Fields, absolute};
use crate::process::is_empty;
use crate::secrets::Secrets;
use crate::settings::Settings;
use crate::system_path::{SYSTEM_PATH_CURE, is_of_system};
use crate::text::Text;

/// Files of a git repository that come to a node.
#[derive(Debug, Clone)]
pub struct GitExport {
    /// The repository. It prints without its password.
    pub address: Address,
    /// Which commit.
    pub which: Which,
    /// How many commits are fetched at the most; none: what the server gives.
    pub depth: Option<u32>,
    /// The path in the repository, without slashes at its ends; empty: all of it.
    pub source: String,
    /// What is in the directory `source`, and not that itself (`source:'x/*'`).
    pub is_contents: bool,
    /// Where it comes to on the node.
    pub dest: PathBuf,
    /// `dest` becomes a link to the files, which lie elsewhere on the node.
    pub link: bool,
    /// Directories are left out.
    pub nodirs: bool,
    /// What somebody changed in `dest` is replaced.
    pub overwrite: bool,
    /// The platforms that it is for; empty: all.
    pub platforms: Vec<String>,
    /// Where recipes may write although it is the system's.
    allowed: Vec<PathBuf>,
}

impl GitExport {
    /// Whether a link in it leads to where a node's own system lies: what else comes to the node would go there.
    pub fn leads_to_system(&self, path: &Path, to: &Path) -> bool {
        let places =
            [Some(&self.dest), self.link.then(|| self.kept_in()).as_ref()].map(Option::<&PathBuf>::cloned);
        places.into_iter().flatten().any(|place| {
            let mut whole = PathBuf::from("/");
            let link = place.join(path);
            for part in link.parent().unwrap_or(Path::new("/")).join(to).components() {
                match part {
                    Component::ParentDir => drop(whole.pop()),
                    Component::Normal(name) => whole.push(name),
                    _ => {}
                }
            }
            is_of_system(&whole, &self.allowed)
        })
    }

    /// Where the files lie that `dest` is a link to; those of each branch, tag or commit apart.
    pub fn kept_in(&self) -> PathBuf {
        let mut kept = of_repository("/opt/code", &self.address).into_os_string();
        if let Which::Branch(name) | Which::Tag(name) | Which::Commit(name) = &self.which {
            // No part of a repository's directory has a `@`, and no name of a branch begins or goes on with `//`.
            kept.push(if matches!(self.which, Which::Tag(_)) { "@@" } else { "@" });
            kept.push(name.replace('@', "@@").replace('/', "@"));
        }
        kept.into()
    }
}

/// `/opt/code/github/ACCOUNT/NAME` for `https://github.com/ACCOUNT/NAME.git`, as AYS had it.
fn of_repository(below: &str, address: &Address) -> PathBuf {
    let text = address.as_str();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest).trim_end_matches('/');
    let rest = rest.strip_suffix(".git").unwrap_or(rest);
    let mut path = PathBuf::from(below);
    for (number, part) in rest.split(['/', ':']).enumerate() {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let plain: String = part.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        let plain = plain.trim_start_matches('.');
        // The host without the last part of its name; an address stays whole.
        let is_name = number == 0 && plain.ends_with(|c: char| c.is_ascii_alphabetic());
        let plain = if is_name { plain.rsplit_once('.').map_or(plain, |(name, _)| name) } else { plain };
        if !plain.is_empty() {
            path.push(plain);
        }
    }
    path
}

/// The entries of a key, in numeric order.
pub(crate) fn read(
    key: &str,
    service: &Hrd,
    file: &Text,
    substitute: &dyn Fn(&str) -> String,
    secrets: &Secrets<'_>,
    settings: &Settings,
) -> Result<Vec<GitExport>, Diagnostic> {
    let entries = service.numbered(key).into_iter().filter(|(_, entry)| !is_empty(entry));
    let read = entries.map(|(_, entry)| {
        let example = "url:'https://..', source:'..', dest:'..',";
        let fields = Fields::of(entry, file, substitute, secrets, example)?;
        let usual = service.get("git.url").and_then(|entry| crate::value::scalar(&entry.value));
        one(&fields, usual, key == "git.build", settings)
    });
    read.collect()
}

fn one(
    fields: &Fields<'_>,
    usual: Option<String>,
    is_build: bool,
    settings: &Settings,
) -> Result<GitExport, Diagnostic> {
    let usual = usual.map(|url| (fields.substitute)(&url)).filter(|url| !url.is_empty());
    let url = fields.hidden("url")?.or(usual).ok_or_else(|| fields.wrong("`url` is missing"))?;
    let url = if url.starts_with("http") {
        let url = fields.secrets.address(&url, settings).map_err(|error| fields.wrong(error))?;
        url.expose().to_string()
    } else if let Some(secret) = fields.secrets.words().within(&url) {
        return Err(fields.wrong(format!("`url` holds {secret}, which would be shown")));
    } else {
        url
    };
    let address = Address::parse(&url).map_err(|error| fields.wrong(format!("`url`: {error}")))?;
    if address.is_local() {
        return Err(fields.wrong("`url` must not be a path of the machine that ays runs on"));
    }
    let names = [fields.text("branch")?, fields.text("tag")?, fields.text("revision")?];
    let which = match names {
        [_, None, Some(commit)] if is_commit(&commit) => Which::Commit(commit.to_lowercase()),
        [_, None, Some(_)] => {
            return Err(fields.wrong("`revision` must be the hash of a commit, of 40 digits"));
        }
        [None, Some(tag), None] => Which::Tag(tag),
        [_, Some(_), Some(_)] => return Err(fields.wrong("`tag` and `revision`: keep one of them")),
        [Some(_), Some(_), None] => return Err(fields.wrong("`branch` and `tag`: keep one of them")),
        [Some(branch), None, None] => Which::Branch(branch),
        [None, None, None] => Which::Main,
    };
    if let Which::Branch(name) | Which::Tag(name) = &which
        && !is_ref(name)
    {
        return Err(fields.wrong(format!("`{name}` is no name of a branch or tag")));
    }
    let source = fields.text("source")?.unwrap_or_default();
    let (source, is_contents) = match source.strip_suffix('*') {
        Some(directory) => (directory.to_owned(), true),
        None => (source, false),
    };
    let parts: Vec<_> = source.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") || source.contains(['*', '?']) {
        return Err(fields.wrong("`source` is a path in the repository, or one that ends in `/*`"));
    }
    let source = parts.join("/");
    let dest = match fields.item("dest") {
        None | Some(Item::String(_)) => fields.path("dest")?,
        Some(_) => return Err(fields.wrong("`dest` must be text")),
    };
    let dest = match dest {
        Some(dest) => dest,
        None if is_build => of_repository("/opt/build", &address),
        None => return Err(fields.wrong("`dest` is missing")),
    };
    if dest == Path::new("/") || absolute(&dest.display().to_string()).is_err() {
        return Err(fields.wrong("`dest` must be an absolute path"));
    }
    if is_of_system(&dest, &settings.system_paths) {
        let message = format!("`dest` lies where the node's own system does: {}", dest.display());
        return Err(fields.wrong(message).with_help(SYSTEM_PATH_CURE));
    }
    let depth = fields.number("depth")?.map(u32::try_from).transpose();
    let depth = depth.map_err(|_| fields.wrong("`depth` must be a number of commits"))?;
    Ok(GitExport {
        address,
        which,
        depth: depth.filter(|depth| *depth > 0),
        // A repository as a whole is what is in it.
        is_contents: is_contents || source.is_empty(),
        source,
        dest,
        link: fields.flag("link")?,
        nodirs: fields.flag("nodirs")?,
        overwrite: fields.text("overwrite")?.is_none() || fields.flag("overwrite")?,
        platforms: fields.list("platform")?.iter().map(|name| name.to_lowercase()).collect(),
        allowed: settings.system_paths.clone(),
    })
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether git would have a branch of such a name: what matters is that it is no pattern and no option.
fn is_ref(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '#' | '@');
    !name.starts_with('-') && !name.contains("..") && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(which: Which) -> GitExport {
        GitExport {
            address: Address::parse("https://example.org/a/b").unwrap(),
            which,
            depth: None,
            source: String::new(),
            is_contents: true,
            dest: "/opt/app".into(),
            link: true,
            nodirs: false,
            overwrite: true,
            platforms: Vec::new(),
            allowed: vec!["/usr/share/app".into()],
        }
    }

    #[test]
    fn branches_are_kept_apart() {
        use Which::{Branch, Commit, Main, Tag};
        let which = |kind: fn(String) -> Which, name: &str| kind(name.to_owned());
        let all = [
            Main,
            which(Branch, "x"),
            which(Branch, "x/y"),
            which(Branch, "x@y"),
            which(Branch, "@x"),
            which(Tag, "x"),
            which(Tag, "@x"),
            which(Commit, "0a"),
        ];
        let kept: std::collections::BTreeSet<_> =
            all.iter().map(|which| export(which.clone()).kept_in()).collect();
        assert_eq!(kept.len(), all.len(), "{kept:?}");
        assert_eq!(export(Main).kept_in(), Path::new("/opt/code/example/a/b"));
        assert_eq!(export(which(Branch, "x/y")).kept_in(), Path::new("/opt/code/example/a/b@x@y"));
    }

    #[test]
    fn a_link_to_the_system_is_none_that_comes_to_a_node() {
        let export = export(Which::Main);
        for to in ["/etc/cron.d", "../../../etc", "../../../../../../../usr/bin/x"] {
            assert!(export.leads_to_system(Path::new("a/link"), Path::new(to)), "{to}");
        }
        for to in ["b", "../b", "/opt/x", "/usr/share/app/x"] {
            assert!(!export.leads_to_system(Path::new("a/link"), Path::new(to)), "{to}");
        }
    }

    #[test]
    fn a_repository_has_a_directory_of_its_own() {
        for (address, directory) in [
            ("https://github.com/0-complexity/openvcloud.git", "/opt/code/github/0-complexity/openvcloud"),
            ("git@github.com:a/b", "/opt/code/github/a/b"),
            ("https://10.0.0.1/a/b", "/opt/code/10.0.0.1/a/b"),
            ("ssh://git@git.example.org:2222/x/y.git", "/opt/code/git.example/2222/x/y"),
        ] {
            assert_eq!(of_repository("/opt/code", &Address::parse(address).unwrap()), Path::new(directory));
        }
    }
}
