//! What is in a disk image, told by a process of its own that may break at it.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ays_model::{DiskFormat, Inspection};
use ays_protocol::{Failure, Inspect};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::child::oneself;
use crate::disk::{check_path, failure, on_thread};
use crate::image_file::open_file;
use crate::inspector::{ANY_FORMAT, Answer, INSPECT_MODE};
use crate::report::Report;
use crate::unpack::{Unpacking, path_of};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The longest answer, in bytes.
const LONGEST: u64 = 1 << 20;

/// Looks into the image, or into the one that is packed in it.
pub(crate) async fn inspect(order: &Inspect, report: &Report) -> Result<Inspection, Failure> {
    check_path(&order.path)?;
    let Some(directory) = &order.unpack else { return look_into(&order.path, order.format).await };
    check_path(directory)?;
    let disk = Unpacking::disk_in(&order.path, directory, report).await.map_err(|failure| match failure {
        Failure::BadImage { path, reason } => Failure::NotInspected { path, reason },
        other => other,
    })?;
    let Some(disk) = disk else { return look_into(&order.path, order.format).await };
    let image = path_of(&disk.file);
    look_into(&image, None).await.map_err(|failure| failure.of_path(&image, &order.path))
}

/// Looks into a disk. Whatever that does to its reader, this process goes on.
async fn look_into(path: &Path, format: Option<DiskFormat>) -> Result<Inspection, Failure> {
    let opened = path.to_owned();
    let image =
        on_thread(move || open_file(&opened).map_err(|error| failure(&opened, "reading", &error))).await?;
    let broken = |reason: String| not_inspected(path, reason);
    let mut child = oneself(INSPECT_MODE)
        .arg(format.map_or(ANY_FORMAT, DiskFormat::as_str))
        .env_clear()
        .stdin(image)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| broken(format!("its reader cannot be started: {error}")))?;
    let output = child.stdout.take();
    let reading = async {
        let mut said = Vec::new();
        if let Some(output) = output {
            output.take(LONGEST).read_to_end(&mut said).await?;
        }
        Ok::<_, std::io::Error>((said, child.wait().await?))
    };
    match timeout(LIMIT, reading).await {
        Err(_) => Err(broken(format!("it was not read within {} s", LIMIT.as_secs()))),
        Ok(Err(error)) => Err(broken(error.to_string())),
        Ok(Ok((said, status))) if status.success() => {
            let answer: Answer = serde_json::from_slice(&said)
                .map_err(|_| broken("what is in it misleads its reader".to_owned()))?;
            answer.map_err(broken)
        }
        Ok(Ok((_, status))) => Err(broken(why(status))),
    }
}

fn not_inspected(path: &Path, reason: String) -> Failure {
    Failure::NotInspected { path: path.display().to_string(), reason }
}

/// How a reader that gave no answer ended.
fn why(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("what is in it ends its reader (signal {signal})"),
        None => "what is in it ends its reader".to_owned(),
    }
}
