//! Which rights an account lacks, found before a byte is sent: AWS says whether it would do an action, without doing it.

use jiff::Timestamp;

use super::call::{Parameters, Region};
use super::ec2::MARK;
use super::register::{deprecation, sharing};
use crate::error::TargetError;
use crate::job::Fields;
use crate::problem::Problem;

/// Ids that nothing has: whether the account may is said before whether it is there.
const NO_IMAGE: &str = "ami-00000000000000000";
const NO_SNAPSHOT: &str = "snap-00000000000000000";

impl Region {
    /// The rights of EC2 that a publication needs and the account lacks. Those for the blocks of snapshots cannot be asked for.
    pub async fn missing_rights(&self, fields: &Fields) -> Result<Vec<Problem>, TargetError> {
        let register = Parameters::of(&[
            ("Name", fields.get("displayName").map_or("", String::as_str)),
            ("RootDeviceName", "/dev/xvda"),
            ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
            ("BlockDeviceMapping.1.Ebs.SnapshotId", NO_SNAPSHOT),
        ]);
        let tags = [("ResourceId.1", NO_IMAGE), ("Tag.1.Key", MARK), ("Tag.1.Value", "x")];
        let mut needed = vec![
            ("RegisterImage", register),
            ("CreateTags", Parameters::of(&tags)),
            ("DeregisterImage", Parameters::of(&[("ImageId", NO_IMAGE)])),
            ("DeleteSnapshot", Parameters::of(&[("SnapshotId", NO_SNAPSHOT)])),
        ];
        needed.extend(sharing(fields, NO_IMAGE).map(|asked| ("ModifyImageAttribute", asked)));
        let dated = deprecation(fields, NO_IMAGE, Timestamp::now());
        needed.extend(dated.map(|asked| ("EnableImageDeprecation", asked)));
        let mut missing = Vec::new();
        for (action, mut parameters) in needed {
            parameters.add("DryRun", "true");
            match self.ec2("asking for a right", action, &parameters).await {
                Err(error) if error.is_forbidden() => missing.push(Problem::error(
                    error.error.to_string(),
                    "`ays account policy` says what the account needs",
                )),
                Err(error) if error.code.is_empty() => return Err(error.into()),
                // It may: AWS says that it would have done so, or that there is no such object.
                _ => {}
            }
        }
        Ok(missing)
    }
}
