//! Base tables: `[base.KIND]` says what holds for all kinds that have this base.
//!
//! They are worked into the tables of the kinds before anything of those is read, so that every check is made for each
//! kind, with its properties and its words.

use std::collections::HashSet;

use inventory::{KindTable, suggest};

use super::mistake::Log;
use super::reader::{Member, Node, Toml};

/// What a base table may say.
const KEYS: [&str; 23] = [
    "absent",
    "batch",
    "below_edges",
    "by_hook",
    "calls",
    "delete",
    "document",
    "edges",
    "home",
    "home_fold",
    "key",
    "link",
    "made_by_cloud",
    "map",
    "only",
    "only_as_parent",
    "per",
    "prefix",
    "service",
    "tag",
    "unset",
    "gone",
    "within",
];

/// Lists whose entries of the base come before those of the kind.
const JOINED: [&str; 6] = ["calls", "edges", "key", "prefix", "absent", "batch"];
/// Lists of properties: those that the kind does not have are left out.
const PROPERTIES: [&str; 2] = ["unset", "by_hook"];
/// How a kind is changed: where it lacks a word of the base table, this is not for it.
const CHANGES: [&str; 2] = ["tag", "delete"];
/// What a kind may say no to: `KEY = false` is not this kind.
const REFUSED: [&str; 4] = ["tag", "delete", "link", "within"];

/// The table of a base.
struct Base {
    kind: String,
    members: Vec<Member>,
}

/// Works the base tables of all files into the tables of the kinds.
pub(crate) fn worked_in(files: Vec<Vec<Member>>, kinds: &KindTable, logs: &[Log]) -> Vec<Vec<Member>> {
    let mut bases = Vec::new();
    let mut tables = Vec::new();
    for (members, log) in files.into_iter().zip(logs) {
        let (base, rest): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| member.key == "base");
        for member in base {
            read(member, kinds, log, &mut bases);
        }
        tables.push(rest);
    }
    let mut used = HashSet::new();
    let all = tables.into_iter().zip(logs).map(|(members, log)| {
        let with = |member| with_bases(member, &bases, kinds, log, &mut used);
        members.into_iter().map(with).collect()
    });
    let all = all.collect();
    for base in &bases {
        say_unknown(base, &used, logs);
    }
    all
}

fn read(member: Member, kinds: &KindTable, log: &Log, bases: &mut Vec<Base>) {
    let Toml::Table(members) = member.node.value else {
        return log.say(member.at, format!("`base` is a table, this is {}", member.node.what()));
    };
    for base in members {
        if !kinds.contains(&base.key) {
            let close = suggest::hint(&base.key, kinds.names());
            log.say(base.at, format!("there is no kind `{}`; {close}", base.key));
            continue;
        }
        if bases.iter().any(|known| known.kind == base.key) {
            log.say(base.at, format!("there is a table of the base `{}` already", base.key));
            continue;
        }
        let Toml::Table(members) = base.node.value else {
            log.say(base.at, format!("`base.{}` is a table", base.key));
            continue;
        };
        for member in &members {
            if !KEYS.contains(&member.key.as_str()) {
                let hint = suggest::hint(&member.key, KEYS.iter().copied());
                log.say(member.at, format!("there is no `{}` in a base table; {hint}", member.key));
            }
        }
        bases.push(Base { kind: base.key, members });
    }
}

/// Entries for properties that no kind of the base has are mistakes.
fn say_unknown(base: &Base, used: &HashSet<usize>, logs: &[Log]) {
    let Some(log) = logs.first() else { return };
    for (name, at) in base.members.iter().flat_map(properties) {
        if !used.contains(&at) {
            log.say(at, format!("no kind with the base {} and a table has a property `{name}`", base.kind));
        }
    }
}

