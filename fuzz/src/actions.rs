//! `actions.py`: read, and what was read written and read again.

use ays_grammar::Span;
use ays_grammar::actions::{self, Alias, Expr, ExprKind, Stmt, StmtKind};

/// See the module.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let module = match actions::parse("fuzz", text) {
        Ok(module) => module,
        Err(error) => return crate::diagnostic::check(&error, text),
    };
    stand_in_place(&module.body, text);
    let written = block(&module.body, 0);
    match actions::parse("again", &written) {
        Ok(again) => assert_eq!(block(&again.body, 0), written),
        Err(error) => assert_eq!(error.to_string(), "", "{written:?}"),
    }
}

/// Statements stand one behind the other, and what they hold stands in them.
fn stand_in_place(body: &[Stmt], text: &str) {
    let mut at = 0;
    for stmt in body {
        assert!(at <= stmt.span.start, "{stmt:?} begins before {at}");
        assert!(text.get(stmt.span.start..stmt.span.end).is_some(), "{stmt:?} is no part of the text");
        at = stmt.span.end;
        let inside = |expr: &Expr| stands_inside(expr, stmt.span, text);
        match &stmt.kind {
            StmtKind::Import(names) | StmtKind::FromImport { names, .. } => {
                for name in names {
                    is_inside(name.span, stmt.span, text);
                }
            }
            StmtKind::Assign { target, value } => [target, value].into_iter().for_each(inside),
            StmtKind::Class(class) => {
                class.bases.iter().for_each(inside);
                stand_in_place(&class.body, text);
            }
            StmtKind::Def(def) => {
                def.params.iter().filter_map(|param| param.default.as_ref()).for_each(inside);
                stand_in_place(&def.body, text);
            }
            StmtKind::Expr(value) => inside(value),
            StmtKind::Return(value) => value.iter().for_each(inside),
            StmtKind::Pass | StmtKind::Unsupported { .. } => {}
        }
    }
}

fn stands_inside(expr: &Expr, outer: Span, text: &str) {
    is_inside(expr.span, outer, text);
    match &expr.kind {
        ExprKind::Name(name) => assert!(text[expr.span.start..expr.span.end].contains(name), "{expr:?}"),
        ExprKind::Attribute { value, .. } => stands_inside(value, expr.span, text),
        ExprKind::Call { callee, args, keywords } => {
            for part in
                [callee.as_ref()].into_iter().chain(args).chain(keywords.iter().map(|(_, value)| value))
            {
                stands_inside(part, expr.span, text);
            }
        }
        _ => {}
    }
}

fn is_inside(span: Span, outer: Span, text: &str) {
    assert!(outer.start <= span.start && span.end <= outer.end, "{span:?} is not in {outer:?}");
    assert!(text.get(span.start..span.end).is_some(), "{span:?} cuts a character");
}

/// The statements as Python; what is not supported as something else that is not.
fn block(body: &[Stmt], depth: usize) -> String {
    body.iter().map(|stmt| statement(stmt, depth)).collect()
}

fn statement(stmt: &Stmt, depth: usize) -> String {
    let mut inner: &[Stmt] = &[];
    let head = match &stmt.kind {
        StmtKind::Import(names) => format!("import {}", aliases(names)),
        StmtKind::FromImport { module, names } => format!("from {module} import {}", aliases(names)),
        StmtKind::Assign { target, value } => format!("{} = {}", expression(target), expression(value)),
        StmtKind::Class(class) => {
            inner = &class.body;
            assert!(!inner.is_empty(), "a class without a body");
            match class.bases.as_slice() {
                [] => format!("class {}:", class.name),
                bases => format!("class {}({}):", class.name, expressions(bases)),
            }
        }
        StmtKind::Def(def) => {
            inner = &def.body;
            assert!(!inner.is_empty(), "a function without a body");
            let params = def.params.iter().map(|param| match &param.default {
                Some(default) => format!("{}={}", param.name, expression(default)),
                None => param.name.clone(),
            });
            format!("def {}({}):", def.name, params.collect::<Vec<_>>().join(", "))
        }
        StmtKind::Expr(value) => expression(value),
        StmtKind::Return(None) => "return".to_owned(),
        StmtKind::Return(Some(value)) => format!("return {}", expression(value)),
        StmtKind::Pass => "pass".to_owned(),
        StmtKind::Unsupported { .. } => "print".to_owned(),
    };
    format!("{}{head}\n{}", " ".repeat(depth), block(inner, depth + 1))
}

fn aliases(names: &[Alias]) -> String {
    let names = names.iter().map(|alias| match &alias.alias {
        Some(other) => format!("{} as {other}", alias.name),
        None => alias.name.clone(),
    });
    names.collect::<Vec<_>>().join(", ")
}

fn expressions(values: &[Expr]) -> String {
    values.iter().map(expression).collect::<Vec<_>>().join(", ")
}

fn expression(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::Attribute { value, name } => format!("{}.{name}", held(value)),
        ExprKind::Call { callee, args, keywords } => {
            let keywords = keywords.iter().map(|(name, value)| format!("{name}={}", expression(value)));
            let all = args.iter().map(expression).chain(keywords);
            format!("{}({})", held(callee), all.collect::<Vec<_>>().join(", "))
        }
        ExprKind::Str(text) => string(text),
        ExprKind::Int(number) => number.to_string(),
        ExprKind::Float(number) if number.is_infinite() => format!("{}1e999", sign(*number)),
        ExprKind::Float(number) => format!("{number:?}"),
        ExprKind::Bool(true) => "True".to_owned(),
        ExprKind::Bool(false) => "False".to_owned(),
        ExprKind::None => "None".to_owned(),
        ExprKind::Unsupported { .. } => "[]".to_owned(),
    }
}

/// What has an attribute, or is called. A dot behind a number is part of it, and a sign before it would be taken last.
fn held(expr: &Expr) -> String {
    let written = expression(expr);
    match &expr.kind {
        ExprKind::Int(_) | ExprKind::Float(_) if written.starts_with('-') => format!("({written})"),
        ExprKind::Int(_) | ExprKind::Float(_) => format!("{written} "),
        _ => written,
    }
}

fn sign(number: f64) -> &'static str {
    if number.is_sign_negative() { "-" } else { "" }
}

fn string(text: &str) -> String {
    let mut out = String::from("'");
    for character in text.chars() {
        match character {
            '\\' | '\'' => out.extend(['\\', character]),
            '\0'..='\x1f' => out.push_str(&format!("\\x{:02x}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out + "'"
}
