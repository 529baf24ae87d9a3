//! `--override section.key=value`: values for this process only, never stored.

use std::collections::BTreeSet;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::check::{Checker, comma_list, is_scalar, name_of, one_of, parse_float, parse_int};
use crate::kinds::{Named, Type};
use crate::problem::{Problem, SettingPath, What};
use crate::sections::{Section, Sections};
use crate::suggest::close_to;

/// All overrides of a command line, in order: a later one wins.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    list: Vec<Override>,
    malformed: Vec<Problem>,
}

/// One override. Its value may be a credential.
#[derive(Clone)]
struct Override {
    section: String,
    keys: Vec<String>,
    value: SecretString,
}

impl Overrides {
    /// Reads overrides. `resoto` in a path counts as `fix`. What is no override becomes a problem of the settings
    /// that are loaded with it.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Self {
        let mut all = Self::default();
        for text in texts {
            all.push(text.as_ref());
        }
        all
    }

    /// Adds one more, which wins over those before it.
    pub fn push(&mut self, text: &str) {
        let (path, value) = text.split_once('=').unwrap_or((text, ""));
        let path = path.replace("resoto", "fix");
        let mut keys = path.split('.').map(str::to_owned);
        let section = keys.next().unwrap_or_default();
        let keys: Vec<_> = keys.collect();
        if !text.contains('=') || keys.is_empty() {
            let problem = Problem::of_override(SettingPath::section(&path), What::NotAnOverride);
            self.malformed.push(problem);
            return;
        }
        self.list.push(Override { section, keys, value: SecretString::from(value) });
    }

    /// Overrides that are not of the form `section.key=value`, or name a section that does not exist.
    pub(crate) fn problems(&self, sections: &Sections) -> Vec<Problem> {
        let unknown = self.list.iter().filter(|one| sections.get(&one.section).is_none()).map(|one| {
            Problem::of_override(one.path(), What::UnknownSection(sections.close_to(&one.section)))
        });
        self.malformed.iter().cloned().chain(unknown).collect()
    }

    /// Puts the overrides of a section into its values. Those that do not fit change nothing. Gives the paths
    /// that are overridden now, and the problems.
    pub(crate) fn apply(
        &self,
        section: &Section,
        values: &mut Map<String, Value>,
    ) -> (Vec<SettingPath>, Vec<Problem>) {
        let (mut applied, mut problems) = (Vec::new(), Vec::new());
        for one in self.list.iter().filter(|one| one.section == section.name) {
            match one.apply(section, values) {
                Ok(()) => applied.push(one.path()),
                Err(what) => problems.push(Problem::of_override(one.path(), what)),
            }
        }
        (applied, problems)
    }
}

/// Where an override leads: the place, its type, and whether null is refused there.
struct Target<'v> {
    place: &'v mut Value,
    kind: Type,
    required: bool,
}

impl Override {
    fn path(&self) -> SettingPath {
        let section = SettingPath::section(&self.section);
        self.keys.iter().fold(section, |path, key| path.key(key))
    }

    fn apply(&self, section: &Section, values: &mut Map<String, Value>) -> Result<(), What> {
        // Work on a copy: a path that fails half way must leave nothing behind.
        let mut changed = Value::Object(values.clone());
        let start = Target { place: &mut changed, kind: Type::Named(section.name.clone()), required: true };
        let target = descend(section, start, &self.keys)?;
        let text = self.value.expose_secret();
        let value = self.coerce(section, text, &target)?;
        if let [key] = self.keys.as_slice()
            && let Some(what) = section.out_of_range(key, &value)
        {
            return Err(what);
        }
        *target.place = value;
        if let Value::Object(changed) = changed {
            *values = changed;
        }
        Ok(())
    }

    /// The text in the type of the target, by the peer's rules where it has one: comma lists, Python's numbers,
    /// `true`, `yes` and `1`. Beyond them: `null` where it is allowed, and JSON for lists and objects.
    fn coerce(&self, section: &Section, text: &str, target: &Target<'_>) -> Result<Value, What> {
        if !target.required && text == "null" {
            return Ok(Value::Null);
        }
        let hidden = section.hidden(&BTreeSet::new());
        let mut checker = Checker::new(&section.kinds, section.own, &hidden);
        let given = Value::from(text);
        let (value, expected) = parse(section, text, &target.kind, target.place);
        let found = checker.describe(&given, &self.path());
        let wrong = What::WrongType { expected, found };
        let value = value.ok_or(wrong)?;
        match checker.value(&value, &target.kind, &self.path()) {
            Some(value) => Ok(value),
            None => Err(checker.problems.swap_remove(0).what),
        }
    }
}

/// Reads the text as a value of the type, and says what was expected. `current` decides where any type is fine.
fn parse(section: &Section, text: &str, kind: &Type, current: &Value) -> (Option<Value>, String) {
    let value = match kind {
        Type::String | Type::Text(_) => Some(Value::from(text)),
        Type::Int => parse_int(text),
        Type::Float => parse_float(text),
        Type::Bool => parse_bool(text),
        Type::Any => Some(like(current, text)),
        Type::List(item) => return (parse_list(section, text, item), list_hint(section, item)),
        Type::Dictionary(_) => return (json_object(text), "a JSON object".to_owned()),
        Type::Named(name) => match section.kinds.named(name) {
            Named::Simple(simple) => return parse(section, text, &simple.clone(), current),
            Named::Complex(_) => return (json_object(text), "a JSON object".to_owned()),
            Named::Enum(members) => {
                let member = members.iter().any(|member| member == text);
                return (member.then(|| Value::from(text)), one_of(members));
            }
        },
    };
    (value, name_of(kind).to_owned())
}

