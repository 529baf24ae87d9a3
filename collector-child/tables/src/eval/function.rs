//! What the functions of the language do.

use std::borrow::Cow;

use data_encoding::BASE64_MIME_PERMISSIVE;
use jiff::Timestamp;
use serde_json::{Map, Number, Value};

use crate::plan::{Function, text_of, truthy};

impl Function {
    /// The value that it makes of another that is not null; `None` for null.
    pub fn apply<'d>(&self, value: Cow<'d, Value>) -> Option<Cow<'d, Value>> {
        match self {
            Self::NotEmpty => return Some(value).filter(|value| !is_empty(value)),
            Self::List if value.is_array() => return Some(value),
            Self::First => return element(value, 0),
            Self::Last => return element(value, -1),
            Self::StripPrefix(_) | Self::StripSuffix(_) | Self::Lower | Self::Upper | Self::Str
                if !value.is_string() && !matches!(self, Self::Str) =>
            {
                return Some(value);
            }
            _ => {}
        }
        let made = match value.as_ref() {
            Value::String(text) => self.of_text(text),
            Value::Number(number) => self.of_number(number),
            Value::Array(_) => return self.of_list(value).map(Cow::Owned),
            Value::Object(members) => self.of_object(members),
            Value::Bool(flag) => self.of_bool(*flag),
            Value::Null => None,
        };
        made.or_else(|| self.of_any(&value)).map(Cow::Owned)
    }

    /// Functions of any value.
    fn of_any(&self, value: &Value) -> Option<Value> {
        Some(match self {
            Self::Present => (!value.is_null()).into(),
            Self::Bool => truthy(value).into(),
            Self::TrueIf(wanted) => (text_of(value).as_deref() == Some(wanted)).into(),
            Self::List => vec![value.clone()].into(),
            Self::Policy | Self::SortJson if !value.is_string() => sort_json(value.clone()),
            _ => return None,
        })
    }

    fn of_text(&self, text: &str) -> Option<Value> {
        let last = |separator| text.rsplit(separator).next().unwrap_or(text);
        Some(match self {
            Self::Json => serde_json::from_str(text).ok()?,
            Self::Policy => sort_json(policy(text)?),
            Self::ArnLast if text.contains('/') => last('/').into(),
            Self::ArnLast => last(':').into(),
            Self::Basename => last('/').into(),
            Self::Date => text.get(..10).unwrap_or(text).into(),
            Self::Int
            | Self::Float
            | Self::Ceil
            | Self::Div(_)
            | Self::Mul(_)
            | Self::IntDiv(_)
            | Self::MibToGib
            | Self::BytesToGib
            | Self::EpochSeconds
            | Self::EpochMillis => {
                return self.of_number(&number_of(text)?);
            }
            Self::Bool => ["true", "yes", "1"].iter().any(|word| text.eq_ignore_ascii_case(word)).into(),
            Self::Str => text.into(),
            Self::Base64 => decoded(text)?.into(),
            Self::Lower => text.to_lowercase().into(),
            Self::Upper => text.to_uppercase().into(),
            Self::StartsWith(start) => text.starts_with(start).into(),
            Self::Contains(part) => text.contains(part).into(),
            Self::Len => text.chars().count().into(),
            Self::Split(separator) => text.split(separator).collect(),
            Self::Part(separator, index) => {
                let parts: Vec<&str> = text.split(separator).collect();
                (*parts.get(position(*index, parts.len())?)?).into()
            }
            Self::Prefix(prefix) => format!("{prefix}{text}").into(),
            Self::Suffix(suffix) => format!("{text}{suffix}").into(),
            Self::StripPrefix(prefix) => text.strip_prefix(prefix).unwrap_or(text).into(),
            Self::StripSuffix(suffix) => text.strip_suffix(suffix).unwrap_or(text).into(),
            Self::Regex(pattern) => pattern.find(text)?.into(),
            _ => return None,
        })
    }

    fn of_number(&self, number: &Number) -> Option<Value> {
        let float = number.as_f64()?;
        let made = |number| Number::from_f64(number).map(Value::Number);
        match self {
            Self::Int if number.is_i64() || number.is_u64() => Some(number.clone().into()),
            Self::Int => whole(float.round_ties_even()),
            Self::Float => made(float),
            Self::Ceil => whole(float.ceil()),
            Self::Div(divisor) => made(float / divisor),
            Self::Mul(factor) => made(float * factor),
            Self::IntDiv(divisor) => match number.as_i64() {
                Some(number) => Some(number.div_euclid(*divisor).into()),
                #[expect(clippy::cast_precision_loss, reason = "divisors in tables are small")]
                None => whole((float / *divisor as f64).floor()),
            },
            Self::MibToGib => made(float / 1024.0),
            Self::BytesToGib => made(float / 1_073_741_824.0),
            Self::EpochSeconds => time(float),
            Self::EpochMillis => time(float / 1000.0),
            Self::Str => Some(number.to_string().into()),
            _ => None,
        }
    }

    fn of_bool(&self, flag: bool) -> Option<Value> {
        match self {
            Self::Bool => Some(flag.into()),
            Self::Int => Some(i64::from(flag).into()),
            Self::Str => Some(if flag { "True" } else { "False" }.into()),
            _ => None,
        }
    }

    fn of_object(&self, members: &Map<String, Value>) -> Option<Value> {
        match self {
            Self::Len => Some(members.len().into()),
            Self::Values => Some(members.values().cloned().collect()),
            Self::Keys => Some(members.keys().map(String::as_str).collect()),
            Self::Pairs(key, value) => Some(
                members
                    .iter()
                    .map(|(name, member)| {
                        let pair = [(key.clone(), name.clone().into()), (value.clone(), member.clone())];
                        Value::Object(pair.into_iter().collect())
                    })
                    .collect(),
            ),
            _ => None,
        }
    }

    fn of_list(&self, value: Cow<'_, Value>) -> Option<Value> {
        match self {
            Self::Len => return value.as_array().map(|items| items.len().into()),
            Self::Contains(wanted) => {
                let has =
                    |items: &Vec<Value>| items.iter().any(|item| text_of(item).as_deref() == Some(wanted));
                return value.as_array().map(|items| has(items).into());
            }
            Self::Sum => return value.as_array().and_then(|items| sum(items)),
            Self::Join(separator) => {
                let texts = value.as_array()?.iter().filter_map(text_of).collect::<Vec<_>>();
                return Some(texts.join(separator).into());
            }
            Self::KeyValues(separator) => {
                let texts = value.as_array()?.iter().filter_map(Value::as_str);
                let pairs = texts.map(|text| text.split_once(separator).unwrap_or((text, "")));
                return Some(pairs.map(|(key, value)| (key.to_owned(), Value::from(value))).collect());
            }
            Self::Sorted | Self::Unique | Self::Compact | Self::Flatten => {}
            _ => return self.of_any(&value),
        }
        let Value::Array(mut items) = value.into_owned() else { return None };
        match self {
            Self::Sorted => sort_scalars(&mut items),
            Self::Unique => {
                let mut seen: Vec<Value> = Vec::with_capacity(items.len());
                for item in items {
                    if !seen.contains(&item) {
                        seen.push(item);
                    }
                }
                items = seen;
            }
            Self::Compact => items.retain(|item| !item.is_null()),
            _ => {
                let flat = items.into_iter().flat_map(|item| match item {
                    Value::Array(inner) => inner,
                    other => vec![other],
                });
                items = flat.collect();
            }
        }
        Some(Value::Array(items))
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn element(value: Cow<'_, Value>, index: i32) -> Option<Cow<'_, Value>> {
    let found = match value {
        Cow::Borrowed(value) => {
            let items = value.as_array()?;
            Cow::Borrowed(items.get(position(index, items.len())?)?)
        }
        Cow::Owned(Value::Array(mut items)) => {
            let at = position(index, items.len()).filter(|at| *at < items.len())?;
            Cow::Owned(items.swap_remove(at))
        }
        Cow::Owned(_) => return None,
    };
    Some(found).filter(|found| !found.is_null())
}

fn position(index: i32, len: usize) -> Option<usize> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { len.checked_sub(distance) } else { Some(distance) }
}

fn number_of(text: &str) -> Option<Number> {
    let text = text.trim();
    let whole = text.parse::<i64>().ok().map(Number::from);
    whole.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
}

/// The sum of what is a number: whole if all of them are.
fn sum(items: &[Value]) -> Option<Value> {
    let numbers = items.iter().filter(|item| item.is_number());
    let whole = numbers.clone().try_fold(0_i64, |sum, number| sum.checked_add(number.as_i64()?));
    let sum = || Number::from_f64(numbers.filter_map(Value::as_f64).sum()).map(Value::Number);
    whole.map(Value::from).or_else(sum)
}

/// A whole number out of a float that has no fraction.
fn whole(number: f64) -> Option<Value> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "smaller than 2^53 and without fraction")]
    (number.abs() <= LARGEST).then(|| Value::from(number as i64))
}

