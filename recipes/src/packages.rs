//! `ubuntu.*`: what apt brings to a node.

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{Entry, Hrd};
use ays_model::SecretUrl;

use crate::process::is_empty;
use crate::secrets::Secrets;
use crate::text::Text;
use crate::value::scalar;

/// What apt brings to a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packages {
    /// Lines of apt's sources.
    pub sources: Vec<String>,
    /// Where the keys are that these are signed by.
    pub keys: Vec<SecretUrl>,
    /// Whether apt's lists are brought up to date in any case.
    pub update: bool,
    /// Whether all packages of the node are brought up to date.
    pub upgrade: bool,
    /// The packages' names.
    pub names: Vec<String>,
}

pub(crate) fn read(
    service: &Hrd,
    file: &Text,
    substitute: &dyn Fn(&str) -> String,
    secrets: &Secrets<'_>,
) -> Result<Option<Packages>, Diagnostic> {
    let wrong =
        |entry: &Entry, message: &str| file.diagnostic(entry.key_span, format!("`{}`: {message}", entry.key));
    let text = |entry: &Entry| {
        let text = scalar(&entry.value).ok_or_else(|| wrong(entry, "must be text"))?;
        let text = substitute(&text);
        match secrets.words().within(&text) {
            Some(_) => Err(wrong(entry, "holds a secret, which would be shown")),
            None => Ok(text),
        }
    };
    let said = |key: &str| service.get(key).filter(|entry| !is_empty(entry));
    let mut packages = Packages::default();
    for (_, entry) in service.numbered("ubuntu.apt.source").into_iter().filter(|(_, entry)| !is_empty(entry))
    {
        // A colon would make it a dict.
        let line = text(entry)?.replace(';', ":").trim().to_owned();
        let is_line = line.starts_with("deb ") || line.starts_with("deb-src ");
        if !is_line || line.contains(char::is_control) {
            return Err(wrong(
                entry,
                "must be a line of apt's sources, such as `deb http;//HOST/ubuntu xenial main`",
            ));
        }
        packages.sources.push(line);
    }
    for (_, entry) in service.numbered("ubuntu.apt.key.pub").into_iter().filter(|(_, entry)| !is_empty(entry))
    {
        let address = text(entry)?.replace(';', ":");
        let address = SecretUrl::parse(address.trim()).map_err(|error| wrong(entry, &error.to_string()))?;
        packages.keys.push(address);
    }
    if let Some(entry) = said("ubuntu.packages") {
        for name in text(entry)?.split([',', ' ', '\n', '\t']).filter(|name| !name.is_empty()) {
            if !is_package(name) {
                return Err(wrong(entry, &format!("`{name}` is no name of a package")));
            }
            if !packages.names.iter().any(|known| known == name) {
                packages.names.push(name.to_owned());
            }
        }
    }
    packages.update = said("ubuntu.apt.update").is_some();
    packages.upgrade = said("ubuntu.apt.upgrade").is_some();
    Ok(Some(packages).filter(|packages| *packages != Packages::default()))
}

/// `nginx`, `libc6:i386`, `redis-server=5:6.0.16-1`. apt would remove `nginx-`.
fn is_package(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:=~_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_would_remove_is_no_package() {
        for name in ["nginx", "g++", "libc6:i386", "redis-server=5:6.0.16-1"] {
            assert!(is_package(name), "{name}");
        }
        for name in ["openssh-server-", "-y", "a b", "redis*", "~nredis"] {
            assert!(!is_package(name), "{name}");
        }
    }
}
