//! The target `aws`: blocks straight to a snapshot, and an image of it. Its services are asked in their own words, without Amazon's
//! SDK, which takes minutes to compile.

mod blocks;
mod call;
mod ec2;
mod register;
mod rights;
mod rules;
mod sign;

use std::time::Duration;

use ays_catalogue::CloudObject;
use ays_protocol::Told;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::account::Account;
use crate::error::TargetError;
use crate::http::Http;
use crate::job::{Fields, ImageFacts, Job, Published, Seen};
use crate::problem::Problem;
use blocks::{Progress, pause};
use call::{NotDone, Region};
use ec2::{KEY, MARK};
use register::IMAGE;
use sign::Keys;

/// The kinds of what is in a ledger, besides an image. The key of a snapshot is the publication's mark and a number; its blocks
/// have the same key.
const SNAPSHOT: &str = "snapshot";
const BLOCKS: &str = "blocks";

/// The region in which an account is tested: an account says none.
const FIRST_REGION: &str = "us-east-1";

/// How long AWS may take to complete a snapshot.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(1_800);

/// How long is waited for a snapshot to be complete though the call that says so was refused.
const REFUSED_LIMIT: Duration = Duration::from_secs(60);

/// How often a snapshot is begun whose answer was lost.
const TRIES: u32 = 4;

/// AWS, for an account.
#[derive(Debug)]
pub(crate) struct Aws {
    http: Http,
    account: Account,
    keys: Keys,
}

impl Aws {
    pub fn new(account: &Account) -> Result<Self, TargetError> {
        let token = account.secrets().get("sessionToken").cloned();
        let (id, secret) = (account.need("accessKeyId").to_owned(), account.secret("secretAccessKeyId"));
        let keys = Keys { id, secret, token };
        Ok(Self { http: Http::new(account)?, account: account.clone(), keys })
    }

