//! What a method would not do, found without running it.

use std::collections::{BTreeMap, BTreeSet};

use ays_grammar::actions::{Def, Expr, ExprKind, Stmt, StmtKind};
use ays_grammar::{Diagnostic, Span};

use crate::source::Source;
use crate::table;

/// Something in a recipe that is never done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftOut {
    /// Python that is not interpreted.
    Construct(Diagnostic),
    /// A function that the table does not have.
    Function(Diagnostic),
}

impl LeftOut {
    /// What it is, and where.
    pub fn error(&self) -> &Diagnostic {
        match self {
            Self::Construct(error) | Self::Function(error) => error,
        }
    }
}

/// Everything in a method, and in what it may call of the file, that is not supported.
pub(crate) fn unsupported(source: &Source, method: &str) -> Vec<LeftOut> {
    let module = &source.module.body;
    let class = module.iter().rev().find_map(|stmt| match &stmt.kind {
        StmtKind::Class(class) if class.name == "Actions" => Some(class.body.as_slice()),
        _ => None,
    });
    let Some(class) = class else { return Vec::new() };
    if !class.iter().any(|stmt| matches!(&stmt.kind, StmtKind::Def(def) if def.name == method)) {
        return Vec::new();
    }
    let mut check = Check { source, imports: BTreeMap::new(), mentioned: BTreeSet::new(), found: Vec::new() };
    check.imports(module);
    check.imports(class);
    // What is not in a function runs first.
    check.block(module, false);
    check.block(class, false);
    check.mentioned.insert(method.to_owned());
    let mut seen: BTreeSet<*const Def> = BTreeSet::new();
    loop {
        let mentioned = &check.mentioned;
        let next = functions(module).find(|(def, of)| {
            mentioned.contains(&def.name)
                && !seen.contains(&std::ptr::from_ref(*def))
                && (*of || def.name != method)
        });
        let Some((def, _)) = next else { break };
        seen.insert(std::ptr::from_ref(def));
        check.function(def);
    }
    let mut found = check.found;
    let place = |left_out: &LeftOut| (left_out.error().span().start, left_out.error().span().end);
    found.sort_by_key(place);
    found.dedup_by_key(|left_out| place(left_out));
    found
}

/// The functions of the file and of its classes, and whether they are of class `Actions`.
fn functions(module: &[Stmt]) -> impl Iterator<Item = (&Def, bool)> {
    module.iter().flat_map(|stmt| {
        let (body, of) = match &stmt.kind {
            StmtKind::Class(class) => (class.body.as_slice(), class.name == "Actions"),
            _ => (std::slice::from_ref(stmt), false),
        };
        body.iter().filter_map(move |stmt| match &stmt.kind {
            StmtKind::Def(def) => Some((def.as_ref(), of)),
            _ => None,
        })
    })
}

/// The error for a function that the table does not have.
pub(crate) fn no_function(source: &Source, name: &str, span: Span) -> Diagnostic {
    let error = source.wrong(span, format!("`{name}` is no function that a recipe may call"));
    let near = table::near(name);
    if near.iter().any(|name| name.ends_with(".registerImage")) {
        return error.with_help(IMPORT_IT);
    }
    if near.is_empty() {
        return error.with_help("`ays actions functions` lists them");
    }
    let near: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    error.with_help(format!("did you mean {}? `ays actions functions` lists all", near.join(" or ")))
}

/// The error for `registerImage` that nothing imports.
pub(crate) fn not_imported(source: &Source, name: &str, span: Span) -> Diagnostic {
    source.wrong(span, format!("`{name}` is not defined")).with_help(IMPORT_IT)
}

const IMPORT_IT: &str =
    "first `from CloudscalerLibcloud.imageutil import registerImage`, then call `registerImage`";

/// How much of the stack must be left where an expression holds another, and how much more is taken.
const LEFT: usize = 128 * 1024;
const MORE: usize = 1024 * 1024;

