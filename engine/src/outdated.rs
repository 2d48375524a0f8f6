//! Which images have a newer content at their source: asked, never downloaded.

use std::path::Path;
use std::time::Duration;

use ays_catalogue::{Catalogue, CatalogueError, Generation, ImageOnNode, Timestamp};
use ays_model::Check;
use ays_protocol::{Expected, Fetch, Look, LookAt, Looked, SourceState};
use ays_recipes::{Environment, Recipe, RecipeError, Template};
use ays_transport::HelperError;
use serde::Serialize;

use crate::sources::look;

/// How long a source may take to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// Why nothing could be asked.
#[derive(Debug, thiserror::Error)]
pub enum OutdatedError {
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The helper on this machine.
    #[error("this machine's helper could not ask the sources")]
    Helper(#[from] HelperError),
}

/// An image and what its source says now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Its name.
    pub image: String,
    /// Its grid.
    pub gid: u32,
    /// The recipe that made its current generation.
    pub template: String,
    /// The current generation's number.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HasImage {
    /// Its name.
    pub node: String,
    /// The instance that was installed there.
    pub instance: String,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "why", rename_all = "camelCase")]
pub enum Freshness {
    /// The source still has these bytes.
    Current,
    /// The source has others, because of this.
    Outdated(String),
    /// The source said too little, or nothing.
    Unknown(String),
}

