//! Which images have a newer content at their source: asked, never downloaded.

use std::iter::repeat_n;
use std::path::Path;
use std::time::Duration;

use ays_catalogue::{Generation, Image, ImageOnNode, Timestamp};
use ays_model::{
    Check, ChecksumKind, Download, Gid, ImageName, InstanceName, NodeName, Proof, Scheme, TemplateName,
};
use ays_protocol::{Expected, Failure, Look, LookAt, Looked, SourceState};
use ays_recipes::Recipe;
use ays_transport::HelperError;
use serde::{Deserialize, Serialize};

use crate::sources::look;

/// How long a source may take to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// Why nothing could be asked: the helper on this machine.
#[derive(Debug, thiserror::Error)]
#[error("this machine's helper could not ask the sources")]
pub struct OutdatedError(#[from] HelperError);

/// An image and what its source says now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Its name.
    pub image: ImageName,
    /// Its grid.
    pub gid: Gid,
    /// The recipe that made its current generation.
    pub template: TemplateName,
    /// The number of the generation that was brought last: the current one, or one that was undone.
    pub generation: u32,
    /// When that was made.
    pub made_at: Timestamp,
    /// The nodes that an install of that recipe brought a generation of it to.
    pub nodes: Vec<HasImage>,
    /// What is true of it now.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// A node and what was installed on it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HasImage {
    /// Its name.
    pub node: NodeName,
    /// The instance that was installed there.
    pub instance: InstanceName,
    /// The generation's number.
    pub generation: u32,
}

impl Asked {
    /// The nodes that do not have what they should: all when the source has changed, else those that have another
    /// generation than the current one.
    pub fn behind(&self) -> Vec<&HasImage> {
        let is_outdated = matches!(self.freshness, Freshness::Outdated(_));
        let is_behind = |has: &&HasImage| is_outdated || has.generation != self.generation;
        self.nodes.iter().filter(is_behind).collect()
    }
}

/// What is true of the current generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "why", rename_all = "camelCase")]
pub enum Freshness {
    /// The source still has these bytes.
    Current,
    /// The source has others, because of this.
    Outdated(String),
    /// The source said too little, or nothing.
    Unknown(String),
}

/// An image's current generation, and how its source is asked.
#[derive(Debug)]
struct Question {
    image: Image,
    generation: Generation,
    nodes: Vec<HasImage>,
    /// What its source has to be asked, or what is plain without.
    look: Result<Ask, Freshness>,
}

/// What a source has to be asked.
#[derive(Debug)]
struct Ask {
    look: Look,
    /// What can be told by the answer.
    by: By,
}

/// What tells whether a source still has the bytes of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The checksum that it gives.
    List,
    /// The recipe holds the checksum, and the generation has it: only another size would speak against it.
    Recipe,
    /// What a web server says beside the bytes.
    Validators,
}

impl By {
    /// How often the source is asked: behind one address there may be servers that say different things of the same
    /// bytes.
    fn times(self) -> usize {
        match self {
            Self::List | Self::Recipe => 1,
            Self::Validators => 3,
        }
    }
}

/// Questions for the sources of all images. Made without the network, and without waiting for anything but files.
#[derive(Debug, Default)]
pub struct Questions(Vec<Question>);

impl Questions {
    /// For what the catalogue holds. `recipe` reads an instance of a template; of each, once.
    pub fn new(
        current: Vec<(Image, Generation)>,
        installed: &[ImageOnNode],
        recipe: impl Fn(&TemplateName, &InstanceName) -> Result<Recipe, String>,
    ) -> Self {
        let questions = current.into_iter().map(|(image, generation)| {
            let of_it = |on: &&ImageOnNode| on.image == image.id && on.service.service == generation.template;
            let nodes: Vec<HasImage> = installed
                .iter()
                .filter(of_it)
                .map(|on| HasImage {
                    node: on.service.node.clone(),
                    instance: on.service.instance.clone(),
                    generation: on.generation,
                })
                .collect();
            let instance = nodes.first().map_or_else(|| "main".into(), |has| has.instance.clone());
            let look = recipe(&generation.template, &instance)
                .map_err(Freshness::Unknown)
                .and_then(|recipe| question(recipe, &generation));
            Question { image, generation, nodes, look }
        });
        Self(questions.collect())
    }

