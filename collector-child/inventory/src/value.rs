//! The values that collectors give to properties.

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// A value to be encoded. It borrows everything, so that making one costs nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Not set.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text. Also the form of times, dates, durations and enumerations that come from an API.
    Text(&'a str),
    /// A point in time, in UTC.
    Time(DateTime),
    /// A day.
    Date(Date),
    /// A length of time.
    Duration(SignedDuration),
    /// A list of texts.
    Texts(&'a [&'a str]),
    /// A list.
    List(&'a [Value<'a>]),
    /// An object.
    Object(&'a [(&'a str, Value<'a>)]),
    /// Parsed JSON.
    Json(&'a serde_json::Value),
}

impl<'a> Value<'a> {
    /// Replaces JSON scalars by what they are; lists and objects stay, and so do whole numbers above `i64`.
    pub(crate) fn resolve(self) -> Self {
        let Self::Json(json) = self else { return self };
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Self::Int(number),
                (None, Some(number)) if !json.is_u64() => Self::Float(number),
                _ => self,
            },
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => self,
        }
    }

    /// What it is, for a fault.
    pub(crate) fn type_name(self) -> &'static str {
        match self.resolve() {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "whole number",
            Self::Float(number) if !number.is_finite() => "number that JSON cannot write",
            Self::Float(_) => "number",
            Self::Text(_) => "string",
            Self::Time(_) => "datetime",
            Self::Date(_) => "date",
            Self::Duration(_) => "duration",
            Self::Texts(_) | Self::List(_) | Self::Json(serde_json::Value::Array(_)) => "list",
            Self::Object(_) | Self::Json(serde_json::Value::Object(_)) => "object",
            Self::Json(_) => "whole number above int64",
        }
    }

    /// The items of a list; `None` if it is none.
    pub(crate) fn items(self) -> Option<Items<'a>> {
        Some(match self {
            Self::Texts(texts) => Items::Texts(texts.iter()),
            Self::List(items) => Items::Values(items.iter()),
            Self::Json(serde_json::Value::Array(items)) => Items::Json(items.iter()),
            _ => return None,
        })
    }

    /// The members of an object; `None` if it is none.
    pub(crate) fn members(self) -> Option<Members<'a>> {
        Some(match self {
            Self::Object(members) => Members::Values(members.iter()),
            Self::Json(serde_json::Value::Object(members)) => Members::Json(members.iter()),
            _ => return None,
        })
    }

    /// The member called `name` of an object.
    pub(crate) fn member(self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => {
                members.iter().rev().find(|(member, _)| *member == name).map(|(_, value)| *value)
            }
            Self::Json(serde_json::Value::Object(members)) => members.get(name).map(Self::Json),
            _ => None,
        }
    }
}

/// See [`Value::items`].
pub(crate) enum Items<'a> {
    Texts(std::slice::Iter<'a, &'a str>),
    Values(std::slice::Iter<'a, Value<'a>>),
    Json(std::slice::Iter<'a, serde_json::Value>),
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        match self {
            Self::Texts(texts) => texts.next().map(|text| Value::Text(text)),
            Self::Values(values) => values.next().copied(),
            Self::Json(values) => values.next().map(Value::Json),
        }
    }
}

/// See [`Value::members`].
pub(crate) enum Members<'a> {
    Values(std::slice::Iter<'a, (&'a str, Value<'a>)>),
    Json(serde_json::map::Iter<'a>),
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Values(members) => members.next().copied(),
            Self::Json(members) => members.next().map(|(name, value)| (name.as_str(), Value::Json(value))),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Time(Offset::UTC.to_datetime(time))
    }
}

impl From<Date> for Value<'_> {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl From<SignedDuration> for Value<'_> {
    fn from(duration: SignedDuration) -> Self {
        Self::Duration(duration)
    }
}

impl<'a> From<&'a [&'a str]> for Value<'a> {
    fn from(texts: &'a [&'a str]) -> Self {
        Self::Texts(texts)
    }
}

impl<'a> From<&'a serde_json::Value> for Value<'a> {
    fn from(json: &'a serde_json::Value) -> Self {
        Self::Json(json)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
