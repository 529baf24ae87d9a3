//! Conditions: `path == text`, `path != text`, `path in a, b`, `path contains text`, `path` (something is there), `!path`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::path::{Path, Root};
use super::scope::Scope;
use super::template::text_of;

/// Something that has to hold. All values are compared as texts; truth values are `true` and `false`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    /// What is looked at. With `[]` it is enough that one element fits (for `!=` and `!`: all have to).
    pub path: Path,
    /// What has to hold of it.
    pub test: Test,
}

/// What has to hold of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// It is there and neither false, zero nor empty.
    Truthy,
    /// It is missing, false, zero or empty.
    Falsy,
    /// It is one of these.
    OneOf(Vec<String>),
    /// It is what is found there.
    Same(Path),
    /// It is none of these, or missing.
    NoneOf(Vec<String>),
    /// It is a text with this in it.
    Contains(String),
}

impl Condition {
    /// Whether it holds.
    pub fn holds(&self, scope: &Scope<'_>) -> bool {
        let Test::Same(other) = &self.test else { return self.fits(self.path.get(scope).as_deref()) };
        let other = other.get(scope);
        let other = other.as_deref().and_then(text_of);
        let found = self.path.get(scope);
        other.is_some_and(|other| self.is_one_of(found.as_deref(), &[other.into_owned()]))
    }

    /// Whether it is about the element that a call is made for.
    pub fn is_about_element(&self) -> bool {
        self.path.root == Root::Each
    }

    /// Whether it holds of `value`, which takes the place of the document.
    pub fn holds_in(&self, value: &Value) -> bool {
        self.fits(self.path.get_in(value).as_deref())
    }

    fn values<'v>(&self, found: Option<&'v Value>) -> &'v [Value] {
        match found {
            Some(Value::Array(items)) if self.path.is_many() => items,
            Some(value) => std::slice::from_ref(value),
            None => &[],
        }
    }

    fn is_one_of(&self, found: Option<&Value>, texts: &[String]) -> bool {
        self.values(found).iter().any(|value| is_one_of(value, texts))
    }

    fn fits(&self, found: Option<&Value>) -> bool {
        let values = self.values(found);
        match &self.test {
            // Without a scope there is nothing to compare with.
            Test::Same(_) => false,
            Test::Truthy => values.iter().any(truthy),
            Test::Falsy => !values.iter().any(truthy),
            Test::OneOf(texts) => values.iter().any(|value| is_one_of(value, texts)),
            Test::NoneOf(texts) => !values.iter().any(|value| is_one_of(value, texts)),
            Test::Contains(part) => {
                values.iter().any(|value| value.as_str().is_some_and(|text| text.contains(part)))
            }
        }
    }

    /// Whether all of them hold.
    pub fn all(conditions: &[Self], scope: &Scope<'_>) -> bool {
        conditions.iter().all(|condition| condition.holds(scope))
    }
}

fn is_one_of(value: &Value, texts: &[String]) -> bool {
    match value {
        Value::String(text) => texts.iter().any(|other| other == text),
        Value::Bool(value) => texts.iter().any(|other| other == if *value { "true" } else { "false" }),
        Value::Number(number) => {
            let number = number.to_string();
            texts.contains(&number)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// What Python takes for true.
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(condition: &str) -> Result<Self, String> {
        let list = |values: &str| values.split(',').map(|value| value.trim().to_owned()).collect();
        let (path, test) = if let Some((path, value)) = split_outside(condition, " == ") {
            let value = value.trim();
            let other = value.starts_with(['$', '@']).then(|| value.parse()).transpose();
            let other = other.map_err(|error: super::PathError| error.to_string())?;
            (path, other.map_or_else(|| Test::OneOf(vec![value.to_owned()]), Test::Same))
        } else if let Some((path, value)) = split_outside(condition, " != ") {
            (path, Test::NoneOf(vec![value.trim().to_owned()]))
        } else if let Some((path, values)) = split_outside(condition, " not in ") {
            (path, Test::NoneOf(list(values)))
        } else if let Some((path, values)) = split_outside(condition, " in ") {
            (path, Test::OneOf(list(values)))
        } else if let Some((path, part)) = split_outside(condition, " contains ") {
            (path, Test::Contains(part.trim().to_owned()))
        } else if let Some(path) = condition.strip_prefix('!') {
            (path, Test::Falsy)
        } else {
            (condition, Test::Truthy)
        };
        let path = path.trim();
        if split_outside(path, " ").is_some() {
            return Err(format!(
                "`{condition}` is no condition; those are `path == text`, `path != text`, `path in a, b`, \
                 `path not in a, b`, `path contains text`, `path`, `!path`"
            ));
        }
        Ok(Self { path: path.parse().map_err(|error: super::PathError| error.to_string())?, test })
    }
}

/// What stands before and behind the first `between` that is in no brackets: those of a path have conditions of their own.
fn split_outside<'t>(text: &'t str, between: &str) -> Option<(&'t str, &'t str)> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 && text[at..].starts_with(between) => {
                return Some((&text[..at], &text[at + between.len()..]));
            }
            _ => {}
        }
    }
    None
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.test {
            Test::Truthy => write!(f, "{path}"),
            Test::Falsy => write!(f, "!{path}"),
            Test::Same(other) => write!(f, "{path} == {other}"),
            Test::OneOf(texts) if texts.len() == 1 => write!(f, "{path} == {}", texts[0]),
            Test::NoneOf(texts) if texts.len() == 1 => write!(f, "{path} != {}", texts[0]),
            Test::OneOf(texts) => write!(f, "{path} in {}", texts.join(", ")),
            Test::NoneOf(texts) => write!(f, "{path} not in {}", texts.join(", ")),
            Test::Contains(part) => write!(f, "{path} contains {part}"),
        }
    }
}

impl TryFrom<String> for Condition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}
