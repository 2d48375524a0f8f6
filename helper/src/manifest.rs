//! The manifests of a registry: which one of an index is meant, and which layer is the disk.

use std::collections::BTreeMap;

use ays_model::{Artifact, Checksum, artifact_digest, unpacked_name};
use ays_unpack::is_named;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The most entries of an index, and the most layers.
const MOST: usize = 1000;

/// The most of them that are told.
const MOST_TOLD: usize = 20;

/// The longest name that is told, in characters.
const NAME: usize = 200;

/// What `oras` calls a layer by: the name of the file that it was.
const TITLE: &str = "org.opencontainers.image.title";

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// It is none.
    #[error("it is no manifest: {0}")]
    Syntax(String),
    /// Of the kind that registries gave up: it has no digests.
    #[error(
        "its manifest is of the first version of Docker's, which is not read: push it again with a tool of today"
    )]
    FirstVersion,
    /// Two readers would take it for two things.
    #[error("its manifest is an index and an image at once, so what it means is not clear")]
    TwoKinds,
    /// Too many of something.
    #[error("its manifest has more than {MOST} {0}")]
    TooMany(&'static str),
    /// An index without the processor that is meant.
    #[error("it has nothing for the processor {arch}; it has {} (arch:'..' picks one)", told(.all))]
    NoArch {
        /// The one that is meant.
        arch: String,
        /// Those that are there.
        all: Vec<String>,
    },
    /// An index without the item that is meant.
    #[error("nothing of it for the processor {arch} is called {item}; there are {}", told(.all))]
    NoItem {
        /// The processor.
        arch: String,
        /// The item.
        item: String,
        /// Those that are there.
        all: Vec<String>,
    },
    /// An index with several for the same processor.
    #[error("several of it are for the processor {arch}: {}; item:'..' picks one, by its digest or a word in the brackets", told(.all))]
    SeveralItems {
        /// The processor.
        arch: String,
        /// They.
        all: Vec<String>,
    },
    /// Nothing to fetch.
    #[error("it has no layer, so there is no disk in it")]
    NoLayer,
    /// No layer has that name.
    #[error("no layer of it is called {member}; there are {}", told(.all))]
    NoMember {
        /// The name.
        member: String,
        /// The layers.
        all: Vec<String>,
    },
    /// Several layers may be the disk.
    #[error("several layers of it may be the disk: {}; member:'..' picks one, by its title or digest", told(.all))]
    SeveralLayers {
        /// They.
        all: Vec<String>,
    },
    /// What is meant has a digest that proves nothing, or none.
    #[error("the digest of {0} is neither SHA-256 nor SHA-512")]
    Digest(String),
    /// An index that leads to an index, and so on.
    #[error("its index leads to an index, and so on, too often")]
    TooDeep,
}

fn told(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST_TOLD);
    let told = names[..names.len() - more].join(", ");
    if more == 0 { told } else { format!("{told}, and {more} more") }
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// Leads to others.
    Index(Index),
    /// Has layers.
    Image(Image),
}

/// A manifest that leads to others, mostly one for each processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index(Vec<Descriptor>);

/// A manifest that has layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image(Vec<Descriptor>);

/// The layer that is the disk, or has it in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What its bytes must hash to.
    pub digest: Checksum,
    /// How many bytes it has.
    pub size: u64,
    /// What its file was called.
    pub title: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    schema_version: Option<u64>,
    #[serde(default)]
    media_type: String,
    manifests: Option<Vec<Descriptor>>,
    layers: Option<Vec<Descriptor>>,
    fs_layers: Option<IgnoredAny>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    annotations: Option<BTreeMap<String, String>>,
    platform: Option<Platform>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    variant: String,
}

impl Manifest {
    /// Reads a manifest as OCI and Docker have it.
    ///
    /// # Errors
    ///
    /// See [`ManifestFault`].
    pub fn read(text: &[u8]) -> Result<Self, ManifestFault> {
        let text: Text = serde_json::from_slice(text)
            .map_err(|error| ManifestFault::Syntax(error.to_string().chars().take(NAME).collect()))?;
        if text.fs_layers.is_some() || text.schema_version == Some(1) {
            return Err(ManifestFault::FirstVersion);
        }
        let says_index = text.media_type.contains(".index.") || text.media_type.contains("manifest.list");
        let says_image = !text.media_type.is_empty() && !says_index;
        match (text.manifests, text.layers) {
            (Some(_), Some(_)) => Err(ManifestFault::TwoKinds),
            (Some(_), None) if says_image => Err(ManifestFault::TwoKinds),
            (None, Some(_)) if says_index => Err(ManifestFault::TwoKinds),
            (Some(entries), None) if entries.len() > MOST => Err(ManifestFault::TooMany("entries")),
            (None, Some(layers)) if layers.len() > MOST => Err(ManifestFault::TooMany("layers")),
            (Some(entries), None) => Ok(Self::Index(Index(entries))),
            (None, Some(layers)) => Ok(Self::Image(Image(layers))),
            (None, None) => Err(ManifestFault::Syntax("it has neither manifests nor layers".to_owned())),
        }
    }
}