/// The properties that a member of a base table names, each with its place.
fn properties(member: &Member) -> Vec<(String, usize)> {
    match (&member.node.value, member.key.as_str()) {
        (Toml::Table(entries), "map") => entries.iter().map(|entry| (entry.key.clone(), entry.at)).collect(),
        (Toml::List(items), key) if PROPERTIES.contains(&key) => items
            .iter()
            .filter_map(|item| match &item.value {
                Toml::Text(name) => Some((name.clone(), item.at)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The table of a kind with what its bases say; anything else as it is.
fn with_bases(
    member: Member,
    bases: &[Base],
    kinds: &KindTable,
    log: &Log,
    used: &mut HashSet<usize>,
) -> Member {
    let Member { key: name, at, node: Node { at: node_at, value } } = member;
    let Toml::Table(mut own) = value else {
        return Member { key: name, at, node: Node { at: node_at, value } };
    };
    let Ok(kind) = kinds.kind(&name) else {
        return Member { key: name, at, node: Node { at: node_at, value: Toml::Table(own) } };
    };
    let words = words(&mut own, &name, log);
    let alone = own.iter().position(|member| member.key == "no_base_key").map(|at| own.remove(at)).is_some();
    for base in nearest_first(&name, kinds).iter().filter_map(|base| bases.iter().find(|b| b.kind == *base)) {
        for theirs in &base.members {
            if alone && theirs.key == "key" {
                continue;
            }
            let known = |property: &str, at: usize| {
                let known = kind.position(property).is_some();
                if known {
                    used.insert(at);
                }
                known
            };
            let Some(theirs) = of_kind(theirs, known) else { continue };
            match spelled(&theirs.node, &words) {
                Ok(node) => join(&mut own, Member { node, ..theirs }),
                Err(_) if CHANGES.contains(&theirs.key.as_str()) => {}
                Err(word) => log.say(
                    at,
                    format!("`words` has no `{word}`, which the table of the base {} needs", base.kind),
                ),
            }
        }
    }
    own.retain(|member| {
        !(REFUSED.contains(&member.key.as_str()) && matches!(member.node.value, Toml::Bool(false)))
    });
    Member { key: name, at, node: Node { at: node_at, value: Toml::Table(own) } }
}

/// `words`, taken out of the table, with the name of the kind.
fn words(own: &mut Vec<Member>, kind: &str, log: &Log) -> Vec<(String, String)> {
    let mut words = vec![("{$kind}".to_owned(), kind.to_owned())];
    let Some(at) = own.iter().position(|member| member.key == "words") else { return words };
    let member = own.remove(at);
    let Toml::Table(entries) = member.node.value else {
        log.say(member.at, format!("`words` is a table of texts, this is {}", member.node.what()));
        return words;
    };
    for entry in entries {
        match entry.node.value {
            Toml::Text(text) => words.push((format!("{{$kind.{}}}", entry.key), text)),
            _ => log.say(entry.at, "a word is a text"),
        }
    }
    words
}

/// The bases of a kind, the nearest first.
fn nearest_first<'k>(name: &str, kinds: &'k KindTable) -> Vec<&'k str> {
    let mut found: Vec<&str> =
        kinds.kind(name).map_or_else(|_| Vec::new(), |kind| kind.model().bases.clone());
    let mut next = 0;
    while let Some(base) = found.get(next) {
        let above = kinds.kind(base).map_or_else(|_| Vec::new(), |kind| kind.model().bases.clone());
        found.extend(above);
        next += 1;
    }
    found
}

/// What of a member of a base table is for a kind: without what is about properties that it does not have.
fn of_kind(member: &Member, mut known: impl FnMut(&str, usize) -> bool) -> Option<Member> {
    let value = match (&member.node.value, member.key.as_str()) {
        (Toml::Table(entries), "map") => {
            Toml::Table(entries.iter().filter(|entry| known(&entry.key, entry.at)).cloned().collect())
        }
        (Toml::List(items), key) if PROPERTIES.contains(&key) => {
            let is_known = |item: &&Node| matches!(&item.value, Toml::Text(name) if known(name, item.at));
            Toml::List(items.iter().filter(is_known).cloned().collect())
        }
        (value, _) => value.clone(),
    };
    let nothing = matches!(&value, Toml::List(items) if items.is_empty());
    (!nothing).then(|| Member { node: Node { at: member.node.at, value }, ..member.clone() })
}

/// Adds what a base says, where the kind has not said it itself.
fn join(own: &mut Vec<Member>, mut theirs: Member) {
    if let Toml::Table(entries) = &mut theirs.node.value
        && theirs.key == "map"
    {
        entries.retain(|entry| !names(own, &entry.key));
    }
    let Some(known) = own.iter_mut().find(|member| member.key == theirs.key) else {
        return own.push(theirs);
    };
    match (&mut known.node.value, theirs.node.value) {
        (Toml::Table(own), Toml::Table(theirs)) if known.key == "map" || known.key == "document" => {
            let more = theirs.into_iter().filter(|entry| own.iter().all(|known| known.key != entry.key));
            let more: Vec<Member> = more.collect();
            own.extend(more);
        }
        (value, theirs)
            if JOINED.contains(&known.key.as_str()) || PROPERTIES.contains(&known.key.as_str()) =>
        {
            let mine = std::mem::replace(value, Toml::Bool(false));
            let at = known.node.at;
            let mut all = listed(theirs, at);
            all.extend(listed(mine, at));
            *value = Toml::List(all);
        }
        _ => {}
    }
}

/// Whether the kind says of a property that nothing in the documents fills it.
fn names(own: &[Member], property: &str) -> bool {
    own.iter().filter(|member| PROPERTIES.contains(&member.key.as_str())).any(|member| {
        match &member.node.value {
            Toml::List(items) => {
                items.iter().any(|item| matches!(&item.value, Toml::Text(name) if name == property))
            }
            Toml::Text(name) => name == property,
            _ => false,
        }
    })
}

/// One thing, or a list of them, as a list.
fn listed(value: Toml, at: usize) -> Vec<Node> {
    match value {
        Toml::List(items) => items,
        one => vec![Node { at, value: one }],
    }
}

/// The same with the words of the kind in all texts; the word that it lacks, if it does.
fn spelled(node: &Node, words: &[(String, String)]) -> Result<Node, String> {
    let value = match &node.value {
        Toml::Text(text) => Toml::Text(in_words(text, words)?),
        Toml::List(items) => {
            Toml::List(items.iter().map(|item| spelled(item, words)).collect::<Result<_, _>>()?)
        }
        Toml::Table(members) => Toml::Table(
            members
                .iter()
                .map(|member| {
                    let (key, node) = (in_words(&member.key, words)?, spelled(&member.node, words)?);
                    Ok(Member { key, node, at: member.at })
                })
                .collect::<Result<_, String>>()?,
        ),
        other => other.clone(),
    };
    Ok(Node { at: node.at, value })
}

fn in_words(text: &str, words: &[(String, String)]) -> Result<String, String> {
    let spelled = words.iter().fold(text.to_owned(), |text, (mark, word)| text.replace(mark, word));
    match spelled.split_once("{$kind.") {
        Some((_, rest)) => Err(rest.split('}').next().unwrap_or(rest).to_owned()),
        None => Ok(spelled),
    }
}
