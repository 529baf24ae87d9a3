//! Texts and arguments with placeholders.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::path::Path;
use super::scope::Scope;

/// A text with placeholders, for example `arn:{$partition}:kms:{$region}:{$account}:key/{@id}`. Between the
/// braces are paths, separated by `|` if the next is to be used when one finds nothing, with `?` behind them if
/// nothing may be found. A `+` before them: what is found stands as it is, also where others are encoded. `{{` and `}}`
/// are braces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    /// What it is made of.
    pub parts: Vec<Part>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// What the first path that finds something finds.
    Value(Vec<Path>),
    /// The same; empty if none does.
    Optional(Vec<Path>),
    /// What the first path that finds something finds, never encoded.
    Plain(Vec<Path>),
}

impl Template {
    /// The text; `None` as soon as one placeholder has no value, or one that is no scalar.
    pub fn fill(&self, scope: &Scope<'_>) -> Option<String> {
        self.fill_with(scope, String::push_str)
    }

    /// Like [`Template::fill`], with each value encoded for a query as Python's `quote_plus` does.
    pub fn fill_quoted(&self, scope: &Scope<'_>) -> Option<String> {
        self.fill_with(scope, quote_plus)
    }

    fn fill_with(&self, scope: &Scope<'_>, put: impl Fn(&mut String, &str)) -> Option<String> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Value(paths) => {
                    let value = first(paths, scope)?;
                    put(&mut filled, &text_of(&value)?);
                }
                Part::Plain(paths) => {
                    let value = first(paths, scope)?;
                    filled.push_str(&text_of(&value)?);
                }
                Part::Optional(paths) => {
                    if let Some(text) = first(paths, scope).as_deref().and_then(text_of) {
                        put(&mut filled, &text);
                    }
                }
            }
        }
        Some(filled)
    }

    /// The value: if it is nothing but one placeholder what that finds, with its type, else the text.
    pub fn value<'d>(&self, scope: &Scope<'d>) -> Option<Cow<'d, Value>> {
        match self.parts.as_slice() {
            [Part::Value(paths)] => first(paths, scope),
            _ => self.fill(scope).map(|text| Cow::Owned(Value::String(text))),
        }
    }

    /// The text, if it has no placeholder.
    pub fn plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// All paths in it.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().flat_map(|part| match part {
            Part::Text(_) => [].iter(),
            Part::Value(paths) | Part::Optional(paths) | Part::Plain(paths) => paths.iter(),
        })
    }
}

fn first<'d>(paths: &[Path], scope: &Scope<'d>) -> Option<Cow<'d, Value>> {
    // What Python takes for false gives way to the next path, as in `a or b`, but for the last one.
    let (last, others) = paths.split_last()?;
    let better = others.iter().filter_map(|path| path.get(scope)).find(|value| super::truthy(value));
    better.or_else(|| last.get(scope))
}

/// A scalar as text, the way Python writes it.
pub(crate) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Bool(true) => Cow::Borrowed("True"),
        Value::Bool(false) => Cow::Borrowed("False"),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Appends `text` with everything escaped but letters, digits and `_.-~`; a blank becomes `+`.
fn quote_plus(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => {
                out.push('%');
                out.push(char::from(HEX[usize::from(other >> 4)]));
                out.push(char::from(HEX[usize::from(other & 15)]));
            }
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let tail = &rest[at + 1..];
            if let Some(tail) = tail.strip_prefix(brace) {
                plain.push_str(brace);
                rest = tail;
                continue;
            }
            let (inside, tail) = match tail.split_once('}') {
                Some(split) if brace == "{" => split,
                Some(_) | None => return Err(format!("`{text}` has a brace without its partner")),
            };
            let (inside, optional) = optional(inside);
            let (inside, as_it_is) = match inside.strip_prefix('+') {
                Some(inside) => (inside, true),
                None => (inside, false),
            };
            if optional && as_it_is {
                return Err(format!("`{text}` has `+` and `?` at one placeholder"));
            }
            let paths = inside.split('|').map(|path| path.trim().parse::<Path>());
            let paths = paths.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(match (optional, as_it_is) {
                (true, _) => Part::Optional(paths),
                (false, true) => Part::Plain(paths),
                (false, false) => Part::Value(paths),
            });
            rest = tail;
        }
        plain.push_str(rest);
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Part::Value(paths) | Part::Optional(paths) | Part::Plain(paths) => {
                    f.write_str(if matches!(part, Part::Plain(_)) { "{+" } else { "{" })?;
                    for (index, path) in paths.iter().enumerate() {
                        write!(f, "{}{path}", if index == 0 { "" } else { "|" })?;
                    }
                    f.write_str(if matches!(part, Part::Optional(_)) { "?}" } else { "}" })?;
                }
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

/// The arguments of a call: an object whose texts are templates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Arguments {
    /// In the order of the table.
    pub members: Vec<(String, Argument)>,
}

/// One argument, or what is inside one.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// A value without placeholders.
    Constant(Value),
    /// A text with placeholders.
    Template(Template),
    /// A list.
    List(Vec<Argument>),
    /// An object. Names may have placeholders, which maps of tags need. The member `.` is an object whose members
    /// are there, too, if no other one says different. A member whose name ends with `?` is left out when its
    /// placeholder has no value.
    Object(Vec<(Template, Argument)>),
    /// `{ drop = true }`: there is no such member, whatever `.` has brought.
    Drop,
}

