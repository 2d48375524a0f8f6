//! `web.export.N`: a file that is fetched to the node.

use std::path::{Component, Path, PathBuf};

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{Entry, Item, Value};
use ays_model::{
    Artifact, ArtifactAddress, Check, Checksum, ChecksumKind, Download, Member, Scheme, SecretUrl, Signed,
    Stream, near,
};

use crate::secrets::{self, Secrets};
use crate::settings::Settings;
use crate::signing_keys::SigningKeys;
use crate::system_path::{SYSTEM_PATH_CURE, is_of_system};
use crate::text::Text;

/// The keys that say how a download is verified.
pub const CHECKS: [&str; 8] = ["checkmd5", "md5", "sha1", "sha256", "sha384", "sha512", "sums", "signed"];

/// Reads one entry; `substitute` replaces `$(..)`, secrets by words, `settings` say how its source is reached,
/// and `keys` are those whose signatures count.
pub(crate) fn read(
    entry: &Entry,
    file: &Text,
    substitute: &dyn Fn(&str) -> String,
    secrets: &Secrets<'_>,
    settings: &Settings,
    keys: &SigningKeys,
) -> Result<Download, Diagnostic> {
    // The key is shown, not the value: that may hold a password.
    let wrong = |message: String| file.diagnostic(entry.key_span, format!("`{}`: {message}", entry.key));
    let Value::Dict(pairs) = &entry.value else {
        return Err(wrong("expected pairs such as `url:'..', source:'..', dest:'..',`".to_owned()));
    };
    let any = |name: &str| -> Result<Option<String>, Diagnostic> {
        let text = match pairs.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some((_, Item::String(text))) => substitute(text),
            Some(_) => return Err(wrong(format!("`{name}` must be text"))),
            None => return Ok(None),
        };
        if let Some(at) = text.find("$(") {
            let reference: String = text[at..].chars().take_while(|c| *c != ')').chain([')']).collect();
            let without_value = wrong(format!("`{name}` holds {reference}, which has no value"));
            return Err(match secrets::missing(&text) {
                Some((_, secret)) => without_value.with_help(secrets::how_to_keep(secret)),
                None => without_value,
            });
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    };
    let get = |name: &str| match any(name)? {
        Some(text) => match secrets.words().within(&text) {
            Some(secret) => Err(wrong(format!("`{name}` holds {secret}, which would be shown"))),
            None => Ok(Some(text)),
        },
        None => Ok(None),
    };
    let missing = |name: &str| wrong(format!("`{name}` is missing"));
    let url = any("url")?.ok_or_else(|| missing("url"))?;
    let address = join(&url, &any("source")?.unwrap_or_default());
    let url = secrets.address(&address, settings).map_err(|error| wrong(error.to_string()))?;
    let dest = get("dest")?.ok_or_else(|| missing("dest"))?;
    let dest = destination(&dest).map_err(|problem| wrong(format!("`dest` {problem}")))?;
    if is_of_system(&dest, &settings.system_paths) {
        let message = format!("`dest` lies where the node's own system does: {}", dest.display());
        return Err(wrong(message).with_help(SYSTEM_PATH_CURE));
    }
    let check = check(pairs, &url, &get, keys).map_err(|problem| match problem {
        NoCheck::Value(error) => error,
        NoCheck::Asked { message, cure } => wrong(message).with_help(cure),
    })?;
    let (mirrors, network) = (settings.mirrors(&url), settings.network(&url));
    if let Check::Artifact(Artifact { tokens: Some(server), .. }) = &check {
        secrets.are_sent(&address, server, settings);
    }
    let may_be_layer = url.scheme().is_oci();
    // What can only name a layer names no file in it.
    let is_meant = |name: &String| !may_be_layer || Artifact::may_be_in_layer(name);
    let member = get("member")?.filter(is_meant).map(|name| Member { name, may_be_layer });
    Ok(Download { url, mirrors, dest, check, member, network })
}

/// Why a download has no check.
enum NoCheck {
    /// The value of a key cannot be had.
    Value(Diagnostic),
    /// What is asked for cannot be done.
    Asked {
        /// What is wrong.
        message: String,
        /// What to do about it.
        cure: String,
    },
}

