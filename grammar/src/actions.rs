//! `actions.py`: Python 2.7, and what is alike in Python 3.
//!
//! What is Python but not in this tree becomes `Unsupported` with the construct's name, so that a method that is never
//! run may use it.

mod ast;
mod atoms;
mod expressions;
mod literals;
mod parser;
mod simple_statements;
mod statements;
mod tokens;

pub use ast::{
    Alias, Class, Clause, Comparison, Def, Expr, ExprKind, Handler, Makes, Module, Operator, Param, Stmt,
    StmtKind, Unary,
};

use crate::Diagnostic;

/// Reads a file's text, in which `$(key)` was replaced before; `file` is its name in errors.
///
/// An error is what Python would not read either, expressions more than 100 deep in each other, and more
/// than 500 calls, attributes and operators in a row.
pub fn parse(file: &str, text: &str) -> Result<Module, Diagnostic> {
    let tokens = tokens::read(file, text)?;
    let mut parser = parser::Parser::new(file, text, &tokens);
    parser.module()
}
