//! TOML with the place of every value, read key by key.

use std::cell::RefCell;

use inventory::suggest;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::Log;

/// A value and where it stands in its file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: usize,
    pub(crate) value: Toml,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Toml {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Node>),
    Table(Vec<Member>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) at: usize,
    pub(crate) node: Node,
}

impl Node {
    /// Parses a file; what is no TOML goes to the log.
    pub(crate) fn parse(text: &str, log: &Log) -> Vec<Member> {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            log.say(log.place(at), format!("this is no TOML: {}", error.message()));
        }
        members(table.get_ref(), log)
    }

    fn of(spanned: &Spanned<DeValue<'_>>, log: &Log) -> Self {
        let at = log.place(spanned.span().start);
        let value = match spanned.get_ref() {
            DeValue::String(text) => Toml::Text(text.to_string()),
            DeValue::Boolean(flag) => Toml::Bool(*flag),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Toml::Int(number),
                Err(_) => Self::refused(at, log, "a whole number that is too large"),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Toml::Float(number),
                _ => Self::refused(at, log, "no number that JSON has"),
            },
            DeValue::Datetime(_) => Self::refused(at, log, "a time; write it as a text"),
            DeValue::Array(items) => Toml::List(items.iter().map(|item| Self::of(item, log)).collect()),
            DeValue::Table(table) => Toml::Table(members(table, log)),
        };
        Self { at, value }
    }

    fn refused(at: usize, log: &Log, what: &str) -> Toml {
        log.say(at, format!("this is {what}"));
        Toml::Bool(false)
    }

    /// What it is, for people.
    pub(crate) fn what(&self) -> &'static str {
        match self.value {
            Toml::Text(_) => "a text",
            Toml::Int(_) => "a whole number",
            Toml::Float(_) => "a number",
            Toml::Bool(_) => "true or false",
            Toml::List(_) => "a list",
            Toml::Table(_) => "a table",
        }
    }

    pub(crate) fn json(&self) -> Value {
        match &self.value {
            Toml::Text(text) => text.clone().into(),
            Toml::Int(number) => (*number).into(),
            Toml::Float(number) => (*number).into(),
            Toml::Bool(flag) => (*flag).into(),
            Toml::List(items) => items.iter().map(Self::json).collect(),
            Toml::Table(members) => {
                Value::Object(members.iter().map(|member| (member.key.clone(), member.node.json())).collect())
            }
        }
    }
}

/// In the order of the file.
fn members(table: &DeTable<'_>, log: &Log) -> Vec<Member> {
    let mut members: Vec<_> = table
        .iter()
        .map(|(key, value)| Member {
            key: key.get_ref().to_string(),
            at: log.place(key.span().start),
            node: Node::of(value, log),
        })
        .collect();
    members.sort_by_key(|member| member.at);
    members
}

/// A table whose keys are asked for by name; those that nobody asked for are mistakes.
#[derive(Debug)]
pub(crate) struct Fields<'s> {
    members: &'s [Member],
    /// Where it stands.
    pub(crate) at: usize,
    pub(crate) log: &'s Log,
    asked: RefCell<Vec<&'static str>>,
}

impl<'s> Fields<'s> {
    pub(crate) fn new(members: &'s [Member], at: usize, log: &'s Log) -> Self {
        Self { members, at, log, asked: RefCell::default() }
    }

    /// The table that this value is; anything else is a mistake.
    pub(crate) fn of(node: &'s Node, what: &str, log: &'s Log) -> Option<Self> {
        let Toml::Table(members) = &node.value else {
            log.say(node.at, format!("{what} is a table, this is {}", node.what()));
            return None;
        };
        Some(Self::new(members, node.at, log))
    }

    pub(crate) fn get(&self, key: &'static str) -> Option<&'s Node> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.members.iter().find(|member| member.key == key).map(|member| &member.node)
    }

