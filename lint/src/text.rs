//! What is looked at in every HRD file, whatever it is for.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use ays_grammar::hrd::{self, Hrd};
use ays_recipes::Text;

use crate::codes::{HRD_SYNTAX, KEY_TWICE, MISSING_COMMA, UNREADABLE};
use crate::mistake::Mistake;
use crate::pairs::pairs;
use crate::place::at;
use crate::{questions, secrets};

/// A file by itself.
pub(crate) fn lint_file(path: &Path) -> Vec<Mistake> {
    let name = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![Mistake::of_file(&UNREADABLE, name, format!("it cannot be read: {error}"))];
        }
    };
    match hrd::parse(&name, &bytes).and_then(|hrd| hrd.resolve(&name, &bytes)) {
        Ok(hrd) => lint(&hrd, &Text { name, bytes }),
        Err(error) => vec![Mistake::at(&HRD_SYNTAX, &error)],
    }
}

/// A file that was read.
pub(crate) fn lint(hrd: &Hrd, text: &Text) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut places = HashMap::new();
    for entry in &hrd.entries {
        if let Some(before) = places.insert(entry.key.to_lowercase(), entry.key_span) {
            let line = at(text, before, "").line();
            let message =
                format!("`{}` is given twice: this one counts, the one in line {line} does not", entry.key);
            found.push(Mistake::at(&KEY_TWICE, &at(text, entry.key_span, message)));
        }
        let mut names = HashSet::new();
        for pair in pairs(text, entry) {
            if pair.is_glued {
                let message =
                    format!("no comma stands before `{}`, so it is a part of the value above", pair.name);
                found.push(Mistake::at(&MISSING_COMMA, &at(text, pair.span, message)));
            } else if !names.insert(pair.name) {
                let message = format!("`{}` is given twice in `{}`; this one counts", pair.name, entry.key);
                found.push(Mistake::at(&KEY_TWICE, &at(text, pair.span, message)));
            }
        }
        found.extend(questions::lint(entry, text));
        found.extend(secrets::in_addresses(text, entry.value_span));
    }
    found
}
