//! The functions of the language, by name.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};

/// A function of the language. Null stays null; what a function does not apply to becomes null, if nothing else
/// is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Function {
    /// `json`: a text is parsed; what is no text or no JSON becomes null.
    Json,
    /// `policy`: a text is parsed, percent-encoded or not; then members of objects are sorted by name, and
    /// lists of scalars by value.
    Policy,
    /// `sort_json`: like `policy`, without parsing.
    SortJson,
    /// `arn_last`: what follows the last `/`, or if there is none the last `:`.
    ArnLast,
    /// `basename`: what follows the last `/`.
    Basename,
    /// `epoch_s`: seconds since 1970 become a time.
    EpochSeconds,
    /// `epoch_ms`: milliseconds since 1970 become a time.
    EpochMillis,
    /// `date`: the day of a time.
    Date,
    /// `int`: to the nearest whole number; also of a text.
    Int,
    /// `float`: also of a text.
    Float,
    /// `bool`: `true`, `yes` and `1` in any case are true, other texts false; else what Python takes for true.
    Bool,
    /// `str`: the text of a number or truth value.
    Str,
    /// `base64`: the text that is encoded so; what is no text becomes null.
    Base64,
    /// `lower`
    Lower,
    /// `upper`
    Upper,
    /// `not_empty`: empty texts, lists and objects become null.
    NotEmpty,
    /// `present`: whether there is something. The only function that sees null.
    Present,
    /// `true_if:TEXT`: whether it is this text (numbers and truth values by their text: `5`, `true`).
    TrueIf(String),
    /// `starts_with:TEXT`: whether a text does.
    StartsWith(String),
    /// `contains:TEXT`: whether a text contains it, or a list has it.
    Contains(String),
    /// `len`: of a text, list or object.
    Len,
    /// `values`: the values of an object.
    Values,
    /// `keys`: the names of the members of an object.
    Keys,
    /// `sorted`: a list of scalars by value.
    Sorted,
    /// `unique`: a list without what came before.
    Unique,
    /// `compact`: a list without null.
    Compact,
    /// `flatten`: a list whose lists are replaced by their elements.
    Flatten,
    /// `first`: element of a list.
    First,
    /// `last`: element of a list.
    Last,
    /// `sum`: of the numbers of a list; 0 of an empty one.
    Sum,
    /// `list`: what is no list becomes one with one element.
    List,
    /// `join:SEPARATOR`: the texts of a list.
    Join(String),
    /// `split:SEPARATOR`: a text becomes a list.
    Split(String),
    /// `part:SEPARATOR:N`: part N of a text (0 is the first, -1 the last).
    Part(String, i32),
    /// `prefix:TEXT`: put before a text.
    Prefix(String),
    /// `suffix:TEXT`: put behind a text.
    Suffix(String),
    /// `strip_prefix:TEXT`: taken away if a text begins with it.
    StripPrefix(String),
    /// `strip_suffix:TEXT`: taken away if a text ends with it.
    StripSuffix(String),
    /// `regex:/PATTERN/GROUP`: what a group of the pattern matches; without a match null. Group 0 is all.
    Regex(Pattern),
    /// `mib_to_gib`: divided by 1024.
    MibToGib,
    /// `bytes_to_gib`: divided by 1024 three times.
    BytesToGib,
    /// `ceil`: up to a whole number.
    Ceil,
    /// `div:N`
    Div(f64),
    /// `mul:N`
    Mul(f64),
    /// `int_div:N`: divided, down to a whole number.
    IntDiv(i64),
    /// `key_values:SEPARATOR`: a list of texts becomes an object: what is before the first separator is the name of what is
    /// behind it; without one that is empty.
    KeyValues(String),
    /// `pairs:KEY:VALUE`: an object becomes a list of objects with the name of a member and its value.
    Pairs(String, String),
}

/// A regular expression with the group that is wanted.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    group: usize,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn parse(argument: &str) -> Result<Self, String> {
        let inside = argument.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
        let (text, group) = inside.ok_or("it is written `regex:/PATTERN/GROUP`")?;
        let group = group.parse().map_err(|_| format!("`{group}` is no number of a group"))?;
        let regex = Regex::new(text).map_err(|error| format!("`{text}` is no pattern: {error}"))?;
        if group >= regex.captures_len() {
            return Err(format!("`{text}` has no group {group}"));
        }
        Ok(Self { text: text.to_owned(), group, regex: OnceLock::new() })
    }

    /// What the group matches.
    pub(crate) fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let regex = self.regex.get_or_init(|| Regex::new(&self.text).ok());
        Some(regex.as_ref()?.captures(text)?.get(self.group)?.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.group) == (&other.text, other.group)
    }
}

