//! `ays new image`

use std::path::Path;
use std::sync::Arc;

use ays_engine::{Survey, SurveyedImage};
use ays_model::{Artifact, BootType, Check, SecretUrl, Stream, TemplateName};
use ays_operations::{ImageProof, LookAtImage, Proposal, key_of, prove_image, trust_key, write_image};
use ays_recipes::{Environment, NewCheck, NewImage};

use crate::failure::{Failure, eprint_line};
use crate::render::{quoted, table, units};
use crate::signals::stop_at_once;
use crate::{context, prompt};

/// Writes the recipe of an image: looks at its source first, and asks for what is missing
///
/// The source may be a directory: then the newest one in it is taken. What is not given is asked for on a terminal; elsewhere
/// what would be proposed there is taken.
#[derive(clap::Args)]
pub struct Args {
    /// The template's name, such as image_debian-13
    name: TemplateName,
    /// Where the disk image is: http, https, ftp, ftps or ftpes, where a directory will do; or oci://HOST/REPOSITORY:TAG
    #[arg(long)]
    url: String,
    /// A product of the simplestreams server at that address, such as ubuntu:24.04:amd64: its newest version is read at each
    /// install
    #[arg(long)]
    product: Option<String>,
    /// Which file of the product (disk1.img where it is not said), or which entry of an artifact's index
    #[arg(long)]
    item: Option<String>,
    /// For which processor the image is, in a registry's words
    #[arg(long, default_value = Artifact::ARCH)]
    arch: String,
    /// Which layer of an artifact is the disk, by its title or digest
    #[arg(long)]
    member: Option<String>,
    /// Verify it by the MD5 beside it, whatever else is there
    #[arg(long, conflicts_with = "product")]
    checkmd5: bool,
    /// The key that signs the image or its list of checksums: a file, or its address
    #[arg(long)]
    key: Option<String>,
    /// Take the key that proves the image without asking
    #[arg(long, short)]
    yes: bool,
    /// Linux, Windows, or a category of your own
    #[arg(long)]
    category: Option<String>,
    /// The smallest disk of a machine, in GB
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=250))]
    size: Option<u32>,
    /// The name that users see
    #[arg(long)]
    display_name: Option<String>,
    /// How machines start from it
    #[arg(long)]
    boot: Option<Boot>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Boot {
    Bios,
    Uefi,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = Arc::new(context::environment(repo)?);
    let look = LookAtImage { template: args.name.clone(), url: args.url.clone() };
    let asked = look.address(Arc::clone(&environment), &stop_at_once()).await?;
    let found = match leading_check(&args, &asked)? {
        None => find(&asked, &environment).await?,
        Some(check) => {
            let environment = Arc::clone(&environment);
            let temporary = std::env::temp_dir();
            LookAtImage::run_led(asked.clone(), check, environment, temporary, stop_at_once()).await?
        }
    };
    let size = found.state.size.map_or("size unknown".to_owned(), units::bytes);
    let disk =
        found.disk.virtual_size.map_or(String::new(), |size| format!(", a disk of {}", units::bytes(size)));
    let shown = found.state.address.as_ref().unwrap_or(&found.url);
    table::line(&format!("source  {shown}\n        {size}, {}{disk}", found.disk.format))?;
    let mut proposal = look.propose(&asked, &found);
    if args.checkmd5 {
        if !found.checks.contains(&Check::Md5Beside) {
            return Err(Failure::NoMd5(found.url));
        }
        proposal.image.check = NewCheck::Md5Beside;
    }
    let proof = prove(&args, &found, &environment).await?;
    if let Some(ImageProof { file, list, .. }) = &proof {
        proposal.image.signed = Some(file.clone());
        match (list, args.checkmd5) {
            _ if args.product.is_some() => {}
            (Some(list), false) => proposal.image.check = NewCheck::Sums(list.clone()),
            // A signature of the image says more than a sum beside it.
            _ => proposal.image.check = NewCheck::None,
        }
    }
    table::line(&match &proposal.image.check {
        NewCheck::Sums(list) => format!("check   {list} beside it"),
        NewCheck::Stream { product, item } => {
            let version = found.state.version.as_deref().unwrap_or_default();
            format!("check   {item} of {product} in the stream, now version {version}")
        }
        NewCheck::Artifact { .. } => {
            let version = found.state.version.as_deref().unwrap_or_default();
            format!("check   the digest of its layer; the manifest is {version} now")
        }
        NewCheck::Md5Beside => "check   the MD5 beside it".to_owned(),
        NewCheck::Checksum(checksum) => format!("check   its {}", checksum.kind().title()),
        NewCheck::None if proof.is_some() => "check   the signature of the image".to_owned(),
        NewCheck::None => {
            "check   NONE: no checksum is beside it, so the image will be marked unverified".to_owned()
        }
    })?;
    if let Some(ImageProof { new_key: Some(key), signer: Ok(signer), .. }) = proof {
        let place = trust_key(Arc::clone(&environment), key, signer).await?;
        table::line(&format!("wrote   {place}"))?;
    }
    let image = describe(args, proposal)?;
    let has_login = image.url.contains('@') && !image.url.contains("$(");
    let template = image.template.clone();
    let written = write_image(environment, image).await?;
    let written: Vec<_> = written.iter().map(ToString::to_string).collect();
    table::line(&format!("wrote   {}", written.join("\n        ")))?;
    if has_login {
        eprint_line(
            "warning: the source's login is in service.hrd, for all who read the repository: `ays secret set NAME` \
             keeps it, and `$(secret.NAME)` in its place reads it",
        );
    }
    table::line(&format!(
        "next    ays env save -m 'New image {template}'\n        ays install -n {} --targetname NODE",
        quoted(&template)
    ))
}

