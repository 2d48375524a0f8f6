//! Files that operators send, in pieces that go on where they stopped: tus 1.0.0 with its extensions creation and termination
//! (<https://tus.io/protocols/resumable-upload>).

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ays_operations::{Controller, Error, Kind, Upload, UploadError, UploadId, Uploads};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::caller::{Caller, Operator, Viewer};
use crate::described;
use crate::query::Path;

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const PIECES: &str = "application/offset+octet-stream";

/// A sender that sends nothing for so long has to begin a new request.
const QUIET: Duration = Duration::from_secs(30);

/// No text about a file is longer.
const LONGEST: usize = 200;

/// A file that is sent.
#[derive(ToSchema)]
#[schema(as = Upload)]
#[expect(dead_code, reason = "it says what the shape is")]
pub(crate) struct UploadShown {
    /// Which one: its id in the paths.
    id: String,
    /// The file's name.
    name: String,
    /// Its length, in bytes.
    size: u64,
    /// How many of its bytes have come.
    received: u64,
    /// Who sends it.
    by: String,
    /// By what the sender knows the file again: what `Upload-Metadata` said as `fingerprint`.
    fingerprint: Option<String>,
}

/// Bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it says what the shape is")]
pub(crate) struct Pieces(Vec<u8>);

/// Files that you have sent, or begun to
#[utoipa::path(get, path = "/api/v1/uploads", responses(
    (status = 200, description = "The uploads", body = Vec<UploadShown>),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn uploads(caller: Caller<Viewer>) -> Result<Json<Vec<Upload>>, Answer> {
    Ok(Json(Uploads::of(&caller.controller().await?).all().await?))
}

