//! An image of a snapshot: registered once, whatever answer is lost, then shared and dated.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

use super::blocks::pause;
use super::call::{Parameters, Region};
use super::ec2::{Image, MARK};
use super::rules;
use crate::error::TargetError;
use crate::job::{Fields, ImageFacts, Job};

/// The kind of an image in a ledger; its key is the publication's mark.
pub(super) const IMAGE: &str = "image";

/// What instances see as their first disk.
const ROOT: &str = "/dev/xvda";

/// How long AWS may take to have an image ready.
const IMAGE_LIMIT: Duration = Duration::from_secs(600);

/// How often an image is registered whose answer was lost.
const TRIES: u32 = 4;

/// The code of a name that is taken.
const TAKEN: &str = "InvalidAMIName.Duplicate";

const SECONDS_OF_A_DAY: i64 = 86_400;

impl Region {
    /// The image of a publication: the one that an earlier try has registered, or a new one.
    pub async fn need_image(&self, job: &Job<'_>, snapshot: &str) -> Result<Image, TargetError> {
        let (mark, name) = (job.ledger.mark(), job.need("displayName"));
        let parameters = parameters(job.image, job.fields, snapshot, mark);
        let object = job.ledger.intend(IMAGE, mark).await?;
        let mut tries = 0;
        let id = loop {
            // A name has one image, so that what was registered is found by it, even if no answer came.
            let named = self.images("name", &[name]).await?;
            let is_own =
                |image: &&Image| image.is_of(mark) || image.snapshots.iter().any(|id| id == snapshot);
            if let Some(own) = named.iter().find(is_own) {
                break own.id.clone();
            }
            for other in &named {
                if !job.overwrite {
                    let taken = format!("an image of the name `{name}` is there already: {}", other.id);
                    return Err(TargetError::NotOne(taken));
                }
                self.replace(other, mark).await?;
            }
            match self.register(&parameters).await {
                Ok(id) => break id,
                Err(error) if tries < TRIES && (error.may_pass() || error.code == TAKEN) => {
                    sleep(pause(tries)).await;
                    tries += 1;
                }
                Err(error) => return Err(error.into()),
            }
        };
        job.ledger.made(&object, &id).await?;
        let image = self.wait_for_image(&id).await?;
        if image.mark.is_none() {
            // A cloud that is compatible may not take tags where AWS does.
            self.tag(&id, &tags(job.image, mark)).await?;
        }
        Ok(image)
    }

    /// Removes an image whose name is wanted. Its snapshots go too where this catalogue has made them; those of others stay.
    async fn replace(&self, old: &Image, mark: &str) -> Result<(), TargetError> {
        let catalogue = mark.rfind('-').map_or(mark, |end| &mark[..=end]);
        self.deregister(&old.id).await?;
        for id in &old.snapshots {
            for snapshot in self.snapshots("snapshot-id", &[id]).await? {
                if snapshot.mark.is_some_and(|mark| mark.starts_with(catalogue)) {
                    self.delete_unused_snapshot(&snapshot.id).await?;
                }
            }
        }
        Ok(())
    }

    /// Removes a snapshot whose image was removed: AWS may not have noticed that everywhere.
    pub async fn delete_unused_snapshot(&self, id: &str) -> Result<(), TargetError> {
        let mut tries = 0;
        loop {
            match self.delete_snapshot(id).await {
                Err(error) if tries < TRIES && error.code == "InvalidSnapshot.InUse" => {
                    sleep(pause(tries)).await;
                    tries += 1;
                }
                done => return Ok(done?),
            }
        }
    }

    async fn wait_for_image(&self, id: &str) -> Result<Image, TargetError> {
        let (since, mut tries) = (Instant::now(), 0);
        loop {
            let found = self.images("image-id", &[id]).await?.into_iter().next();
            match found {
                Some(image) if image.state == "available" => return Ok(image),
                Some(Image { state, reason, .. }) if !matches!(state.as_str(), "pending" | "transient") => {
                    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                    return Err(TargetError::Failed(format!("image {id} is {state}{reason}")));
                }
                // One that is new is not known everywhere at once.
                _ if since.elapsed() < IMAGE_LIMIT => sleep(pause(tries)).await,
                _ => return Err(TargetError::Failed(format!("image {id} did not become available"))),
            }
            tries += 1;
        }
    }

    async fn tag(&self, id: &str, tags: &[(&str, String)]) -> Result<(), TargetError> {
        let mut parameters = Parameters::of(&[("ResourceId.1", id)]);
        for (number, (key, value)) in tags.iter().enumerate() {
            parameters.add(format!("Tag.{}.Key", number + 1), *key);
            parameters.add(format!("Tag.{}.Value", number + 1), value.as_str());
        }
        Ok(self.ec2("tagging the image", "CreateTags", &parameters).await?)
    }

    /// Lets other accounts start it, and dates its end, where that is wanted.
    pub async fn share_and_date(&self, fields: &Fields, id: &str) -> Result<(), TargetError> {
        if let Some(parameters) = sharing(fields, id) {
            self.ec2("sharing the image", "ModifyImageAttribute", &parameters).await?;
        }
        if let Some(parameters) = deprecation(fields, id, Timestamp::now()) {
            self.ec2("dating the image's end", "EnableImageDeprecation", &parameters).await?;
        }
        Ok(())
    }
}

