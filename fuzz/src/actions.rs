//! `actions.py`: read, and what was read written and read again.

use ays_grammar::actions::{self, Alias, Clause, Def, Expr, ExprKind, Makes, Stmt, StmtKind, Unary};

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
        // More brackets lie in each other than before.
        Err(error) if error.message().ends_with("each other") => {}
        Err(error) => assert_eq!(error.to_string(), "", "{written:?}"),
    }
}

/// Statements stand one behind the other, and what they hold stands in the text.
fn stand_in_place(body: &[Stmt], text: &str) {
    let mut at = 0;
    for stmt in body {
        assert!(at <= stmt.span.start, "{stmt:?} begins before {at}");
        assert!(text.get(stmt.span.start..stmt.span.end).is_some(), "{stmt:?} is no part of the text");
        // A tuple that is a parameter stands before the block.
        at = stmt.span.start;
        stmt.expressions().into_iter().for_each(|expr| stands_inside(expr, text));
        for block in stmt.blocks() {
            stand_in_place(block, text);
        }
    }
}

fn stands_inside(expr: &Expr, text: &str) {
    for part in expr.parts() {
        let (outer, span) = (expr.span, part.span);
        assert!(outer.start <= span.start && span.end <= outer.end, "{part:?} is not in {expr:?}");
        assert!(text.get(span.start..span.end).is_some(), "{part:?} cuts a character");
        stands_inside(part, text);
    }
}

/// The statements as Python; what is not supported as something else that is not.
fn block(body: &[Stmt], depth: usize) -> String {
    match body {
        [] if depth > 0 => format!("{}pass\n", " ".repeat(depth)),
        _ => body.iter().map(|stmt| statement(stmt, depth)).collect(),
    }
}