/// Name and what it takes, of all functions.
pub(crate) const FUNCTIONS: [(&str, &str); 47] = [
    ("json", ""),
    ("policy", ""),
    ("sort_json", ""),
    ("arn_last", ""),
    ("basename", ""),
    ("epoch_s", ""),
    ("epoch_ms", ""),
    ("date", ""),
    ("int", ""),
    ("float", ""),
    ("bool", ""),
    ("str", ""),
    ("base64", ""),
    ("lower", ""),
    ("upper", ""),
    ("not_empty", ""),
    ("present", ""),
    ("true_if", "TEXT"),
    ("starts_with", "TEXT"),
    ("contains", "TEXT"),
    ("len", ""),
    ("values", ""),
    ("keys", ""),
    ("sorted", ""),
    ("unique", ""),
    ("compact", ""),
    ("flatten", ""),
    ("first", ""),
    ("last", ""),
    ("sum", ""),
    ("list", ""),
    ("join", "SEPARATOR"),
    ("split", "SEPARATOR"),
    ("part", "SEPARATOR:N"),
    ("prefix", "TEXT"),
    ("suffix", "TEXT"),
    ("strip_prefix", "TEXT"),
    ("strip_suffix", "TEXT"),
    ("regex", "/PATTERN/GROUP"),
    ("mib_to_gib", ""),
    ("bytes_to_gib", ""),
    ("ceil", ""),
    ("div", "N"),
    ("mul", "N"),
    ("int_div", "N"),
    ("key_values", "SEPARATOR"),
    ("pairs", "KEY:VALUE"),
];

impl FromStr for Function {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let Some((_, takes)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            let known = FUNCTIONS.iter().map(|(name, _)| *name);
            return Err(format!("there is no function `{name}`; {}", inventory::suggest::hint(name, known)));
        };
        match (argument, takes.is_empty()) {
            (None, false) => Err(format!("`{name}` needs more: it is written `{name}:{takes}`")),
            (Some(_), true) => Err(format!("`{name}` takes nothing behind its name")),
            (None, true) => Self::plain(name).ok_or_else(|| format!("there is no function `{name}`")),
            (Some(argument), false) => {
                Self::with(name, argument).map_err(|reason| format!("`{text}` does not work: {reason}"))
            }
        }
    }
}

impl Function {
    fn plain(name: &str) -> Option<Self> {
        Some(match name {
            "json" => Self::Json,
            "policy" => Self::Policy,
            "sort_json" => Self::SortJson,
            "arn_last" => Self::ArnLast,
            "basename" => Self::Basename,
            "epoch_s" => Self::EpochSeconds,
            "epoch_ms" => Self::EpochMillis,
            "date" => Self::Date,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "str" => Self::Str,
            "base64" => Self::Base64,
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "not_empty" => Self::NotEmpty,
            "present" => Self::Present,
            "len" => Self::Len,
            "values" => Self::Values,
            "keys" => Self::Keys,
            "sorted" => Self::Sorted,
            "unique" => Self::Unique,
            "compact" => Self::Compact,
            "flatten" => Self::Flatten,
            "first" => Self::First,
            "sum" => Self::Sum,
            "last" => Self::Last,
            "list" => Self::List,
            "mib_to_gib" => Self::MibToGib,
            "bytes_to_gib" => Self::BytesToGib,
            "ceil" => Self::Ceil,
            _ => return None,
        })
    }