    fn typed<T>(
        &self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&'s Toml) -> Option<T>,
    ) -> Option<(T, usize)> {
        let node = self.get(key)?;
        let value = read(&node.value);
        if value.is_none() {
            self.log.say(node.at, format!("`{key}` is {expected}, this is {}", node.what()));
        }
        value.map(|value| (value, node.at))
    }

    /// A text and where it stands.
    pub(crate) fn text(&self, key: &'static str) -> Option<(&'s str, usize)> {
        self.typed(key, "a text", |value| match value {
            Toml::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// A text that is something else.
    pub(crate) fn parsed<T: std::str::FromStr<Err: ToString>>(
        &self,
        key: &'static str,
    ) -> Option<(T, usize)> {
        let (text, at) = self.text(key)?;
        parse(text, at, self.log).map(|value| (value, at))
    }

    pub(crate) fn flag(&self, key: &'static str) -> bool {
        let read = self.typed(key, "true or false", |value| match value {
            Toml::Bool(flag) => Some(*flag),
            _ => None,
        });
        read.is_some_and(|(flag, _)| flag)
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let (text, at) = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.log.say(at, format!("`{key}` is one of {}, this is `{text}`", words.join(", ")));
        }
        found
    }

    pub(crate) fn count(&self, key: &'static str) -> Option<(usize, usize)> {
        self.typed(key, "a whole number from 1", |value| match value {
            Toml::Int(number) if *number > 0 => usize::try_from(*number).ok(),
            _ => None,
        })
    }

    pub(crate) fn number(&self, key: &'static str) -> Option<(f64, usize)> {
        self.typed(key, "a number", |value| match value {
            #[expect(clippy::cast_precision_loss, reason = "numbers in tables are small")]
            Toml::Int(number) => Some(*number as f64),
            Toml::Float(number) => Some(*number),
            _ => None,
        })
    }

    /// One text or a list of texts, each with its place.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<(&'s str, usize)> {
        let mut texts = Vec::new();
        let mut add = |node: &'s Node| match &node.value {
            Toml::Text(text) => texts.push((text.as_str(), node.at)),
            _ => self.log.say(node.at, format!("`{key}` takes texts, this is {}", node.what())),
        };
        match self.get(key) {
            Some(Node { value: Toml::List(items), .. }) => items.iter().for_each(&mut add),
            Some(node) => add(node),
            None => {}
        }
        texts
    }

    /// Texts that are something else.
    pub(crate) fn all_parsed<T: std::str::FromStr<Err: ToString>>(
        &self,
        key: &'static str,
    ) -> Vec<(T, usize)> {
        let texts = self.texts(key).into_iter();
        texts.filter_map(|(text, at)| Some((parse(text, at, self.log)?, at))).collect()
    }

    pub(crate) fn table(&self, key: &'static str) -> Option<Self> {
        self.get(key).and_then(|node| Self::of(node, &format!("`{key}`"), self.log))
    }

    /// One table or a list of tables.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Self> {
        match self.get(key) {
            Some(Node { value: Toml::List(items), .. }) => items
                .iter()
                .filter_map(|node| Self::of(node, &format!("each of `{key}`"), self.log))
                .collect(),
            Some(node) => Self::of(node, &format!("`{key}`"), self.log).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// All keys, for tables whose keys are data.
    pub(crate) fn all(&self) -> &'s [Member] {
        self.members
    }

    /// Keys that nobody asked for are mistakes.
    pub(crate) fn finish(&self) {
        let asked = self.asked.borrow();
        for member in self.members {
            if !asked.contains(&member.key.as_str()) {
                let hint = suggest::hint(&member.key, asked.iter().copied());
                self.log.say(member.at, format!("there is no `{}` here; {hint}", member.key));
            }
        }
    }
}

/// A text that is something else; what it is not goes to the log.
pub(crate) fn parse<T: std::str::FromStr<Err: ToString>>(text: &str, at: usize, log: &Log) -> Option<T> {
    text.parse().map_err(|error: T::Err| log.say(at, error.to_string())).ok()
}
