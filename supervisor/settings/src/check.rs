//! Checks values against kinds, and turns text into the type that is asked for.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use crate::kinds::{Complex, Kinds, Named, Type};
use crate::problem::{Problem, SettingPath, What};
use crate::suggest::close_to;

/// Checks values of one section and collects what is wrong.
#[derive(Debug)]
pub(crate) struct Checker<'a> {
    kinds: &'a Kinds,
    /// Whether problems may show values of this section.
    reveal: bool,
    /// Below these paths no value is ever shown: settings for credentials, and what came from a variable.
    hidden: &'a BTreeSet<SettingPath>,
    /// What was found so far.
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(kinds: &'a Kinds, reveal: bool, hidden: &'a BTreeSet<SettingPath>) -> Self {
        Self { kinds, reveal, hidden, problems: Vec::new() }
    }

    /// The value in the wanted type, or `None` after a problem that makes it useless.
    pub(crate) fn value(&mut self, value: &Value, wanted: &Type, path: &SettingPath) -> Option<Value> {
        match wanted {
            Type::Any => Some(value.clone()),
            Type::List(item) => self.list(value, item, path),
            Type::Dictionary(inner) => self.dictionary(value, inner, path),
            Type::Named(name) => match self.kinds.named(name) {
                Named::Simple(simple) => self.value(value, simple, path),
                Named::Enum(members) => self.member(value, members, path),
                Named::Complex(complex) => self.complex(value, complex, path).map(Value::Object),
            },
            Type::String | Type::Text(_) | Type::Int | Type::Float | Type::Bool => {
                self.found(scalar(value, wanted), || name_of(wanted).to_owned(), value, path)
            }
        }
    }

    /// Properties of a complex kind. Keys that it does not have are kept and reported.
    fn complex(
        &mut self,
        value: &Value,
        complex: &Complex,
        path: &SettingPath,
    ) -> Option<Map<String, Value>> {
        let Value::Object(given) = value else {
            return self.found(None, || "an object".to_owned(), value, path);
        };
        let mut whole = Map::with_capacity(given.len());
        let mut usable = true;
        for (key, value) in given {
            match self.entry(key, value, complex, path) {
                Some(value) => _ = whole.insert(key.clone(), value),
                None => usable = false,
            }
        }
        for (key, property) in &complex.properties {
            if property.required && !given.contains_key(key) {
                self.problems.push(Problem::document(path.key(key), What::Missing));
                usable = false;
            }
        }
        usable.then_some(whole)
    }

    /// One entry of an object of a complex kind at `path`.
    pub(crate) fn entry(
        &mut self,
        key: &str,
        value: &Value,
        complex: &Complex,
        path: &SettingPath,
    ) -> Option<Value> {
        let path = path.key(key);
        match complex.properties.get(key) {
            Some(property) if value.is_null() && !property.required => Some(Value::Null),
            Some(property) => self.value(value, &property.kind, &path),
            None => Some(self.unknown(value, key, complex, path)),
        }
    }

    fn unknown(&mut self, value: &Value, key: &str, complex: &Complex, path: SettingPath) -> Value {
        // fixcore accepts a property called kind anywhere.
        if !complex.open && key != "kind" {
            let close = close_to(key, complex.properties.keys().map(String::as_str));
            self.problems.push(Problem::document(path, What::UnknownKey(close)));
        }
        value.clone()
    }

    fn list(&mut self, value: &Value, item: &Type, path: &SettingPath) -> Option<Value> {
        let split;
        let items = match value {
            Value::Array(items) => items,
            Value::String(text) if is_scalar(item, self.kinds) => {
                split = comma_list(text);
                &split
            }
            _ => return self.found(None, || "a list".to_owned(), value, path),
        };
        let checked: Vec<_> =
            items.iter().enumerate().map(|(i, value)| self.value(value, item, &path.index(i))).collect();
        checked.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn dictionary(&mut self, value: &Value, inner: &Type, path: &SettingPath) -> Option<Value> {
        let Value::Object(entries) = value else {
            return self.found(None, || "an object".to_owned(), value, path);
        };
        let checked: Vec<_> = entries
            .iter()
            .map(|(key, value)| Some((key.clone(), self.value(value, inner, &path.key(key))?)))
            .collect();
        checked.into_iter().collect::<Option<Map<_, _>>>().map(Value::Object)
    }

    fn member(&mut self, value: &Value, members: &[String], path: &SettingPath) -> Option<Value> {
        let member = value.as_str().filter(|text| members.iter().any(|member| member == text));
        self.found(member.map(Value::from), || one_of(members), value, path)
    }

    fn found<T>(
        &mut self,
        good: Option<T>,
        expected: impl FnOnce() -> String,
        value: &Value,
        path: &SettingPath,
    ) -> Option<T> {
        if good.is_none() {
            let found = self.describe(value, path);
            let what = What::WrongType { expected: expected(), found };
            self.problems.push(Problem::document(path.clone(), what));
        }
        good
    }

    /// The value for people, or only its type where it may be a credential.
    pub(crate) fn describe(&self, value: &Value, path: &SettingPath) -> String {
        let hidden = !self.reveal || self.hidden.iter().any(|hidden| path.is_within(hidden));
        match value {
            Value::Null => "null".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            Value::Bool(value) if !hidden => value.to_string(),
            Value::Number(value) if !hidden => value.to_string(),
            Value::String(text) if !hidden && text.chars().count() <= 60 => format!("{text:?}"),
            Value::Bool(_) => "a boolean".to_owned(),
            Value::Number(_) => "a number".to_owned(),
            Value::String(_) => "a string".to_owned(),
        }
    }
}

