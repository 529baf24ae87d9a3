//! Bodies in JSON, read by the shape while the text is read: what no shape knows is skipped, not kept.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::odd::{self, Odd};
use super::{repair, text};
use crate::shape::{Location, Member, Structure};
use crate::time;
use crate::{Service, Shape};

/// Reads a body of this shape, `None` if it has another one; the reader's error if it is not JSON, also after what can
/// be was repaired.
pub(super) fn read(
    service: &Service,
    odd: &Odd,
    shape: &Shape,
    body: &[u8],
) -> Result<Option<Value>, serde_json::Error> {
    repaired(body, |body| whole_body(Form { service, odd, shape }, body))
}

/// Reads JSON of any shape, repaired where that is needed.
///
/// # Errors
///
/// It is no JSON, also after what can be was repaired.
pub fn any(body: &[u8]) -> Result<Value, serde_json::Error> {
    repaired(body, |body| serde_json::from_slice(body))
}

fn repaired<T>(
    body: &[u8],
    read: impl Fn(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<T, serde_json::Error> {
    read(body).or_else(|error| match repair::json(body) {
        Some(repaired) => read(repaired.as_bytes()).map_err(|_| error),
        None => Err(error),
    })
}

fn whole_body(form: Form<'_>, body: &[u8]) -> Result<Option<Value>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    form.odd.restart();
    let value = form.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads one value of a shape; `None` for one of another form, which is noted.
#[derive(Clone, Copy)]
struct Form<'a> {
    service: &'a Service,
    odd: &'a Odd,
    shape: &'a Shape,
}

impl<'a> Form<'a> {
    fn of(self, member: &Member) -> Form<'a> {
        Form { shape: self.service.shape(member.shape), ..self }
    }

    fn left_out(self, found: impl Into<String>) -> Option<Value> {
        self.odd.note(self.shape, found.into());
        None
    }

    /// Whether what belongs here holds other values. Free JSON may be anything.
    fn holds_more(self) -> bool {
        match self.shape {
            Shape::Structure(structure) => !structure.document,
            shape => matches!(shape, Shape::List(_) | Shape::Map(_)),
        }
    }

    fn number(self, number: Number) -> Option<Value> {
        if self.holds_more() {
            return self.left_out(format!("the number {number}"));
        }
        Some(match self.shape {
            Shape::Timestamp => match number.as_f64().and_then(time::from_seconds) {
                Some(at) => Value::String(time::shown(at)),
                None => Value::Number(number),
            },
            Shape::Float | Shape::Double => match number.as_f64().and_then(Number::from_f64) {
                Some(float) => Value::Number(float),
                None => Value::Number(number),
            },
            Shape::Integer | Shape::Long if number.as_i64().is_none() && too_large(&number) => {
                return self.left_out(format!("the number {number}"));
            }
            Shape::Integer | Shape::Long => {
                let float = number.as_f64().filter(|_| number.is_f64());
                Value::Number(float.and_then(text::whole).unwrap_or(number))
            }
            Shape::Boolean if number.as_u64() == Some(0) => Value::Bool(false),
            Shape::Boolean if number.as_u64() == Some(1) => Value::Bool(true),
            _ => Value::Number(number),
        })
    }

    fn text(self, given: &str) -> Option<Value> {
        let wrong = match self.shape {
            Shape::Boolean => text::boolean(given).is_none() || given.is_empty(),
            Shape::Integer | Shape::Long => {
                given.trim().parse().is_ok_and(text::is_too_large) && text::integer(given).is_none()
            }
            _ => self.holds_more(),
        };
        if wrong {
            return self.left_out(odd::text(given));
        }
        let value = match self.shape {
            Shape::Boolean => text::boolean(given).map(Value::Bool),
            Shape::Integer | Shape::Long => text::integer(given).map(Value::Number),
            Shape::Float | Shape::Double => text::float(given).map(Value::Number),
            Shape::Timestamp => time::normalised(given).map(Value::String),
            Shape::Blob => text::blob(given).map(Value::String),
            _ => None,
        };
        Some(value.unwrap_or_else(|| Value::String(given.to_owned())))
    }

    fn structure<'de, A: MapAccess<'de>>(self, structure: &Structure, mut map: A) -> Result<Value, A::Error> {
        let mut members = structure.empty_map();
        let before = self.odd.count();
        let mut unknown = None;
        while let Some(key) = map.next_key_seed(KeyOf(structure))? {
            match key {
                Key::Known(member) => {
                    let value = self.odd.within(member.name, || map.next_value_seed(self.of(member)))?;
                    // A null is a member left out.
                    if let Some(value) = value.filter(|value| !value.is_null()) {
                        members.insert(member.name.to_owned(), value);
                    }
                }
                Key::Unknown(name) => {
                    let given = map.next_value::<Option<IgnoredAny>>()?.is_some();
                    unknown = unknown.or(name.filter(|_| given));
                }
            }
        }
        if let (true, Some(name)) = (members.is_empty(), unknown) {
            return Ok(super::unknown_member(&name));
        }
        if self.odd.count() > before {
            self.odd.exemplify(before, &members);
        }
        Ok(Value::Object(members))
    }
}

fn too_large(number: &Number) -> bool {
    number.as_f64().is_none_or(text::is_too_large)
}

impl<'de> DeserializeSeed<'de> for Form<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Form<'_> {
    type Value = Option<Value>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a {}", self.shape.kind())
    }

    fn visit_unit<E: Error>(self) -> Result<Option<Value>, E> {
        Ok(Some(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Option<Value>, E> {
        Ok(if self.holds_more() { self.left_out(value.to_string()) } else { Some(Value::Bool(value)) })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Option<Value>, E> {
        Ok(self.number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Option<Value>, E> {
        Ok(self.number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Option<Value>, E> {
        Ok(Number::from_f64(value).map_or(Some(Value::Null), |number| self.number(number)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Option<Value>, E> {
        Ok(self.text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<Value>, A::Error> {
        let mut items = Vec::new();
        match self.shape {
            Shape::List(list) => {
                let form = self.of(&list.member);
                while let Some(item) = seq.next_element_seed(form)? {
                    items.extend(item);
                }
            }
            Shape::Structure(structure) if structure.document => {
                while let Some(item) = seq.next_element::<Value>()? {
                    items.push(item);
                }
            }
            _ => {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(self.left_out("a list"));
            }
        }
        Ok(Some(Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Value>, A::Error> {
        let mut entries = Map::new();
        match self.shape {
            Shape::Structure(structure) if !structure.document => {
                return self.structure(structure, map).map(Some);
            }
            Shape::Structure(_) => {
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    entries.insert(key, value);
                }
            }
            Shape::Map(shape) => {
                let form = self.of(&shape.value);
                while let Some(key) = map.next_key::<String>()? {
                    entries.extend(map.next_value_seed(form)?.map(|value| (key, value)));
                }
            }
            _ => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(self.left_out("an object"));
            }
        }
        Ok(Some(Value::Object(entries)))
    }
}

/// Reads a key of a structure without making a text of it.
struct KeyOf<'a>(&'a Structure);

enum Key<'a> {
    Known(&'a Member),
    /// With its name where that is of interest: a union that holds something new.
    Unknown(Option<String>),
}

impl<'de, 'a> DeserializeSeed<'de> for KeyOf<'a> {
    type Value = Key<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key<'a>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for KeyOf<'a> {
    type Value = Key<'a>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key<'a>, E> {
        let known = self.0.by_wire(name).filter(|member| member.traits.location == Location::Body);
        let of_interest = || (self.0.union && name != "__type").then(|| name.to_owned());
        Ok(known.map_or_else(|| Key::Unknown(of_interest()), Key::Known))
    }
}