fn statement(stmt: &Stmt, depth: usize) -> String {
    let mut clauses: Vec<(String, &[Stmt])> = Vec::new();
    let head = match &stmt.kind {
        StmtKind::Import(names) => format!("import {}", aliases(names)),
        // That would change how the rest is read.
        StmtKind::FromImport { module, .. } if module == "__future__" => "pass".to_owned(),
        StmtKind::FromImport { module, names } => format!("from {module} import {}", aliases(names)),
        StmtKind::Assign { targets, value } => {
            let targets: String = targets.iter().map(|target| format!("{} = ", expression(target))).collect();
            format!("{targets}{}", expression(value))
        }
        StmtKind::Augment { target, operator, value } => {
            format!("{} {}= {}", expression(target), operator.as_str(), expression(value))
        }
        StmtKind::Class(class) => {
            clauses.push((format!("class {}({}):", class.name, expressions(&class.bases)), &class.body));
            decorators(&class.decorators, depth)
        }
        StmtKind::Def(def) => {
            // A tuple that is a parameter has become a statement.
            clauses.push((format!("def {}({}):", def.name, params(def)), &def.body));
            decorators(&def.decorators, depth)
        }
        StmtKind::Expr(value) => expression(value),
        StmtKind::Return(None) => "return".to_owned(),
        StmtKind::Return(Some(value)) => format!("return {}", expression(value)),
        StmtKind::Pass => "pass".to_owned(),
        StmtKind::Break => "break".to_owned(),
        StmtKind::Continue => "continue".to_owned(),
        StmtKind::If { branches, otherwise } => {
            for (condition, body) in branches {
                let word = if clauses.is_empty() { "if" } else { "elif" };
                clauses.push((format!("{word} {}:", expression(condition)), body));
            }
            clauses.extend((!otherwise.is_empty()).then_some(("else:".to_owned(), otherwise.as_slice())));
            String::new()
        }
        StmtKind::For { target, values, body, otherwise } => {
            clauses.push((format!("for {} in {}:", expression(target), expression(values)), body));
            clauses.extend((!otherwise.is_empty()).then_some(("else:".to_owned(), otherwise.as_slice())));
            String::new()
        }
        StmtKind::While { condition, body, otherwise } => {
            clauses.push((format!("while {}:", expression(condition)), body));
            clauses.extend((!otherwise.is_empty()).then_some(("else:".to_owned(), otherwise.as_slice())));
            String::new()
        }
        StmtKind::Try { body, handlers, otherwise, finally } => {
            clauses.push(("try:".to_owned(), body));
            for handler in handlers {
                let kind = handler.kind.as_ref().map(|kind| format!(" {}", expression(kind)));
                let target = handler.target.as_ref().map(|target| format!(" as {}", expression(target)));
                let (kind, target) = (kind.unwrap_or_default(), target.unwrap_or_default());
                clauses.push((format!("except{kind}{target}:"), &handler.body));
            }
            clauses.extend((!otherwise.is_empty()).then_some(("else:".to_owned(), otherwise.as_slice())));
            clauses.extend((!finally.is_empty()).then_some(("finally:".to_owned(), finally.as_slice())));
            String::new()
        }
        StmtKind::With { items, body } => {
            let items = items.iter().map(|(value, target)| {
                let target = target.as_ref().map(|target| format!(" as {}", expression(target)));
                format!("{}{}", expression(value), target.unwrap_or_default())
            });
            clauses.push((format!("with {}:", items.collect::<Vec<_>>().join(", ")), body));
            String::new()
        }
        StmtKind::Raise { exception, value } => {
            let exception = exception.as_ref().map(|value| format!(" {}", expression(value)));
            let value = value.as_ref().map(|value| format!(", {}", expression(value)));
            format!("raise{}{}", exception.unwrap_or_default(), value.unwrap_or_default())
        }
        StmtKind::Global(names) => format!("global {}", names.join(", ")),
        StmtKind::Delete(targets) => format!("del {},", expressions(targets)),
        StmtKind::Assert { condition, message } => {
            let message = message.as_ref().map(|message| format!(", {}", expression(message)));
            format!("assert {}{}", expression(condition), message.unwrap_or_default())
        }
        StmtKind::Print { file, values, newline } => {
            let file = file.as_ref().map(|file| format!(">>{}", expression(file)));
            let all: Vec<_> = file.into_iter().chain(values.iter().map(expression)).collect();
            let comma = if *newline || values.is_empty() { "" } else { "," };
            format!("print {}{comma}", all.join(", "))
        }
        StmtKind::Unsupported { .. } => "exec x".to_owned(),
    };
    let indent = " ".repeat(depth);
    let mut out = if head.is_empty() { String::new() } else { format!("{indent}{head}\n") };
    for (head, body) in clauses {
        out += &format!("{indent}{head}\n{}", block(body, depth + 1));
    }
    out
}

fn decorators(values: &[Expr], depth: usize) -> String {
    let lines: Vec<_> = values.iter().map(|value| format!("@{}", expression(value))).collect();
    lines.join(&format!("\n{}", " ".repeat(depth)))
}

