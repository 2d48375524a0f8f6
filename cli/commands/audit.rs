//! `ays audit`

use std::path::Path;

use ays_catalogue::{AuditRecord, AuditWhat};
use serde_json::Value;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Lists what operators and installs changed, the last change first: who, when, what and why
#[derive(clap::Args)]
pub struct Args {
    /// Only of the images of this name
    #[arg(long, value_name = "NAME")]
    image: Option<String>,
    /// No more than so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let records = Site::find(repo)?.audit(args.image, args.limit).await?;
    if args.json {
        return table::json(&records);
    }
    let rows = records.into_iter().map(row);
    table::print(&["WHEN (UTC)", "WHO", "WHAT", "CHANGE", "WHY"], rows)
}

fn row(
    AuditRecord { at, actor, subject, name, what, reason, before, after, .. }: AuditRecord,
) -> Vec<String> {
    let subject = table::word(&subject);
    let what = match what {
        AuditWhat::Status => "state",
        AuditWhat::Facts => "facts",
        AuditWhat::Generation => "new generation",
        AuditWhat::Current => "current generation",
        AuditWhat::Wanted => "wanted on",
        AuditWhat::Copy if before.is_none() => "found",
        AuditWhat::Copy => "removed",
        AuditWhat::InEnvironment => "in the environment",
        AuditWhat::Pool => "its",
        AuditWhat::Adopted => "adopted",
        AuditWhat::Role => "role",
        AuditWhat::Password => "password",
        AuditWhat::Token => "token",
        AuditWhat::Account => "account",
        AuditWhat::Licence => "licence",
    };
    let change = match (before, after) {
        (None, after) => format!("{what}: {}", said(after)),
        (before, None) => format!("{what}: {}", said(before)),
        (before, after) => format!("{what}: {} -> {}", said(before), said(after)),
    };
    vec![at.to_the_second(), actor, format!("{subject} {name}"), change, reason.unwrap_or_default()]
}

/// A value for people: `n1, n2`, `size 10`, `none`.
fn said(value: Option<Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::Bool(yes)) => if yes { "yes" } else { "no" }.to_owned(),
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(values)) if values.is_empty() => "none".to_owned(),
        Some(Value::Array(values)) => {
            values.into_iter().map(|value| said(Some(value))).collect::<Vec<_>>().join(", ")
        }
        Some(Value::Object(fields)) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| format!("{name} {}", said(Some(value)))).collect::<Vec<_>>().join(", ")
        }
    }
}
