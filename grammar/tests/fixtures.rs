//! Grammar cases: a file dropped into `fixtures/hrd` or `fixtures/actions` is a test.
//!
//! Beside `NAME.hrd` lies `NAME.json`, the entries as `ays hrd show --json` prints them, or `NAME.err`, the error.
//! Beside `NAME.py` lies `NAME.ast`, the tree as written below, or `NAME.err`. A case without its expectation fails
//! and prints what was read.

#![expect(clippy::expect_used, reason = "a test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use ays_grammar::actions::{self, Def, Expr, ExprKind, Stmt, StmtKind};
use ays_grammar::{Diagnostic, hrd};

#[test]
fn hrd_cases() {
    run("hrd", "hrd", "json", |name, bytes| {
        let hrd = hrd::parse(name, bytes)?.resolve(name, bytes)?;
        Ok(serde_json::to_string_pretty(&support::hrd_json(&hrd)).expect("JSON can be written"))
    });
}

#[test]
fn actions_cases() {
    run("actions", "py", "ast", |name, bytes| {
        let module = actions::parse(name, std::str::from_utf8(bytes).expect("a case is text"))?;
        Ok(module.body.iter().map(|stmt| statement(stmt, 0)).collect())
    });
}

fn run(folder: &str, extension: &str, read: &str, parse: impl Fn(&str, &[u8]) -> Result<String, Diagnostic>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder);
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder of cases can be read")
        .map(|entry| entry.expect("a case can be listed").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    let mut failures = String::new();
    for case in cases {
        let name = case.file_name().expect("a case has a name").to_string_lossy().into_owned();
        let bytes = fs::read(&case).expect("a case can be read");
        let (kind, got) = match parse(&name, &bytes) {
            Ok(got) => (read, got),
            Err(error) => ("err", error.to_string()),
        };
        let wanted = fs::read_to_string(case.with_extension(kind)).ok();
        if wanted.as_deref().map(str::trim_end) != Some(got.trim_end()) {
            let wanted = wanted.unwrap_or_else(|| "nothing: the file is missing".to_owned());
            failures += &format!("\n== {name}\n-- wanted in .{kind}\n{wanted}\n-- got\n{got}\n");
        }
        let other = if kind == "err" { read } else { "err" };
        if case.with_extension(other).exists() {
            failures += &format!("\n== {name}: there is a .{other}, but it reads as .{kind}\n");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// A statement a line, `line(..)`-like, its block indented under it.
fn statement(stmt: &Stmt, depth: usize) -> String {
    let mut blocks: &[Stmt] = &[];
    let head = match &stmt.kind {
        StmtKind::Import(names) => format!("(import{})", aliases(names)),
        StmtKind::FromImport { module, names } => format!("(from {module}{})", aliases(names)),
        StmtKind::Assign { target, value } => format!("(= {} {})", expression(target), expression(value)),
        StmtKind::Class(class) => {
            blocks = &class.body;
            format!("(class {}{})", class.name, spaced(&class.bases))
        }
        StmtKind::Def(Def { name, params, body }) => {
            blocks = body;
            let params = params.iter().map(|param| match &param.default {
                Some(default) => format!(" ({} {})", param.name, expression(default)),
                None => format!(" {}", param.name),
            });
            format!("(def {name}{})", params.collect::<String>())
        }
        StmtKind::Expr(value) => expression(value),
        StmtKind::Return(value) => format!("(return{})", spaced(value.as_slice())),
        StmtKind::Pass => "(pass)".to_owned(),
        StmtKind::Unsupported { construct } => format!("(unsupported {construct:?})"),
    };
    let body: String = blocks.iter().map(|stmt| statement(stmt, depth + 1)).collect();
    format!("{}{head}\n{body}", "  ".repeat(depth))
}

fn aliases(names: &[actions::Alias]) -> String {
    let names = names.iter().map(|alias| match &alias.alias {
        Some(other) => format!(" ({} as {other})", alias.name),
        None => format!(" {}", alias.name),
    });
    names.collect()
}

fn spaced(values: &[Expr]) -> String {
    values.iter().map(|value| format!(" {}", expression(value))).collect()
}

fn expression(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::Attribute { value, name } => format!("{}.{name}", expression(value)),
        ExprKind::Call { callee, args, keywords } => {
            let keywords = keywords.iter().map(|(name, value)| format!(" {name}={}", expression(value)));
            format!("(call {}{}{})", expression(callee), spaced(args), keywords.collect::<String>())
        }
        ExprKind::Str(text) => format!("{text:?}"),
        ExprKind::Int(number) => number.to_string(),
        ExprKind::Float(number) => format!("{number:?}"),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::None => "none".to_owned(),
        ExprKind::Unsupported { construct } => format!("(unsupported {construct:?})"),
    }
}
