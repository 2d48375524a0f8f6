//! The tree of an `actions.py`.

use std::sync::Arc;

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

impl Stmt {
    /// The expressions that the statement holds itself, those of its blocks not among them. They stand in their order in
    /// the text, but what is given a value may come before the value, and decorators come last.
    pub fn expressions(&self) -> Vec<&Expr> {
        match &self.kind {
            StmtKind::Assign { targets, value } => targets.iter().chain([value]).collect(),
            StmtKind::Augment { target, value, .. } => vec![target, value],
            StmtKind::Class(class) => class.bases.iter().chain(&class.decorators).collect(),
            StmtKind::Def(def) => def.defaults().chain(&def.decorators).collect(),
            StmtKind::Expr(value) => vec![value],
            StmtKind::Return(value) => value.iter().collect(),
            StmtKind::If { branches, .. } => branches.iter().map(|(condition, _)| condition).collect(),
            StmtKind::For { target, values, .. } => vec![target, values],
            StmtKind::While { condition, .. } => vec![condition],
            StmtKind::Try { handlers, .. } => {
                handlers.iter().flat_map(|handler| handler.kind.iter().chain(&handler.target)).collect()
            }
            StmtKind::With { items, .. } => {
                items.iter().flat_map(|(value, target)| [value].into_iter().chain(target)).collect()
            }
            StmtKind::Raise { exception, value } => exception.iter().chain(value).collect(),
            StmtKind::Delete(targets) => targets.iter().collect(),
            StmtKind::Assert { condition, message } => [condition].into_iter().chain(message).collect(),
            StmtKind::Print { file, values, .. } => file.iter().chain(values).collect(),
            StmtKind::Import(_)
            | StmtKind::FromImport { .. }
            | StmtKind::Pass
            | StmtKind::Break
            | StmtKind::Continue
            | StmtKind::Global(_)
            | StmtKind::Unsupported { .. } => Vec::new(),
        }
    }

    /// The blocks that the statement holds itself, in their order; that of a function or class, too.
    pub fn blocks(&self) -> Vec<&[Stmt]> {
        match &self.kind {
            StmtKind::Class(class) => vec![&class.body],
            StmtKind::Def(def) => vec![&def.body],
            StmtKind::If { branches, otherwise } => {
                branches.iter().map(|(_, body)| body.as_slice()).chain([otherwise.as_slice()]).collect()
            }
            StmtKind::For { body, otherwise, .. } | StmtKind::While { body, otherwise, .. } => {
                vec![body, otherwise]
            }
            StmtKind::Try { body, handlers, otherwise, finally } => {
                let handled = handlers.iter().map(|handler| handler.body.as_slice());
                [body.as_slice()].into_iter().chain(handled).chain([&otherwise[..], finally]).collect()
            }
            StmtKind::With { body, .. } => vec![body],
            _ => Vec::new(),
        }
    }
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
    /// `first = second = value`
    Assign {
        /// What is given the value, from the left: names, attributes, subscripts, slices, tuples and lists of those.
        targets: Vec<Expr>,
        /// The value.
        value: Expr,
    },
    /// `target += value`
    Augment {
        /// What is changed.
        target: Expr,
        /// The operator without its `=`.
        operator: Operator,
        /// The other operand.
        value: Expr,
    },
    /// `class Name(Base): ...`
    Class(Arc<Class>),
    /// `def name(param, other=default): ...`
    Def(Arc<Def>),
    /// An expression for its effect, or a docstring.
    Expr(Expr),
    /// `return` or `return value`
    Return(Option<Expr>),
    /// `pass`
    Pass,
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `if`, each `elif`, and `else`.
    If {
        /// Conditions and what is done where the first of them holds.
        branches: Vec<(Expr, Vec<Stmt>)>,
        /// What is done where none holds.
        otherwise: Vec<Stmt>,
    },
    /// `for target in values: ... else: ...`
    For {
        /// What is given each value.
        target: Expr,
        /// The values.
        values: Expr,
        /// What is done with each.
        body: Vec<Stmt>,
        /// What is done after the last, unless `break` ended the loop.
        otherwise: Vec<Stmt>,
    },
    /// `while condition: ... else: ...`
    While {
        /// How long the loop goes on.
        condition: Expr,
        /// What is done each time.
        body: Vec<Stmt>,
        /// What is done in the end, unless `break` ended the loop.
        otherwise: Vec<Stmt>,
    },
    /// `try: ... except Kind as name: ... else: ... finally: ...`
    Try {
        /// What is tried.
        body: Vec<Stmt>,
        /// What is done about exceptions.
        handlers: Vec<Handler>,
        /// What is done where nothing was raised.
        otherwise: Vec<Stmt>,
        /// What is done in any case.
        finally: Vec<Stmt>,
    },
    /// `with value as target: ...`
    With {
        /// Each value, and what it is named.
        items: Vec<(Expr, Option<Expr>)>,
        /// What is done within.
        body: Vec<Stmt>,
    },
    /// `raise`, `raise kind`, `raise kind, value`; a traceback behind them is read and says nothing here.
    Raise {
        /// The exception or its class; none raises the one again that is being handled.
        exception: Option<Expr>,
        /// What the class is called with.
        value: Option<Expr>,
    },
    /// `global name, other`
    Global(Vec<String>),
    /// `del target, other`
    Delete(Vec<Expr>),
    /// `assert condition, message`
    Assert {
        /// What must hold.
        condition: Expr,
        /// What is said where it does not.
        message: Option<Expr>,
    },
    /// `print value, other` of Python 2.
    Print {
        /// Where to: the value behind `>>`.
        file: Option<Expr>,
        /// What is printed.
        values: Vec<Expr>,
        /// Whether the line ends: a comma at the end says no.
        newline: bool,
    },
    /// Python that is not interpreted.
    Unsupported {
        /// With its article, as in "a `yield`".
        construct: String,
    },
}

