//! Bodies of the protocols json and rest-json.

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::scalar;
use crate::shape::{Location, Member, Structure, TimestampFormat};
use crate::time;
use crate::{Service, Shape};

/// The members of a structure that travel in the body, by their names on the wire.
pub(super) fn structure(service: &Service, structure: &Structure, given: &Map<String, Value>) -> Value {
    let mut body = Map::new();
    for (name, given) in given.iter().filter(|(_, value)| !value.is_null()) {
        if let Some(member) = structure.member(name).filter(|member| member.traits.location == Location::Body)
        {
            body.insert(member.traits.wire.unwrap_or(member.name).to_owned(), value(service, member, given));
        }
    }
    Value::Object(body)
}

/// One value as JSON wants it on the wire.
pub(super) fn value(service: &Service, member: &Member, given: &Value) -> Value {
    match (service.shape(member.shape), given) {
        (Shape::Structure(shape), Value::Object(members)) if !shape.document => {
            structure(service, shape, members)
        }
        (Shape::List(list), Value::Array(items)) => {
            items.iter().map(|item| value(service, &list.member, item)).collect()
        }
        (Shape::Map(map), Value::Object(entries)) => {
            entries.iter().map(|(key, entry)| (key.clone(), value(service, &map.value, entry))).collect()
        }
        (Shape::Blob, Value::String(text)) => Value::String(BASE64.encode(text.as_bytes())),
        (Shape::Timestamp, given) => match (scalar::instant(given), member.traits.timestamp) {
            (Some(at), None | Some(TimestampFormat::Unix)) => Value::Number(time::unix(at)),
            (Some(at), Some(format)) => Value::String(time::written(at, format)),
            (None, _) => given.clone(),
        },
        (_, given) => given.clone(),
    }
}
