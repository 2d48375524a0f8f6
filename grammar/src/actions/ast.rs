//! The tree of an `actions.py`.

use crate::Span;

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// The statements, in their order.
    pub body: Vec<Stmt>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Stmt {
    /// What it says.
    pub kind: StmtKind,
    /// Where it stands, without the line's end; a block's span is that of its header.
    pub span: Span,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq)]
pub enum StmtKind {
    /// `import a.b as c, d`
    Import(Vec<Alias>),
    /// `from module import name as other`; leading dots are kept, `*` is a name.
    FromImport {
        /// The module as written.
        module: String,
        /// What is taken from it.
        names: Vec<Alias>,
    },
    /// `target = value`
    Assign {
        /// A name or an attribute, or an expression that is not supported.
        target: Expr,
        /// The value.
        value: Expr,
    },
    /// `class Name(Base): ...`
    Class(Class),
    /// `def name(param, other=default): ...`
    Def(Def),
    /// An expression for its effect, or a docstring.
    Expr(Expr),
    /// `return` or `return value`
    Return(Option<Expr>),
    /// `pass`
    Pass,
    /// Python that is not interpreted; its block, where it has one, was skipped.
    Unsupported {
        /// With its article, as in "an `if` statement".
        construct: String,
    },
}

/// A name that an import brings, and the name it is given here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The dotted name, or `*`.
    pub name: String,
    /// The name after `as`.
    pub alias: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// A class.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Its bases.
    pub bases: Vec<Expr>,
    /// Its body.
    pub body: Vec<Stmt>,
}

/// A function or method.
#[derive(Debug, Clone, PartialEq)]
pub struct Def {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its body.
    pub body: Vec<Stmt>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its default.
    pub default: Option<Expr>,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it says.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// What an expression says.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A name.
    Name(String),
    /// `value.name`
    Attribute {
        /// What the attribute belongs to.
        value: Box<Expr>,
        /// The attribute's name.
        name: String,
    },
    /// `callee(args, keyword=value)`
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// The positional arguments.
        args: Vec<Expr>,
        /// The named arguments, in their order.
        keywords: Vec<(String, Expr)>,
    },
    /// A string, its escapes resolved, adjacent literals joined.
    Str(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or exponent.
    Float(f64),
    /// `True` or `False`
    Bool(bool),
    /// `None`
    None,
    /// Python that is not interpreted.
    Unsupported {
        /// With its article, as in "a `lambda`".
        construct: String,
    },
}
