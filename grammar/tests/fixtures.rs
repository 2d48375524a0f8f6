//! Grammar cases: a file dropped into `fixtures/hrd` or `fixtures/actions` is a test.
//!
//! Beside `NAME.hrd` lies `NAME.json`, the entries as `ays hrd show --json` prints them, or `NAME.err`, the error.
//! Beside `NAME.py` lies `NAME.ast`, the tree as written below, or `NAME.err`. A case without its expectation fails
//! and prints what was read.

#![expect(clippy::expect_used, reason = "a test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use ays_grammar::actions::{self, Clause, Def, Expr, ExprKind, Makes, Stmt, StmtKind, Unary};
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

/// A statement a line, `line(..)`-like, its blocks indented under it.
fn statement(stmt: &Stmt, depth: usize) -> String {
    let mut blocks: Vec<(String, &[Stmt])> = Vec::new();
    let mut otherwise: &[Stmt] = &[];
    let head = match &stmt.kind {
        StmtKind::Import(names) => format!("(import{})", aliases(names)),
        StmtKind::FromImport { module, names } => format!("(from {module}{})", aliases(names)),
        StmtKind::Assign { targets, value } => format!("(={} {})", spaced(targets), expression(value)),
        StmtKind::Augment { target, operator, value } => {
            format!("({}= {} {})", operator.as_str(), expression(target), expression(value))
        }
        StmtKind::Class(class) => {
            blocks.push((String::new(), &class.body));
            format!("(class {}{}{})", class.name, spaced(&class.bases), decorators(&class.decorators))
        }
        StmtKind::Def(def) => {
            blocks.push((String::new(), &def.body));
            format!("(def {}{}{})", def.name, params(def), decorators(&def.decorators))
        }
        StmtKind::Expr(value) => expression(value),
        StmtKind::Return(value) => format!("(return{})", spaced(value.as_slice())),
        StmtKind::Pass => "(pass)".to_owned(),
        StmtKind::Break => "(break)".to_owned(),
        StmtKind::Continue => "(continue)".to_owned(),
        StmtKind::If { branches, otherwise: last } => {
            otherwise = last;
            for (condition, body) in branches {
                blocks.push((format!("(when {})", expression(condition)), body));
            }
            "(if)".to_owned()
        }
        StmtKind::For { target, values, body, otherwise: last } => {
            otherwise = last;
            blocks.push((String::new(), body));
            format!("(for {} {})", expression(target), expression(values))
        }
        StmtKind::While { condition, body, otherwise: last } => {
            otherwise = last;
            blocks.push((String::new(), body));
            format!("(while {})", expression(condition))
        }
        StmtKind::Try { body, handlers, otherwise: last, finally } => {
            blocks.push((String::new(), body));
            for handler in handlers {
                let (kind, target) = (handler.kind.as_slice(), handler.target.as_slice());
                blocks.push((format!("(except{}{})", spaced(kind), spaced(target)), &handler.body));
            }
            blocks.extend([("(else)".to_owned(), &last[..]), ("(finally)".to_owned(), &finally[..])]);
            "(try)".to_owned()
        }
        StmtKind::With { items, body } => {
            blocks.push((String::new(), body));
            let items = items
                .iter()
                .map(|(value, target)| format!(" ({}{})", expression(value), spaced(target.as_slice())));
            format!("(with{})", items.collect::<String>())
        }
        StmtKind::Raise { exception, value } => {
            format!("(raise{}{})", spaced(exception.as_slice()), spaced(value.as_slice()))
        }
        StmtKind::Global(names) => format!("(global {})", names.join(" ")),
        StmtKind::Delete(targets) => format!("(del{})", spaced(targets)),
        StmtKind::Assert { condition, message } => {
            format!("(assert {}{})", expression(condition), spaced(message.as_slice()))
        }
        StmtKind::Print { file, values, newline } => {
            let file = file.as_ref().map(|file| format!(" >>{}", expression(file))).unwrap_or_default();
            format!("(print{file}{}{})", spaced(values), if *newline { "" } else { " ," })
        }
        StmtKind::Unsupported { construct } => format!("(unsupported {construct:?})"),
    };
    blocks.push(("(else)".to_owned(), otherwise));
    let mut out = format!("{}{head}\n", "  ".repeat(depth));
    for (name, body) in blocks.into_iter().filter(|(_, body)| !body.is_empty()) {
        let inner = depth + 1 + usize::from(!name.is_empty());
        if !name.is_empty() {
            out += &format!("{}{name}\n", "  ".repeat(depth + 1));
        }
        out.extend(body.iter().map(|stmt| statement(stmt, inner)));
    }
    out
}

