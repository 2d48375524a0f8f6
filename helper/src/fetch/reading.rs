//! The bytes of an answer, in memory.

use tokio::time::Instant;

use super::access::Access;
use super::body::Body;
use super::fault::Fault;
use super::slowness::Slowness;

/// How much is read at once, in bytes.
const PORTION: usize = 64 << 10;

/// The next bytes of what was opened: `most`, or fewer when it ends before.
pub(crate) async fn read_to(body: &mut Body, most: usize, access: Access<'_>) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let mut slowness = Slowness::new(access);
    while bytes.len() < most && fill(body, &mut bytes, &mut slowness, access).await? {}
    bytes.truncate(most);
    Ok(bytes)
}

/// Adds the next bytes; false when there are no more.
pub(crate) async fn fill(
    body: &mut Body,
    bytes: &mut Vec<u8>,
    slowness: &mut Slowness,
    access: Access<'_>,
) -> Result<bool, Fault> {
    let begun = Instant::now();
    let mut piece = Vec::new();
    let more = body.fill(&mut piece, PORTION, access.stall()).await?;
    slowness.count(begun.elapsed(), piece.len())?;
    bytes.append(&mut piece);
    Ok(more)
}
