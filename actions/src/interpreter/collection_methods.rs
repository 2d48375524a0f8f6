//! The methods of lists, tuples, dicts and sets that call nothing of the script.

use ays_grammar::actions::Operator;

use super::args::Args;
use super::compare::is_subset;
use super::heap::{Fault, Heap, Id, Object, Pairs, Val};
use super::sequences::index_of;

impl Heap {
    /// Calls a method of a collection; none for one that it does not have.
    pub(super) fn collection_method(
        &mut self,
        this: &Val,
        name: &str,
        args: &Args,
    ) -> Result<Option<Val>, Fault> {
        let Val::Ref(id) = this else { return Ok(None) };
        match self.get(*id) {
            Object::List(_) => self.list_method(*id, name, args),
            Object::Tuple(_) => self.tuple_method(*id, name, args),
            Object::Dict(_) => self.dict_method(*id, name, args),
            Object::Set(_, frozen) => {
                let frozen = *frozen;
                self.set_method(*id, frozen, name, args)
            }
            Object::Iterator { .. } if name == "next" => self.next(this).map(Some),
            _ => Ok(None),
        }
    }

    /// The next item of an iterator.
    pub(super) fn next(&mut self, iterator: &Val) -> Result<Val, Fault> {
        let Val::Ref(id) = iterator else {
            return Err(Fault::type_error(format!("{} object is not an iterator", self.type_name(iterator))));
        };
        let Object::Iterator { items, at } = self.get_mut(*id) else {
            return Err(Fault::type_error(format!("{} object is not an iterator", self.type_name(iterator))));
        };
        *at += 1;
        items.get(*at - 1).cloned().ok_or_else(|| Fault::Raise("StopIteration", String::new()))
    }

    fn list_of(&self, id: Id) -> &[Val] {
        match self.get(id) {
            Object::List(items) | Object::Tuple(items) => items,
            _ => &[],
        }
    }

    fn change_list(&mut self, id: Id, change: impl FnOnce(&mut Vec<Val>)) {
        if let Object::List(items) = self.get_mut(id) {
            change(items);
        }
    }

