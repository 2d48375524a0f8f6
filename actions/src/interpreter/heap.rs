//! What a running script has: its values, and the budgets that end a runaway.
//!
//! What can hold other values lies in one list and is named by its number, so that values that hold each other leak
//! nothing, and that nothing is ever dropped value in value in value.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ays_grammar::actions::Def;
use indexmap::IndexMap;
use num_bigint::BigInt;

use crate::action::ServiceKey;

/// The number of a scope, which functions keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScopeId(pub(super) usize);

/// How many steps of the interpreter a method may take.
const STEPS: u64 = 2_000_000;
/// How many bytes a method may ask for, those that it no longer needs included.
const MEMORY: u64 = 256 * 1024 * 1024;
/// A step is so many pieces of work: going past an item of a list is one, or past 16 bytes of a text.
const PIECES: u64 = 64;
/// What a text takes beside its bytes, and its place in a list.
pub(super) const TEXT: usize = 32 + size_of::<Val>();
/// How many classes a class may have above it.
const MOST_ABOVE: usize = 100;
/// How deep functions may call each other, and values lie in each other.
pub(super) const DEPTH: usize = 200;

/// The number of a value that lies on the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id(pub(super) usize);

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Val {
    None,
    Bool(bool),
    Int(i64),
    /// What Python 2 calls `long`.
    Long(Arc<BigInt>),
    Float(f64),
    /// A `str` of Python 2.
    Bytes(Arc<[u8]>),
    /// A `unicode` of Python 2.
    Text(Arc<str>),
    /// A module, or a function of one, by its full name.
    Host(Arc<str>),
    /// A built-in function or type.
    Builtin(&'static str),
    /// What only a node can tell, in a plan; with what is shown in its place.
    Unknown(Arc<str>),
    /// What lies on the heap.
    Ref(Id),
}

/// The values that names or attributes have.
pub(super) type Names = IndexMap<Arc<str>, Val>;
/// A dict, or a set whose values count for nothing: each key as it is compared, and as it was given.
pub(super) type Pairs = IndexMap<Key, (Val, Val)>;

/// What lies on the heap.
#[derive(Debug)]
pub(super) enum Object {
    Tuple(Vec<Val>),
    List(Vec<Val>),
    Dict(Pairs),
    /// A set, or a frozenset.
    Set(Pairs, bool),
    Function(Function),
    /// A function with its first argument.
    Method {
        this: Val,
        function: Val,
    },
    /// A method of a value of the language, `'a'.join`.
    ValueMethod {
        this: Val,
        name: Arc<str>,
    },
    Class(Class),
    Instance {
        class: Id,
        attributes: Names,
    },
    /// `xrange`.
    Range {
        start: i64,
        stop: i64,
        step: i64,
    },
    /// An iterator: what is left, from the given index on.
    Iterator {
        items: Vec<Val>,
        at: usize,
    },
    File(File),
    /// A service: its name, and whether it is the one whose recipe this is.
    Service(ServiceKey),
    /// The values of a service.
    Hrd(ServiceKey),
    /// The methods of a service's own recipe.
    ServiceActions(ServiceKey),
    Regex {
        pattern: Expression,
        source: Arc<str>,
    },
    Match(Match),
    /// `@property`, `@staticmethod`, `@classmethod`.
    Decorated {
        kind: &'static str,
        function: Val,
    },
    /// `super(class, this)`.
    Super {
        class: Id,
        this: Val,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) def: Arc<Def>,
    /// The values of the parameters' defaults; none for a parameter without one.
    pub(super) defaults: Vec<Option<Val>>,
    /// The scope that it was made in.
    pub(super) scope: ScopeId,
}

#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: Arc<str>,
    /// The classes above it, in the order in which they are asked.
    pub(super) above: Vec<Id>,
    pub(super) attributes: Names,
}

/// A file of the node that was opened.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: String,
    /// What was read of it; none for one that is written.
    pub(super) content: Option<Arc<[u8]>>,
    pub(super) at: usize,
    /// What is not written yet.
    pub(super) written: Vec<u8>,
    /// Whether what is written goes behind what the file holds.
    pub(super) append: bool,
    /// Whether there is anything to write: an empty file, too.
    pub(super) dirty: bool,
    pub(super) closed: bool,
}

/// A regular expression that was compiled.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub(super) regex: regex::Regex,
    /// How many times the smallest size it needs.
    pub(super) weight: usize,
}

/// What a regular expression has found.
#[derive(Debug, Clone)]
pub(super) struct Match {
    pub(super) text: Val,
    /// Each group's place, the whole first.
    pub(super) groups: Vec<Option<(usize, usize)>>,
    pub(super) names: Vec<Option<Arc<str>>>,
}

/// A value as dicts and sets compare it: `1`, `1L`, `1.0` and `True` are one key, and so are `'a'` and `u'a'`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    None,
    Int(i64),
    Long(Arc<BigInt>),
    Float(u64),
    Bytes(Arc<[u8]>),
    Text(Arc<str>),
    Name(Arc<str>),
    Object(Id),
    /// A tuple or frozenset, written: keys are compared, cloned and dropped without going into them.
    Several(Arc<[u8]>),
}