    /// Asks the sources, all at once.
    pub async fn ask(self, temporary: &Path) -> Result<Vec<Asked>, OutdatedError> {
        let asks = self.0.iter().filter_map(|question| question.look.as_ref().ok());
        let looks = asks.flat_map(|ask| repeat_n(ask.look.clone(), ask.by.times())).collect();
        let mut answers = look(looks, temporary).await?.into_iter();
        let asked = self.0.into_iter().map(|Question { image, generation, nodes, look }| {
            let freshness = match look {
                Err(freshness) => freshness,
                Ok(ask) => judge(&generation, ask.by, answers.by_ref().take(ask.by.times()).collect()),
            };
            Asked {
                nodes,
                image: image.name,
                gid: image.gid,
                template: generation.template,
                generation: generation.number,
                made_at: generation.made_at,
                freshness,
            }
        });
        Ok(asked.collect())
    }
}

/// What its source has to be asked, as its recipe is now; or what is plain without.
fn question(recipe: Recipe, generation: &Generation) -> Result<Ask, Freshness> {
    let unknown = |what: &str| Freshness::Unknown(what.to_owned());
    let Some(Download { url, check, network, .. }) = recipe.downloads.into_iter().next_back() else {
        return Err(unknown("its recipe fetches nothing any more"));
    };
    // The same bytes may be had elsewhere: where there is a checksum, it decides.
    if check == Check::None && url.to_string() != generation.source_url {
        return Err(Freshness::Outdated(format!("the recipe's source is {url} now")));
    }
    let is_web = matches!(url.scheme(), Scheme::Http | Scheme::Https);
    let (check, by) = match check {
        // What the recipe says of the bytes is nothing that the source says.
        Check::Checksum(checksum) => match was(generation, checksum.kind()) {
            Some(was) if was == checksum.digits() => (Check::None, By::Recipe),
            _ => {
                let (kind, digits) = (checksum.kind().title(), checksum.digits());
                return Err(Freshness::Outdated(format!("the recipe's {kind} is {digits} now")));
            }
        },
        Check::None if is_web => (Check::None, By::Validators),
        check => (check, By::List),
    };
    if url.scheme() == Scheme::File {
        return Err(unknown("its source is a file on the nodes, which is not asked from here"));
    }
    Ok(Ask { look: Look { url, network, at: LookAt::State(check), within: LIMIT }, by })
}

/// What the answers of a source tell.
fn judge(generation: &Generation, by: By, answers: Vec<Result<Looked, Failure>>) -> Freshness {
    let mut states = Vec::new();
    for answer in answers {
        match answer {
            Ok(Looked::State(state)) => states.push(state),
            Ok(_) => return Freshness::Unknown(HelperError::Answer.to_string()),
            Err(failure) => return Freshness::Unknown(failure.to_string()),
        }
    }
    let Some((first, others)) = states.split_first() else {
        return Freshness::Unknown(HelperError::Answer.to_string());
    };
    if by == By::Recipe {
        return of_size(generation, first).unwrap_or(Freshness::Current);
    }
    let told = compare(generation, first);
    let differs = |other: &&SourceState| compare(generation, other) != told;
    match others.iter().find(differs) {
        None => told,
        Some(other) => Freshness::Unknown(format!(
            "cannot tell: its servers say different things of it ({}; then {}). A checksum list in the recipe \
             (sums:'SHA256SUMS', checkmd5:'true') tells whatever server answers",
            said(first),
            said(other)
        )),
    }
}

