//! What an install is going to do, told before anything is done.

use std::path::PathBuf;

use ays_actions::{Action, Progress, RegisterImage, Script, Value};
use ays_grammar::Diagnostic;
use ays_model::{Check, DiskFormat, Target};
use ays_recipes::Recipe;
use serde::Serialize;

/// Methods of a recipe that run before anything is fetched, in order.
pub(crate) const BEFORE_FETCH: [&str; 3] = ["prepare", "prepareLocal", "check_requirements"];
/// Methods that run when everything is fetched.
pub(crate) const CONFIGURE: [&str; 2] = ["configure", "configureLocal"];
/// Methods that run when what ran before is down.
pub(crate) const WHEN_DOWN: [&str; 4] = ["start", "check_up_local", "monitor_local", "monitor_remote"];

/// One thing that will be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Planned {
    /// The node is looked at.
    Check {
        /// The platforms that the recipe supports; empty: all.
        platforms: Vec<String>,
    },
    /// A file is fetched.
    Fetch {
        /// Where from, without credentials.
        url: String,
        /// Where to.
        dest: PathBuf,
        /// How it is verified.
        check: &'static str,
    },
    /// It is converted into the pool and registered.
    Register {
        /// The image's name.
        image: String,
        /// Its category.
        category: String,
        /// The smallest disk, in GB.
        size: u32,
        /// The stored file, its hash not known yet.
        file: PathBuf,
        /// The stacks that it is wanted on.
        stacks: Vec<String>,
    },
    /// The downloaded file is removed.
    Remove {
        /// The file.
        path: PathBuf,
    },
}

/// All that an install on a node will do, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The template.
    pub template: String,
    /// The node.
    pub node: String,
    /// The steps.
    pub steps: Vec<Planned>,
    /// What the operator should know before.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Plans an install. Every method that would run is interpreted with the outcomes that are expected, so a recipe
    /// that asks for what cannot be done is an error here. `stacks` are those that a registered image is wanted on.
    pub fn new(recipe: &Recipe, target: &Target, stacks: &[String]) -> Result<Self, Diagnostic> {
        let mut steps = vec![Planned::Check { platforms: recipe.platforms.clone() }];
        let images = actions(recipe.script.as_ref())?;
        steps.extend(recipe.fetches.iter().map(|fetch| Planned::Fetch {
            url: fetch.url.to_string(),
            dest: fetch.dest.clone(),
            check: describe(&fetch.check),
        }));
        let pool = target.pool();
        steps.extend(images.iter().map(|image| Planned::Register {
            image: image.name.clone(),
            category: image.category.clone(),
            size: image.size_gb,
            file: pool.path.join(format!("{}-<content>.{}", image.stem, DiskFormat::as_str(pool.format))),
            stacks: stacks.to_vec(),
        }));
        // A file that is registered where it lies is not a download.
        let is_source = |image: &RegisterImage| {
            recipe.fetches.iter().any(|fetch| fetch.url.path_on_node() == Some(image.file.clone()))
        };
        let removed = images.iter().find(|image| image.delete && !is_source(image));
        steps.extend(removed.map(|image| Planned::Remove { path: image.file.clone() }));
        let warnings = images.iter().flat_map(RegisterImage::warnings).collect();
        Ok(Self { template: recipe.template.clone(), node: target.name().to_owned(), steps, warnings })
    }

    /// Whether an image is registered, which needs a pool and `qemu-img`.
    pub fn registers(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Planned::Register { .. }))
    }

    /// The downloaded file that is not kept.
    pub fn removes(&self) -> Option<&PathBuf> {
        self.steps.iter().find_map(|step| match step {
            Planned::Remove { path } => Some(path),
            _ => None,
        })
    }
}

/// The images that the recipe's methods register when every action ends as expected.
fn actions(script: Option<&Script>) -> Result<Vec<RegisterImage>, Diagnostic> {
    let Some(script) = script else { return Ok(Vec::new()) };
    let mut images = Vec::new();
    let bring_down = ["check_down_local", "stop", "halt"];
    for method in BEFORE_FETCH.iter().chain(&CONFIGURE).chain(&bring_down).chain(&WHEN_DOWN) {
        let mut run = script.run(method);
        while let Progress::Action(Action::RegisterImage(image)) = run.resume(Value::None)? {
            images.push(image);
        }
    }
    Ok(images)
}

fn describe(check: &Check) -> &'static str {
    match check {
        Check::None => "not verified: checkmd5 is off",
        Check::Md5Beside => "MD5 beside the source",
        Check::Sha256(_) => "SHA-256 of the recipe",
        Check::Sums(_) => "SHA-256 list beside the source",
        Check::Stored(_) => "digest of the stored file",
    }
}

impl std::fmt::Display for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Check { platforms } if platforms.is_empty() => f.write_str("check     any platform"),
            Self::Check { platforms } => write!(f, "check     platform {}", platforms.join(", ")),
            Self::Fetch { url, dest, check } => {
                write!(f, "fetch     {url}\n       to {} ({check})", dest.display())
            }
            Self::Register { image, category, size, file, stacks } => {
                let stacks = if stacks.is_empty() { "no stack".to_owned() } else { stacks.join(", ") };
                write!(
                    f,
                    "register  {image} ({category}, {size} GB) for {stacks}\n       as {}",
                    file.display()
                )
            }
            Self::Remove { path } => write!(f, "remove    {}", path.display()),
        }
    }
}