    pub async fn test(&self) -> Result<Seen, TargetError> {
        let region = Region::new(&self.http, &self.account, &self.keys, FIRST_REGION)?;
        let arn = self.sign_in(&region).await?;
        let mut seen = Seen { found: vec![("identity".to_owned(), vec![arn])] };
        match region.regions().await {
            Ok(regions) => seen.found.push(("regions".to_owned(), regions)),
            // To publish nobody needs that right.
            Err(error) if error.is_forbidden() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(seen)
    }

    /// Who it is, when the account is the one that it should be.
    async fn sign_in(&self, region: &Region) -> Result<String, TargetError> {
        let caller = region.caller().await?;
        let expected = self.account.need("accountNumber");
        if caller.account != expected {
            return Err(TargetError::NotOne(format!(
                "the access key is of the account {}, and accountNumber says {expected}",
                caller.account
            )));
        }
        Ok(caller.arn)
    }

    pub fn check(image: &ImageFacts, fields: &Fields) -> Vec<Problem> {
        rules::check(image, fields)
    }

    pub async fn ask(
        &self,
        fields: &Fields,
        overwrite: bool,
        own: &[CloudObject],
    ) -> Result<Vec<Problem>, TargetError> {
        // That it is none is a problem which was told already.
        let Ok(region) = self.region(fields) else { return Ok(Vec::new()) };
        self.sign_in(&region).await?;
        let name = fields.get("displayName").map_or("", String::as_str);
        let mut there = region.images("name", &[name]).await?;
        let is_id = |object: &CloudObject, id: &String| object.cloud_id.as_ref() == Some(id);
        there.retain(|image| {
            !own.iter().any(|object| {
                let is_image = object.kind == IMAGE && image.is_of(&object.key);
                is_image || is_id(object, &image.id) || image.snapshots.iter().any(|id| is_id(object, id))
            })
        });
        let mut problems = region.missing_rights(fields).await?;
        if let Some(first) = there.first() {
            problems.push(match overwrite {
                true => Problem::warning(
                    format!(
                        "the image {} of the name `{name}` will be removed before the new one is there",
                        first.id
                    ),
                    "nothing, if that is meant; a name has only one image at AWS",
                ),
                false => Problem::error(
                    format!("an image of the name `{name}` is there already: {}", first.id),
                    "choose another displayName, or say --overwrite",
                ),
            });
        }
        Ok(problems)
    }

    /// As what the disk is read.
    pub fn told() -> Told {
        blocks::told()
    }

    pub async fn publish(&self, job: &Job<'_>) -> Result<Published, TargetError> {
        let region = self.region(job.fields)?;
        let snapshot = need_snapshot(&region, job).await?;
        (job.tell)("registering the image", 0, None);
        let image = region.need_image(job, &snapshot).await?;
        region.share_and_date(job.fields, &image.id).await?;
        let location = format!("{}/{}", region.name, job.need("displayName"));
        Ok(Published { cloud_id: image.id, location })
    }

    pub async fn undo(&self, fields: &Fields, object: &CloudObject) -> Result<(), TargetError> {
        let region = self.region(fields)?;
        let known = object.cloud_id.clone();
        match object.kind.as_str() {
            IMAGE => {
                let mut ids: Vec<_> = known.into_iter().collect();
                // What was registered, and no answer came.
                let name = fields.get("displayName").map_or("", String::as_str);
                let named = region.images("name", &[name]).await?;
                let tagged = region.images(&tag(MARK), &[&object.key]).await?;
                let own = named.into_iter().chain(tagged).filter(|image| image.is_of(&object.key));
                ids.extend(own.map(|image| image.id));
                ids.sort();
                ids.dedup();
                for id in ids {
                    region.deregister(&id).await?;
                }
            }
            SNAPSHOT => {
                let mut ids: Vec<_> = known.into_iter().collect();
                ids.extend(snapshots_of(&region, &object.key).await?);
                ids.sort();
                ids.dedup();
                for id in ids {
                    region.delete_unused_snapshot(&id).await?;
                }
            }
            // Blocks go with their snapshot.
            _ => {}
        }
        Ok(())
    }

    pub async fn marked(&self, fields: &Fields, begin: &str) -> Result<Vec<(String, String)>, TargetError> {
        let region = self.region(fields)?;
        let (filter, pattern) = (tag(MARK), format!("{begin}*"));
        let images = region.images(&filter, &[&pattern]).await?;
        let images = images.into_iter().map(|image| (image.id, image.mark));
        let snapshots = region.snapshots(&filter, &[&pattern]).await?;
        let snapshots = snapshots.into_iter().map(|snapshot| (snapshot.id, snapshot.mark));
        let marked = images.chain(snapshots).filter_map(|(id, mark)| Some((id, mark?)));
        Ok(marked.filter(|(_, mark)| mark.starts_with(begin)).collect())
    }

    fn region(&self, fields: &Fields) -> Result<Region, TargetError> {
        let name = fields.get("region").map_or("", String::as_str);
        Region::new(&self.http, &self.account, &self.keys, name)
    }
}

fn tag(key: &str) -> String {
    format!("tag:{key}")
}

/// The snapshots of an object of a ledger: one, where AWS knows what it has made.
async fn snapshots_of(region: &Region, key: &str) -> Result<Vec<String>, NotDone> {
    let found = region.snapshots(&tag(KEY), &[key]).await?;
    Ok(found.into_iter().map(|snapshot| snapshot.id).collect())
}

/// The complete snapshot of a publication: the one of an earlier try, or a new one.
async fn need_snapshot(region: &Region, job: &Job<'_>) -> Result<String, TargetError> {
    let mut open = job.ledger.open().await?;
    if let Some(at) = open.iter().position(|object| object.kind == SNAPSHOT) {
        let object = open.swap_remove(at);
        let blocks = open.into_iter().find(|blocks| blocks.kind == BLOCKS && blocks.key == object.key);
        if let Some(id) = usable(region, &object).await? {
            job.ledger.made(&object, &id).await?;
            return finish(region, job, id, blocks).await;
        }
        job.ledger.removed(&object).await?;
        if let Some(blocks) = blocks {
            job.ledger.removed(&blocks).await?;
        }
    }
    let key = format!("{}/{}", job.ledger.mark(), job.ledger.count().await?);
    // Before the snapshot: one without blocks in the ledger is complete.
    let blocks = job.ledger.intend(BLOCKS, &key).await?;
    let object = job.ledger.intend(SNAPSHOT, &key).await?;
    (job.tell)("beginning the snapshot", 0, None);
    let id = begin(region, job, &key).await?;
    job.ledger.made(&object, &id).await?;
    finish(region, job, id, Some(blocks)).await
}

/// The snapshot of an earlier try, where it can be gone on with; what cannot is removed.
async fn usable(region: &Region, object: &CloudObject) -> Result<Option<String>, TargetError> {
    let id = match &object.cloud_id {
        Some(id) => Some(id.clone()),
        None => snapshots_of(region, &object.key).await?.into_iter().next(),
    };
    let Some(id) = id else { return Ok(None) };
    let found = region.snapshots("snapshot-id", &[&id]).await?.into_iter().next();
    match found {
        Some(found) if matches!(found.state.as_str(), "pending" | "completed") => Ok(Some(id)),
        Some(_) => {
            region.delete_snapshot(&id).await?;
            Ok(None)
        }
        None => Ok(None),
    }
}

/// Begins a snapshot. The token makes it one at AWS, whatever answer is lost; the tag does so at clouds that know no token.
async fn begin(region: &Region, job: &Job<'_>, key: &str) -> Result<String, TargetError> {
    let token = Uuid::new_v5(&Uuid::NAMESPACE_URL, key.as_bytes()).to_string();
    let description = register::description(job.image, job.ledger.mark());
    let content = job.image.content.to_string();
    let tags =
        [(MARK, job.ledger.mark()), (KEY, key), ("ays:image", &job.image.name), ("ays:content", &content)];
    let mut tries = 0;
    loop {
        let begun = region.start_snapshot(rules::gibibytes(job.image), &token, &description, &tags).await;
        match begun {
            Err(error) if tries < TRIES && error.may_pass() => {
                sleep(pause(tries)).await;
                tries += 1;
                if let Some(id) = snapshots_of(region, key).await?.into_iter().next() {
                    return Ok(id);
                }
            }
            begun => return Ok(begun?),
        }
    }
}

/// Sends what is not there of a snapshot, and waits until it is complete.
async fn finish(
    region: &Region,
    job: &Job<'_>,
    id: String,
    blocks: Option<CloudObject>,
) -> Result<String, TargetError> {
    if let Some(blocks) = blocks {
        let all = match Progress::of(&blocks) {
            Progress::Sure(sure) => region.send_blocks(job, &id, &blocks, sure).await?,
            all @ Progress::All { .. } => all,
        };
        if let Progress::All { count, checksum } = all {
            (job.tell)("completing the snapshot", 0, None);
            complete(region, &id, count, checksum).await?;
        }
        job.ledger.removed(&blocks).await?;
    }
    wait_for_snapshot(region, &id, SNAPSHOT_LIMIT).await?;
    Ok(id)
}

async fn complete(region: &Region, id: &str, count: u64, checksum: String) -> Result<(), TargetError> {
    let Err(refused) = region.complete_snapshot(id, count, checksum).await else { return Ok(()) };
    // It may have been complete already, by a call whose answer was lost.
    match wait_for_snapshot(region, id, REFUSED_LIMIT).await {
        Ok(()) => Ok(()),
        Err(TargetError::Failed(_)) => Err(refused.into()),
        Err(error) => Err(error),
    }
}

async fn wait_for_snapshot(region: &Region, id: &str, limit: Duration) -> Result<(), TargetError> {
    let (since, mut tries) = (Instant::now(), 0);
    loop {
        let found = region.snapshots("snapshot-id", &[id]).await?.into_iter().next();
        match found {
            Some(snapshot) if snapshot.state == "completed" => return Ok(()),
            Some(snapshot) if snapshot.state == "error" => {
                let reason = snapshot.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                return Err(TargetError::Failed(format!("snapshot {id} failed{reason}")));
            }
            _ if since.elapsed() < limit => sleep(pause(tries)).await,
            _ => return Err(TargetError::Failed(format!("snapshot {id} did not become complete"))),
        }
        tries += 1;
    }
}