fn params(def: &Def) -> String {
    let params = def.params.iter().map(|param| match &param.default {
        Some(default) => format!(" ({} {})", param.name, expression(default)),
        None => format!(" {}", param.name),
    });
    let rest = def.rest.iter().map(|name| format!(" *{name}"));
    let named_rest = def.named_rest.iter().map(|name| format!(" **{name}"));
    params.chain(rest).chain(named_rest).collect()
}

fn decorators(values: &[Expr]) -> String {
    values.iter().map(|value| format!(" @{}", expression(value))).collect()
}

fn aliases(names: &[actions::Alias]) -> String {
    let names = names.iter().map(|alias| match &alias.alias {
        Some(other) => format!(" ({} as {other})", alias.name),
        None => format!(" {}", alias.name),
    });
    names.collect()
}

fn spaced<'a>(values: impl IntoIterator<Item = &'a Expr>) -> String {
    values.into_iter().map(|value| format!(" {}", expression(value))).collect()
}

fn part(value: &Option<Box<Expr>>) -> String {
    value.as_ref().map_or_else(|| "_".to_owned(), |value| expression(value))
}

fn expression(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::Attribute { value, name } => format!("{}.{name}", expression(value)),
        ExprKind::Call { callee, args, keywords, rest, named_rest } => {
            let keywords = keywords.iter().map(|(name, value)| format!(" {name}={}", expression(value)));
            let rest = rest.iter().map(|value| format!(" *{}", expression(value)));
            let named_rest = named_rest.iter().map(|value| format!(" **{}", expression(value)));
            let more: String = keywords.chain(rest).chain(named_rest).collect();
            format!("(call {}{}{more})", expression(callee), spaced(args))
        }
        ExprKind::Bytes(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        ExprKind::Text(text) => format!("u{text:?}"),
        ExprKind::Int(number) => number.to_string(),
        ExprKind::Long(digits) => format!("{digits}L"),
        ExprKind::Float(number) => format!("{number:?}"),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::None => "none".to_owned(),
        ExprKind::Tuple(items) => format!("(tuple{})", spaced(items)),
        ExprKind::List(items) => format!("[{}]", spaced(items).trim_start()),
        ExprKind::Set(items) => format!("{{{}}}", spaced(items).trim_start()),
        ExprKind::Dict(pairs) => {
            let pairs =
                pairs.iter().map(|(key, value)| format!(" {}:{}", expression(key), expression(value)));
            format!("(dict{})", pairs.collect::<String>())
        }
        ExprKind::Subscript { value, index } => format!("(at {} {})", expression(value), expression(index)),
        ExprKind::Slice { start, stop, step } => {
            format!("(slice {} {} {})", part(start), part(stop), part(step))
        }
        ExprKind::Unary(operator, value) => {
            let word = match operator {
                Unary::Not => "not",
                Unary::Minus => "-",
                Unary::Plus => "+",
                Unary::Invert => "~",
            };
            format!("({word} {})", expression(value))
        }
        ExprKind::Binary(left, operator, right) => {
            format!("({} {} {})", operator.as_str(), expression(left), expression(right))
        }
        ExprKind::And(left, right) => format!("(and {} {})", expression(left), expression(right)),
        ExprKind::Or(left, right) => format!("(or {} {})", expression(left), expression(right)),
        ExprKind::Compare(first, rest) => {
            let rest = rest
                .iter()
                .map(|(comparison, value)| format!(" {} {}", comparison.as_str(), expression(value)));
            format!("({}{})", expression(first), rest.collect::<String>())
        }
        ExprKind::Conditional { condition, then, otherwise } => {
            format!("(if {} {} {})", expression(condition), expression(then), expression(otherwise))
        }
        ExprKind::Lambda(def) => {
            let body: String = def.body.iter().map(|stmt| statement(stmt, 0).trim_end().to_owned()).collect();
            format!("(lambda{} {body})", params(def))
        }
        ExprKind::Comprehension { makes, value, second, clauses } => {
            let makes = match makes {
                Makes::List => "list",
                Makes::Set => "set",
                Makes::Dict => "dict",
                Makes::Generator => "generator",
            };
            let clauses = clauses.iter().map(|clause| match clause {
                Clause::For(target, values) => {
                    format!(" (for {} {})", expression(target), expression(values))
                }
                Clause::If(condition) => format!(" (if {})", expression(condition)),
            });
            let second = second.iter().map(|value| format!(":{}", expression(value)));
            let (second, clauses) = (second.collect::<String>(), clauses.collect::<String>());
            format!("(each-{makes} {}{second}{clauses})", expression(value))
        }
        ExprKind::Repr(value) => format!("(repr {})", expression(value)),
        ExprKind::Unsupported { construct } => format!("(unsupported {construct:?})"),
    }
}
