//! Values from text: of elements, headers and JSON strings.

use data_encoding::{BASE64, BASE64_MIME_PERMISSIVE};
use serde_json::{Number, Value};

use super::odd::{self, Odd};
use crate::Shape;
use crate::shape::Member;
use crate::time;

/// The value that a text of the XML protocols, or of a header, stands for. A text that is no number or time is kept as
/// it was sent; a truth value that is none and a number that is too large are left out and noted.
pub(super) fn value(odd: &Odd, shape: &Shape, member: &Member, text: &str) -> Option<Value> {
    let left_out = match shape {
        Shape::Boolean => boolean(text).is_none(),
        Shape::Integer | Shape::Long => {
            text.trim().parse().is_ok_and(is_too_large) && integer(text).is_none()
        }
        _ => false,
    };
    if left_out {
        odd.note(shape, odd::text(text));
        return None;
    }
    let value = match shape {
        Shape::Integer | Shape::Long => integer(text).map(Value::Number),
        Shape::Float | Shape::Double => float(text).map(Value::Number),
        Shape::Boolean => boolean(text).map(Value::Bool),
        Shape::Timestamp => time::normalised(text).map(Value::String),
        Shape::Blob => blob(text).map(Value::String),
        Shape::String { .. } if member.traits.policy => policy(text),
        Shape::String { .. } | Shape::Structure(_) | Shape::List(_) | Shape::Map(_) => None,
    };
    Some(value.unwrap_or_else(|| Value::String(text.to_owned())))
}

pub(super) fn integer(text: &str) -> Option<Number> {
    let text = text.trim();
    let small = text.parse::<i64>().ok().map(Number::from);
    small.or_else(|| whole(text.parse().ok()?))
}

/// Whether a number is beyond all that 64 bits can hold.
pub(super) fn is_too_large(number: f64) -> bool {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    !(-LIMIT..LIMIT).contains(&number) && !number.is_nan()
}

/// A float that is a whole number, as one.
pub(super) fn whole(float: f64) -> Option<Number> {
    // Up to 2^53 every whole float is exactly one integer.
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    (float.fract() == 0.0 && float.abs() < 9e15).then(|| Number::from(float as i64))
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" | "" => Some(false),
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

pub(super) fn float(text: &str) -> Option<Number> {
    text.trim().parse::<f64>().ok().and_then(Number::from_f64)
}

/// Whether a text is a point in time.
pub(super) fn is_time(text: &str) -> bool {
    time::normalised(text).is_some()
}

/// Text of the bytes in base64, if they are text.
pub(super) fn blob(base64: &str) -> Option<String> {
    let compact: String = base64.split_ascii_whitespace().collect();
    let bytes = BASE64_MIME_PERMISSIVE.decode(compact.as_bytes()).ok()?;
    String::from_utf8(bytes).ok()
}

/// Text of the bytes; base64 if they are none.
pub(super) fn bytes(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| BASE64.encode(bytes), str::to_owned)
}

/// Policies of IAM are JSON, percent-encoded.
fn policy(text: &str) -> Option<Value> {
    serde_json::from_str(&percent_decode(text)).ok()
}

/// Resolves `%20` and the like; plus signs stay, and so does what is not encoded well.
pub(super) fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair =
            (*byte == b'%').then(|| Some((hex(*bytes.get(at + 1)?)?, hex(*bytes.get(at + 2)?)?))).flatten();
        if let Some((high, low)) = pair {
            decoded.push(high << 4 | low);
            at += 3;
        } else {
            decoded.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_decoding_keeps_what_is_not_encoded_well() {
        for (encoded, decoded) in
            [("a%20b", "a b"), ("a+b", "a+b"), ("100%", "100%"), ("%zz%C3%A4%", "%zzä%"), ("%4", "%4")]
        {
            assert_eq!(percent_decode(encoded), decoded);
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_base64() {
        assert_eq!(blob("aGFsbG8="), Some("hallo".to_owned()));
        assert_eq!(blob("aGFs\n bG8="), Some("hallo".to_owned()));
        assert_eq!(blob("//79"), None);
        assert_eq!(blob("no base64!"), None);
        assert_eq!(bytes(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