    fn with(name: &str, argument: &str) -> Result<Self, String> {
        let text = argument.to_owned();
        let number = || -> Result<f64, String> {
            let number: f64 = argument.parse().map_err(|_| format!("`{argument}` is no number"))?;
            if number.is_finite() && number != 0.0 { Ok(number) } else { Err("it may not be zero".into()) }
        };
        Ok(match name {
            "true_if" => Self::TrueIf(text),
            "starts_with" => Self::StartsWith(text),
            "contains" => Self::Contains(text),
            "join" => Self::Join(text),
            "key_values" if !text.is_empty() => Self::KeyValues(text),
            "split" if !text.is_empty() => Self::Split(text),
            "prefix" => Self::Prefix(text),
            "suffix" => Self::Suffix(text),
            "strip_prefix" => Self::StripPrefix(text),
            "strip_suffix" => Self::StripSuffix(text),
            "regex" => Self::Regex(Pattern::parse(argument)?),
            "div" => Self::Div(number()?),
            "mul" => Self::Mul(number()?),
            "int_div" => match argument.parse() {
                Ok(divisor) if divisor > 0 => Self::IntDiv(divisor),
                _ => return Err(format!("`{argument}` is no whole number above zero")),
            },
            "part" => match argument.rsplit_once(':').map(|(separator, n)| (separator, n.parse())) {
                Some((separator, Ok(n))) if !separator.is_empty() => Self::Part(separator.to_owned(), n),
                _ => return Err("it is written `part:SEPARATOR:N`".to_owned()),
            },
            "pairs" => match argument.split_once(':') {
                Some((key, value)) => Self::Pairs(key.to_owned(), value.to_owned()),
                None => return Err("it is written `pairs:KEY:VALUE`".to_owned()),
            },
            _ => return Err("its argument is empty".to_owned()),
        })
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Policy => "policy",
            Self::SortJson => "sort_json",
            Self::ArnLast => "arn_last",
            Self::Basename => "basename",
            Self::EpochSeconds => "epoch_s",
            Self::EpochMillis => "epoch_ms",
            Self::Date => "date",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Str => "str",
            Self::Base64 => "base64",
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::NotEmpty => "not_empty",
            Self::Present => "present",
            Self::Len => "len",
            Self::Values => "values",
            Self::Keys => "keys",
            Self::Sorted => "sorted",
            Self::Unique => "unique",
            Self::Compact => "compact",
            Self::Flatten => "flatten",
            Self::First => "first",
            Self::Sum => "sum",
            Self::Last => "last",
            Self::List => "list",
            Self::MibToGib => "mib_to_gib",
            Self::BytesToGib => "bytes_to_gib",
            Self::Ceil => "ceil",
            Self::TrueIf(text) => return write!(f, "true_if:{text}"),
            Self::StartsWith(text) => return write!(f, "starts_with:{text}"),
            Self::Contains(text) => return write!(f, "contains:{text}"),
            Self::Join(text) => return write!(f, "join:{text}"),
            Self::Split(text) => return write!(f, "split:{text}"),
            Self::Part(text, n) => return write!(f, "part:{text}:{n}"),
            Self::Prefix(text) => return write!(f, "prefix:{text}"),
            Self::Suffix(text) => return write!(f, "suffix:{text}"),
            Self::StripPrefix(text) => return write!(f, "strip_prefix:{text}"),
            Self::StripSuffix(text) => return write!(f, "strip_suffix:{text}"),
            Self::Regex(pattern) => return write!(f, "regex:/{}/{}", pattern.text, pattern.group),
            Self::Div(number) => return write!(f, "div:{number}"),
            Self::Mul(number) => return write!(f, "mul:{number}"),
            Self::IntDiv(number) => return write!(f, "int_div:{number}"),
            Self::KeyValues(separator) => return write!(f, "key_values:{separator}"),
            Self::Pairs(key, value) => return write!(f, "pairs:{key}:{value}"),
        })
    }
}

impl TryFrom<String> for Function {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Function> for String {
    fn from(function: Function) -> Self {
        function.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_read_written_and_described() {
        let language = include_str!("../../LANGUAGE.md");
        for (name, takes) in FUNCTIONS {
            let text = match takes {
                "" => name.to_owned(),
                "/PATTERN/GROUP" => format!("{name}:/(x)/1"),
                "N" => format!("{name}:2"),
                "SEPARATOR:N" => format!("{name}:/:-1"),
                _ => format!("{name}:a:b"),
            };
            let function: Function = text.parse().unwrap();
            assert_eq!(function.to_string(), text);
            let described = format!("- `{name}{}{takes}`", if takes.is_empty() { "" } else { ":" });
            assert!(language.contains(&described), "{described}");
        }
    }
}
