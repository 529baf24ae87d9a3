//! Values without parts, as text in a form, a path, a header or an element.

use data_encoding::BASE64;
use serde_json::Value;

use crate::Shape;
use crate::shape::{Member, TimestampFormat};
use crate::time;

/// The text of a value that [`super::check`] has passed. `format` holds where the member names no other.
pub(super) fn text(shape: &Shape, member: &Member, value: &Value, format: TimestampFormat) -> String {
    match (shape, value) {
        (Shape::Timestamp, _) => match instant(value) {
            Some(at) => time::written(at, member.traits.timestamp.unwrap_or(format)),
            None => plain(value),
        },
        (Shape::Blob, Value::String(text)) => BASE64.encode(text.as_bytes()),
        _ => plain(value),
    }
}

/// Text as it is, all else as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The point in time that a parameter names: seconds since 1970, or text.
pub(super) fn instant(value: &Value) -> Option<jiff::Timestamp> {
    match value {
        Value::Number(number) => time::from_seconds(number.as_f64()?),
        Value::String(text) => time::parse(text),
        _ => None,
    }
}