/// How the bytes are verified: the strongest way that is asked for. What looks like a check and is none that is known
/// is an error: nothing may be weaker than a recipe asks.
fn check(
    pairs: &[(String, Item)],
    url: &SecretUrl,
    get: &dyn Fn(&str) -> Result<Option<String>, Diagnostic>,
    keys: &SigningKeys,
) -> Result<Check, NoCheck> {
    if let Some((key, _)) = pairs.iter().find(|(key, _)| looks_like_a_check(key)) {
        let meant = near(key, CHECKS).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        let message = format!("`{key}` is no check that is known{meant}");
        return Err(NoCheck::Asked { message, cure: format!("those are {}", CHECKS.join(", ")) });
    }
    let get = |name: &str| get(name).map_err(NoCheck::Value);
    let mut strongest: Option<Checksum> = None;
    for kind in ChecksumKind::ALL {
        let Some(text) = get(kind.as_str())? else { continue };
        let checksum = kind.read(text.trim()).map_err(|_| NoCheck::Asked {
            message: format!("`{kind}` must be {} hexadecimal digits", kind.digits()),
            cure: format!("write the first word of `{kind}sum FILE`"),
        })?;
        // They come from the weakest to the strongest.
        strongest = Some(checksum);
    }
    let md5 = match get("checkmd5")?.map(|text| text.trim().to_lowercase()).as_deref() {
        Some("true" | "1") => true,
        Some("false" | "0") | None => false,
        Some(_) => {
            return Err(NoCheck::Asked {
                message: "`checkmd5` is neither true nor false".to_owned(),
                cure: "write checkmd5:'true' or checkmd5:'false'".to_owned(),
            });
        }
    };
    if url.scheme().is_oci() {
        let others = ["sums", "signed", "product"].map(|key| get(key).map(|value| value.is_some()));
        let has_others = others.into_iter().collect::<Result<Vec<_>, _>>()?.contains(&true);
        return artifact(url, strongest.is_some() || md5 || has_others, &get);
    }
    for key in ["arch", "tokens"] {
        if get(key)?.is_some() {
            return Err(NoCheck::Asked {
                message: format!("`{key}` is for what registries hold (oci://HOST/REPOSITORY:TAG)"),
                cure: "take it away".to_owned(),
            });
        }
    }
    if let Some(product) = get("product")? {
        return stream(product, strongest.is_some() || md5 || get("sums")?.is_some(), &get, keys);
    }
    let signed = match get("signed")? {
        Some(file) => Some(signed(file.trim(), keys)?),
        None => None,
    };
    Ok(match (strongest, get("sums")?, signed) {
        (Some(checksum), Some(_), None) if checksum.kind().is_weak() => {
            return Err(NoCheck::Asked {
                message: format!("`{}` is weak, and the list of `sums` may be stronger", checksum.kind()),
                cure: "keep one of them".to_owned(),
            });
        }
        (Some(checksum), Some(_), Some(_)) => {
            return Err(NoCheck::Asked {
                message: format!(
                    "`{}` and a signed list: which of them counts is not clear",
                    checksum.kind()
                ),
                cure: format!("keep `{}`, or `sums` with `signed`", checksum.kind()),
            });
        }
        (checksum, None, Some(signed)) => Check::Signed { signed, checksum },
        (Some(checksum), _, None) => Check::Checksum(checksum),
        (None, Some(list), signed) => Check::Sums { list, file: get("file")?, signed },
        (None, None, None) if md5 => Check::Md5Beside,
        (None, None, None) => Check::None,
    })
}

/// What a simplestreams server says of a product.
fn stream(
    product: String,
    has_other_check: bool,
    get: &dyn Fn(&str) -> Result<Option<String>, NoCheck>,
    keys: &SigningKeys,
) -> Result<Check, NoCheck> {
    if has_other_check {
        return Err(NoCheck::Asked {
            message: "`product` has a checksum of its own in the stream".to_owned(),
            cure: "take the other check away".to_owned(),
        });
    }
    let Some(item) = get("item")? else {
        return Err(NoCheck::Asked {
            message: "`item` is missing: `product` has several files".to_owned(),
            cure: "write item:'disk1.img', or whichever file of the product it is".to_owned(),
        });
    };
    let signed = match get("signed")? {
        // The streams themselves are signed: there is no file to name.
        Some(file) => Some(signed(&file, keys)?.keys),
        None => None,
    };
    Ok(Check::Stream(Stream { product, item, signed }))
}

/// What picks the disk in an artifact of a registry.
fn artifact(
    url: &SecretUrl,
    has_other_check: bool,
    get: &dyn Fn(&str) -> Result<Option<String>, NoCheck>,
) -> Result<Check, NoCheck> {
    ArtifactAddress::of(url).map_err(|error| NoCheck::Asked {
        message: error.to_string(),
        cure: "write oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@sha256:..".to_owned(),
    })?;
    if has_other_check {
        return Err(NoCheck::Asked {
            message: "an artifact of a registry has digests of its own".to_owned(),
            cure: "take the other check away; @sha256:.. in the address names one artifact for ever"
                .to_owned(),
        });
    }
    let tokens = match get("tokens")? {
        Some(text) => Some(token_server(url, text.trim())?),
        None => None,
    };
    let arch = get("arch")?.map_or_else(|| Artifact::ARCH.to_owned(), |arch| arch.trim().to_owned());
    Ok(Check::Artifact(Artifact { arch, item: get("item")?, member: get("member")?, tokens }))
}

