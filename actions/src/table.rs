//! The functions that a recipe may call: the whole list.
//!
//! A name stands for its row wherever it is imported from and whatever it is named then. What is not here is an error.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use ays_grammar::actions::{self, Def, StmtKind};

mod rows;

/// A function, under each of its names.
#[derive(Debug)]
pub struct Function {
    /// Its full names.
    pub names: &'static [&'static str],
    /// Its parameters with their defaults, as Python writes them.
    pub parameters: &'static str,
    /// What it reaches.
    pub reaches: Reaches,
    /// What it does.
    pub meaning: &'static str,
    pub(crate) does: Does,
}

/// What a function reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaches {
    /// Nothing: it makes a value of its arguments.
    Nothing,
    /// The values of a service, or other services.
    Services,
    /// The node: each call is a step.
    Node,
    /// The log.
    Log,
}

impl Reaches {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Services => "services",
            Self::Node => "node",
            Self::Log => "log",
        }
    }
}

/// All functions, in the order in which they are listed.
pub fn functions() -> &'static [Function] {
    rows::ROWS
}

static BY_NAME: LazyLock<HashMap<&'static str, (&'static Function, Arc<Def>)>> = LazyLock::new(|| {
    let rows = functions().iter();
    rows.flat_map(|row| row.names.iter().map(move |name| (*name, (row, signature(row))))).collect()
});

/// The function of a full name, and its parameters.
pub(crate) fn find(name: &str) -> Option<(&'static Function, Arc<Def>)> {
    BY_NAME.get(name).cloned()
}

/// Functions whose names are like one, the nearest first.
pub(crate) fn near(name: &str) -> Vec<&'static str> {
    let known = || BY_NAME.keys().copied();
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let mut same: Vec<_> = known().filter(|other| last(other) == last(name)).collect();
    same.sort_unstable();
    if same.is_empty() {
        let mut lasts: Vec<_> = known().map(last).collect();
        lasts.sort_unstable();
        let near = ays_model::near(&last(name), lasts.iter().map(String::as_str)).map(str::to_owned);
        same = known().filter(|other| near.as_deref() == Some(&last(other))).collect();
        same.sort_unstable();
    }
    same.truncate(3);
    same
}

/// A dotted name as the table has it.
pub(crate) fn full_name(path: &str) -> String {
    let path = path.strip_prefix("JumpScale.").unwrap_or(path);
    // These are modules of which others stand for the whole, or the same under another name.
    const SAME: [(&str, &str); 3] =
        [("j.action.", "j.actions."), ("ujson.", "json."), ("posixpath.", "os.path.")];
    match SAME.iter().find(|(other, _)| path.starts_with(other)) {
        Some((other, name)) => format!("{name}{}", &path[other.len()..]),
        None => path.to_owned(),
    }
}

/// The parameters of a row, read as Python. A row that cannot be read has none; a test reads all.
fn signature(row: &Function) -> Arc<Def> {
    let text = format!("def {}({}): pass\n", row.names[0].rsplit('.').next().unwrap_or("f"), row.parameters);
    let module = actions::parse("functions", &text);
    let first = module.ok().and_then(|module| module.body.into_iter().next());
    match first.map(|stmt| stmt.kind) {
        Some(StmtKind::Def(def)) => def,
        _ => Arc::new(Def {
            name: row.names[0].to_owned(),
            params: Vec::new(),
            rest: None,
            named_rest: None,
            body: Vec::new(),
            decorators: Vec::new(),
        }),
    }
}

/// What a function does, for the interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    RegisterImage,
    BaseClass,
    Pure(Pure),
    Hrd(Hrd),
    Node(Node),
    Services(Services),
}

/// Functions that make a value of their arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pure {
    True,
    Nothing,
    Same,
    Text(&'static str),
    Environ,
    JoinPaths,
    DirName,
    JumpScaleDirName,
    BaseName,
    JumpScaleBaseName,
    Parent,
    SplitPath,
    SplitExtension,
    Extension,
    NormalPath,
    IsAbsolute,
    RelativePart,
    ReplaceDirs,
    Fail,
    Exit,
    Regex(&'static str),
    JsonLoads,
    JsonDumps,
    Now,
    FormatTime,
    Random,
    RandomInt,
    RandomBelow,
    Choice,
    Guid,
    RandomText,
    Dedent,
    Quote,
    CopyValue,
    StartAction,
}

/// Functions of a service's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hrd {
    Get,
    GetInt,
    GetFloat,
    GetBool,
    GetList,
    GetDict,
    GetDictFromPrefix,
    GetListFromPrefix,
    Exists,
    Set,
    Delete,
    Keys,
    AsDict,
    OnContent,
    OnFile,
    OnDir,
    OfInstance,
}

/// Functions of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    Execute(Answer),
    ExecuteAs(Answer),
    Popen,
    Background,
    Sleep,
    Print,
    Write,
    WriteFile,
    CreateEmptyFile,
    ReadFile,
    CreateDir,
    Exists,
    IsDir,
    IsFile,
    IsLink,
    IsEmptyDir,
    Size,
    List { files: bool, directories: bool },
    ListNames,
    Glob,
    Copy,
    CopyTree,
    Move,
    Remove,
    RemoveEmptyDir,
    Chmod { recursive: bool },
    Chown,
    Symlink,
    SymlinkAll,
    ReadLink,
    Unpack,
    Pack,
    Download,
    DownloadUnpack,
    Md5,
    TemporaryPath,
    Kill,
    KillOnPort,
    KillNamed,
    PidsOnPort,
    PidsMatching,
    IsRunning,
    IsAlive,
    Packages(ays_model::PackageVerb),
    InstallDeb,
    DownloadInstallDeb,
    PackageFiles,
    IsPackageInstalled,
    AddSource,
    Unit(ays_model::UnitVerb),
    User,
    Group,
    UserExists,
    GroupExists,
    SetPassword,
    RemoveUser,
    PortOpen,
    PortClosed,
    Listens,
    Fact(ays_model::Fact),
    Ping,
    Reachable,
    ReplaceInFiles,
    GitClone,
    KeyPair,
}

/// How a command's end is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Code,
    CodeAndOutput,
    CodeOutputErrors,
    Output,
}

/// Functions of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Services {
    Get,
    Find,
    Exists,
    New,
    Names,
    Remove,
    Do(&'static str),
    Install,
    Templates,
    Own(crate::OwnProcesses),
    ProcessDicts,
    Ports,
    Producer,
    LogPath,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_stands_once_and_each_row_can_be_read() {
        let mut seen = std::collections::BTreeSet::new();
        for row in functions() {
            for name in row.names {
                assert!(seen.insert(*name), "{name} stands twice");
                assert_eq!(full_name(name), *name);
            }
            let text = format!("def f({}): pass\n", row.parameters);
            if let Err(error) = actions::parse("functions", &text) {
                panic!("{error}");
            }
            assert!(row.meaning.ends_with('.') && !row.meaning.is_empty(), "{:?}", row.names);
        }
    }
}
