//! JSON text as Python's `json.dumps` writes it: `", "` and `": "` separators, ASCII only, insertion order.
//!
//! fixcore needs only valid JSON; the exact text makes our lines comparable with the Python worker's byte by
//! byte.

use std::io::Write as _;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `text` as a JSON string; U+FFFD takes the place of NUL.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Appends `text` as it stands between the quotes of a JSON string.
pub fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if all(bytes, is_plain) {
        return out.extend_from_slice(bytes);
    }
    let mut done = 0;
    while let Some(length) = bytes[done..].iter().position(|byte| !is_plain(*byte)) {
        out.extend_from_slice(&bytes[done..done + length]);
        done += length;
        // Only ASCII bytes are skipped, so `done` is at a character.
        if let Some(character) = text[done..].chars().next() {
            write_special(out, character);
            done += character.len_utf8();
        }
    }
    out.extend_from_slice(&bytes[done..]);
}

/// Whether `test` holds for all bytes. Without an early exit, which would keep the compiler from comparing many
/// bytes at once: texts are short, and nearly all of them pass.
#[inline]
pub(crate) fn all(bytes: &[u8], test: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |holds, byte| holds & test(*byte))
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn write_special(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        // Databases in C refuse it, and what is behind it in other programs is lost.
        '\0' => out.extend_from_slice(b"\\ufffd"),
        other => {
            for unit in other.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(b"\\u");
                for shift in [12, 8, 4, 0] {
                    out.push(HEX[usize::from(*unit >> shift & 0xf)]);
                }
            }
        }
    }
}

/// Appends a whole number.
pub fn write_int(out: &mut Vec<u8>, number: i64) {
    append(out, format_args!("{number}"));
}

/// Appends a finite floating point number as Python's `repr` prints it: the shortest digits that read back the
/// same, always with a point or an exponent, scientific below 1e-4 and from 1e16 on. `false`, and nothing
/// appended, for an infinity or NaN: JSON has no such numbers.
#[must_use]
pub fn write_float(out: &mut Vec<u8>, number: f64) -> bool {
    if !number.is_finite() {
        return false;
    }
    let start = out.len();
    // Of two shortest texts that are equally near, serde_json and Python choose the even one, Rust's own
    // formatting the greater one. A finite number written to memory cannot fail.
    serde_json::to_writer(&mut *out, &number).unwrap_or_default();
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = out.split_off(start);
        write_scientific(out, &text);
    }
    true
}

/// Rewrites a number given as `0.00001`, `123.0`, `1e16` or `1.5e-10` the way Python writes exponents: `1e-05`,
/// `1.23e+02`.
fn write_scientific(out: &mut Vec<u8>, text: &[u8]) {
    let (mantissa, exponent) = match text.iter().position(|byte| *byte == b'e') {
        Some(mark) => {
            (&text[..mark], std::str::from_utf8(&text[mark + 1..]).ok().and_then(|text| text.parse().ok()))
        }
        None => (text, Some(0)),
    };
    let mut exponent: i32 = exponent.unwrap_or(0);
    let mut digits = Vec::with_capacity(24);
    let mut fraction = false;
    for byte in mantissa {
        match byte {
            b'-' => out.push(b'-'),
            b'.' => fraction = true,
            b'0' if digits.is_empty() => exponent -= i32::from(fraction),
            digit => {
                exponent += i32::from(!fraction && !digits.is_empty());
                exponent -= i32::from(fraction && digits.is_empty());
                digits.push(*digit);
            }
        }
    }
    while digits.len() > 1 && digits.last() == Some(&b'0') {
        digits.pop();
    }
    out.extend_from_slice(digits.get(..1).unwrap_or(b"0"));
    if let Some(rest @ [_, ..]) = digits.get(1..) {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    append(out, format_args!("e{exponent:+03}"));
}

/// Appends `true` or `false`.
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends any JSON value as it is, nulls included.
pub fn write_value(out: &mut Vec<u8>, value: &serde_json::Value) {
    match value {
        serde_json::Value::Null => out.extend_from_slice(b"null"),
        serde_json::Value::Bool(value) => write_bool(out, *value),
        serde_json::Value::Number(number) => write_number(out, number),
        serde_json::Value::String(text) => write_string(out, text),
        serde_json::Value::Array(items) => {
            let mut list = List::open(out);
            for item in items {
                list.item(out);
                write_value(out, item);
            }
            list.close(out);
        }
        serde_json::Value::Object(members) => {
            let mut object = Object::open(out);
            for (name, member) in members {
                object.member(out, name);
                write_value(out, member);
            }
            object.close(out);
        }
    }
}

/// Appends a number that came from JSON text.
pub fn write_number(out: &mut Vec<u8>, number: &serde_json::Number) {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(number), _, _) => write_int(out, number),
        (None, Some(number), _) => append(out, format_args!("{number}")),
        (None, None, Some(number)) if write_float(out, number) => {}
        _ => append(out, format_args!("{number}")),
    }
}

pub(crate) fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector grows it and cannot fail.
    out.write_fmt(text).unwrap_or_default();
}

/// Punctuation of an object that is being written.
#[derive(Debug)]
pub struct Object {
    empty: bool,
}

impl Object {
    /// Begins an object.
    #[must_use]
    pub fn open(out: &mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { empty: true }
    }

    /// Begins a member; its value comes next.
    pub fn member(&mut self, out: &mut Vec<u8>, name: &str) {
        if !std::mem::replace(&mut self.empty, false) {
            out.extend_from_slice(b", ");
        }
        write_string(out, name);
        out.extend_from_slice(b": ");
    }

    /// Takes back the member that began when the text had the length `before`.
    pub(crate) fn undo(&mut self, out: &mut Vec<u8>, before: usize) {
        out.truncate(before);
        self.empty = out.last() == Some(&b'{');
    }

    /// Ends the object.
    pub fn close(self, out: &mut Vec<u8>) {
        out.push(b'}');
    }
}

/// Punctuation of a list that is being written.
#[derive(Debug)]
pub struct List {
    empty: bool,
}

impl List {
    /// Begins a list.
    #[must_use]
    pub fn open(out: &mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { empty: true }
    }

    /// Begins an item; its value comes next.
    pub fn item(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.empty, false) {
            out.extend_from_slice(b", ");
        }
    }

    /// Takes back the item that began when the text had the length `before`.
    pub(crate) fn undo(&mut self, out: &mut Vec<u8>, before: usize) {
        out.truncate(before);
        self.empty = out.last() == Some(&b'[');
    }

    /// Ends the list.
    pub fn close(self, out: &mut Vec<u8>) {
        out.push(b']');
    }
}