/// An `except` and its block.
#[derive(Debug, Clone, PartialEq)]
pub struct Handler {
    /// The class, or a tuple of them; none for all.
    pub kind: Option<Expr>,
    /// What the exception is named.
    pub target: Option<Expr>,
    /// What is done.
    pub body: Vec<Stmt>,
    /// Where its header stands.
    pub span: Span,
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
    /// The `@` lines above it, from the top.
    pub decorators: Vec<Expr>,
}

/// A function, method or `lambda`.
#[derive(Debug, Clone, PartialEq)]
pub struct Def {
    /// Its name; `<lambda>` for a `lambda`.
    pub name: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// The parameter that takes the positional arguments that are left, `*name`.
    pub rest: Option<String>,
    /// The parameter that takes the named arguments that are left, `**name`.
    pub named_rest: Option<String>,
    /// Its body; that of a `lambda` is one `return`.
    pub body: Vec<Stmt>,
    /// The `@` lines above it, from the top.
    pub decorators: Vec<Expr>,
}

impl Def {
    /// The defaults of its parameters.
    pub fn defaults(&self) -> impl Iterator<Item = &Expr> {
        self.params.iter().filter_map(|param| param.default.as_ref())
    }
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

impl Expr {
    /// The expressions that the expression holds itself, in their order in the text; of a `lambda` its defaults only.
    pub fn parts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Attribute { value, .. } | ExprKind::Unary(_, value) | ExprKind::Repr(value) => {
                vec![value]
            }
            ExprKind::Call { callee, args, keywords, rest, named_rest } => {
                let keywords = keywords.iter().map(|(_, value)| value);
                let more = [rest, named_rest].into_iter().flatten().map(AsRef::as_ref);
                [callee.as_ref()].into_iter().chain(args).chain(keywords).chain(more).collect()
            }
            ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Set(items) => items.iter().collect(),
            ExprKind::Dict(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
            ExprKind::Subscript { value, index } => vec![value, index],
            ExprKind::Slice { start, stop, step } => {
                [start, stop, step].into_iter().flatten().map(AsRef::as_ref).collect()
            }
            ExprKind::Binary(left, _, right) | ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                vec![left, right]
            }
            ExprKind::Compare(first, rest) => {
                [first.as_ref()].into_iter().chain(rest.iter().map(|(_, value)| value)).collect()
            }
            ExprKind::Conditional { condition, then, otherwise } => vec![then, condition, otherwise],
            ExprKind::Lambda(def) => def.defaults().collect(),
            ExprKind::Comprehension { value, second, clauses, .. } => {
                let clauses = clauses.iter().flat_map(|clause| match clause {
                    Clause::For(target, values) => vec![target, values],
                    Clause::If(condition) => vec![condition],
                });
                [value.as_ref()].into_iter().chain(second.as_deref()).chain(clauses).collect()
            }
            ExprKind::Name(_)
            | ExprKind::Bytes(_)
            | ExprKind::Text(_)
            | ExprKind::Int(_)
            | ExprKind::Long(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::None
            | ExprKind::Unsupported { .. } => Vec::new(),
        }
    }
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
    /// `callee(args, keyword=value, *rest, **named_rest)`
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// The positional arguments.
        args: Vec<Expr>,
        /// The named arguments, in their order.
        keywords: Vec<(String, Expr)>,
        /// More positional arguments, behind a `*`.
        rest: Option<Box<Expr>>,
        /// More named arguments, behind a `**`.
        named_rest: Option<Box<Expr>>,
    },
    /// A string of bytes, its escapes resolved, adjacent literals joined.
    Bytes(Arc<[u8]>),
    /// A string of characters, `u'..'`.
    Text(Arc<str>),
    /// A whole number.
    Int(i64),
    /// A whole number that is written with an `L`, or has more than 64 bits: its decimal digits.
    Long(String),
    /// A number with a fraction or exponent.
    Float(f64),
    /// `True` or `False`
    Bool(bool),
    /// `None`
    None,
    /// `(a, b)`
    Tuple(Vec<Expr>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{a, b}`
    Set(Vec<Expr>),
    /// `{a: b}`
    Dict(Vec<(Expr, Expr)>),
    /// `value[index]`
    Subscript {
        /// What is looked into.
        value: Box<Expr>,
        /// What for; a [`ExprKind::Slice`] for a part.
        index: Box<Expr>,
    },
    /// `start:stop:step`, in brackets.
    Slice {
        /// The first index.
        start: Option<Box<Expr>>,
        /// The index behind the last.
        stop: Option<Box<Expr>>,
        /// The distance between two.
        step: Option<Box<Expr>>,
    },
    /// `not a`, `-a`, `+a`, `~a`
    Unary(Unary, Box<Expr>),
    /// `a + b` and its like.
    Binary(Box<Expr>, Operator, Box<Expr>),
    /// `a and b`
    And(Box<Expr>, Box<Expr>),
    /// `a or b`
    Or(Box<Expr>, Box<Expr>),
    /// `a < b <= c`
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    /// `a if condition else b`
    Conditional {
        /// What decides.
        condition: Box<Expr>,
        /// The value where it holds.
        then: Box<Expr>,
        /// The value where it does not.
        otherwise: Box<Expr>,
    },
    /// `lambda a, b=1: value`
    Lambda(Arc<Def>),
    /// `[a for b in c if d]` and its like.
    Comprehension {
        /// What is made.
        makes: Makes,
        /// Each value; of a dict, each key.
        value: Box<Expr>,
        /// Of a dict, each value.
        second: Option<Box<Expr>>,
        /// The loops and conditions, the outermost first.
        clauses: Vec<Clause>,
    },
    /// `` `a` ``
    Repr(Box<Expr>),
    /// Python that is not interpreted.
    Unsupported {
        /// With its article, as in "a complex number".
        construct: String,
    },
}

/// What a comprehension makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Makes {
    /// `[..]`
    List,
    /// `{..}`
    Set,
    /// `{.. : ..}`
    Dict,
    /// `(..)`
    Generator,
}

/// A part of a comprehension behind its value.
#[derive(Debug, Clone, PartialEq)]
pub enum Clause {
    /// `for target in values`
    For(Expr, Expr),
    /// `if condition`
    If(Expr),
}

/// An operator with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unary {
    /// `not`
    Not,
    /// `-`
    Minus,
    /// `+`
    Plus,
    /// `~`
    Invert,
}

/// An operator that makes a value of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `//`
    FloorDivide,
    /// `%`
    Modulo,
    /// `**`
    Power,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
}

impl Operator {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Modulo => "%",
            Self::Power => "**",
            Self::ShiftLeft => "<<",
            Self::ShiftRight => ">>",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "^",
        }
    }
}

/// An operator that compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=` or `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `is`
    Is,
    /// `is not`
    IsNot,
}

impl Comparison {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Is => "is",
            Self::IsNot => "is not",
        }
    }
}