fn time(seconds: f64) -> Option<Value> {
    let whole = whole(seconds.floor())?.as_i64()?;
    let time = Timestamp::from_second(whole).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into())
}

/// The text of what is encoded, if it is one.
fn decoded(base64: &str) -> Option<String> {
    let compact: String = base64.split_ascii_whitespace().collect();
    String::from_utf8(BASE64_MIME_PERMISSIVE.decode(compact.as_bytes()).ok()?).ok()
}

/// Policies are JSON in a text; some services send that percent-encoded.
fn policy(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&percent_decoded(text)?).ok())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let value = digit(bytes.next()?)? * 16 + digit(bytes.next()?)?;
            decoded.push(u8::try_from(value).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// Members by name; lists of scalars by value, while lists with objects or lists keep their order.
fn sort_json(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.into_iter().map(|(name, member)| (name, sort_json(member))).collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => {
            let mut items: Vec<_> = items.into_iter().map(sort_json).collect();
            sort_scalars(&mut items);
            Value::Array(items)
        }
        scalar => scalar,
    }
}

/// Sorts texts, or numbers; a list that mixes them or has anything else keeps its order.
fn sort_scalars(items: &mut [Value]) {
    if items.iter().all(Value::is_string) {
        items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    } else if items.iter().all(Value::is_number) {
        let number = |item: &Value| item.as_f64().unwrap_or_default();
        items.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
}
