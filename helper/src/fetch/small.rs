use std::time::Duration;

use ays_model::SecretUrl;
use ays_protocol::{Failure, Phase};
use tokio::time::sleep;

use super::access::Access;
use super::fault::Fault;
use super::opened::Opened;
use super::reading::fill;
use super::slowness::Slowness;
use super::source::Source;
use super::tries::Tries;

/// The most that a file of checksums may hold, in bytes.
const MOST: usize = 1 << 20;

/// Reads a small file whole.
pub(crate) async fn read_small(url: &SecretUrl, access: Access<'_>) -> Result<Vec<u8>, Failure> {
    read_up_to(url, MOST, access).await
}

/// Reads a file whole that has at most so many bytes.
pub(crate) async fn read_up_to(url: &SecretUrl, most: usize, access: Access<'_>) -> Result<Vec<u8>, Failure> {
    let mut source = Source::new(url, access)?;
    let mut tries = Tries::new(access, 0);
    loop {
        let (phase, reason, after) = match read_once(&mut source, most, access).await {
            Ok(bytes) => return Ok(bytes),
            Err(Fault::Final(failure)) => return Err(failure),
            Err(Fault::Again { phase, reason, after }) => (phase, reason, after),
            Err(Fault::StartOver { phase, reason }) => (phase, reason, Duration::ZERO),
        };
        sleep(tries.failed(&url.to_string(), 0, phase, &reason)?.max(after)).await;
    }
}

async fn read_once(source: &mut Source, most: usize, access: Access<'_>) -> Result<Vec<u8>, Fault> {
    let Opened { identity, mut body, .. } = source.open(None).await?;
    let mut bytes = Vec::new();
    let mut slowness = Slowness::new(access);
    while fill(&mut body, &mut bytes, &mut slowness, access).await? {
        if bytes.len() > most {
            return Err(
                source.refused(format!("it is larger than {most} bytes, too large for what it should be"))
            );
        }
    }
    match identity.size {
        Some(size) if size != bytes.len() as u64 => {
            Err(Fault::again(Phase::Transfer, format!("it ended after {} of {size} bytes", bytes.len())))
        }
        _ => Ok(bytes),
    }
}
