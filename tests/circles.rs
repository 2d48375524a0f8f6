//! No files of a crate know each other in a circle.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy allows these in functions marked as tests, not in what such functions call"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directories of the crates' files: the program's own, and those of the workspace's members.
fn crates() -> Vec<(String, PathBuf)> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = ")).expect("members");
    let members = members.split('"').filter(|word| word.starts_with(char::is_alphabetic));
    let members = members.map(|name| (name.to_owned(), root().join(name).join("src")));
    members.chain([("cli".to_owned(), root().join("cli"))]).collect()
}

#[test]
fn files_of_a_crate_make_no_circle() {
    let mut found = Vec::new();
    for (label, source) in crates() {
        for circle in circles(&uses(&source)) {
            found.push(circle.iter().map(|module| format!("{label}::{module}")).collect::<Vec<_>>());
        }
    }
    assert!(found.is_empty(), "files that know each other:\n{found:#?}");
}

/// The modules that each module of a crate names. A module and those below it may know each other: they are one.
fn uses(source: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let files: Vec<PathBuf> = WalkDir::new(source)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect();
    let modules: BTreeSet<String> = files.iter().map(|path| module(source, path)).collect();
    let mut uses = BTreeMap::new();
    for path in &files {
        let own = module(source, path);
        let text = fs::read_to_string(path).unwrap();
        // What only tests use is no arrow.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let named = named(&own, text);
        let known = named.iter().filter_map(|path| longest(&modules, path));
        let is_other = |other: &String| !is_family(&own, other);
        uses.insert(own.clone(), known.filter(is_other).collect::<BTreeSet<_>>());
    }
    uses
}

/// `a::b` of `src/a/b.rs`; empty for `lib.rs` and `main.rs`.
fn module(source: &Path, file: &Path) -> String {
    let path = file.strip_prefix(source).unwrap().with_extension("");
    let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
    match parts[..] {
        ["lib" | "main"] => String::new(),
        _ => parts.join("::").trim_end_matches("::mod").to_owned(),
    }
}

/// The paths that a text begins with `crate::` and `super::`, from the crate's root.
fn named(own: &str, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for (start, _) in code.match_indices("crate::") {
        found.extend(expand("", &code[start + "crate::".len()..]));
    }
    let parent = own.rsplit_once("::").map_or("", |(parent, _)| parent);
    for (start, _) in code.match_indices("super::") {
        let is_first = !code[..start].ends_with("super::");
        let mut rest = &code[start + "super::".len()..];
        let mut from = parent;
        while let Some(more) = rest.strip_prefix("super::") {
            rest = more;
            from = from.rsplit_once("::").map_or("", |(parent, _)| parent);
        }
        if is_first {
            found.extend(expand(from, rest));
        }
    }
    found
}

/// `a::{b, c::d}` -> `a::b`, `a::c::d`, below `from`. Braces inside of braces count as one.
fn expand(from: &str, text: &str) -> Vec<String> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let head: String = text.chars().take_while(|&c| is_path(c)).collect();
    let join = |path: &str| match from {
        "" => path.trim_matches(':').to_owned(),
        from => format!("{from}::{}", path.trim_matches(':')),
    };
    let rest = &text[head.len()..];
    let Some(list) = rest.strip_prefix('{').filter(|_| head.is_empty() || head.ends_with("::")) else {
        return vec![join(&head)];
    };
    let mut depth = 1;
    let end = list.find(|c| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        depth == 0
    });
    let items = list[..end.unwrap_or(list.len())].split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| join(&format!("{head}{}", item.chars().take_while(|&c| is_path(c)).collect::<String>())))
        .collect()
}

/// The module that a path leads into.
fn longest(modules: &BTreeSet<String>, path: &str) -> Option<String> {
    let mut path = path;
    loop {
        if modules.contains(path) && !path.is_empty() {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// Whether one is the other, or lies below it.
fn is_family(one: &str, other: &str) -> bool {
    let below = |low: &str, high: &str| low == high || low.starts_with(&format!("{high}::"));
    one.is_empty() || other.is_empty() || below(one, other) || below(other, one)
}

/// The sets of two or more that reach each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reached = |from: &String| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(next) = left.pop() {
            left.extend(arrows.get(next).into_iter().flatten().filter(|to| seen.insert((*to).clone())));
        }
        seen
    };
    let reach: BTreeMap<_, _> = arrows.keys().map(|from| (from, reached(from))).collect();
    let mut found = BTreeSet::new();
    for (from, seen) in &reach {
        let circle: BTreeSet<String> = seen
            .iter()
            .filter(|to| reach.get(to).is_some_and(|back| back.contains(*from)))
            .cloned()
            .collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

#[test]
fn names_are_read_from_the_text_of_a_file() {
    let text = "use crate::a::{B, c::D};\nuse super::e;\nfn f() { super::super::g::h() }\n// crate::not\n";
    let expected = ["a::B", "a::c::D", "g::h", "x::e"].map(str::to_owned);
    assert_eq!(named("x::y", text).into_iter().collect::<Vec<_>>(), {
        let mut expected = expected.to_vec();
        expected.sort();
        expected
    });
    let circle = BTreeMap::from([
        ("a".to_owned(), BTreeSet::from(["b".to_owned()])),
        ("b".to_owned(), BTreeSet::from(["c".to_owned()])),
        ("c".to_owned(), BTreeSet::from(["a".to_owned()])),
    ]);
    assert_eq!(circles(&circle), [BTreeSet::from(["a", "b", "c"].map(str::to_owned))]);
}
