//! What must hold of the records, as statements that find what does not.

use ays_model::{Finding, Severity};

/// A rule: its statement takes the environment's number and gives two texts for each row that breaks it.
pub(crate) struct Rule {
    code: &'static str,
    pub sql: &'static str,
    /// `{1}` and `{2}` stand for the two texts.
    says: &'static str,
    cure: &'static str,
}

impl Rule {
    pub fn finding(&self, one: &str, other: &str) -> Finding {
        // The second first: a name may hold braces, and is put in last.
        let message = self.says.replace("{2}", other).replace("{1}", one);
        Finding { code: self.code, severity: Severity::Error, message, cure: self.cure.to_owned() }
    }
}

const BRING_AGAIN: &str = "install the image's recipe again, with -r: what is recorded is written anew";
const SCRUB: &str = "`ays scrub` reads the file and records what it is";
const RESTORE: &str =
    "`ays catalogue restore` of a backup from before, or install the image's recipe again with -r";

pub(crate) const RULES: &[Rule] = &[
    Rule {
        code: "noCurrentGeneration",
        sql: "SELECT i.name, CAST(i.gid AS TEXT) FROM image i
              LEFT JOIN generation g ON g.id = i.current_generation AND g.image_id = i.id
              WHERE i.environment_id = $1 AND i.status <> 'CREATING' AND g.id IS NULL ORDER BY 1, 2",
        says: "image {1} of grid {2} has no current generation of its own",
        cure: BRING_AGAIN,
    },
    Rule {
        code: "offeredWithoutCopy",
        sql: "SELECT i.name, s.name FROM offered o
              JOIN image i ON i.id = o.image_id
              JOIN stack s ON s.id = o.stack_id
              LEFT JOIN generation g ON g.id = o.generation_id AND g.image_id = o.image_id
              LEFT JOIN copy c ON c.generation_id = g.id AND c.pool_id = o.pool_id AND c.state = 'verified'
              WHERE o.environment_id = $1 AND c.file IS NULL ORDER BY 1, 2",
        says: "stack {2} offers {1}, and its pool has no verified copy of what it offers",
        cure: RESTORE,
    },
    Rule {
        code: "copyElsewhere",
        sql: "SELECT i.name, c.file FROM copy c
              JOIN pool p ON p.id = c.pool_id
              JOIN generation g ON g.id = c.generation_id
              JOIN image i ON i.id = g.image_id
              WHERE i.environment_id = $1 AND (p.environment_id <> i.environment_id OR p.gid <> i.gid) ORDER BY 1, 2",
        says: "{2} is recorded as a copy of {1}, in a pool of another grid or environment",
        cure: RESTORE,
    },
    Rule {
        code: "wantedElsewhere",
        sql: "SELECT i.name, s.name FROM wanted w
              JOIN image i ON i.id = w.image_id
              JOIN stack s ON s.id = w.stack_id
              WHERE i.environment_id = $1 AND (s.environment_id <> i.environment_id OR s.gid <> i.gid) ORDER BY 1, 2",
        says: "{1} is wanted on stack {2}, which is of another grid or environment",
        cure: "`ays image availability NAME --set STACK,..` says anew where it is wanted",
    },
    Rule {
        code: "stackPoolElsewhere",
        sql: "SELECT s.name, p.name FROM stack s JOIN pool p ON p.id = s.pool_id
              WHERE s.environment_id = $1 AND (p.environment_id <> s.environment_id OR p.gid <> s.gid) ORDER BY 1, 2",
        says: "stack {1} has the pool {2}, which is of another grid or environment",
        cure: "any install reads the stacks of the environment again",
    },
    Rule {
        code: "verifiedWithoutTime",
        sql: "SELECT c.file, p.path FROM copy c JOIN pool p ON p.id = c.pool_id
              WHERE p.environment_id = $1 AND c.state = 'verified' AND c.verified_at IS NULL ORDER BY 1, 2",
        says: "{1} in {2} is recorded as verified, and not when",
        cure: SCRUB,
    },
    Rule {
        code: "otherDigest",
        sql: "SELECT c.file, p.path FROM copy c
              JOIN pool p ON p.id = c.pool_id
              JOIN generation g ON g.id = c.generation_id
              WHERE p.environment_id = $1 AND c.format = 'raw' AND c.state = 'verified' AND c.digest <> g.content
                AND c.digest LIKE 'fsverity-sha256:%' AND g.content LIKE 'fsverity-sha256:%' ORDER BY 1, 2",
        says: "{1} in {2} is recorded with another digest than the content that it is a copy of",
        cure: RESTORE,
    },
    Rule {
        code: "twoRecordsOfOneFile",
        sql: "SELECT c.file, min(p.path) FROM copy c JOIN pool p ON p.id = c.pool_id
              WHERE p.environment_id = $1 AND c.state IN ('verified', 'damaged') AND c.digest LIKE 'fsverity-sha256:%'
              GROUP BY c.pool_id, c.file
              HAVING min(c.digest) <> max(c.digest) OR min(c.size) <> max(c.size) OR min(c.format) <> max(c.format)
              ORDER BY 1, 2",
        says: "{1} in {2} has two records that say different things of its bytes",
        cure: SCRUB,
    },
    Rule {
        code: "destroyedWithCopies",
        sql: "SELECT i.name, c.file FROM copy c
              JOIN generation g ON g.id = c.generation_id
              JOIN image i ON i.id = g.image_id
              WHERE i.environment_id = $1 AND i.status = 'DESTROYED' ORDER BY 1, 2",
        says: "{1} is destroyed, and {2} is still recorded as a copy of it",
        cure: "install its recipe again, then `ays image delete NAME --permanently`",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_words_and_each_is_there_once() {
        let mut codes: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
        assert!(codes.iter().all(|code| code.chars().all(|c| c.is_ascii_alphabetic())));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), RULES.len());
        assert_eq!(
            RULES[1].finding("x {2}", "n1").message,
            "stack n1 offers x {2}, and its pool has no verified copy of what it offers"
        );
    }
}