/// What a type is called in problems.
pub(crate) fn name_of(wanted: &Type) -> &'static str {
    match wanted {
        Type::String => "a string",
        Type::Text(name) => name,
        Type::Int => "a whole number",
        Type::Float => "a number",
        Type::Bool => "true or false",
        Type::Any => "any value",
        Type::List(_) => "a list",
        Type::Dictionary(_) => "an object",
        Type::Named(_) => "a value of its kind",
    }
}

pub(crate) fn one_of(members: &[String]) -> String {
    let quoted: Vec<_> = members.iter().map(|member| format!("{member:?}")).collect();
    format!("one of {}", quoted.join(", "))
}

/// Whether an item of this type can be written as text without structure.
pub(crate) fn is_scalar(wanted: &Type, kinds: &Kinds) -> bool {
    match wanted {
        Type::String | Type::Text(_) | Type::Int | Type::Float | Type::Bool => true,
        Type::Any | Type::List(_) | Type::Dictionary(_) => false,
        Type::Named(name) => match kinds.named(name) {
            Named::Enum(_) => true,
            Named::Complex(_) => false,
            Named::Simple(simple) => is_scalar(simple, kinds),
        },
    }
}

/// The items of a comma list, without surrounding blanks; empty items do not count.
pub(crate) fn comma_list(text: &str) -> Vec<Value> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect()
}

/// A scalar in the wanted type, by the rules of fixcore: text becomes a number or a boolean where it is one,
/// and a scalar becomes text.
fn scalar(value: &Value, wanted: &Type) -> Option<Value> {
    match (wanted, value) {
        (Type::String | Type::Text(_), Value::String(_))
        | (Type::Float, Value::Number(_))
        | (Type::Bool, Value::Bool(_)) => Some(value.clone()),
        (Type::String, Value::Number(_) | Value::Bool(_)) => Some(value.to_string().into()),
        (Type::Int, Value::Number(number)) => whole(number),
        (Type::Int, Value::String(text)) => parse_int(text),
        (Type::Float, Value::String(text)) => parse_float(text),
        (Type::Bool, Value::String(text)) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true.into()),
            "false" | "no" | "off" | "0" => Some(false.into()),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number, also one written like `5.0`.
fn whole(number: &Number) -> Option<Value> {
    if number.is_i64() || number.is_u64() {
        return Some(number.clone().into());
    }
    // Above 2^53 a float no longer tells which whole number was meant.
    let float =
        number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0)?;
    format!("{float:.0}").parse::<i64>().ok().map(Value::from)
}

/// A whole number as Python reads it: blanks around it, a sign, and single underscores between digits.
pub(crate) fn parse_int(text: &str) -> Option<Value> {
    let text = without_underscores(text.trim())?;
    let digits = text.strip_prefix('+').unwrap_or(&text);
    digits.parse::<i64>().ok().map(Value::from)
}

/// A finite number as Python reads it.
pub(crate) fn parse_float(text: &str) -> Option<Value> {
    let text = without_underscores(text.trim())?;
    let float: f64 = text.parse().ok()?;
    Number::from_f64(float).map(Value::Number)
}

fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let fine = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| digit(at.checked_sub(1)) && digit(Some(at + 1)));
    fine.then(|| text.replace('_', ""))
}