    fn place(&self, id: Id, value: &Val) -> Result<Option<usize>, Fault> {
        for (index, item) in self.list_of(id).iter().enumerate() {
            if self.equal(item, value)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn tuple_method(&mut self, id: Id, name: &str, args: &Args) -> Result<Option<Val>, Fault> {
        if !matches!(name, "index" | "count") {
            return Ok(None);
        }
        let value = args.needed(0, name)?;
        Ok(Some(match name {
            "index" => match self.place(id, value)? {
                Some(at) => Val::Int(i64::try_from(at).unwrap_or(i64::MAX)),
                None if matches!(self.get(id), Object::Tuple(_)) => {
                    return Err(Fault::value_error("tuple.index(x): x not in tuple"));
                }
                None => return Err(Fault::value_error(format!("{} is not in list", self.repr(value)?))),
            },
            _ => {
                let mut count = 0;
                for item in self.list_of(id) {
                    count += i64::from(self.equal(item, value)?);
                }
                Val::Int(count)
            }
        }))
    }

    fn list_method(&mut self, id: Id, name: &str, args: &Args) -> Result<Option<Val>, Fault> {
        let length = self.list_of(id).len();
        // What lies behind a place moves, or is looked at.
        let at_the_end = matches!(name, "append" | "extend") || name == "pop" && args.positional.is_empty();
        if !at_the_end {
            self.walk(length)?;
        }
        match name {
            "append" => {
                let value = args.needed(0, name)?.clone();
                self.charge(size_of::<Val>())?;
                self.change_list(id, |items| items.push(value));
            }
            "extend" => {
                let values = self.items(args.needed(0, name)?)?;
                self.change_list(id, |items| items.extend(values));
            }
            "insert" => {
                let at = index_of(args.needed(0, name)?).unwrap_or(0);
                let value = args.needed(1, name)?.clone();
                self.charge(size_of::<Val>())?;
                let size = i64::try_from(length).unwrap_or(i64::MAX);
                let at = if at < 0 { at.saturating_add(size).max(0) } else { at.min(size) };
                let at = usize::try_from(at).unwrap_or(0);
                self.change_list(id, |items| items.insert(at, value));
            }
            "remove" => {
                let at = self
                    .place(id, args.needed(0, name)?)?
                    .ok_or_else(|| Fault::value_error("list.remove(x): x not in list"))?;
                self.change_list(id, |items| _ = items.remove(at));
            }
            "pop" => {
                if length == 0 {
                    return Err(Fault::Raise("IndexError", "pop from empty list".to_owned()));
                }
                let size = i64::try_from(length).unwrap_or(i64::MAX);
                let at = args.at(0).map_or(Some(-1), index_of).unwrap_or(-1);
                let at = if at < 0 { at.saturating_add(size) } else { at };
                let at = usize::try_from(at)
                    .ok()
                    .filter(|at| *at < length)
                    .ok_or_else(|| Fault::Raise("IndexError", "pop index out of range".to_owned()))?;
                let value = self.list_of(id)[at].clone();
                self.change_list(id, |items| _ = items.remove(at));
                return Ok(Some(value));
            }
            "reverse" => self.change_list(id, |items| items.reverse()),
            _ => return self.tuple_method(id, name, args),
        }
        Ok(Some(Val::None))
    }

    fn pairs(&self, id: Id) -> Result<Pairs, Fault> {
        match self.get(id) {
            Object::Dict(pairs) | Object::Set(pairs, _) => {
                self.charge(pairs.len().saturating_mul(4 * size_of::<Val>()))?;
                Ok(pairs.clone())
            }
            _ => Ok(Pairs::new()),
        }
    }

    /// The pairs of a dict, or of a list of pairs.
    pub(super) fn pairs_of(&mut self, value: &Val) -> Result<Vec<(Val, Val)>, Fault> {
        if let Val::Ref(id) = value
            && let Object::Dict(pairs) = self.get(*id)
        {
            self.charge(pairs.len().saturating_mul(2 * size_of::<Val>()))?;
            return Ok(pairs.values().cloned().collect());
        }
        let mut pairs = Vec::new();
        for (index, item) in self.items(value)?.into_iter().enumerate() {
            let pair = self.items(&item)?;
            let [key, value] = &pair[..] else {
                let message = format!(
                    "dictionary update sequence element #{index} has length {}; 2 is required",
                    pair.len()
                );
                return Err(Fault::value_error(message));
            };
            pairs.push((key.clone(), value.clone()));
        }
        Ok(pairs)
    }

    fn dict_method(&mut self, id: Id, name: &str, args: &Args) -> Result<Option<Val>, Fault> {
        let this = Val::Ref(id);
        let length = self.length(&this)?.unwrap_or(0);
        Ok(Some(match name {
            "keys" | "iterkeys" => {
                let keys = self.items(&this)?;
                self.listed(keys, name)?
            }
            "values" | "itervalues" => {
                let values = self.pairs(id)?.into_values().map(|(_, value)| value).collect();
                self.listed(values, name)?
            }
            "items" | "iteritems" => {
                let pairs: Vec<_> = self.pairs(id)?.into_values().collect();
                let mut items = Vec::new();
                for (key, value) in pairs {
                    items.push(self.tuple(vec![key, value])?);
                }
                self.listed(items, name)?
            }
            "get" | "has_key" | "setdefault" | "pop" => {
                let wanted = args.needed(0, name)?;
                let key = self.key(wanted)?;
                let found = match self.get(id) {
                    Object::Dict(pairs) => pairs.get(&key).map(|(_, value)| value.clone()),
                    _ => None,
                };
                let default = args.at(1).cloned();
                match (name, found) {
                    ("has_key", found) => Val::Bool(found.is_some()),
                    ("get", found) => found.or(default).unwrap_or(Val::None),
                    ("setdefault", Some(found)) => found,
                    ("setdefault", None) => {
                        let value = default.unwrap_or(Val::None);
                        self.set_item(&this, wanted, value.clone())?;
                        value
                    }
                    (_, Some(found)) => {
                        self.walk(length)?;
                        if let Object::Dict(pairs) = self.get_mut(id) {
                            pairs.shift_remove(&key);
                        }
                        found
                    }
                    (_, None) => default.ok_or_else(|| Fault::NoKey(wanted.clone()))?,
                }
            }
            "popitem" => {
                let Object::Dict(pairs) = self.get_mut(id) else { return Ok(None) };
                let Some((_, (key, value))) = pairs.pop() else {
                    let message = self.str("popitem(): dictionary is empty")?;
                    return Err(Fault::NoKey(message));
                };
                self.tuple(vec![key, value])?
            }
            "update" => {
                let mut pairs = match args.at(0) {
                    Some(value) => {
                        let value = value.clone();
                        self.pairs_of(&value)?
                    }
                    None => Vec::new(),
                };
                for (name, value) in &args.named {
                    pairs.push((self.str(name)?, value.clone()));
                }
                for (key, value) in pairs {
                    self.set_item(&this, &key, value)?;
                }
                Val::None
            }
            "copy" => {
                let pairs = self.pairs(id)?;
                self.add(Object::Dict(pairs))?
            }
            "clear" => {
                if let Object::Dict(pairs) = self.get_mut(id) {
                    pairs.clear();
                }
                Val::None
            }
            _ => return Ok(None),
        }))
    }

    /// A list; an iterator for a method whose name begins with `iter`.
    fn listed(&mut self, items: Vec<Val>, name: &str) -> Result<Val, Fault> {
        if name.starts_with("iter") { self.add(Object::Iterator { items, at: 0 }) } else { self.list(items) }
    }

    /// The items of a value as a set has them.
    pub(super) fn set_of(&mut self, value: &Val) -> Result<Pairs, Fault> {
        let mut pairs = Pairs::new();
        for item in self.items(value)? {
            pairs.entry(self.key(&item)?).or_insert((item, Val::None));
        }
        Ok(pairs)
    }

    fn set_method(&mut self, id: Id, frozen: bool, name: &str, args: &Args) -> Result<Option<Val>, Fault> {
        let operation = match name.trim_end_matches("_update") {
            "union" | "update" => Some(Operator::Or),
            "intersection" => Some(Operator::And),
            "difference" => Some(Operator::Subtract),
            "symmetric_difference" => Some(Operator::Xor),
            _ => None,
        };
        if let Some(operation) = operation {
            let mut pairs = self.pairs(id)?;
            for other in &args.positional {
                let other = self.set_of(other)?;
                pairs = self.combine(operation, &pairs, &other)?;
            }
            if !name.ends_with("update") {
                return self.add(Object::Set(pairs, frozen)).map(Some);
            }
            if !frozen {
                *self.get_mut(id) = Object::Set(pairs, false);
            }
            return Ok(Some(Val::None));
        }
        Ok(Some(match name {
            "issubset" | "issuperset" | "isdisjoint" => {
                let own = self.pairs(id)?;
                let other = self.set_of(args.needed(0, name)?)?;
                Val::Bool(match name {
                    "issubset" => is_subset(&own, &other),
                    "issuperset" => is_subset(&other, &own),
                    _ => own.keys().all(|key| !other.contains_key(key)),
                })
            }
            "copy" => {
                let pairs = self.pairs(id)?;
                self.add(Object::Set(pairs, frozen))?
            }
            _ if frozen => return Ok(None),
            "add" | "remove" | "discard" => {
                let value = args.needed(0, name)?.clone();
                let key = self.key(&value)?;
                self.charge(4 * size_of::<Val>())?;
                if name != "add" {
                    self.walk(self.length(&Val::Ref(id))?.unwrap_or(0))?;
                }
                let Object::Set(pairs, _) = self.get_mut(id) else { return Ok(None) };
                match name {
                    "add" => _ = pairs.entry(key).or_insert((value, Val::None)),
                    _ => {
                        let removed = pairs.shift_remove(&key).is_some();
                        if name == "remove" && !removed {
                            return Err(Fault::NoKey(value));
                        }
                    }
                }
                Val::None
            }
            "pop" => {
                self.walk(self.length(&Val::Ref(id))?.unwrap_or(0))?;
                let Object::Set(pairs, _) = self.get_mut(id) else { return Ok(None) };
                match pairs.shift_remove_index(0) {
                    Some((_, (value, _))) => value,
                    None => {
                        let message = self.str("pop from an empty set")?;
                        return Err(Fault::NoKey(message));
                    }
                }
            }
            "clear" => {
                *self.get_mut(id) = Object::Set(Pairs::new(), false);
                Val::None
            }
            _ => return Ok(None),
        }))
    }
}