/// Asks the source of every image, all at once. `recipe` reads an instance of a template.
pub async fn outdated(
    environment: &Environment,
    catalogue: &Catalogue,
    recipe: impl Fn(&Template, &str) -> Result<Recipe, RecipeError>,
    temporary: &Path,
) -> Result<Vec<Asked>, OutdatedError> {
    let installed = catalogue.installed_images().await?;
    let current = catalogue.current_generations().await?;
    // The repository is walked once, not once for each.
    let templates = environment.templates();
    let mut looks = Vec::new();
    // What is known without asking, or the generation that the next answer is for.
    let mut known = Vec::new();
    for (image, generation) in &current {
        let of_it = |on: &&ImageOnNode| on.image == image.id && on.service.service == generation.template;
        let instance = installed.iter().find(of_it).map_or("main", |on| on.service.instance.as_str());
        let recipe = |template: &Template| recipe(template, instance);
        known.push(match question(environment, &templates, generation, &recipe) {
            Ok(look) => {
                looks.push(look);
                None
            }
            Err(freshness) => Some(freshness),
        });
    }
    let mut answers = look(looks, temporary).await?.into_iter();
    let asked = current.into_iter().zip(known).map(|((image, generation), known)| {
        let freshness = known.unwrap_or_else(|| match answers.next() {
            Some(Ok(Looked::State(state))) => compare(&generation, &state),
            Some(Err(failure)) => Freshness::Unknown(failure.to_string()),
            _ => Freshness::Unknown(HelperError::Answer.to_string()),
        });
        let is_of_it = |on: &&ImageOnNode| on.image == image.id && on.service.service == generation.template;
        let nodes = installed.iter().filter(is_of_it).map(|on| HasImage {
            node: on.service.node.clone(),
            instance: on.service.instance.clone(),
            generation: on.generation,
        });
        Asked {
            nodes: nodes.collect(),
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

/// What its source has to be asked, as its recipe is now; or what is plain without.
fn question(
    environment: &Environment,
    templates: &[Template],
    generation: &Generation,
    recipe: &impl Fn(&Template) -> Result<Recipe, RecipeError>,
) -> Result<Look, Freshness> {
    let unknown = |error: &dyn std::fmt::Display| Freshness::Unknown(error.to_string());
    let named: Vec<_> = templates.iter().filter(|template| template.name == generation.template).collect();
    let template = match named[..] {
        [template] => template.clone(),
        _ => environment.template(&generation.template).map_err(|error| unknown(&error))?,
    };
    let recipe = recipe(&template).map_err(|error| unknown(&error))?;
    let Some(Fetch { url, check, network, .. }) = recipe.fetches.into_iter().next_back() else {
        return Err(unknown(&"its recipe fetches nothing any more"));
    };
    if url.to_string() != generation.source_url {
        return Err(Freshness::Outdated(format!("the recipe's source is {url} now")));
    }
    let check = match check {
        // What the recipe says of the bytes is nothing that the source says.
        Check::Sha256(sha256) if sha256.eq_ignore_ascii_case(&generation.source_sha256) => Check::None,
        Check::Sha256(sha256) => {
            return Err(Freshness::Outdated(format!("the recipe's SHA-256 is {sha256} now")));
        }
        check => check,
    };
    if url.scheme() == "file" {
        return Err(unknown(&"its source is a file on the nodes, which is not asked from here"));
    }
    Ok(Look { url, network, at: LookAt::State(check), within: LIMIT })
}

/// A checksum decides alone; then the validators, where both have them.
fn compare(generation: &Generation, now: &SourceState) -> Freshness {
    let changed = |what: &str, was: &str, is: &str| {
        if was.eq_ignore_ascii_case(is) {
            Freshness::Current
        } else {
            Freshness::Outdated(format!("{what} is {is} now, it was {was}"))
        }
    };
    match &now.expected {
        Some(Expected::Md5(md5)) => return changed("its MD5", &generation.source_md5, md5),
        Some(Expected::Sha256(sha256)) => return changed("its SHA-256", &generation.source_sha256, sha256),
        // Of stored files only, which are no sources.
        Some(Expected::FsVerity(_)) => {}
        None => {}
    }
    if let Some(size) = now.size.filter(|size| *size != generation.source_size) {
        return Freshness::Outdated(format!("its size is {size} now, it was {}", generation.source_size));
    }
    let validators = [
        ("its date", &generation.last_modified, &now.last_modified),
        ("its ETag", &generation.etag, &now.etag),
    ];
    let mut said = validators.iter().filter_map(|(what, was, is)| {
        let (Some(was), Some(is)) = (was, is) else { return None };
        Some(changed(what, was, is))
    });
    // Servers behind one name may have ETags of their own for the same file: a date of the same second decides.
    said.next().unwrap_or_else(|| {
        Freshness::Unknown("its source gives neither a checksum, nor a date, nor an ETag".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use ays_catalogue::{DiskFacts, GenerationId};
    use ays_model::DiskFormat;
    use ays_model::{Content, Digest};

    use super::*;

    fn generation(etag: Option<&str>, last_modified: Option<&str>) -> Generation {
        Generation {
            id: GenerationId(1),
            number: 1,
            current: true,
            source_url: "http://h/x".to_owned(),
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
            source_md5: "aa".to_owned(),
            source_sha256: "bb".to_owned(),
            source_size: 5,
            verified_at_source: true,
            format: DiskFormat::Raw,
            content: Digest::FsVerity(Content([0; 32])),
            stored_size: 5,
            virtual_size: 5,
            disk: DiskFacts::default(),
            template: "image_x".to_owned(),
            template_checksum: String::new(),
            template_commit: None,
            made_at: Timestamp::now(),
            made_by: String::new(),
            copies: Vec::new(),
        }
    }

    #[test]
    fn what_is_newer() {
        let state = |size, etag: Option<&str>, last_modified: Option<&str>, expected| SourceState {
            size,
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
            expected,
        };
        let md5 = |digits: &str| Some(Expected::Md5(digits.to_owned()));
        let sha256 = |digits: &str| Some(Expected::Sha256(digits.to_owned()));
        let outdated = |why: &str| Freshness::Outdated(why.to_owned());
        let both = generation(Some("\"a\""), Some("Fri"));
        for (generation, now, freshness) in [
            (&both, state(Some(5), Some("\"b\""), Some("Sat"), md5("AA")), Freshness::Current),
            (&both, state(Some(5), None, None, md5("ab")), outdated("its MD5 is ab now, it was aa")),
            (&both, state(None, None, None, sha256("bb")), Freshness::Current),
            (&both, state(Some(5), None, None, sha256("b0")), outdated("its SHA-256 is b0 now, it was bb")),
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
