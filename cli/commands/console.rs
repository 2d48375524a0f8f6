//! `ays console`

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use ays_model::Node;

use crate::context;
use crate::failure::Failure;

/// Opens a shell on a node, by ssh
#[derive(clap::Args)]
pub struct Args {
    /// The node
    #[arg(value_name = "NODE")]
    node: String,
}

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = context::environment(repo)?;
    let node: Node = environment.node(None, &args.node)?;
    let mut command = Command::new("ssh");
    if let Some(port) = node.port {
        command.args(["-p", &port.to_string()]);
    }
    if let Some(login) = &node.login {
        command.args(["-l", login]);
    }
    command.arg("--").arg(&node.host);
    // ssh takes this process's place: the terminal is its own.
    Err(Failure::NoConsole { node: args.node.clone(), source: command.exec() })
}