fn params(def: &Def) -> String {
    let params = def.params.iter().map(|param| {
        let name = param.name.replace('.', "_tuple");
        match &param.default {
            Some(default) => format!("{name}={}", expression(default)),
            None => name,
        }
    });
    let rest = def.rest.iter().map(|name| format!("*{name}"));
    let named_rest = def.named_rest.iter().map(|name| format!("**{name}"));
    params.chain(rest).chain(named_rest).collect::<Vec<_>>().join(", ")
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

/// In brackets, so that nothing binds otherwise than it did.
fn expression(expr: &Expr) -> String {
    let part = |value: &Option<Box<Expr>>| value.as_ref().map(|value| expression(value)).unwrap_or_default();
    match &expr.kind {
        // A name only where the text says so.
        ExprKind::Name(name) if name == "print" => "print_".to_owned(),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Attribute { value, name } => format!("({}).{name}", expression(value)),
        ExprKind::Call { callee, args, keywords, rest, named_rest } => {
            let keywords = keywords.iter().map(|(name, value)| format!("{name}={}", expression(value)));
            let rest = rest.iter().map(|value| format!("*{}", expression(value)));
            let named_rest = named_rest.iter().map(|value| format!("**{}", expression(value)));
            let all = args.iter().map(expression).chain(keywords).chain(rest).chain(named_rest);
            format!("({})({})", expression(callee), all.collect::<Vec<_>>().join(", "))
        }
        ExprKind::Bytes(bytes) => format!("b'{}'", bytes.escape_ascii()),
        ExprKind::Text(text) => string(text),
        ExprKind::Int(number) => format!("({number})"),
        ExprKind::Long(digits) => format!("{digits}L"),
        ExprKind::Float(number) if number.is_infinite() => format!("({}1e999)", sign(*number)),
        ExprKind::Float(number) => format!("({number:?})"),
        ExprKind::Bool(true) => "True".to_owned(),
        ExprKind::Bool(false) => "False".to_owned(),
        ExprKind::None => "None".to_owned(),
        ExprKind::Tuple(items) if items.is_empty() => "()".to_owned(),
        // A slice stands in no brackets of its own.
        ExprKind::Tuple(items) if items.iter().any(|item| matches!(item.kind, ExprKind::Slice { .. })) => {
            format!("{},", expressions(items))
        }
        ExprKind::Tuple(items) => format!("({},)", expressions(items)),
        ExprKind::List(items) => format!("[{}]", expressions(items)),
        ExprKind::Set(items) => format!("{{{}}}", expressions(items)),
        ExprKind::Dict(pairs) => {
            let pairs =
                pairs.iter().map(|(key, value)| format!("{}: {}", expression(key), expression(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        ExprKind::Subscript { value, index } => format!("({})[{}]", expression(value), expression(index)),
        ExprKind::Slice { start, stop, step } => format!("{}:{}:{}", part(start), part(stop), part(step)),
        ExprKind::Unary(operator, value) => {
            let word = match operator {
                Unary::Not => "not ",
                Unary::Minus => "-",
                Unary::Plus => "+",
                Unary::Invert => "~",
            };
            format!("({word}({}))", expression(value))
        }
        ExprKind::Binary(left, operator, right) => {
            format!("({} {} {})", expression(left), operator.as_str(), expression(right))
        }
        ExprKind::And(left, right) => format!("({} and {})", expression(left), expression(right)),
        ExprKind::Or(left, right) => format!("({} or {})", expression(left), expression(right)),
        ExprKind::Compare(first, rest) => {
            let rest = rest
                .iter()
                .map(|(comparison, value)| format!(" {} {}", comparison.as_str(), expression(value)));
            format!("({}{})", expression(first), rest.collect::<String>())
        }
        ExprKind::Conditional { condition, then, otherwise } => {
            format!("({} if {} else {})", expression(then), expression(condition), expression(otherwise))
        }
        ExprKind::Lambda(def) => {
            let value = def.body.iter().find_map(|stmt| match &stmt.kind {
                StmtKind::Return(Some(value)) => Some(expression(value)),
                _ => None,
            });
            format!("(lambda {}: {})", params(def), value.unwrap_or_default())
        }
        ExprKind::Comprehension { makes, value, second, clauses } => {
            let clauses: String = clauses
                .iter()
                .map(|clause| match clause {
                    Clause::For(target, values) => {
                        format!(" for {} in {}", expression(target), expression(values))
                    }
                    Clause::If(condition) => format!(" if {}", expression(condition)),
                })
                .collect();
            let second = second.as_ref().map(|value| format!(": {}", expression(value))).unwrap_or_default();
            let inner = format!("{}{second}{clauses}", expression(value));
            match makes {
                Makes::List => format!("[{inner}]"),
                Makes::Set | Makes::Dict => format!("{{{inner}}}"),
                Makes::Generator => format!("({inner})"),
            }
        }
        ExprKind::Repr(value) => format!("`{}`", expression(value)),
        ExprKind::Unsupported { .. } => "1j".to_owned(),
    }
}

fn sign(number: f64) -> &'static str {
    if number.is_sign_negative() { "-" } else { "" }
}

fn string(text: &str) -> String {
    let mut out = String::from("u'");
    for character in text.chars() {
        match character {
            '\\' | '\'' => out.extend(['\\', character]),
            '\0'..='\x1f' => out.push_str(&format!("\\x{:02x}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out + "'"
}