/// An argument whose placeholder has no value: the call cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the argument `{argument}` has no value: nothing at `{template}`")]
pub struct MissingArgument {
    /// Its name.
    pub argument: String,
    /// What was to be filled in.
    pub template: String,
}

impl Arguments {
    /// The arguments with all placeholders filled in.
    pub fn fill(&self, scope: &Scope<'_>) -> Result<Map<String, Value>, MissingArgument> {
        let mut filled = Map::new();
        for (name, argument) in &self.members {
            let (name, optional) = optional(name);
            match argument.fill(scope) {
                Ok(value) => drop(filled.insert(name.to_owned(), value)),
                Err(_) if optional => {}
                Err(template) => {
                    let template = template.to_string();
                    return Err(MissingArgument { argument: name.to_owned(), template });
                }
            }
        }
        Ok(filled)
    }

    /// All paths in them.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.members.iter().for_each(|(_, argument)| argument.paths(&mut paths));
        paths
    }
}

impl Argument {
    fn fill<'a>(&'a self, scope: &Scope<'_>) -> Result<Value, &'a Template> {
        Ok(match self {
            Self::Constant(value) => value.clone(),
            Self::Drop => Value::Null,
            Self::Template(template) => template.value(scope).ok_or(template)?.into_owned(),
            Self::List(items) => items.iter().map(|item| item.fill(scope)).collect::<Result<_, _>>()?,
            Self::Object(members) => Value::Object(fill_members(members, scope)?),
        })
    }

    fn paths<'a>(&'a self, paths: &mut Vec<&'a Path>) {
        match self {
            Self::Constant(_) | Self::Drop => {}
            Self::Template(template) => paths.extend(template.paths()),
            Self::List(items) => items.iter().for_each(|item| item.paths(paths)),
            Self::Object(members) => members.iter().for_each(|(name, member)| {
                paths.extend(name.paths());
                member.paths(paths);
            }),
        }
    }
}

fn fill_members<'a>(
    members: &'a [(Template, Argument)],
    scope: &Scope<'_>,
) -> Result<Map<String, Value>, &'a Template> {
    let mut filled = Map::new();
    let mut dropped = Vec::new();
    for (name, member) in members {
        // Only what the table says is a mark: the key of a tag may end so, too.
        let marked = matches!(name.parts.last(), Some(Part::Text(end)) if end.ends_with('?'));
        let full = name.fill(scope).ok_or(name)?;
        let (name, optional) = if marked { optional(&full) } else { (full.as_str(), false) };
        if *member == Argument::Drop {
            dropped.push(name.to_owned());
            continue;
        }
        let value = match member.fill(scope) {
            Ok(value) => value,
            Err(_) if optional => continue,
            Err(template) => return Err(template),
        };
        match (name, value) {
            (".", Value::Object(base)) => {
                for (name, value) in base {
                    filled.entry(name).or_insert(value);
                }
            }
            (name, value) => drop(filled.insert(name.to_owned(), value)),
        }
    }
    for name in dropped {
        filled.remove(&name);
    }
    Ok(filled)
}

/// The name of a member without its mark, and whether it has one.
pub(crate) fn optional(name: &str) -> (&str, bool) {
    match name.strip_suffix('?') {
        Some(name) => (name, true),
        None => (name, false),
    }
}

impl TryFrom<Value> for Argument {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => {
                let template: Template = text.parse()?;
                match template.parts.as_slice() {
                    [Part::Text(plain)] => Self::Constant(plain.clone().into()),
                    _ => Self::Template(template),
                }
            }
            Value::Array(items) => {
                Self::List(items.into_iter().map(Self::try_from).collect::<Result<_, _>>()?)
            }
            Value::Object(members) if is_mark(&members, "null") => Self::Constant(Value::Null),
            Value::Object(members) if is_mark(&members, "drop") => Self::Drop,
            Value::Object(members) => Self::Object(
                members
                    .into_iter()
                    .map(|(name, value)| Ok((name.parse()?, Self::try_from(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
            constant => Self::Constant(constant),
        })
    }
}

/// `{ NAME = true }` and nothing else.
fn is_mark(members: &Map<String, Value>, name: &str) -> bool {
    members.len() == 1 && members.get(name) == Some(&Value::Bool(true))
}

fn arguments(members: Map<String, Value>) -> Result<Vec<(String, Argument)>, String> {
    members.into_iter().map(|(name, value)| Ok((name, Argument::try_from(value)?))).collect()
}

fn mark(name: &str) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), Value::Bool(true))]))
}

impl From<Argument> for Value {
    fn from(argument: Argument) -> Self {
        match argument {
            Argument::Constant(Self::String(text)) => {
                Template { parts: vec![Part::Text(text)] }.to_string().into()
            }
            Argument::Constant(Self::Null) => mark("null"),
            Argument::Constant(value) => value,
            Argument::Drop => mark("drop"),
            Argument::Template(template) => template.to_string().into(),
            Argument::List(items) => items.into_iter().map(Self::from).collect(),
            Argument::Object(members) => {
                members.into_iter().map(|(name, member)| (name.to_string(), Self::from(member))).collect()
            }
        }
    }
}

impl TryFrom<Value> for Arguments {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::Object(members) => Ok(Self { members: arguments(members)? }),
            _ => Err("arguments are no object".to_owned()),
        }
    }
}

impl From<Arguments> for Value {
    fn from(arguments: Arguments) -> Self {
        arguments.members.into_iter().map(|(name, member)| (name, Self::from(member))).collect()
    }
}
