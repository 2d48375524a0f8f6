//! `actions.py`: the part of Python 2 that recipes of images are written in.
//!
//! What is Python but not in this tree becomes `Unsupported` with the construct's name, its block
//! skipped, so that a method that is never run may use it.

mod ast;
mod expressions;
mod literals;
mod parser;
mod statements;
mod tokens;

pub use ast::{Alias, Class, Def, Expr, ExprKind, Module, Param, Stmt, StmtKind};

use crate::Diagnostic;

/// Reads a file's text, in which `$(key)` was replaced before; `file` is its name in errors.
///
/// An error is what Python would not read either, expressions more than 100 deep in each other, and more
/// than 200 calls and attributes in a row.
pub fn parse(file: &str, text: &str) -> Result<Module, Diagnostic> {
    let tokens = tokens::read(file, text)?;
    let mut parser = parser::Parser::new(file, text, &tokens);
    parser.module()
}