impl Index {
    /// The digest of the manifest that is meant: the one for the processor, among several the item.
    ///
    /// # Errors
    ///
    /// There is none, or there are several.
    pub fn pick(&self, artifact: &Artifact) -> Result<Checksum, ManifestFault> {
        let Self(entries) = self;
        let arch = Artifact::arch_of(&artifact.arch);
        let mut fitting: Vec<_> = entries.iter().filter(|entry| entry.arch() == Some(arch)).collect();
        if let ([], [only]) = (&fitting[..], &entries[..])
            && only.arch().is_none()
        {
            fitting.push(only);
        }
        if fitting.is_empty() {
            let mut all: Vec<_> = entries.iter().filter_map(|entry| entry.arch().map(shown)).collect();
            if all.is_empty() && artifact.item.is_some() {
                // It does not know processors.
                fitting.extend(entries);
            } else {
                all.sort();
                all.dedup();
                if all.is_empty() {
                    all.extend(entries.iter().map(Descriptor::entry));
                }
                return Err(ManifestFault::NoArch { arch: shown(arch), all });
            }
        }
        let all = |entries: &[&Descriptor]| entries.iter().map(|entry| entry.entry()).collect();
        if let Some(item) = &artifact.item {
            let called: Vec<_> = fitting.iter().copied().filter(|entry| entry.is_item(item)).collect();
            if called.is_empty() {
                let (arch, item) = (shown(arch), shown(item));
                return Err(ManifestFault::NoItem { arch, item, all: all(&fitting) });
            }
            fitting = called;
        }
        match fitting[..] {
            [only] => only.digest(),
            _ => Err(ManifestFault::SeveralItems { arch: shown(arch), all: all(&fitting) }),
        }
    }
}

impl Image {
    /// The layer that `member` names; without it, the only one that may be a disk.
    ///
    /// # Errors
    ///
    /// There is none, or there are several.
    pub fn pick(&self, member: Option<&str>) -> Result<Layer, ManifestFault> {
        let Self(layers) = self;
        if layers.is_empty() {
            return Err(ManifestFault::NoLayer);
        }
        let all = |layers: &[&Descriptor]| layers.iter().map(|layer| layer.layer()).collect();
        let every: Vec<_> = layers.iter().collect();
        if let Some(member) = member {
            let called: Vec<_> = every.iter().copied().filter(|layer| layer.is_member(member)).collect();
            match called[..] {
                [only] => return only.picked(),
                [] => {}
                // The same bytes twice are no choice.
                [first, ..] if called.iter().all(|layer| layer.digest == first.digest) => {
                    return first.picked();
                }
                _ => return Err(ManifestFault::SeveralLayers { all: all(&called) }),
            }
        }
        let disks: Vec<_> = every.iter().copied().filter(|layer| layer.is_disk()).collect();
        let candidates = if disks.is_empty() { &every } else { &disks };
        match (&candidates[..], member) {
            // It names a file in the archive that the layer is.
            ([only], Some(member)) if Artifact::may_be_in_layer(member) => only.picked(),
            (_, Some(member)) => Err(ManifestFault::NoMember { member: shown(member), all: all(&every) }),
            ([only], None) => only.picked(),
            (candidates, None) => Err(ManifestFault::SeveralLayers { all: all(candidates) }),
        }
    }
}

impl Descriptor {
    fn digest(&self) -> Result<Checksum, ManifestFault> {
        artifact_digest(&self.digest).ok_or_else(|| ManifestFault::Digest(self.layer()))
    }

    fn picked(&self) -> Result<Layer, ManifestFault> {
        let title = self.title().map(shown).filter(|title| !title.is_empty());
        Ok(Layer { digest: self.digest()?, size: self.size, title })
    }

    fn title(&self) -> Option<&str> {
        self.annotations.as_ref()?.get(TITLE).map(String::as_str)
    }

    /// For which processor it is; signatures and such say `unknown`.
    fn arch(&self) -> Option<&str> {
        let arch = self.platform.as_ref()?.architecture.as_str();
        (!matches!(arch, "" | "unknown")).then(|| Artifact::arch_of(arch))
    }

    fn is_item(&self, item: &str) -> bool {
        let of_platform =
            self.platform.iter().any(|platform| platform.variant == item || platform.os == item);
        let mut annotations = self.annotations.iter().flatten();
        self.digest == item || of_platform || annotations.any(|(_, value)| value == item)
    }

    fn is_member(&self, member: &str) -> bool {
        self.digest == member || self.title().is_some_and(|title| is_named(title, member))
    }

    /// Whether its name or its kind says that it is a disk image.
    fn is_disk(&self) -> bool {
        const ENDS: [&str; 8] = [".qcow2", ".img", ".raw", ".vmdk", ".vhd", ".vhdx", ".vdi", ".ova"];
        const KINDS: [&str; 4] = ["disk", "qcow", "vmdk", "vhd"];
        let is_named_so = self.title().is_some_and(|title| {
            let title = title.to_ascii_lowercase();
            let inside = unpacked_name(&title).unwrap_or(&title);
            title.ends_with(".ova") || ENDS.iter().any(|end| inside.ends_with(end))
        });
        let kind = self.media_type.to_ascii_lowercase();
        let is_of_kind = KINDS.iter().any(|word| kind.contains(word))
            || kind.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| matches!(word, "raw" | "vdi"));
        is_named_so || is_of_kind
    }

    /// How an entry of an index is told.
    fn entry(&self) -> String {
        let platform = self.platform.iter().flat_map(|platform| {
            [&platform.os, &platform.architecture, &platform.variant]
                .into_iter()
                .filter(|word| !word.is_empty())
        });
        let annotations = self.annotations.iter().flatten().map(|(_, value)| value);
        let words: Vec<_> = platform.chain(annotations).take(6).map(|word| shown(word)).collect();
        let digest = shown(&self.digest);
        if words.is_empty() { digest } else { format!("{digest} ({})", words.join(", ")) }
    }

    /// How a layer is told.
    fn layer(&self) -> String {
        let name = self.title().unwrap_or(&self.media_type);
        let digest = shown(&self.digest);
        if name.is_empty() { digest } else { format!("{} ({digest})", shown(name)) }
    }
}

/// A name as it can be shown: who pushed the artifact chose it.
fn shown(name: &str) -> String {
    name.chars().take(NAME).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
