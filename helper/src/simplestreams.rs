//! The texts of a simplestreams server: its index, and the products that this names.

use std::collections::BTreeMap;

use ays_model::{Checksum, ChecksumKind, near};
use serde::Deserialize;

/// The most files of products that one index leads to.
const MOST_FILES: usize = 4;

/// What is wrong with such a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// It is none.
    #[error("it is no simplestreams text: {0}")]
    Syntax(String),
    /// The index has nothing that could hold the product.
    #[error("no stream of images to download has the product {0}")]
    NoStream(String),
    /// There is no such product.
    #[error("it has no product {product}{}", meant(.near))]
    NoProduct {
        /// Its name.
        product: String,
        /// One that is there.
        near: Option<String>,
    },
    /// Several have that short name.
    #[error("{product} may be each of {}: name one of them", .all.join(", "))]
    SeveralProducts {
        /// The short name.
        product: String,
        /// Their names.
        all: Vec<String>,
    },
    /// No version has such a file.
    #[error("no version of it has the item {item}; there are {}", .all.join(", "))]
    NoItem {
        /// Its name.
        item: String,
        /// Those that are there.
        all: Vec<String>,
    },
    /// Nothing says what the bytes are.
    #[error("its item {0} has no checksum")]
    NoChecksum(String),
    /// A path that leads elsewhere.
    #[error("a path in it leads out of the stream's own directory: {0}")]
    Path(String),
}

fn meant(near: &Option<String>) -> String {
    near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

/// The newest file of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// From the stream's directory.
    pub path: String,
    /// The strongest one.
    pub checksum: Checksum,
    /// The version's name, such as `20241106`.
    pub version: String,
}

#[derive(Deserialize)]
struct Index {
    index: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    #[serde(default)]
    datatype: String,
    #[serde(default)]
    products: Vec<String>,
}

#[derive(Deserialize)]
struct Products {
    products: BTreeMap<String, Product>,
}

#[derive(Deserialize)]
struct Product {
    #[serde(default)]
    aliases: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    arch: String,
    #[serde(default)]
    versions: BTreeMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    items: BTreeMap<String, Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    ftype: String,
    #[serde(default)]
    path: String,
    sha512: Option<String>,
    sha256: Option<String>,
    md5: Option<String>,
}

/// The paths of the files that may describe a product, those that name it first.
pub fn product_files(index: &str, product: &str) -> Result<Vec<String>, StreamFault> {
    let Index { index } = read(index)?;
    let images =
        index.values().filter(|entry| entry.datatype.is_empty() || entry.datatype == "image-downloads");
    let arch = product.rsplit(':').next().unwrap_or_default();
    let may_have = |entry: &&Entry| {
        let has = |name: &String| name == product || name.rsplit(':').next() == Some(arch);
        entry.products.is_empty() || entry.products.iter().any(has)
    };
    let mut found: Vec<&Entry> = images.filter(may_have).collect();
    found.sort_by_key(|entry| !entry.products.iter().any(|name| name == product));
    if found.is_empty() {
        return Err(StreamFault::NoStream(product.to_owned()));
    }
    let paths = found.into_iter().take(MOST_FILES).map(|entry| plain(&entry.path));
    paths.collect()
}

/// The newest version of a product that has this item.
pub fn newest(products: &str, product: &str, item: &str) -> Result<Newest, StreamFault> {
    let Products { products } = read(products)?;
    let found = named(&products, product)?;
    let of_item = |version: &'_ Version| -> Option<usize> {
        version.items.iter().position(|(name, found)| name == item || found.ftype == item)
    };
    let with_item =
        found.versions.iter().filter_map(|(name, version)| Some((name, version, of_item(version)?)));
    let newest = with_item.max_by(|(a, ..), (b, ..)| alphanumeric_sort::compare_str(a, b));
    let Some((version, items, at)) = newest else {
        let mut all: Vec<String> =
            found.versions.values().flat_map(|version| version.items.keys().cloned()).collect();
        all.sort();
        all.dedup();
        return Err(StreamFault::NoItem { item: item.to_owned(), all });
    };
    let found = items.items.values().nth(at);
    let Some(Item { path, sha512, sha256, md5, .. }) = found else {
        return Err(StreamFault::NoChecksum(item.to_owned()));
    };
    let said = [(ChecksumKind::Sha512, sha512), (ChecksumKind::Sha256, sha256), (ChecksumKind::Md5, md5)];
    let checksum = said.into_iter().find_map(|(kind, digits)| kind.read(digits.as_ref()?.trim()).ok());
    Ok(Newest {
        path: plain(path)?,
        checksum: checksum.ok_or_else(|| StreamFault::NoChecksum(item.to_owned()))?,
        version: version.chars().filter(|c| !c.is_control()).take(100).collect(),
    })
}

