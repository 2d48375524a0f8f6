use tokio::time::sleep;

use super::body::Body;
use super::fault::Fault;
use super::source::{Opened, Source};
use super::tries::Tries;
use crate::helper::Limits;
use crate::{Failure, Phase, SecretUrl};

/// The most that a file of checksums may hold, in bytes.
const MOST: usize = 1 << 20;

/// Reads a small file whole.
pub(crate) async fn read_small(url: &SecretUrl, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let mut source = Source::new(url, limits)?;
    let mut tries = Tries::new(limits, 0);
    loop {
        let (phase, reason) = match read_once(&mut source, limits).await {
            Ok(bytes) => return Ok(bytes),
            Err(Fault::Final(failure)) => return Err(failure),
            Err(Fault::Again { phase, reason } | Fault::StartOver { phase, reason }) => (phase, reason),
        };
        sleep(tries.failed(&url.to_string(), 0, phase, &reason)?).await;
    }
}

async fn read_once(source: &mut Source, limits: &Limits) -> Result<Vec<u8>, Fault> {
    let Opened { identity, mut body, .. } = source.open(None).await?;
    let mut bytes = Vec::new();
    while fill(&mut body, &mut bytes, limits).await? {
        if bytes.len() > MOST {
            return Err(
                source.refused(format!("it is larger than {MOST} bytes, too large for a list of checksums"))
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

/// Adds the next bytes; false when there are no more.
async fn fill(body: &mut Body, bytes: &mut Vec<u8>, limits: &Limits) -> Result<bool, Fault> {
    let mut piece = Vec::with_capacity(64 << 10);
    let more = body.fill(&mut piece, limits.stall).await;
    bytes.append(&mut piece);
    more
}
