//! Sends a file to a server, from where it stopped: this command, or an earlier one.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use ays_engine::Stop;
use ays_operations::{Error, Upload, UploadId};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use tokio::time::{Instant, sleep};

use crate::client::{AWAY, Client, is_away, not_ours};
use crate::failure::Failure;
use crate::render::bytes_bar;

/// How many bytes are sent at once.
const PIECE: u64 = 8 * 1024 * 1024;

/// Sends a file, unless all of it is there from an earlier command.
pub async fn send(client: &Client, path: &Path, shows: bool, stop: &Stop) -> Result<UploadId, Failure> {
    let unreadable = |source| Failure::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let before = fingerprint(&file).map_err(unreadable)?;
    let known = client.get::<Vec<Upload>>(&["uploads"], &[]).await?;
    let known = known.into_iter().find(|upload| upload.fingerprint.as_ref() == Some(&before));
    let (id, mut at) = match known {
        Some(Upload { id, received, .. }) => (id, received),
        None => (begin(client, path, size, &before).await?, 0),
    };
    let bar = bytes_bar("sending", shows);
    bar.set_length(size);
    let mut answered = Instant::now();
    while at < size {
        bar.set_position(at);
        file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
        let mut piece = Vec::new();
        (&file).take(PIECE).read_to_end(&mut piece).map_err(unreadable)?;
        // It has become shorter.
        if piece.is_empty() {
            break;
        }
        let sent = tokio::select! {
            sent = append(client, &id, at, piece) => sent,
            () = stop.after_steps() => {
                bar.finish_and_clear();
                return Err(Error::interrupted().with_cure("the same command again goes on where this one stopped").into());
            }
        };
        match sent {
            Ok(now) => (at, answered) = (now, Instant::now()),
            Err(error) if is_away(&error) && answered.elapsed() < AWAY => {
                sleep(Duration::from_millis(500)).await;
                // Of the piece that was under way, some may have come.
                at = received(client, &id).await.unwrap_or(at);
            }
            Err(error) => return Err(error),
        }
    }
    bar.finish_and_clear();
    if fingerprint(&file).map_err(unreadable)? != before {
        client.tus(Method::DELETE, &["uploads", id.as_str()], &[], Vec::new()).await?;
        return Err(unreadable(std::io::Error::other("it was changed while it was sent")));
    }
    Ok(id)
}

/// What tells that it is the same file with the same bytes.
fn fingerprint(file: &File) -> std::io::Result<String> {
    let found = file.metadata()?;
    let changed = format!("{}.{:09}", found.mtime(), found.mtime_nsec());
    Ok(format!("{}-{}-{changed}-{}", found.dev(), found.ino(), found.len()))
}

async fn begin(client: &Client, path: &Path, size: u64, fingerprint: &str) -> Result<UploadId, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let word = |text: &str| BASE64_STANDARD.encode(text);
    let metadata = format!("filename {},fingerprint {}", word(&name), word(fingerprint));
    let headers = [("upload-length", size.to_string()), ("upload-metadata", metadata)];
    let answer = client.tus(Method::POST, &["uploads"], &headers, Vec::new()).await?;
    let location = answer.get("location").and_then(|location| location.to_str().ok()).unwrap_or_default();
    location.rsplit('/').next().and_then(UploadId::parse).ok_or_else(|| not_ours("it names no upload"))
}

async fn received(client: &Client, id: &UploadId) -> Result<u64, Failure> {
    let answer = client.tus(Method::HEAD, &["uploads", id.as_str()], &[], Vec::new()).await?;
    offset(&answer)
}

async fn append(client: &Client, id: &UploadId, at: u64, piece: Vec<u8>) -> Result<u64, Failure> {
    let kind = "application/offset+octet-stream".to_owned();
    let headers = [("upload-offset", at.to_string()), ("content-type", kind)];
    offset(&client.tus(Method::PATCH, &["uploads", id.as_str()], &headers, piece).await?)
}

fn offset(answer: &reqwest::header::HeaderMap) -> Result<u64, Failure> {
    let offset = answer.get("upload-offset").and_then(|offset| offset.to_str().ok()?.parse().ok());
    offset.ok_or_else(|| not_ours("it does not say how much has come"))
}