/// What a source said, in words.
fn said(state: &SourceState) -> String {
    let size = state.size.map(|size| format!("{size} bytes"));
    let etag = state.etag.as_ref().map(|etag| format!("ETag {etag}"));
    let words: Vec<_> = [size, state.last_modified.clone(), etag].into_iter().flatten().collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// Of another size there are other bytes.
fn of_size(generation: &Generation, now: &SourceState) -> Option<Freshness> {
    let size = now.size.filter(|size| *size != generation.source_size)?;
    Some(Freshness::Outdated(format!("its size is {size} now, it was {}", generation.source_size)))
}

/// The digits that a generation's source had of a kind of checksum, where its record has them.
fn was(generation: &Generation, kind: ChecksumKind) -> Option<String> {
    match kind {
        ChecksumKind::Md5 => Some(generation.source_md5.to_string()),
        ChecksumKind::Sha256 => Some(generation.source_sha256.to_string()),
        ChecksumKind::Sha1 | ChecksumKind::Sha384 | ChecksumKind::Sha512 => {
            match generation.verified_by.as_ref()?.parse().ok()? {
                Proof::Served(checksum) if checksum.kind() == kind => Some(checksum.digits()),
                _ => None,
            }
        }
    }
}

/// The digits that the disk in a generation's packed source had of a kind of checksum, where its record has them.
fn was_inside(generation: &Generation, kind: ChecksumKind) -> Option<String> {
    match generation.verified_by.as_ref()?.parse().ok()? {
        Proof::Inside(checksum) if checksum.kind() == kind => Some(checksum.digits()),
        _ => None,
    }
}

/// A checksum decides alone; then the validators, where both have them.
fn compare(generation: &Generation, now: &SourceState) -> Freshness {
    let changed = |what: &str, was: &str, is: &str| {
        if was == is {
            Freshness::Current
        } else {
            Freshness::Outdated(format!("{what} is {is} now, it was {was}"))
        }
    };
    let versions =
        generation.source_version.as_deref().zip(now.version.as_deref()).filter(|(was, is)| was != is);
    let said = match &now.expected {
        Some(Expected::Checksum(now)) => Some((now, "its", was(generation, now.kind()))),
        Some(Expected::Inside(now)) => Some((now, "its disk's", was_inside(generation, now.kind()))),
        None => None,
    };
    if let Some((now, whose, was)) = said {
        let kind = now.kind().title();
        return match was {
            Some(was) if was == now.digits() => Freshness::Current,
            Some(was) => match versions {
                // What people know it by.
                Some((was, is)) => changed("its version", was, is),
                None => changed(&format!("{whose} {kind}"), &was, &now.digits()),
            },
            None => Freshness::Unknown(format!(
                "its source says {whose} {kind}, which the generation's record does not have: the next install adds it"
            )),
        };
    }
    if let Some(outdated) = of_size(generation, now) {
        return outdated;
    }
    let validators = [
        ("its date", &generation.last_modified, &now.last_modified),
        ("its ETag", &generation.etag, &now.etag),
    ];
    let mut compared = validators.iter().filter_map(|(what, was, is)| {
        let (Some(was), Some(is)) = (was, is) else { return None };
        Some(changed(what, was, is))
    });
    // Servers behind one name may have ETags of their own for the same file: a date of the same second decides.
    compared.next().unwrap_or_else(|| {
        Freshness::Unknown("its source gives neither a checksum, nor a date, nor an ETag".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use ays_catalogue::{DiskFacts, GenerationId};
    use ays_model::DiskFormat;
    use ays_model::{Checksum, Content, Digest, Md5, Sha1, Sha256, Sha512};

    use super::*;

    fn generation(etag: Option<&str>, last_modified: Option<&str>) -> Generation {
        Generation {
            undone_at: None,
            undone_by: None,
            id: GenerationId(1),
            number: 1,
            current: true,
            source_url: "http://h/x".to_owned(),
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
            source_md5: Md5([0xaa; 16]),
            source_sha256: Sha256([0xbb; 32]),
            source_size: 5,
            verified_at_source: true,
            verified_by: Some(format!("sha512:{}", "cc".repeat(64))),
            signed_by: None,
            signer: None,
            source_version: None,
            format: DiskFormat::Raw,
            content: Digest::FsVerity(Content([0; 32])),
            stored_size: 5,
            virtual_size: 5,
            disk: DiskFacts::default(),
            template: "image_x".into(),
            template_checksum: Md5([0; 16]),
            template_commit: None,
            made_at: Timestamp::now(),
            made_by: String::new(),
            copies: Vec::new(),
        }
    }

    #[test]
    fn servers_that_differ_do_not_tell() {
        let both = generation(Some("\"a\""), Some("Fri"));
        let state = |etag: &str, last_modified: &str, size| {
            Ok(Looked::State(SourceState {
                size: Some(size),
                etag: Some(etag.to_owned()),
                last_modified: Some(last_modified.to_owned()),
                expected: None,
                signed_by: None,
                address: None,
                version: None,
                file: None,
            }))
        };
        let judge = |by, answers: &[&Result<Looked, Failure>]| {
            judge(&both, by, answers.iter().map(|answer| (*answer).clone()).collect())
        };
        let (same, other, larger) =
            (state("\"a\"", "Fri", 5), state("\"b\"", "Sat", 5), state("\"a\"", "Fri", 6));
        let other_etag = state("\"c\"", "Fri", 5);
        assert_eq!(judge(By::Validators, &[&same, &other_etag, &same]), Freshness::Current);
        let changed = Freshness::Outdated("its date is Sat now, it was Fri".to_owned());
        assert_eq!(judge(By::Validators, &[&other, &other, &other]), changed);
        for answers in [[&same, &other, &same], [&other, &other, &same], [&same, &same, &larger]] {
            assert!(matches!(judge(By::Validators, &answers), Freshness::Unknown(_)), "{answers:?}");
        }
        let why = "cannot tell: its servers say different things of it (5 bytes, Sat, ETag \"b\"; then 5 bytes, Fri, \
                   ETag \"a\"). A checksum list in the recipe (sums:'SHA256SUMS', checkmd5:'true') tells whatever \
                   server answers";
        assert_eq!(judge(By::Validators, &[&other, &same, &same]), Freshness::Unknown(why.to_owned()));
        assert_eq!(judge(By::Recipe, &[&other]), Freshness::Current);
        let larger_now = Freshness::Outdated("its size is 6 now, it was 5".to_owned());
        assert_eq!(judge(By::Recipe, &[&larger]), larger_now);
    }

    #[test]
    fn what_is_newer() {
        let state = |size, etag: Option<&str>, last_modified: Option<&str>, expected| SourceState {
            size,
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
            expected,
            ..SourceState::default()
        };
        let md5 = |byte| Some(Expected::Checksum(Checksum::Md5(Md5([byte; 16]))));
        let sha256 = |byte| Some(Expected::Checksum(Checksum::Sha256(Sha256([byte; 32]))));
        let sha512 = |byte| Some(Expected::Checksum(Checksum::Sha512(Sha512([byte; 64]))));
        let sha1 = |byte| Some(Expected::Checksum(Checksum::Sha1(Sha1([byte; 20]))));
        let is_not = |kind: &str, is: &str, was: &str, bytes| {
            Freshness::Outdated(format!(
                "its {kind} is {} now, it was {}",
                is.repeat(bytes),
                was.repeat(bytes)
            ))
        };
        let outdated = |why: &str| Freshness::Outdated(why.to_owned());
        let both = generation(Some("\"a\""), Some("Fri"));
        for (generation, now, freshness) in [
            (&both, state(Some(5), Some("\"b\""), Some("Sat"), md5(0xaa)), Freshness::Current),
            (&both, state(Some(5), None, None, md5(0xab)), is_not("MD5", "ab", "aa", 16)),
            (&both, state(None, None, None, sha256(0xbb)), Freshness::Current),
            (&both, state(Some(5), None, None, sha256(0xb0)), is_not("SHA-256", "b0", "bb", 32)),
            (&both, state(None, None, None, sha512(0xcc)), Freshness::Current),
            (&both, state(Some(5), None, None, sha512(0xc0)), is_not("SHA-512", "c0", "cc", 64)),
            (
                &both,
                state(Some(5), None, None, sha1(0xcc)),
                Freshness::Unknown(
                    "its source says its SHA-1, which the generation's record does not have: the next install adds it"
                        .to_owned(),
                ),
            ),
            (
                &both,
                state(Some(6), Some("\"a\""), Some("Fri"), None),
                outdated("its size is 6 now, it was 5"),
            ),
            (&both, state(Some(5), Some("\"b\""), Some("Fri"), None), Freshness::Current),
            (
                &both,
                state(Some(5), Some("\"a\""), Some("Sat"), None),
                outdated("its date is Sat now, it was Fri"),
            ),
            (&both, state(None, Some("\"a\""), None, None), Freshness::Current),
            (&both, state(None, Some("\"b\""), None, None), outdated("its ETag is \"b\" now, it was \"a\"")),
            (
                &generation(None, None),
                state(Some(5), Some("\"b\""), Some("Fri"), None),
                Freshness::Unknown("its source gives neither a checksum, nor a date, nor an ETag".to_owned()),
            ),
        ] {
            assert_eq!(compare(generation, &now), freshness, "{now:?}");
        }
    }
}
