//! `actions.py`: the part of Python 2 that recipes of images are written in.
//!
//! What is Python but not in this tree becomes `Unsupported` with the construct's name, its block
//! skipped, so that a method that is never run may use it.

mod ast;

pub use ast::{Alias, Class, Def, Expr, ExprKind, Module, Param, Stmt, StmtKind};