/// Why a value cannot be had; who knows the place makes an error of it.
#[derive(Debug)]
pub(super) enum Fault {
    /// An exception of Python.
    Raise(&'static str, String),
    /// `KeyError`, with its key.
    NoKey(Val),
    /// A budget is spent, or something is not supported. No `except` catches it.
    Ended(String),
}

impl Fault {
    pub(super) fn type_error(message: impl Into<String>) -> Self {
        Self::Raise("TypeError", message.into())
    }

    pub(super) fn value_error(message: impl Into<String>) -> Self {
        Self::Raise("ValueError", message.into())
    }
}

/// All that lies on the heap.
#[derive(Debug)]
pub(super) struct Heap {
    objects: Vec<Object>,
    /// The files that were opened.
    files: Vec<Id>,
    /// What is left of the budgets. Walks that change nothing take from them too.
    pieces: AtomicU64,
    memory: AtomicU64,
}

impl Heap {
    pub(super) fn new() -> Self {
        Self {
            objects: Vec::new(),
            files: Vec::new(),
            pieces: AtomicU64::new(STEPS * PIECES),
            memory: AtomicU64::new(MEMORY),
        }
    }

    /// Takes steps from the budget.
    pub(super) fn step(&self, count: u64) -> Result<(), Fault> {
        self.work(count.saturating_mul(PIECES))
    }

    fn work(&self, pieces: u64) -> Result<(), Fault> {
        if take(&self.pieces, pieces) {
            return Ok(());
        }
        Err(Fault::Ended(format!("this method takes more than {STEPS} steps: does a loop never end?")))
    }

