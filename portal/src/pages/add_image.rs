//! Add Image: the source is looked at first; what is added is a job.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ays_engine::{Mode, Stopper, Survey, SurveyedImage};
use ays_model::{Artifact, BootType, Check, Gid};
use ays_operations::{
    self as operations, AddImage, AddedFrom, Controller, Error, Kind, LookAtImage, Operation, Selection,
    Upload, UploadId, Uploads,
};
use ays_recipes::NewImage;

use super::queue::queue;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::form::Form;
use crate::frame::{Frame, shown};
use crate::markup;
use crate::visitor::Visitor;

/// What is written in a field, and what is wrong with it.
type Field = (String, Option<String>);

#[derive(Template)]
#[template(path = "add_image.html")]
struct Page {
    frame: Frame,
    problem: Option<String>,
    url: Field,
    /// A file that was sent: its id, what people know it by, and what is wrong with it.
    upload: Option<(String, String, Option<String>)>,
    name: Field,
    size: Field,
    category: String,
    username: String,
    hot_resize: bool,
    boot_types: Vec<(&'static str, bool)>,
    grids: Vec<(u32, bool)>,
    /// What a look at the source has found.
    found: Vec<(&'static str, String)>,
    /// The addresses of which one has to be chosen.
    several: Vec<String>,
}

/// What is wrong, and what was found.
#[derive(Default)]
struct Told {
    problem: Option<String>,
    url: Option<String>,
    upload: Option<String>,
    name: Option<String>,
    size: Option<String>,
    found: Vec<(&'static str, String)>,
    several: Vec<String>,
}

impl Told {
    fn has_problems(&self) -> bool {
        [&self.problem, &self.url, &self.upload, &self.name, &self.size]
            .iter()
            .any(|problem| problem.is_some())
    }
}

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let fields = Fields(vec![("hotResize".to_owned(), "yes".to_owned())]);
    ask(&visitor, &fields, Told::default()).await
}

pub(crate) async fn add(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let fields = match fields.one("choose").map(str::to_owned) {
        Some(chosen) => fields.with("url", Some(&chosen)),
        None => fields,
    };
    let mut told = Told::default();
    let size = fields.one("size").map(str::parse::<u32>);
    if size.as_ref().is_some_and(|size| !size.as_ref().is_ok_and(|size| (1..=65_536).contains(size))) {
        told.size = Some("A whole number of GB, from 1 to 65536.".to_owned());
    }
    let upload = fields.one("upload").and_then(UploadId::parse);
    let from = match (upload, fields.one("url")) {
        (Some(upload), _) => AddedFrom::Upload(upload),
        (None, Some(url)) => AddedFrom::Url(url.to_owned()),
        (None, None) => {
            told.url = Some("Where does it come from?".to_owned());
            return ask(&visitor, &fields, told).await;
        }
    };
    let adds = fields.one("do") == Some("add");
    if adds && fields.one("name").is_none() {
        told.name = Some("What will users know it by?".to_owned());
    }
    let gid = fields.one("gid").and_then(|gid| gid.parse().ok()).map(Gid).unwrap_or_default();
    let add = AddImage {
        from,
        name: fields.one("name").unwrap_or("").into(),
        description: None,
        category: fields.one("type").map(str::to_owned),
        size_gb: size.and_then(Result::ok),
        username: fields.one("username").map(str::to_owned),
        boot_type: fields.one("bootType").and_then(|word| word.parse::<BootType>().ok()),
        hot_resize: fields.has("hotResize"),
        check: None,
        signed: None,
        nodes: Selection { gid: Some(gid), ..Selection::default() },
        mode: Mode::IfNeeded,
        force: false,
        parallel: None,
    };
    // What a job may not hold is not looked at either: a file of the server, or a login.
    if let Err(error) = serde_json::to_value(Operation::from(add.clone())) {
        told.url = Some(error.to_string());
        return ask(&visitor, &fields, told).await;
    }
    let controller = visitor.controller().await?;
    let (address, file) = add.from.address(&controller).await?;
    match look(&controller, &address).await {
        Ok(Survey::Several(urls)) => told.several = urls.iter().map(ToString::to_string).collect(),
        Ok(Survey::Image(image)) => told.found = found(&image),
        Err(error) => {
            let problem = operations::Problem::from(&error).in_one_line();
            match file {
                // Where the server keeps it is nobody's.
                Some(_) => told.upload = Some(problem.replace(&address, "the file")),
                None => told.url = Some(problem),
            }
        }
    }
    if !adds || told.has_problems() || !told.several.is_empty() {
        return ask(&visitor, &fields, told).await;
    }
    queue(&visitor, add).await
}

/// What is at an address.
async fn look(controller: &Controller, address: &str) -> Result<Survey, Error> {
    let environment = Arc::clone(&controller.environment);
    let (here, text) = (Arc::clone(&environment), address.to_owned());
    let reading = tokio::task::spawn_blocking(move || NewImage::address(&here, &text));
    let address = reading.await.map_err(|error| Error::new(Kind::Failed, error))??;
    let (_stopper, stop) = Stopper::new();
    let temporary = controller.temporary.clone();
    if address.scheme().is_oci() {
        let check = Check::Artifact(Artifact {
            arch: Artifact::ARCH.to_owned(),
            item: None,
            member: None,
            tokens: None,
        });
        let image = LookAtImage::run_led(address, check, environment, temporary, stop).await?;
        return Ok(Survey::Image(Box::new(image)));
    }
    LookAtImage::run(address, environment, temporary, stop).await
}

/// What was found, in words.
fn found(image: &SurveyedImage) -> Vec<(&'static str, String)> {
    let check = match image.checks.first() {
        None => "nothing beside it verifies its bytes".to_owned(),
        Some(Check::Sums { list, signed, .. }) => match signed {
            Some(signed) => format!("{list}, signed by {}", signed.file),
            None => list.clone(),
        },
        Some(Check::Md5Beside) => "the MD5 beside it".to_owned(),
        Some(Check::Signed { signed, .. }) => format!("signature {}", signed.file),
        Some(Check::Stream(_)) => "the stream's checksum".to_owned(),
        Some(Check::Artifact(_)) => "the registry's digest".to_owned(),
        Some(Check::Checksum(_) | Check::None) => "a checksum".to_owned(),
    };
    let is_signature = |name: &&String| {
        [".sig", ".asc", ".sign", ".gpg", ".minisig"].iter().any(|ending| name.ends_with(ending))
    };
    let signatures: Vec<_> = image.listed.iter().filter(is_signature).map(String::as_str).collect();
    let mut found = vec![
        ("Address", image.url.to_string()),
        ("Size", image.state.size.map_or("it does not say".to_owned(), markup::size)),
        ("Kind", image.disk.format.clone()),
        ("Disk in it", image.disk.virtual_size.map_or("its first bytes do not say".to_owned(), markup::size)),
        ("Check", check),
        ("Signatures beside it", signatures.join(", ")),
        ("Last modified", image.state.last_modified.clone().unwrap_or_default()),
    ];
    found.retain(|(_, value)| !value.is_empty());
    found
}

async fn ask(visitor: &Visitor, fields: &Fields, told: Told) -> Result<Response, Failure> {
    let nodes = operations::nodes(Arc::clone(&visitor.controller().await?.environment)).await?;
    let grids: BTreeSet<u32> = nodes.iter().filter_map(|(_, node)| Some(node.as_ref().ok()?.gid.0)).collect();
    let upload = match fields.one("upload").and_then(UploadId::parse) {
        Some(id) => Uploads::of(&visitor.controller().await?).get(id).await.ok(),
        None => None,
    };
    let text = |name: &str| fields.one(name).unwrap_or("").to_owned();
    let status = if told.has_problems() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = Page {
        frame: Frame::new(visitor, "Add Image", &[("Images", "/images")]).await?,
        problem: told.problem,
        url: (text("url"), told.url),
        upload: upload.map(|Upload { id, name, size, .. }| {
            (id.into(), format!("{name} ({}) is sent.", markup::size(size)), told.upload)
        }),
        name: (text("name"), told.name),
        size: (text("size"), told.size),
        category: text("type"),
        username: text("username"),
        hot_resize: fields.has("hotResize"),
        boot_types: ["bios", "uefi"].map(|word| (word, fields.one("bootType") == Some(word))).into(),
        grids: grids.into_iter().map(|grid| (grid, text("gid") == grid.to_string())).collect(),
        found: told.found,
        several: told.several,
    };
    Ok((status, shown(&page)?).into_response())
}
