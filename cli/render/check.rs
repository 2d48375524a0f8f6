//! What a check found on a node: a line where all is well, else each finding below it.

use std::fmt;

use ays_engine::{Checked, NodeProblem};
use ays_model::{Finding, NodeName, Severity, causes};
use ays_protocol::{Directory, Examined, Failure};
use ays_recipes::NodeError;
use serde::Serialize;

use super::units;

/// A node as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row<'a> {
    node: &'a NodeName,
    os: Option<&'a str>,
    arch: Option<&'a str>,
    qemu_img: Option<&'a str>,
    /// Bytes.
    pool_free: Option<u64>,
    /// Bytes.
    downloads_free: Option<u64>,
    findings: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    code: &'static str,
    level: Severity,
    problem: String,
    cure: String,
}

impl<'a> Row<'a> {
    /// Of a node that was checked.
    pub fn new(checked: &'a Checked) -> Self {
        let examined = checked.examined.as_ref();
        let free = |directory: fn(&Examined) -> &Result<Directory, Failure>| {
            examined.and_then(|examined| directory(examined).as_ref().ok()).map(|found| found.free)
        };
        Self {
            node: &checked.node,
            os: checked.facts.as_ref().map(|facts| facts.os.as_str()),
            arch: checked.facts.as_ref().map(|facts| facts.arch.as_str()),
            qemu_img: examined.and_then(|examined| examined.qemu_img.as_deref().ok()),
            pool_free: free(|examined| &examined.pool),
            downloads_free: free(|examined| &examined.downloads),
            findings: checked.problems.iter().map(Shown::from).collect(),
        }
    }

    /// Of a node that could not be checked, since its file is wrong.
    pub fn of_file(node: &'a NodeName, error: &NodeError) -> Self {
        let problem = causes(error);
        let cure = "put its file right".to_owned();
        let findings = vec![Shown { code: "file", level: Severity::Error, problem, cure }];
        let (os, arch, qemu_img, pool_free, downloads_free) = (None, None, None, None, None);
        Self { node, os, arch, qemu_img, pool_free, downloads_free, findings }
    }

    /// Whether installs do not work on it.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Severity::Error)
    }

    /// What it has, where all is well.
    fn facts(&self) -> String {
        let mut said = Vec::new();
        if let (Some(os), Some(arch)) = (self.os, self.arch) {
            said.push(format!("{os} on {arch}"));
        }
        said.extend(self.qemu_img.map(|version| format!("qemu-img {version}")));
        said.extend(self.pool_free.map(|free| format!("{} free in its pool", units::bytes(free))));
        said.extend(self.downloads_free.map(|free| format!("{} for downloads", units::bytes(free))));
        said.join(", ")
    }
}

impl From<&NodeProblem> for Shown {
    fn from(problem: &NodeProblem) -> Self {
        let Finding { code, severity, message, cure } = problem.finding();
        Self { code, level: severity, problem: message, cure }
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return write!(f, "{}: well: {}", self.node, self.facts());
        }
        let count = |level: Severity| {
            let count = self.findings.iter().filter(|finding| finding.level == level).count();
            let many = if count == 1 { "" } else { "s" };
            (count > 0).then(|| format!("{count} {level}{many}"))
        };
        let counts: Vec<_> = [Severity::Error, Severity::Warning].into_iter().filter_map(count).collect();
        write!(f, "{}: {}", self.node, counts.join(", "))?;
        for Shown { level, problem, cure, .. } in &self.findings {
            let problem = problem.replace('\n', "\n    ");
            write!(f, "\n  {level}: {problem}\n    cure: {cure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ays_protocol::{Facts, PROTOCOL};

    use super::*;

    fn checked(problems: Vec<NodeProblem>) -> Checked {
        let directory = Directory { exists: true, free: 12_300_000_000, leftovers: Vec::new() };
        Checked {
            node: "n1".into(),
            facts: Some(Facts {
                protocol: PROTOCOL,
                os: "debian".to_owned(),
                arch: "x86_64".to_owned(),
                hostname: "n1".to_owned(),
                address: None,
            }),
            examined: Some(Examined {
                clock_ms: 0,
                qemu_img: Ok("7.2.9".to_owned()),
                pool: Ok(directory.clone()),
                downloads: Ok(directory),
                obstacles: Vec::new(),
            }),
            problems,
        }
    }

    #[test]
    fn a_node_that_is_well_has_one_line() {
        let checked = checked(Vec::new());
        assert_eq!(
            Row::new(&checked).to_string(),
            "n1: well: debian on x86_64, qemu-img 7.2.9, 12.3 GB free in its pool, 12.3 GB for downloads"
        );
    }

    #[test]
    fn each_finding_has_its_cure_below() {
        let found = vec![NodeProblem::Clock { ahead_ms: 90_000 }, NodeProblem::Sessions { at_once: 2 }];
        let checked = checked(found);
        let row = Row::new(&checked);
        assert!(row.has_errors());
        assert_eq!(
            row.to_string(),
            "n1: 1 error, 1 warning\n  \
             error: its clock is 90.0 s ahead of this machine's\n    \
             cure: let chrony, ntpd or systemd-timesyncd keep the time on both machines\n  \
             warning: its sshd lets one connection have 2 sessions at once, and 4 are used (MaxSessions)\n    \
             cure: MaxSessions 10, which is the default, in /etc/ssh/sshd_config there"
        );
    }
}