    /// Takes bytes from the budget. Making them takes time, too.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), Fault> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if take(&self.memory, bytes) {
            return self.work(bytes / 16);
        }
        Err(Fault::Ended(format!("this method needs more than {} MiB of memory", MEMORY >> 20)))
    }

    /// Takes what a walk over so many items costs.
    pub(super) fn walk(&self, items: usize) -> Result<(), Fault> {
        self.work(u64::try_from(items).unwrap_or(u64::MAX))
    }

    /// Takes what a walk over so many bytes costs.
    pub(super) fn pass(&self, bytes: usize) -> Result<(), Fault> {
        self.walk(bytes / 16 + 1)
    }

    /// Takes what reading so many digits costs.
    pub(super) fn read_digits(&self, count: usize) -> Result<(), Fault> {
        self.charge(count)?;
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.step(count.saturating_mul(count) / 4096)
    }

    /// A whole number's digits. Long ones take time that grows faster than they do.
    pub(super) fn digits(&self, number: &BigInt, radix: u32) -> Result<String, Fault> {
        let words = number.bits() / 64;
        self.step(words.saturating_mul(words) / 256)?;
        self.charge(usize::try_from(number.bits() / 3).unwrap_or(usize::MAX).saturating_add(1))?;
        Ok(number.to_str_radix(radix))
    }

    pub(super) fn add(&mut self, object: Object) -> Result<Val, Fault> {
        let items = match &object {
            Object::Tuple(items) | Object::List(items) | Object::Iterator { items, .. } => items.len(),
            Object::Dict(pairs) | Object::Set(pairs, _) => 4 * pairs.len(),
            Object::Match(found) => 3 * found.groups.len(),
            _ => 0,
        };
        self.charge(size_of::<Object>() + items * size_of::<Val>())?;
        let id = Id(self.objects.len());
        if let Object::File(_) = object {
            self.files.push(id);
        }
        self.objects.push(object);
        Ok(Val::Ref(id))
    }

    pub(super) fn get(&self, id: Id) -> &Object {
        &self.objects[id.0]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Object {
        &mut self.objects[id.0]
    }

    pub(super) fn list(&mut self, items: Vec<Val>) -> Result<Val, Fault> {
        self.add(Object::List(items))
    }

    pub(super) fn tuple(&mut self, items: Vec<Val>) -> Result<Val, Fault> {
        self.add(Object::Tuple(items))
    }

    /// A `str`.
    pub(super) fn bytes(&self, bytes: &[u8]) -> Result<Val, Fault> {
        self.charge(bytes.len() + TEXT)?;
        Ok(Val::Bytes(bytes.into()))
    }

    pub(super) fn str(&self, text: &str) -> Result<Val, Fault> {
        self.bytes(text.as_bytes())
    }

    pub(super) fn dict(&mut self, pairs: Vec<(Val, Val)>) -> Result<Val, Fault> {
        self.charge(pairs.len().saturating_mul(4 * size_of::<Val>()))?;
        let mut dict = Pairs::new();
        for (key, value) in pairs {
            dict.insert(self.key(&key)?, (key, value));
        }
        self.add(Object::Dict(dict))
    }

    /// The numbers of the files that have something to be written.
    pub(super) fn dirty_files(&self) -> Result<Vec<Id>, Fault> {
        self.walk(self.files.len())?;
        let is_dirty = |id: &&Id| matches!(self.get(**id), Object::File(file) if file.dirty);
        Ok(self.files.iter().filter(is_dirty).copied().collect())
    }

    /// The classes that a value stands for: itself, or those of a tuple, and of the tuples in it.
    pub(super) fn classes_in(&self, kind: &Val) -> Result<Vec<Val>, Fault> {
        let (mut classes, mut left) = (Vec::new(), vec![kind.clone()]);
        while let Some(kind) = left.pop() {
            self.step(1)?;
            match &kind {
                Val::Ref(id) => match self.get(*id) {
                    Object::Tuple(kinds) => {
                        self.charge(kinds.len() * size_of::<Val>())?;
                        left.extend(kinds.iter().cloned());
                    }
                    _ => classes.push(kind),
                },
                _ => classes.push(kind),
            }
        }
        Ok(classes)
    }

    /// The name of a value's type, as errors have it.
    pub(super) fn type_name(&self, value: &Val) -> &str {
        match value {
            Val::None => "NoneType",
            Val::Bool(_) => "bool",
            Val::Int(_) => "int",
            Val::Long(_) => "long",
            Val::Float(_) => "float",
            Val::Bytes(_) => "str",
            Val::Text(_) => "unicode",
            Val::Host(_) => "module",
            Val::Builtin(name) if is_type(name) => "type",
            Val::Builtin(_) => "builtin_function_or_method",
            Val::Unknown(_) => "unknown",
            Val::Ref(id) => match self.get(*id) {
                Object::Tuple(_) => "tuple",
                Object::List(_) => "list",
                Object::Dict(_) => "dict",
                Object::Set(_, false) => "set",
                Object::Set(_, true) => "frozenset",
                Object::Function(_) => "function",
                Object::Method { .. } => "instancemethod",
                Object::ValueMethod { .. } => "builtin_function_or_method",
                Object::Class(_) => "type",
                Object::Instance { class, .. } => match self.get(*class) {
                    Object::Class(class) => &class.name,
                    _ => "instance",
                },
                Object::Range { .. } => "xrange",
                Object::Iterator { .. } => "iterator",
                Object::File(_) => "file",
                Object::Service(_) => "Service",
                Object::Hrd(_) => "HRD",
                Object::ServiceActions(_) => "Actions",
                Object::Regex { .. } => "_sre.SRE_Pattern",
                Object::Match(_) => "_sre.SRE_Match",
                Object::Decorated { kind, .. } => kind,
                Object::Super { .. } => "super",
            },
        }
    }

    /// What the class and its bases have under a name, and the class that has it.
    pub(super) fn class_attribute(&self, class: Id, name: &str) -> Option<(Id, Val)> {
        self.lineage(class).find_map(|id| match self.get(id) {
            Object::Class(class) => class.attributes.get(name).map(|value| (id, value.clone())),
            _ => None,
        })
    }

    /// A class and those above it, in the order in which they are asked.
    pub(super) fn lineage(&self, class: Id) -> impl Iterator<Item = Id> {
        let above: &[Id] = match self.get(class) {
            Object::Class(class) => &class.above,
            _ => &[],
        };
        std::iter::once(class).chain(above.iter().copied())
    }

    /// The classes above one that has these bases.
    pub(super) fn above(&self, bases: &[Id]) -> Result<Vec<Id>, Fault> {
        let mut above = Vec::new();
        for base in bases {
            for id in self.lineage(*base) {
                self.step(1)?;
                if !above.contains(&id) {
                    above.push(id);
                }
            }
            // All of them are asked wherever an instance is used.
            if above.len() > MOST_ABOVE {
                let message =
                    format!("a class with more than {MOST_ABOVE} above it is not supported in actions");
                return Err(Fault::Ended(message));
            }
        }
        self.charge(above.len() * size_of::<Id>())?;
        Ok(above)
    }
}

/// Takes from what is left; false, and nothing is left, where it is not enough.
fn take(left: &AtomicU64, count: u64) -> bool {
    let rest = left.load(Ordering::Relaxed).checked_sub(count);
    left.store(rest.unwrap_or(0), Ordering::Relaxed);
    rest.is_some()
}

pub(super) fn too_deep() -> Fault {
    Fault::Raise("RuntimeError", "maximum recursion depth exceeded".to_owned())
}

/// The types of the language.
const TYPES: [&str; 25] = [
    "int",
    "long",
    "float",
    "bool",
    "str",
    "unicode",
    "basestring",
    "list",
    "tuple",
    "dict",
    "set",
    "frozenset",
    "object",
    "type",
    "NoneType",
    "function",
    "file",
    "xrange",
    "module",
    "property",
    "bytes",
    "instancemethod",
    "builtin_function_or_method",
    "super",
    "iterator",
];

/// The type of a name.
pub(super) fn type_named(name: &str) -> Option<&'static str> {
    TYPES.into_iter().find(|known| *known == name)
}

/// Whether a built-in name is that of a type.
pub(super) fn is_type(name: &str) -> bool {
    type_named(name).is_some()
}
