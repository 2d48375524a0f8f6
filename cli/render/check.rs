//! What a check found on a node: a line where all is well, else each finding below it.

use ays_model::Severity;
use ays_operations::{CheckedNode, NodeFinding};

use super::units;

/// A node as it is shown.
pub fn shown(node: &CheckedNode) -> String {
    if node.findings.is_empty() {
        return format!("{}: well: {}", node.node, facts(node));
    }
    let count = |level: Severity| {
        let count = node.findings.iter().filter(|finding| finding.level == level).count();
        let many = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {level}{many}"))
    };
    let counts: Vec<_> = [Severity::Error, Severity::Warning].into_iter().filter_map(count).collect();
    let mut text = format!("{}: {}", node.node, counts.join(", "));
    for NodeFinding { level, problem, cure, .. } in &node.findings {
        let problem = problem.replace('\n', "\n    ");
        text.push_str(&format!("\n  {level}: {problem}\n    cure: {cure}"));
    }
    text
}

/// What it has, where all is well.
fn facts(node: &CheckedNode) -> String {
    let mut said = Vec::new();
    if let (Some(os), Some(arch)) = (&node.os, &node.arch) {
        said.push(format!("{os} on {arch}"));
    }
    said.extend(node.qemu_img.as_ref().map(|version| format!("qemu-img {version}")));
    said.extend(node.pool_free.map(|free| format!("{} free in its pool", units::bytes(free))));
    said.extend(node.downloads_free.map(|free| format!("{} for downloads", units::bytes(free))));
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(findings: Vec<NodeFinding>) -> CheckedNode {
        CheckedNode {
            node: "n1".into(),
            os: Some("debian".to_owned()),
            arch: Some("x86_64".to_owned()),
            qemu_img: Some("7.2.9".to_owned()),
            pool_free: Some(12_300_000_000),
            downloads_free: Some(12_300_000_000),
            findings,
        }
    }

    #[test]
    fn a_node_that_is_well_has_one_line() {
        assert_eq!(
            shown(&checked(Vec::new())),
            "n1: well: debian on x86_64, qemu-img 7.2.9, 12.3 GB free in its pool, 12.3 GB for downloads"
        );
    }

    #[test]
    fn each_finding_has_its_cure_below() {
        let finding = |level, problem: &str, cure: &str| NodeFinding {
            code: "clock".to_owned(),
            level,
            problem: problem.to_owned(),
            cure: cure.to_owned(),
        };
        let node = checked(vec![
            finding(
                Severity::Error,
                "its clock is 90.0 s ahead of this machine's",
                "let chrony keep the time",
            ),
            finding(Severity::Warning, "it has few sessions", "MaxSessions 10"),
        ]);
        assert!(node.has_errors());
        assert_eq!(
            shown(&node),
            "n1: 1 error, 1 warning\n  \
             error: its clock is 90.0 s ahead of this machine's\n    \
             cure: let chrony keep the time\n  \
             warning: it has few sessions\n    \
             cure: MaxSessions 10"
        );
    }
}
