//! Names: which value a name has where, by Python's rules.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ays_grammar::actions::{Clause, Def, Expr, ExprKind, Stmt, StmtKind};

pub(super) use super::heap::ScopeId;
use super::heap::{Names, Val};

/// Where names have values: the file, a class's body, or a call of a function.
#[derive(Debug)]
struct Scope {
    names: Names,
    /// Where a name is looked up that this one does not have; none for the file.
    outer: Option<ScopeId>,
    binds: Arc<Binds>,
    /// A class's body: functions in it do not see its names.
    is_class: bool,
}

/// Which names a function gives values to.
#[derive(Debug, Default)]
pub(super) struct Binds {
    locals: HashSet<String>,
    globals: HashSet<String>,
}

/// What was found under a name.
pub(super) enum Found {
    Value(Val),
    /// A name of the function that has no value yet.
    Unbound,
    Nothing,
}

/// All scopes, and what is known of the functions that have some.
#[derive(Debug)]
pub(super) struct Scopes {
    scopes: Vec<Scope>,
    binds: HashMap<usize, Arc<Binds>>,
}

pub(super) const MODULE: ScopeId = ScopeId(0);

impl Scopes {
    pub(super) fn new() -> Self {
        let file = Scope { names: Names::new(), outer: None, binds: Arc::default(), is_class: false };
        Self { scopes: vec![file], binds: HashMap::new() }
    }

    fn get(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0]
    }

    fn get_mut(&mut self, id: ScopeId) -> &mut Scope {
        &mut self.scopes[id.0]
    }

    fn add(&mut self, outer: ScopeId, binds: Arc<Binds>, is_class: bool) -> ScopeId {
        let id = ScopeId(self.scopes.len());
        self.scopes.push(Scope { names: Names::new(), outer: Some(outer), binds, is_class });
        id
    }

    /// The scope of a call.
    pub(super) fn call(&mut self, def: &Arc<Def>, outer: ScopeId) -> ScopeId {
        let binds = self.binds.entry(Arc::as_ptr(def) as usize).or_insert_with(|| Arc::new(Binds::of(def)));
        let binds = Arc::clone(binds);
        self.add(outer, binds, false)
    }

    /// The scope of a class's body.
    pub(super) fn class(&mut self, outer: ScopeId) -> ScopeId {
        self.add(outer, Arc::default(), true)
    }

    /// The scope of a comprehension that keeps its names to itself.
    pub(super) fn comprehension(&mut self, outer: ScopeId, clauses: &[Clause]) -> ScopeId {
        let mut binds = Binds::default();
        clauses.iter().for_each(|clause| {
            if let Clause::For(target, _) = clause {
                binds.target(target);
            }
        });
        self.add(outer, Arc::new(binds), false)
    }

    /// Whether a scope is that of a call.
    pub(super) fn is_function(&self, id: ScopeId) -> bool {
        id != MODULE && !self.get(id).is_class
    }

    /// The scope that a function made in this one looks names up in.
    pub(super) fn seen_by_functions(&self, mut id: ScopeId) -> ScopeId {
        while let Scope { is_class: true, outer: Some(outer), .. } = self.get(id) {
            id = *outer;
        }
        id
    }

    pub(super) fn find(&self, name: &str, from: ScopeId) -> Found {
        let mut at = Some(from);
        while let Some(id) = at {
            let scope = self.get(id);
            if scope.binds.globals.contains(name) {
                at = (id != MODULE).then_some(MODULE);
                continue;
            }
            match scope.names.get(name) {
                Some(value) => return Found::Value(value.clone()),
                None if scope.binds.locals.contains(name) => return Found::Unbound,
                None => at = scope.outer,
            }
        }
        Found::Nothing
    }

    pub(super) fn set(&mut self, name: &str, value: Val, scope: ScopeId) {
        let id = self.home(name, scope);
        match self.get_mut(id).names.get_mut(name) {
            Some(place) => *place = value,
            None => _ = self.get_mut(id).names.insert(name.into(), value),
        }
    }

    /// Takes a name away; whether it had a value.
    pub(super) fn remove(&mut self, name: &str, scope: ScopeId) -> bool {
        let id = self.home(name, scope);
        self.get_mut(id).names.shift_remove(name).is_some()
    }

    /// Where a name gets its value: here, or in the file for one that `global` names.
    fn home(&self, name: &str, scope: ScopeId) -> ScopeId {
        if self.get(scope).binds.globals.contains(name) { MODULE } else { scope }
    }

    /// The names of a scope with their values.
    pub(super) fn names(&self, scope: ScopeId) -> Names {
        self.get(scope).names.clone()
    }
}

impl Binds {
    fn of(def: &Def) -> Self {
        let mut binds = Self::default();
        binds.locals.extend(def.params.iter().map(|param| param.name.clone()));
        binds.locals.extend(def.rest.iter().chain(&def.named_rest).cloned());
        binds.block(&def.body);
        let Self { locals, globals } = &mut binds;
        locals.retain(|name| !globals.contains(name));
        binds
    }

    fn block(&mut self, body: &[Stmt]) {
        body.iter().for_each(|stmt| self.statement(stmt));
    }

    fn statement(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Import(names) => {
                for alias in names {
                    let first = alias.name.split('.').next().unwrap_or(&alias.name);
                    self.locals.insert(alias.alias.as_deref().unwrap_or(first).to_owned());
                }
            }
            StmtKind::FromImport { names, .. } => {
                self.locals
                    .extend(names.iter().map(|alias| alias.alias.as_ref().unwrap_or(&alias.name).clone()));
            }
            StmtKind::Assign { targets, .. } => targets.iter().for_each(|target| self.target(target)),
            StmtKind::Augment { target, .. } => self.target(target),
            StmtKind::Class(class) => _ = self.locals.insert(class.name.clone()),
            StmtKind::Def(def) => _ = self.locals.insert(def.name.clone()),
            StmtKind::For { target, .. } => self.target(target),
            StmtKind::Try { handlers, .. } => {
                handlers
                    .iter()
                    .filter_map(|handler| handler.target.as_ref())
                    .for_each(|target| self.target(target));
            }
            StmtKind::With { items, .. } => {
                items.iter().filter_map(|(_, target)| target.as_ref()).for_each(|target| self.target(target));
            }
            StmtKind::Global(names) => self.globals.extend(names.iter().cloned()),
            StmtKind::Delete(targets) => targets.iter().for_each(|target| self.target(target)),
            _ => {}
        }
        // Functions and classes have names of their own.
        if !matches!(stmt.kind, StmtKind::Class(_) | StmtKind::Def(_)) {
            stmt.blocks().into_iter().for_each(|block| self.block(block));
        }
    }

    fn target(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Name(name) => _ = self.locals.insert(name.clone()),
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|item| self.target(item)),
            _ => {}
        }
    }
}

/// The names that a block gives values to.
pub(super) fn bound_in(body: &[Stmt]) -> Vec<String> {
    let mut binds = Binds::default();
    binds.block(body);
    binds.locals.into_iter().chain(binds.globals).collect()
}
