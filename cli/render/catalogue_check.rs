//! What a check of the catalogue found: the records, then each pool with its findings.

use std::fmt;

use ays_catalogue::LockHolder;
use ays_engine::{CheckedPool, Mended, PoolFault};
use ays_model::{Finding, NodeName, PoolKey, causes};
use ays_operations::CheckedCatalogue;
use ays_recipes::NodeError;
use serde::Serialize;

use super::pools;

/// All of it, as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'a> {
    /// Of the records themselves.
    records: Vec<Shown<'a>>,
    pools: Vec<Row<'a>>,
    /// Nodes that could not be looked at.
    unreached: Vec<Unreached<'a>>,
    /// Who brings or removes files now: what is on its way was not judged.
    at_work: Vec<Holder<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    pool: &'a PoolKey,
    /// The node that showed it.
    node: Option<&'a NodeName>,
    /// How many files are recorded in it.
    recorded: usize,
    /// How many files have nothing to do with the catalogue.
    others: u64,
    findings: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    code: &'a str,
    file: Option<&'a str>,
    problem: String,
    cure: String,
    /// What was done about it.
    mended: Option<&'a str>,
    /// Why nothing was done about it, where it was asked for.
    kept: Option<&'a str>,
}

#[derive(Serialize)]
struct Unreached<'a> {
    node: &'a NodeName,
    /// Its pool, where it is known.
    pool: Option<&'a PoolKey>,
    problem: String,
}

#[derive(Serialize)]
struct Holder<'a> {
    by: &'a str,
    scope: &'a str,
    since: String,
}

impl<'a> Report<'a> {
    pub fn new(checked: &'a CheckedCatalogue) -> Self {
        let unreached = checked.pools.iter().flat_map(|pool| {
            pool.unreached.iter().map(|(node, problem)| Unreached {
                node,
                pool: Some(&pool.pool),
                problem: problem.clone(),
            })
        });
        let of_file =
            |(node, error): &'a (NodeName, NodeError)| Unreached { node, pool: None, problem: causes(error) };
        Self {
            records: checked.records.iter().map(Shown::of_record).collect(),
            pools: checked.pools.iter().map(Row::from).collect(),
            unreached: unreached.chain(checked.broken.iter().map(of_file)).collect(),
            at_work: checked.at_work().into_iter().map(Holder::from).collect(),
        }
    }

    /// How many findings, and nodes that were not looked at, are left.
    pub fn open(&self) -> (usize, usize) {
        let all = self.records.iter().chain(self.pools.iter().flat_map(|row| &row.findings));
        (all.filter(|shown| shown.mended.is_none()).count(), self.unreached.len())
    }
}

impl<'a> From<&'a CheckedPool> for Row<'a> {
    fn from(CheckedPool { pool, node, faults, recorded, others, .. }: &'a CheckedPool) -> Self {
        let findings = faults.iter().map(|(fault, mended)| Shown::of_pool(fault, mended)).collect();
        Self { pool, node: node.as_ref(), recorded: *recorded, others: *others, findings }
    }
}

impl<'a> Shown<'a> {
    fn of_record(Finding { code, message, cure, .. }: &'a Finding) -> Self {
        Self { code, file: None, problem: message.clone(), cure: cure.clone(), mended: None, kept: None }
    }

    fn of_pool(fault: &'a PoolFault, mended: &'a Mended) -> Self {
        let (mended, kept) = match mended {
            Mended::NotAsked => (None, None),
            Mended::Done(what) => (Some(what.as_str()), None),
            Mended::Not(why) => (None, Some(why.as_str())),
        };
        Self {
            code: fault.code(),
            file: fault.file(),
            problem: fault.to_string(),
            cure: fault.cure(),
            mended,
            kept,
        }
    }
}

impl<'a> From<&'a LockHolder> for Holder<'a> {
    fn from(LockHolder { scope, by, since }: &'a LockHolder) -> Self {
        Self { by, scope, since: since.to_string() }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indented = |text: &str| text.replace('\n', "\n    ");
        write!(f, "\n  {}: {}", self.code, indented(&self.problem))?;
        match (self.mended, self.kept) {
            (Some(what), _) => write!(f, "\n    mended: {}", indented(what)),
            (None, Some(why)) => write!(f, "\n    not mended: {}\n    cure: {}", indented(why), self.cure),
            (None, None) => write!(f, "\n    cure: {}", self.cure),
        }
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\npool {}: ", pools::pool(self.pool))?;
        let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        match (self.node, self.findings.len()) {
            (None, 0) => f.write_str("not looked at"),
            (_, 0) => write!(f, "well, {} recorded", files(self.recorded)),
            (_, 1) => f.write_str("1 finding"),
            (_, many) => write!(f, "{many} findings"),
        }?;
        self.findings.iter().try_for_each(|shown| shown.fmt(f))
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.records.len() {
            0 => f.write_str("catalogue: well"),
            1 => f.write_str("catalogue: 1 finding"),
            many => write!(f, "catalogue: {many} findings"),
        }?;
        self.records.iter().try_for_each(|shown| shown.fmt(f))?;
        self.pools.iter().try_for_each(|row| row.fmt(f))?;
        for Unreached { node, problem, .. } in &self.unreached {
            write!(f, "\n{node}: not looked at: {}", problem.replace('\n', "\n  "))?;
        }
        for Holder { by, scope, since } in &self.at_work {
            write!(f, "\n{by} is at work on {scope} since {since}: what is on its way was not judged")?;
        }
        Ok(())
    }
}
