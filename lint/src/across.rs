//! What lies between templates: names, stems of files, dependencies.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use ays_grammar::hrd::{Entry, Item, Value};

use ays_model::near;

use crate::codes::{DEPENDENCY_CIRCLE, SAME_STEM, TEMPLATE_TWICE, UNKNOWN_DEPENDENCY};
use crate::mistake::Mistake;
use crate::place::at;
use crate::service::string;
use crate::template::Seen;

/// `domain` is that of the environment, where it is known.
pub(crate) fn lint(all: &[Seen], domain: Option<&str>) -> Vec<Mistake> {
    let mut found = Vec::new();
    for alike in groups(all, |seen| Some(seen.template.name.as_str())) {
        let others = |at: usize| directories(&alike, at);
        found.extend(alike.iter().enumerate().map(|(index, seen)| {
            let message = format!("another template is named `{}`: {}", seen.template.name, others(index));
            Mistake::of_file(&TEMPLATE_TWICE, main_file(seen), message)
        }));
    }
    for alike in groups(all, |seen| seen.stem.as_deref()) {
        let others = |at: usize| directories(&alike, at);
        found.extend(alike.iter().enumerate().filter_map(|(index, seen)| {
            let (hrd, text) = seen.service.as_ref()?;
            let (_, entry) = hrd.numbered("web.export").pop()?;
            let stem = seen.stem.as_ref()?;
            let message =
                format!("the file's stem `{stem}` is that of another recipe too: {}", others(index));
            Some(Mistake::at(&SAME_STEM, &at(text, entry.key_span, message)))
        }));
    }
    found.extend(dependencies(all, domain));
    found
}

/// Those that are the same in something, where there are several.
fn groups<'a>(all: &'a [Seen], of: impl Fn(&'a Seen) -> Option<&'a str>) -> Vec<Vec<&'a Seen>> {
    let mut groups: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for seen in all {
        if let Some(key) = of(seen) {
            groups.entry(key).or_default().push(seen);
        }
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// The directories of all but one.
fn directories(alike: &[&Seen], but: usize) -> String {
    let others = alike.iter().enumerate().filter(|(index, _)| *index != but);
    others
        .map(|(_, seen)| seen.template.shown(""))
        .map(|dir| dir.trim_end_matches('/').to_owned())
        .collect::<Vec<_>>()
        .join(", ")
}

fn main_file(seen: &Seen) -> String {
    seen.service.as_ref().map_or_else(|| seen.template.shown("service.hrd"), |(_, text)| text.name.clone())
}

fn dependencies(all: &[Seen], domain: Option<&str>) -> Vec<Mistake> {
    let mut found = Vec::new();
    let known: HashMap<&str, usize> =
        all.iter().enumerate().map(|(at, seen)| (seen.template.name.as_str(), at)).collect();
    // Of each template, the templates that it depends on and the entries that say so.
    let mut edges: Vec<Vec<(usize, &Entry)>> = Vec::new();
    for seen in all {
        let mut own = Vec::new();
        let Some((hrd, text)) = &seen.service else {
            edges.push(own);
            continue;
        };
        for (_, entry) in hrd.numbered("dependencies") {
            let Some(name) = pair(entry, "name").or_else(|| string(&entry.value)) else { continue };
            let elsewhere = pair(entry, "domain").is_some_and(|named| domain != Some(named));
            let is_main = pair(entry, "instance").is_none_or(|instance| instance == "main");
            if elsewhere || name.is_empty() || name.contains("$(") {
                continue;
            }
            match known.get(name) {
                Some(target) if is_main => own.push((*target, entry)),
                Some(_) => {}
                None => {
                    let near = near(name, known.keys().copied())
                        .filter(|near| name.len() >= 5 && is_slip(name, near));
                    let meant = near.map(|near| format!("; did you mean `{near}`?"));
                    let is_own = pair(entry, "domain").is_some();
                    if let Some(meant) = meant.or(is_own.then(String::new)) {
                        let message = format!("no template is named `{name}`{meant}");
                        found.push(Mistake::at(&UNKNOWN_DEPENDENCY, &at(text, entry.key_span, message)));
                    }
                }
            }
        }
        edges.push(own);
    }
    for (start, entry, circle) in circles(&edges) {
        if let Some((_, text)) = &all[start].service {
            let names: Vec<_> = circle.iter().map(|at| all[*at].template.name.as_str()).collect();
            let message = format!("its dependencies lead in a circle: {}", names.join(" -> "));
            found.push(Mistake::at(&DEPENDENCY_CIRCLE, &at(text, entry.key_span, message)));
        }
    }
    found
}

/// For each template that leads back to itself: the entry that it begins with, and the way.
fn circles<'a>(edges: &[Vec<(usize, &'a Entry)>]) -> Vec<(usize, &'a Entry, Vec<usize>)> {
    let mut found = Vec::new();
    let in_question = not_leading_out(edges);
    for start in in_question.iter().copied() {
        // The shortest way back.
        let mut from: HashMap<usize, usize> = HashMap::new();
        let mut next: VecDeque<usize> = VecDeque::from([start]);
        while let Some(at) = next.pop_front() {
            for (target, _) in edges[at].iter().filter(|(target, _)| in_question.contains(target)) {
                if let std::collections::hash_map::Entry::Vacant(vacant) = from.entry(*target) {
                    vacant.insert(at);
                    next.push_back(*target);
                }
            }
            if from.contains_key(&start) {
                break;
            }
        }
        let mut way = vec![start];
        while let Some(before) = from.get(way.last().unwrap_or(&start)).filter(|_| from.contains_key(&start))
        {
            way.push(*before);
            if *before == start {
                break;
            }
        }
        way.reverse();
        if let Some((_, entry)) = edges[start].iter().find(|(target, _)| Some(target) == way.get(1)) {
            found.push((start, *entry, way));
        }
    }
    found
}

/// The templates that are left when those without dependencies are taken away again and again.
fn not_leading_out(edges: &[Vec<(usize, &Entry)>]) -> std::collections::BTreeSet<usize> {
    let mut open: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (at, targets) in edges.iter().enumerate() {
        targets.iter().for_each(|(target, _)| needed_by[*target].push(at));
    }
    let mut done: Vec<usize> = (0..edges.len()).filter(|at| open[*at] == 0).collect();
    let mut gone: HashSet<usize> = done.iter().copied().collect();
    while let Some(at) = done.pop() {
        for needer in &needed_by[at] {
            open[*needer] -= 1;
            if open[*needer] == 0 && gone.insert(*needer) {
                done.push(*needer);
            }
        }
    }
    (0..edges.len()).filter(|at| !gone.contains(at)).collect()
}

/// Whether a name that lies near another was meant to be that: `redis` is not `redis2`, which builds upon it.
fn is_slip(name: &str, near: &str) -> bool {
    !name.starts_with(near) && !near.starts_with(name)
}

fn pair<'a>(entry: &'a Entry, name: &str) -> Option<&'a str> {
    let Value::Dict(pairs) = &entry.value else { return None };
    pairs.iter().find(|(key, _)| key == name).and_then(|(_, item)| match item {
        Item::String(text) => Some(text.as_str()),
        _ => None,
    })
}
