//! `ays nodes`

use std::path::Path;
use std::sync::Arc;

use ays_model::{Gid, Node, NodeName, PoolName, TemplateName};
use ays_operations::nodes;

use crate::context;
use crate::failure::{Failure, eprint_line};
use crate::render::table;

/// Lists the nodes of the environment
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Row {
    name: NodeName,
    #[serde(rename = "type")]
    template: TemplateName,
    address: String,
    port: Option<u16>,
    login: Option<String>,
    gateway: Option<NodeName>,
    gid: Gid,
    pool: PoolName,
    stack: bool,
}

impl From<Node> for Row {
    fn from(node: Node) -> Self {
        Self {
            name: node.name,
            template: node.template,
            address: node.host,
            port: node.port,
            login: node.login,
            gateway: node.gateway.map(|gateway| gateway.name),
            gid: node.gid,
            pool: node.pool.name,
            stack: node.stack,
        }
    }
}

/// A node whose file is wrong is told, and the others are listed all the same.
pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = Arc::new(context::environment(repo)?);
    let mut rows: Vec<Row> = Vec::new();
    let mut first_error = None;
    for (_, node) in nodes(environment).await? {
        match node {
            Ok(node) => rows.push(node.into()),
            Err(error) => {
                if let Some(error) = first_error.replace(error) {
                    eprint_line(&format!("error: {error}"));
                }
            }
        }
    }
    if args.json {
        table::json(&rows)?;
    } else {
        let rows = rows.into_iter().map(|row| {
            let port = row.port.map(|port| port.to_string()).unwrap_or_default();
            let stack = if row.stack { "yes" } else { "no" };
            let gateway = row.gateway.map(String::from).unwrap_or_default();
            vec![
                row.name.into(),
                row.template.into(),
                row.address,
                port,
                row.login.unwrap_or_default(),
                gateway,
                row.gid.to_string(),
                row.pool.into(),
                stack.to_owned(),
            ]
        });
        table::print(
            &["NODE", "TYPE", "ADDRESS", "PORT", "LOGIN", "GATEWAY", "GRID", "POOL", "STACK"],
            rows,
        )?;
    }
    first_error.map_or(Ok(()), |error| Err(error.into()))
}