/// The product of this name, or the only one of this short name (`ubuntu:24.04:amd64`).
fn named<'a>(products: &'a BTreeMap<String, Product>, name: &str) -> Result<&'a Product, StreamFault> {
    if let Some(product) = products.get(name) {
        return Ok(product);
    }
    let parts: Vec<&str> = name.split(':').collect();
    let is_it = |(id, product): &(&String, &Product)| match parts[..] {
        [os, release, arch] => {
            let is_os = if product.os.is_empty() { id.contains(os) } else { product.os == os };
            let mut releases = product
                .aliases
                .split(',')
                .map(str::trim)
                .chain([product.release.as_str(), product.version.as_str()]);
            is_os && product.arch == arch && releases.any(|known| known == release)
        }
        _ => false,
    };
    let found: Vec<_> = products.iter().filter(is_it).collect();
    match found[..] {
        [(_, only)] => Ok(only),
        [] => {
            let near = near(name, products.keys().map(String::as_str)).map(str::to_owned);
            Err(StreamFault::NoProduct { product: name.to_owned(), near })
        }
        _ => {
            let all = found.iter().take(10).map(|(id, _)| (*id).clone()).collect();
            Err(StreamFault::SeveralProducts { product: name.to_owned(), all })
        }
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, StreamFault> {
    serde_json::from_str(text)
        .map_err(|error| StreamFault::Syntax(error.to_string().chars().take(200).collect()))
}

/// A path that stays below where it is put.
fn plain(path: &str) -> Result<String, StreamFault> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    let no_marks = !path.contains(|c: char| c.is_control() || matches!(c, '\\' | '?' | '#' | '%'));
    if no_marks && path.split('/').all(is_plain) {
        Ok(path.to_owned())
    } else {
        Err(StreamFault::Path(path.chars().filter(|c| !c.is_control()).take(200).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"{"format": "index:1.0", "index": {
        "com.ubuntu.cloud:released:aws": {"datatype": "image-ids", "path": "streams/v1/aws.json", "products": ["a:amd64"]},
        "com.ubuntu.cloud:released:download": {"datatype": "image-downloads", "format": "products:1.0",
            "path": "streams/v1/com.ubuntu.cloud:released:download.json",
            "products": ["com.ubuntu.cloud:server:24.04:amd64", "com.ubuntu.cloud:server:22.04:amd64"]}}}"#;

    fn products(path: &str) -> String {
        let item = |version: &str, more: &str| {
            format!(
                r#""{version}": {{"items": {{"disk1.img": {{"ftype": "disk1.img", "md5": "{}", "sha256": "{}", "size": 5,
                "path": "{path}"}}{more}}}}}"#,
                "a".repeat(32),
                "b".repeat(64)
            )
        };
        let other =
            format!(r#", "ova": {{"ftype": "ova", "path": "x.ova", "sha256": "{}"}}"#, "c".repeat(64));
        format!(
            r#"{{"products": {{
            "com.ubuntu.cloud:server:24.04:amd64": {{"aliases": "24.04,n,noble,default,lts", "os": "ubuntu",
                "release": "noble", "version": "24.04", "arch": "amd64", "versions": {{{}, {}, {}}}}},
            "com.ubuntu.cloud:server:24.04:arm64": {{"aliases": "24.04,n,noble", "os": "ubuntu", "release": "noble",
                "version": "24.04", "arch": "arm64", "versions": {{}}}}}}}}"#,
            item("20240423", ""),
            item("20241106.1", &other),
            item("20241106", ""),
        )
    }

    #[test]
    fn the_newest_version_of_a_product() {
        let files = product_files(INDEX, "ubuntu:24.04:amd64").unwrap();
        assert_eq!(files, ["streams/v1/com.ubuntu.cloud:released:download.json"]);
        let text = products("server/releases/noble/x.img");
        for name in [
            "com.ubuntu.cloud:server:24.04:amd64",
            "ubuntu:24.04:amd64",
            "ubuntu:noble:amd64",
            "ubuntu:lts:amd64",
        ] {
            let found = newest(&text, name, "disk1.img").unwrap();
            assert_eq!(
                (found.version.as_str(), found.path.as_str()),
                ("20241106.1", "server/releases/noble/x.img")
            );
            assert_eq!(found.checksum.kind(), ChecksumKind::Sha256);
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let text = products("x.img");
        let no_item = newest(&text, "ubuntu:24.04:amd64", "disk2.img").unwrap_err();
        assert_eq!(no_item.to_string(), "no version of it has the item disk2.img; there are disk1.img, ova");
        let no_product = newest(&text, "ubuntu:25.04:amd64", "disk1.img").unwrap_err();
        assert!(matches!(no_product, StreamFault::NoProduct { .. }), "{no_product}");
        assert!(matches!(product_files(INDEX, "ubuntu:24.04:s390x"), Err(StreamFault::NoStream(_))));
        assert!(matches!(product_files("<html>", "a"), Err(StreamFault::Syntax(_))));
        for path in ["../x.img", "/x.img", "a/../../x.img", "a/%2e%2e/x.img", "a//x", "x?y", ""] {
            let led = newest(&products(path), "ubuntu:24.04:amd64", "disk1.img");
            assert_eq!(led, Err(StreamFault::Path(path.to_owned())), "{path}");
        }
    }
}