/// The peer takes every word but `true`, `yes` and `1` for false. A typo in `cleanup_dry_run` would then
/// delete resources, so only words that mean false are taken; `on`, which the peer takes for false, is none.
fn parse_bool(text: &str) -> Option<Value> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true.into()),
        "false" | "no" | "0" | "off" => Some(false.into()),
        _ => None,
    }
}

fn parse_list(section: &Section, text: &str, item: &Type) -> Option<Value> {
    if text.trim_start().starts_with('[')
        && let Ok(Value::Array(items)) = serde_json::from_str(text)
    {
        return Some(Value::Array(items));
    }
    if !is_scalar(item, &section.kinds) {
        return None;
    }
    let items = comma_list(text).into_iter();
    items
        .map(|text| parse(section, text.as_str()?, item, &Value::Null).0)
        .collect::<Option<Vec<_>>>()
        .map(Value::Array)
}

fn list_hint(section: &Section, item: &Type) -> String {
    match is_scalar(item, &section.kinds) {
        true if *item == Type::String => "a comma list".to_owned(),
        true => format!("a comma list, each item {}", name_of(item)),
        false => "a JSON list".to_owned(),
    }
}

fn json_object(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// Where the model says nothing, the type of the current value decides, and text stays text.
fn like(current: &Value, text: &str) -> Value {
    let value = match current {
        Value::Bool(_) => parse_bool(text),
        Value::Number(number) if number.is_f64() => parse_float(text),
        Value::Number(_) => parse_int(text),
        Value::Array(_) => Some(Value::Array(comma_list(text))),
        Value::Object(_) => json_object(text),
        Value::Null | Value::String(_) => None,
    };
    value.unwrap_or_else(|| Value::from(text))
}

fn descend<'v>(section: &Section, target: Target<'v>, keys: &[String]) -> Result<Target<'v>, What> {
    let Some((key, rest)) = keys.split_first() else { return Ok(target) };
    match target.kind.clone() {
        Type::Named(name) => match section.kinds.named(&name) {
            Named::Complex(complex) => match complex.properties.get(key) {
                Some(property) => {
                    let place = object(target.place)?.entry(key.clone()).or_insert(Value::Null);
                    let next = Target { place, kind: property.kind.clone(), required: property.required };
                    descend(section, next, rest)
                }
                None => unlisted(section, target.place, key, rest, complex.properties.keys()),
            },
            Named::Simple(simple) => descend(section, Target { kind: simple.clone(), ..target }, keys),
            Named::Enum(members) => Err(What::NothingBelow(one_of(members))),
        },
        Type::Dictionary(inner) => {
            // The keys of a dictionary may have dots: below it nothing else can be meant.
            let (key, rest) = if is_scalar(&inner, &section.kinds) {
                (keys.join("."), &keys[..0])
            } else {
                (key.clone(), rest)
            };
            let place = object(target.place)?.entry(key).or_insert(Value::Null);
            descend(section, Target { place, kind: *inner, required: true }, rest)
        }
        Type::List(inner) => {
            let len = target.place.as_array().map_or(0, Vec::len);
            let item = key.parse::<usize>().ok().and_then(|index| target.place.get_mut(index));
            let place = item.ok_or_else(|| What::NothingBelow(format!("a list of {len} items")))?;
            descend(section, Target { place, kind: *inner, required: true }, rest)
        }
        Type::Any => unlisted(section, target.place, key, rest, [].into_iter()),
        kind @ (Type::String | Type::Text(_) | Type::Int | Type::Float | Type::Bool) => {
            Err(What::NothingBelow(name_of(&kind).to_owned()))
        }
    }
}

/// A key that the model does not list can only be changed where the document has it.
fn unlisted<'v, 'n>(
    section: &Section,
    place: &'v mut Value,
    key: &str,
    rest: &[String],
    known: impl Iterator<Item = &'n String>,
) -> Result<Target<'v>, What> {
    let close = close_to(key, known.map(String::as_str));
    match place.as_object_mut().and_then(|entries| entries.get_mut(key)) {
        Some(place) => descend(section, Target { place, kind: Type::Any, required: false }, rest),
        None => Err(What::UnknownKey(close)),
    }
}

/// The object at a place, made where there is none yet.
fn object(place: &mut Value) -> Result<&mut Map<String, Value>, What> {
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    place.as_object_mut().ok_or_else(|| What::NothingBelow("no object".to_owned()))
}

impl fmt::Debug for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=[redacted]", self.path())
    }
}

#[cfg(test)]
impl PartialEq for Override {
    fn eq(&self, other: &Self) -> bool {
        let value = |one: &Self| one.value.expose_secret().to_owned();
        self.path() == other.path() && value(self) == value(other)
    }
}

#[cfg(test)]
impl PartialEq for Overrides {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list && self.malformed == other.malformed
    }
}