/// Begins the upload of a file (tus 1.0.0): `Upload-Length` says how long it is, `Upload-Metadata` its `filename`
#[utoipa::path(post, path = "/api/v1/uploads", params(
    ("Tus-Resumable" = Option<String>, Header, description = "It has to be 1.0.0"),
    ("Upload-Length" = u64, Header, description = "In bytes", minimum = 1),
    ("Upload-Metadata" = Option<String>, Header, description = "Pairs of a name and a value in Base64: `filename`, `fingerprint`"),
), responses(
    (status = 201, description = "`Location` says where its bytes go"),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn begin_upload(caller: Caller<Operator>, headers: HeaderMap) -> Result<Response, Answer> {
    begin(&caller.controller().await?, &headers, "/api/v1/uploads").await
}

/// How much of an upload has come: `Upload-Offset`
#[utoipa::path(head, path = "/api/v1/uploads/{upload}", params(
    ("upload" = String, Path, description = "Which"),
    ("Tus-Resumable" = Option<String>, Header, description = "It has to be 1.0.0"),
), responses(
    (status = 200, description = "It is there"),
    (status = "default", description = "Why not"),
))]
pub(crate) async fn upload(
    caller: Caller<Operator>,
    Path(upload): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Answer> {
    of_upload(&caller.controller().await?, &Method::HEAD, &upload, &headers, Body::empty()).await
}

/// Sends bytes of an upload: those from `Upload-Offset` on
#[utoipa::path(patch, path = "/api/v1/uploads/{upload}", params(
    ("upload" = String, Path, description = "Which"),
    ("Tus-Resumable" = Option<String>, Header, description = "It has to be 1.0.0"),
    ("Upload-Offset" = u64, Header, description = "Where they begin"),
), request_body(content = Pieces, content_type = "application/offset+octet-stream"), responses(
    (status = 204, description = "`Upload-Offset` says how many have come"),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn append_to_upload(
    caller: Caller<Operator>,
    Path(upload): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Answer> {
    of_upload(&caller.controller().await?, &Method::PATCH, &upload, &headers, body).await
}

/// Forgets an upload
#[utoipa::path(delete, path = "/api/v1/uploads/{upload}", params(
    ("upload" = String, Path, description = "Which"),
    ("Tus-Resumable" = Option<String>, Header, description = "It has to be 1.0.0"),
), responses(
    (status = 204, description = "It is gone"),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn remove_upload(
    caller: Caller<Operator>,
    Path(upload): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Answer> {
    of_upload(&caller.controller().await?, &Method::DELETE, &upload, &headers, Body::empty()).await
}

/// A call of tus by whoever may ask for operations, at a path that ends with the upload's id, or makes one there.
pub async fn tus(
    controller: &Controller,
    method: &Method,
    upload: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let answered = match upload {
        Some(upload) => of_upload(controller, method, upload, headers, body).await,
        None => begin(controller, headers, "/uploads").await,
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

async fn begin(controller: &Controller, headers: &HeaderMap, path: &str) -> Result<Response, Answer> {
    let size = number(headers, &LENGTH)?;
    check_version(headers)?;
    let upload = Uploads::of(controller)
        .begin(said(headers, "filename").unwrap_or_default(), size, said(headers, "fingerprint"))
        .await?;
    let location = HeaderValue::from_str(&format!("{path}/{}", upload.id.as_str()));
    let location = location.map_err(|error| Error::new(Kind::Failed, error))?;
    Ok((StatusCode::CREATED, [(RESUMABLE, VERSION), (header::LOCATION, location)]).into_response())
}

async fn of_upload(
    controller: &Controller,
    method: &Method,
    upload: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Answer> {
    let at = if *method == Method::PATCH { number(headers, &OFFSET)? } else { 0 };
    check_version(headers)?;
    let id = UploadId::parse(upload).ok_or(UploadError::Unknown)?;
    let uploads = Uploads::of(controller);
    match *method {
        Method::HEAD => {
            let Upload { size, received, .. } = uploads.get(id).await?;
            let numbers = [(LENGTH, HeaderValue::from(size)), (OFFSET, HeaderValue::from(received))];
            let kept = [(RESUMABLE, VERSION), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            Ok((numbers, kept).into_response())
        }
        Method::PATCH => {
            if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != PIECES) {
                let message = format!("bytes are sent as {PIECES}");
                return Err(Answer::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Kind::Usage, message));
            }
            let (sender, pieces) = mpsc::channel::<Bytes>(4);
            let (taken, ()) = tokio::join!(uploads.append(id, at, pieces), feed(body, sender));
            let offset = HeaderValue::from(taken?.received);
            Ok((StatusCode::NO_CONTENT, [(RESUMABLE, VERSION), (OFFSET, offset)]).into_response())
        }
        Method::DELETE => {
            uploads.remove(id).await?;
            Ok((StatusCode::NO_CONTENT, [(RESUMABLE, VERSION)]).into_response())
        }
        _ => Err(crate::answer::other_method().await),
    }
}

/// Hands on what comes, until no more does.
async fn feed(body: Body, sender: mpsc::Sender<Bytes>) {
    let mut pieces = body.into_data_stream();
    while let Ok(Some(Ok(piece))) = timeout(QUIET, pieces.next()).await {
        if sender.send(piece).await.is_err() {
            return;
        }
    }
}

fn check_version(headers: &HeaderMap) -> Result<(), Answer> {
    if headers.get(RESUMABLE) == Some(&VERSION) {
        return Ok(());
    }
    Err(Answer::new(StatusCode::PRECONDITION_FAILED, Kind::Usage, "uploads are by tus: Tus-Resumable: 1.0.0"))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Answer> {
    let number = headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    number.ok_or_else(|| {
        Answer::new(StatusCode::BAD_REQUEST, Kind::Usage, format!("{name} has to be a number of bytes"))
    })
}

/// What the sender says of the file, by a name of `Upload-Metadata`.
fn said(headers: &HeaderMap, name: &str) -> Option<String> {
    let metadata = headers.get(METADATA)?.to_str().ok()?;
    let mut pairs = metadata.split(',').filter_map(|pair| pair.trim().split_once(' '));
    let (_, value) = pairs.find(|(given, _)| *given == name)?;
    let value = BASE64_STANDARD.decode(value.trim()).ok()?;
    Some(String::from_utf8_lossy(&value).chars().take(LONGEST).collect())
}

impl From<UploadError> for Answer {
    fn from(error: UploadError) -> Self {
        let status = match error {
            UploadError::Elsewhere { .. } => StatusCode::CONFLICT,
            UploadError::Busy => StatusCode::LOCKED,
            UploadError::TooMany => StatusCode::TOO_MANY_REQUESTS,
            UploadError::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            UploadError::NoRoom { .. } => StatusCode::INSUFFICIENT_STORAGE,
            error => return Error::from(error).into(),
        };
        // What can go better when the sender asks where to go on, and does.
        let passes = matches!(error, UploadError::Elsewhere { .. } | UploadError::Busy);
        Self::new(status, if passes { Kind::Failed } else { Kind::Usage }, error.to_string())
    }
}