/// The check that says where the image is, where the address alone does not.
fn leading_check(args: &Args, asked: &SecretUrl) -> Result<Option<Check>, Failure> {
    let Args { product, item, member, .. } = args;
    let is_oci = asked.scheme().is_oci();
    let misplaced = match product {
        Some(_) if is_oci => Some("--product"),
        None if item.is_some() && !is_oci => Some("--item"),
        _ if member.is_some() && !is_oci => Some("--member"),
        _ if args.arch != Artifact::ARCH && !is_oci => Some("--arch"),
        _ if args.checkmd5 && is_oci => Some("--checkmd5"),
        _ => None,
    };
    if let Some(option) = misplaced {
        return Err(Failure::NotForSource { option, url: Box::new(asked.clone()) });
    }
    if is_oci {
        let (arch, item, member) = (args.arch.clone(), item.clone(), member.clone());
        return Ok(Some(Check::Artifact(Artifact { arch, item, member, tokens: None })));
    }
    Ok(product.as_ref().map(|product| {
        let item = item.clone().unwrap_or_else(|| "disk1.img".to_owned());
        Check::Stream(Stream { product: product.clone(), item, signed: None })
    }))
}

/// The signature that is to be in the recipe: by a key of the environment, or by one that whoever is asked trusts.
async fn prove(
    args: &Args,
    found: &SurveyedImage,
    environment: &Arc<Environment>,
) -> Result<Option<ImageProof>, Failure> {
    let temporary = std::env::temp_dir();
    let key = match &args.key {
        Some(key) => Some(key_of(key.clone(), Arc::clone(environment), temporary.clone()).await?),
        None => None,
    };
    let given = key.as_ref().map(|key| key.name.clone());
    let proof = prove_image(found, key, Arc::clone(environment), temporary, stop_at_once()).await?;
    let Some(proof) = proof else {
        return if given.is_some() { Err(Failure::ProvesNothing(found.url.clone())) } else { Ok(None) };
    };
    let signer = match &proof.signer {
        Ok(signer) => signer,
        Err(fault) => {
            table::line(&format!(
                "signed  {}: {fault}\n        {}; or --key FILE",
                proof.file,
                fault.cure()
            ))?;
            return if given.is_some() { Err(Failure::ProvesNothing(found.url.clone())) } else { Ok(None) };
        }
    };
    table::line(&format!("signed  {} by the key {signer}", proof.file))?;
    let Some(new_key) = &proof.new_key else { return Ok(Some(proof)) };
    table::line(&format!("        found in {}", new_key.name))?;
    let is_trusted = if args.yes {
        true
    } else if prompt::possible() {
        let question = "Compare its fingerprint with what they publish elsewhere. May it prove what this environment fetches?";
        prompt::confirm(question, Some(false))?
    } else {
        // Whoever names a key has decided.
        given.as_ref() == Some(&new_key.name)
    };
    if !is_trusted {
        table::line("        not taken: --yes takes it, or --key FILE")?;
    }
    Ok(is_trusted.then_some(proof))
}

/// The image itself; of several, the one that is chosen.
async fn find(url: &SecretUrl, environment: &Arc<Environment>) -> Result<SurveyedImage, Failure> {
    let mut url = url.clone();
    loop {
        let environment = Arc::clone(environment);
        match LookAtImage::run(url.clone(), environment, std::env::temp_dir(), stop_at_once()).await? {
            Survey::Image(image) => return Ok(*image),
            Survey::Several(urls) if prompt::possible() => {
                let names = urls.iter().map(ToString::to_string).collect();
                let chosen = prompt::choose("Which of these images?", names, None)?;
                url = urls.into_iter().find(|url| url.to_string() == chosen).unwrap_or(url);
            }
            Survey::Several(urls) => return Err(Failure::SeveralImages(urls)),
        }
    }
}

/// What the recipe says: as given, else as answered, else as proposed.
fn describe(args: Args, mut proposal: Proposal) -> Result<NewImage, Failure> {
    let one_line = |text: &str| {
        let is_wrong = text.trim().is_empty() || text.contains(char::is_control);
        if is_wrong { Err("one line of text is needed".to_owned()) } else { Ok(()) }
    };
    let name = given_or(args.display_name, "Name that users see?", &proposal.image.name, one_line)?;
    proposal.image.name = name.into();
    proposal.image.category = given_or(args.category, "Category?", &proposal.image.category, one_line)?;
    let is_size = |text: &str| match text.parse() {
        Ok(1_u32..=250) => Ok(()),
        _ => Err("a number from 1 to 250 is needed".to_owned()),
    };
    let size = args.size.map(|size| size.to_string());
    let proposed = proposal.size_gb();
    let size = given_or(size, "Smallest disk of a machine, in GB?", &proposed.to_string(), is_size)?;
    proposal.image.size_gb = size.parse().unwrap_or(proposed);
    match args.boot {
        Some(Boot::Bios) => proposal.image.boot_type = BootType::Bios,
        Some(Boot::Uefi) => proposal.image.boot_type = BootType::Uefi,
        None => {}
    }
    Ok(proposal.image)
}

fn given_or(
    given: Option<String>,
    question: &str,
    proposed: &str,
    check: impl Fn(&str) -> Result<(), String> + Clone + 'static,
) -> Result<String, Failure> {
    match given {
        Some(given) => Ok(given),
        None if prompt::possible() => prompt::text(question, Some(proposed), check),
        None => Ok(proposed.to_owned()),
    }
}
