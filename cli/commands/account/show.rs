//! `ays account show`

use std::path::Path;

use ays_catalogue::Timestamp;
use ays_operations::account;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Shows what is known of an account; its secrets as ***
#[derive(clap::Args)]
pub struct Args {
    /// Its name
    account: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let found = account(&Site::find(repo)?.controller().await?, &args.account).await?;
    if args.json {
        return table::json(&found);
    }
    let mut rows = vec![
        ("type".to_owned(), found.target.clone()),
        ("made".to_owned(), format!("{} UTC by {}", found.created_at.to_the_second(), found.created_by)),
    ];
    let tested = found.tested_at.as_ref().map(Timestamp::to_the_second);
    let how = found.problem.as_deref().unwrap_or("it is let in");
    rows.push(("tested".to_owned(), tested.map_or("never".to_owned(), |at| format!("{at} UTC: {how}"))));
    rows.extend(found.fields.iter().map(|(key, value)| (key.clone(), value.clone())));
    rows.extend(found.secrets.iter().map(|key| (key.clone(), "***".to_owned())));
    let width = rows.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
    for (key, value) in rows {
        table::line(&format!("{key:width$}  {value}"))?;
    }
    Ok(())
}
