//! `ays account policy`

use ays_publish::{TargetType, policy};

use crate::failure::Failure;
use crate::render::table;

/// Prints the least rights that an account needs, in the form in which its cloud takes them
#[derive(clap::Args)]
pub struct Args {
    /// The type of target: aws, docker, openstack
    #[arg(value_name = "TYPE")]
    target: TargetType,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    table::line(policy(args.target).trim_end())
}