/// What is said of an image beside its name.
fn tags(image: &ImageFacts, mark: &str) -> [(&'static str, String); 3] {
    [(MARK, mark.to_owned()), ("ays:image", image.name.clone()), ("ays:content", image.content.to_string())]
}

/// With what an image is registered.
pub(super) fn parameters(image: &ImageFacts, fields: &Fields, snapshot: &str, mark: &str) -> Parameters {
    let boot_mode = rules::boot_mode(image);
    let architecture = rules::architecture(image).unwrap_or("x86_64");
    let mut parameters = Parameters::of(&[
        ("Name", fields.get("displayName").map_or("", String::as_str)),
        ("Description", &description(image, mark)),
        ("Architecture", architecture),
        ("VirtualizationType", "hvm"),
        ("ImdsSupport", "v2.0"),
        ("RootDeviceName", ROOT),
        ("BlockDeviceMapping.1.DeviceName", ROOT),
        ("BlockDeviceMapping.1.Ebs.SnapshotId", snapshot),
        ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
        ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3"),
        ("TagSpecification.1.ResourceType", "image"),
    ]);
    for (number, (key, value)) in tags(image, mark).into_iter().enumerate() {
        parameters.add(format!("TagSpecification.1.Tag.{}.Key", number + 1), key);
        parameters.add(format!("TagSpecification.1.Tag.{}.Value", number + 1), value);
    }
    if rules::is_linux(image) {
        parameters.add("EnaSupport", "true");
    }
    if let Some(mode) = boot_mode {
        parameters.add("BootMode", mode);
    }
    // AWS has a TPM only for machines of this kind.
    if boot_mode == Some("uefi") && architecture == "x86_64" {
        parameters.add("TpmSupport", "v2.0");
    }
    parameters
}

/// What an image or a snapshot is described as: its mark is in it, for clouds that keep no tags.
pub(super) fn description(image: &ImageFacts, mark: &str) -> String {
    format!("{}, generation {} ({mark})", image.name, image.generation)
}

pub(super) fn sharing(fields: &Fields, id: &str) -> Option<Parameters> {
    let mut parameters = Parameters::of(&[("ImageId", id)]);
    for (number, account) in rules::accounts(fields).enumerate() {
        parameters.add(format!("LaunchPermission.Add.{}.UserId", number + 1), account);
    }
    parameters.get("LaunchPermission.Add.1.UserId")?;
    Some(parameters)
}

pub(super) fn deprecation(fields: &Fields, id: &str, now: Timestamp) -> Option<Parameters> {
    let days = i64::from(rules::days(fields)?);
    let at = now.checked_add(SignedDuration::from_secs(days * SECONDS_OF_A_DAY)).ok()?;
    let at = at.strftime("%Y-%m-%dT%H:%M:00Z").to_string();
    Some(Parameters::of(&[("ImageId", id), ("DeprecateAt", &at)]))
}

#[cfg(test)]
mod tests {
    use ays_catalogue::StartedBy;

    use super::super::rules::tests::{fields, image};
    use super::*;

    #[test]
    fn an_image_is_registered_as_its_disk_is() {
        let registered = parameters(&image(), &fields(&[]), "snap-1", "ays-c-7");
        let said = |key: &str| registered.get(key);
        assert_eq!(said("Name"), Some("x-1"));
        assert_eq!(said("Description"), Some("x, generation 1 (ays-c-7)"));
        assert_eq!(said("BlockDeviceMapping.1.Ebs.SnapshotId"), Some("snap-1"));
        assert_eq!(said("TagSpecification.1.Tag.1.Key"), Some("ays:publication"));
        assert_eq!(said("TagSpecification.1.Tag.1.Value"), Some("ays-c-7"));
        let kinds = ["Architecture", "BootMode", "TpmSupport", "EnaSupport", "ImdsSupport"].map(said);
        assert_eq!(kinds, ["x86_64", "uefi", "v2.0", "true", "v2.0"].map(Some));

        let mut other = image();
        (other.disk.os, other.category) = (None, String::new());
        other.disk.started_by = Some(StartedBy::Bios);
        let registered = parameters(&other, &fields(&[]), "snap-1", "ays-c-7");
        let kinds = ["BootMode", "TpmSupport", "EnaSupport"].map(|key| registered.get(key));
        assert_eq!(kinds, [Some("legacy-bios"), None, None]);
    }

    #[test]
    fn it_is_shared_and_dated_where_that_is_wanted() {
        let now = "2026-11-28T08:40:50Z".parse().unwrap();
        assert!(sharing(&fields(&[]), "ami-1").is_none());
        assert!(deprecation(&fields(&[]), "ami-1", now).is_none());
        let said = fields(&[("shareWith", "123456789012, 210987654321"), ("deprecateAfter", "90")]);
        let shared = sharing(&said, "ami-1").unwrap();
        assert_eq!(shared.get("LaunchPermission.Add.2.UserId"), Some("210987654321"));
        let dated = deprecation(&said, "ami-1", now).unwrap();
        assert_eq!(dated.get("DeprecateAt"), Some("2027-02-26T08:40:00Z"));
    }
}