/// The server of tokens that a recipe names; by https where it does not say.
fn token_server(url: &SecretUrl, text: &str) -> Result<SecretUrl, NoCheck> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let wrong = |message: &str| NoCheck::Asked {
        message: format!("`tokens` {message}"),
        cure: "write the host that gives tokens, such as tokens:'auth.docker.io'".to_owned(),
    };
    let server = SecretUrl::parse(&whole).map_err(|_| wrong("is no host"))?;
    let bare = server.expose();
    let is_bare = bare.username().is_empty()
        && bare.password().is_none()
        && bare.path() == "/"
        && bare.query().is_none()
        && bare.fragment().is_none();
    match server.scheme() {
        Scheme::Https if is_bare => Ok(server),
        Scheme::Http if is_bare && url.scheme() == Scheme::OciHttp => Ok(server),
        Scheme::Http if is_bare => Err(wrong("would be sent the login without encryption")),
        _ => Err(wrong("is a host alone, without a login and a path")),
    }
}

/// The signature that is asked for, with the keys that may have made it.
fn signed(file: &str, keys: &SigningKeys) -> Result<Signed, NoCheck> {
    let is_name = !file.is_empty() && !file.contains(|c: char| c.is_control());
    if !is_name {
        return Err(NoCheck::Asked {
            message: "`signed` names no file".to_owned(),
            cure: "write the name of the signature's file beside the source, such as signed:'SHA256SUMS.gpg'"
                .to_owned(),
        });
    }
    let keys = keys
        .all()
        .map_err(|error| NoCheck::Asked { message: format!("`signed`: {error}"), cure: error.cure() })?;
    Ok(Signed { file: file.to_owned(), keys })
}

/// Whether a key that is none of [`CHECKS`] asks for a check all the same, in the words of other tools.
pub fn looks_like_a_check(key: &str) -> bool {
    const WORDS: [&str; 11] =
        ["md5", "sha1", "sha2", "sha3", "sha5", "sum", "check", "digest", "hash", "verif", "sign"];
    let plain = key.to_lowercase().replace(['-', '_', '.'], "");
    !CHECKS.iter().any(|known| key.eq_ignore_ascii_case(known))
        && WORDS.iter().any(|word| plain.contains(word))
}

/// `url` + `/` + `source`, whatever slashes they bring along. A `#` is a character of a path or a password: what is
/// fetched has no fragment; and only the web has queries.
fn join(url: &str, source: &str) -> String {
    let base = url.trim_end_matches('/');
    let source = source.trim_start_matches('/');
    let address = match (source, base.ends_with(':')) {
        ("", _) => url.to_owned(),
        (source, true) => format!("{base}///{source}"),
        (source, false) => format!("{base}/{source}"),
    };
    let address = address.replace('#', "%23");
    if address.starts_with("http") { address } else { address.replace('?', "%3F") }
}

/// A path on the node that a file may be put to.
fn destination(text: &str) -> Result<PathBuf, &'static str> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err("must be an absolute path");
    }
    if text.ends_with('/') || path.file_name().is_none() {
        return Err("must be the path of a file, not of a directory");
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err("must not contain `..`");
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_and_source_are_joined_by_one_slash() {
        for (url, source, whole) in [
            ("ftp://h", "/a/b", "ftp://h/a/b"),
            ("ftp://h/", "a", "ftp://h/a"),
            ("http://h/x//", "//a", "http://h/x/a"),
            ("http://h/x", "", "http://h/x"),
            ("file://", "/srv/a", "file:///srv/a"),
            ("file:///srv", "a", "file:///srv/a"),
            ("ftp://u:a#b@h", "x #1?.img", "ftp://u:a%23b@h/x %231%3F.img"),
            ("http://h", "x?version=1#2", "http://h/x?version=1%232"),
        ] {
            assert_eq!(join(url, source), whole);
        }
    }

    #[test]
    fn only_the_absolute_path_of_a_file_is_a_destination() {
        assert_eq!(destination("/opt/a.img"), Ok(PathBuf::from("/opt/a.img")));
        for (text, problem) in [
            ("a.img", "must be an absolute path"),
            ("/opt/", "must be the path of a file, not of a directory"),
            ("/", "must be the path of a file, not of a directory"),
            ("/opt/../etc/passwd", "must not contain `..`"),
            ("/opt/a\nb", "must not contain control characters"),
        ] {
            assert_eq!(destination(text), Err(problem), "{text:?}");
        }
    }
}
