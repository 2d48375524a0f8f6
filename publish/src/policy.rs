//! The least rights that an account needs, as the one who gives them writes them down.

use crate::fields::TargetType;

/// AWS's own form; what is only used where somebody asks for it (sharing, deprecation) is in it.
const AWS: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Images",
      "Effect": "Allow",
      "Action": [
        "ec2:CreateTags",
        "ec2:DeleteSnapshot",
        "ec2:DeregisterImage",
        "ec2:DescribeImages",
        "ec2:DescribeRegions",
        "ec2:DescribeSnapshots",
        "ec2:EnableImageDeprecation",
        "ec2:ModifyImageAttribute",
        "ec2:RegisterImage"
      ],
      "Resource": "*"
    },
    {
      "Sid": "Blocks",
      "Effect": "Allow",
      "Action": ["ebs:StartSnapshot", "ebs:PutSnapshotBlock", "ebs:CompleteSnapshot"],
      "Resource": "arn:aws:ec2:*::snapshot/*"
    }
  ]
}
"#;

const DOCKER: &str = "\
On the repositories that images go to: pull, push and delete. With delete, what a failed publication left is removed; without it,
that stays until the registry collects it.
";

const OPENSTACK: &str = "\
In the project that images go to: the role `member` (keystone's default roles). publicImage=true needs the right
`publicize_image` of glance, which by default only admins have.
";

/// What an account of this type needs.
pub fn policy(of: TargetType) -> &'static str {
    match of {
        TargetType::Aws => AWS,
        TargetType::Docker => DOCKER,
        TargetType::Openstack => OPENSTACK,
    }
}