struct Check<'a> {
    source: &'a Source,
    /// What names stand for that imports bring.
    imports: BTreeMap<String, String>,
    /// Names and attributes that the method speaks of: what is defined under them may be called.
    mentioned: BTreeSet<String>,
    found: Vec<LeftOut>,
}

impl Check<'_> {
    fn construct(&mut self, span: Span, construct: &str) {
        let error = self.source.wrong(span, format!("{construct} is not supported in actions"));
        self.found.push(LeftOut::Construct(error));
    }

    fn function(&mut self, def: &Def) {
        let outer = self.imports.clone();
        for name in def.params.iter().map(|param| &param.name).chain(&def.rest).chain(&def.named_rest) {
            self.imports.remove(name);
        }
        self.imports(&def.body);
        self.block(&def.body, true);
        self.imports = outer;
    }

    /// Takes note of what imports bring, and forgets names that get another value.
    fn imports(&mut self, body: &[Stmt]) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Import(names) => {
                    for alias in names {
                        let first = alias.name.split('.').next().unwrap_or(&alias.name);
                        let (name, path) = match &alias.alias {
                            Some(name) => (name.as_str(), alias.name.as_str()),
                            None => (first, first),
                        };
                        self.imports.insert(name.to_owned(), table::full_name(path));
                    }
                }
                StmtKind::FromImport { module, names } => {
                    for alias in names {
                        let name = alias.alias.as_ref().unwrap_or(&alias.name);
                        let path = table::full_name(&format!("{module}.{}", alias.name));
                        self.imports.insert(name.clone(), path);
                    }
                }
                StmtKind::Assign { targets, .. } => {
                    for target in targets {
                        if let ExprKind::Name(name) = &target.kind {
                            self.imports.remove(name);
                        }
                    }
                }
                // What a function or class imports is known in it only.
                StmtKind::Def(_) | StmtKind::Class(_) => {}
                _ => stmt.blocks().into_iter().for_each(|block| self.imports(block)),
            }
        }
    }

    fn block(&mut self, body: &[Stmt], nested: bool) {
        body.iter().for_each(|stmt| self.statement(stmt, nested));
    }

    fn statement(&mut self, stmt: &Stmt, nested: bool) {
        if let StmtKind::Unsupported { construct } = &stmt.kind {
            self.construct(stmt.span, construct);
        }
        for expr in stmt.expressions() {
            self.expression(expr);
        }
        match &stmt.kind {
            // A function in a function is called there; others only where they are spoken of.
            StmtKind::Def(def) if nested => self.function(def),
            StmtKind::Class(class) if nested => self.block(&class.body, true),
            StmtKind::Def(_) | StmtKind::Class(_) => {}
            _ => stmt.blocks().into_iter().for_each(|block| self.block(block, nested)),
        }
    }

    fn expression(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Unsupported { construct } => self.construct(expr.span, construct),
            ExprKind::Name(name) => _ = self.mentioned.insert(name.clone()),
            ExprKind::Attribute { name, .. } => _ = self.mentioned.insert(name.clone()),
            ExprKind::Lambda(def) => self.function(def),
            ExprKind::Call { callee, .. } => {
                if let Some(path) = self.path(callee)
                    && table::find(&path).is_none()
                {
                    self.found.push(LeftOut::Function(no_function(self.source, &path, callee.span)));
                }
            }
            _ => {}
        }
        for part in expr.parts() {
            stacker::maybe_grow(LEFT, MORE, || self.expression(part));
        }
    }

    /// The full name that an expression stands for.
    fn path(&self, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Name(name) => self.imports.get(name).cloned(),
            ExprKind::Attribute { value, name } => {
                let path = self.path(value)?;
                // What a value of the table has, is a method of a text.
                let is_value = table::find(&path).is_some();
                (!is_value).then(|| table::full_name(&format!("{path}.{name}")))
            }
            _ => None,
        }
    }
}
