//! Scalars of each type of the model. All functions return `false`, with nothing appended, for values that fixcore
//! would refuse; `convert` makes of others what the constructor of the Python type makes of them.

use jiff::civil::Time;

use crate::duration;
use crate::json;
use crate::python;
use crate::time;
use crate::value::Value;

pub(super) fn write_text(out: &mut Vec<u8>, value: Value<'_>, convert: bool) -> bool {
    match value {
        Value::Text(text) => json::write_string(out, text),
        Value::Bool(value) if convert => json::write_string(out, if value { "True" } else { "False" }),
        // fixcore makes a text of any other scalar.
        Value::Bool(value) => json::write_bool(out, value),
        Value::Int(_) | Value::Float(_) if convert => {
            out.push(b'"');
            let written = write_number(out, value);
            out.push(b'"');
            return written || undo(out, 2);
        }
        Value::Int(_) | Value::Float(_) => return write_number(out, value),
        Value::Time(_) | Value::Date(_) => return write_date(out, value) || write_time(out, value),
        Value::Duration(_) => return write_duration(out, value),
        _ => return false,
    }
    true
}

pub(super) fn write_int(out: &mut Vec<u8>, value: Value<'_>, convert: bool) -> bool {
    let number = match value {
        Value::Int(number) => Some(number),
        Value::Bool(value) if convert => Some(value.into()),
        Value::Float(number) if convert => python::int_of_float(number),
        Value::Text(text) if convert => python::int_of_text(text),
        // fixcore takes a truth value for a number, and a text that reads like one.
        Value::Bool(value) => {
            json::write_bool(out, value);
            return true;
        }
        // More than 64 bits are no whole number for fixcore either.
        Value::Float(number) => {
            return python::int_of_float(number).is_some() && json::write_float(out, number);
        }
        Value::Text(text) if python::int_of_text(text).is_some() => {
            json::write_string(out, text);
            return true;
        }
        _ => None,
    };
    number.is_some_and(|number| {
        json::write_int(out, number);
        true
    })
}

pub(super) fn write_float(out: &mut Vec<u8>, value: Value<'_>, convert: bool) -> bool {
    match value {
        Value::Float(number) => json::write_float(out, number),
        #[expect(clippy::cast_precision_loss, reason = "this is what float() does too")]
        Value::Int(number) if convert => json::write_float(out, number as f64),
        Value::Bool(value) if convert => json::write_float(out, f64::from(u8::from(value))),
        Value::Text(text) if convert => {
            python::float_of_text(text).is_some_and(|number| json::write_float(out, number))
        }
        Value::Int(number) => {
            json::write_int(out, number);
            true
        }
        Value::Bool(value) => {
            json::write_bool(out, value);
            true
        }
        Value::Text(text) if python::float_of_text(text).is_some() => {
            json::write_string(out, text);
            true
        }
        _ => false,
    }
}

pub(super) fn write_bool(out: &mut Vec<u8>, value: Value<'_>, convert: bool) -> bool {
    let value = match value {
        Value::Bool(value) => value,
        Value::Int(number) if convert => number != 0,
        Value::Float(number) if convert => number != 0.0,
        Value::Text(text) if convert => !text.is_empty(),
        // The words that fixcore takes for truth values.
        Value::Text(text)
            if ["true", "yes", "on", "false", "no", "off"]
                .iter()
                .any(|word| text.eq_ignore_ascii_case(word)) =>
        {
            json::write_string(out, text);
            return true;
        }
        _ => return false,
    };
    json::write_bool(out, value);
    true
}

pub(super) fn write_time(out: &mut Vec<u8>, value: Value<'_>) -> bool {
    let time = match value {
        Value::Time(time) => Some(time),
        Value::Text(text) => time::parse(text),
        Value::Date(date) => Some(date.to_datetime(Time::midnight())),
        _ => None,
    };
    quoted(out, |out| time.is_some_and(|time| time::write(out, time)))
}

pub(super) fn write_date(out: &mut Vec<u8>, value: Value<'_>) -> bool {
    let date = match value {
        Value::Date(date) => Some(date),
        Value::Text(text) => time::parse_date(text),
        _ => None,
    };
    quoted(out, |out| date.is_some_and(|date| time::write_date(out, date)))
}

pub(super) fn write_duration(out: &mut Vec<u8>, value: Value<'_>) -> bool {
    let duration = match value {
        Value::Duration(duration) => Some(duration),
        Value::Text(text) => duration::parse(text),
        #[expect(clippy::cast_precision_loss, reason = "seconds beyond 2^52 are too long anyway")]
        Value::Int(seconds) => duration::from_seconds(seconds as f64),
        Value::Float(seconds) => duration::from_seconds(seconds),
        _ => None,
    };
    quoted(out, |out| {
        duration.is_some_and(|duration| {
            duration::write(out, duration);
            true
        })
    })
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    out.push(b'"');
    let written = write(out);
    out.push(b'"');
    written || undo(out, 2)
}

/// Takes back the last bytes.
fn undo(out: &mut Vec<u8>, count: usize) -> bool {
    out.truncate(out.len() - count);
    false
}

fn write_number(out: &mut Vec<u8>, value: Value<'_>) -> bool {
    match value {
        Value::Int(number) => json::write_int(out, number),
        Value::Float(number) => return json::write_float(out, number),
        _ => return false,
    }
    true
}
