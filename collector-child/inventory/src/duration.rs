//! Lengths of time as Fix writes them: `3d2h`, `2min42s`.

use jiff::SignedDuration;

use crate::json::append;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Units from the longest to the shortest in the order in which they are written. Fix calls 31 days a month and
/// 365 days a year.
const WRITTEN: [(&str, u64); 6] =
    [("yr", 365 * DAY), ("mo", 31 * DAY), ("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", 1)];

/// All names, in the order in which they are tried: a name stands before those that it begins with.
const NAMES: [(&str, u64); 24] = [
    ("years", 365 * DAY),
    ("year", 365 * DAY),
    ("yr", 365 * DAY),
    ("y", 365 * DAY),
    ("months", 31 * DAY),
    ("month", 31 * DAY),
    ("mo", 31 * DAY),
    ("M", 31 * DAY),
    ("days", DAY),
    ("day", DAY),
    ("d", DAY),
    ("weeks", 7 * DAY),
    ("week", 7 * DAY),
    ("w", 7 * DAY),
    ("hours", HOUR),
    ("hour", HOUR),
    ("h", HOUR),
    ("minutes", MINUTE),
    ("minute", MINUTE),
    ("min", MINUTE),
    ("m", MINUTE),
    ("seconds", 1),
    ("second", 1),
    ("s", 1),
];

/// The designators of ISO 8601, before and after the `T`.
const ISO_DAYS: [(char, u64); 4] = [('Y', 365 * DAY), ('M', 31 * DAY), ('W', 7 * DAY), ('D', DAY)];
const ISO_TIME: [(char, u64); 3] = [('H', HOUR), ('M', MINUTE), ('S', 1)];

/// More than Python's `timedelta` can hold.
const TOO_LONG: f64 = 1e9 * 86_400.0;

/// Reads `3d2h`, `1 day, 2 hours and 3min`, `-1h` (the first sign counts for all), or ISO 8601 like `P1DT2H`.
/// `None` if it is no duration.
pub fn parse(text: &str) -> Option<SignedDuration> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match unsigned.strip_prefix('P') {
        Some(iso) => from_seconds(sign * iso_seconds(iso)?),
        None => from_seconds(fix_seconds(text)?),
    }
}

/// A duration of that many seconds, rounded to microseconds as Python does. `None` if it is too long or no number.
pub fn from_seconds(seconds: f64) -> Option<SignedDuration> {
    if !seconds.is_finite() || seconds.abs() >= TOO_LONG {
        return None;
    }
    let whole = seconds.trunc();
    let micros = ((seconds - whole) * 1e6).round_ties_even();
    #[expect(clippy::cast_possible_truncation, reason = "below TOO_LONG and below a million")]
    let (whole, micros) = (whole as i64, micros as i64);
    SignedDuration::from_secs(whole).checked_add(SignedDuration::from_micros(micros))
}

fn fix_seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim_start();
    let mut total = 0.0;
    let mut sign = None;
    while !rest.is_empty() || sign.is_none() {
        let (number, after) = number(rest)?;
        let after = after.trim_start();
        let (name, length) = NAMES.iter().find(|(name, _)| after.starts_with(name))?;
        rest = after[name.len()..].trim_start();
        let combined = rest.strip_prefix(',').or_else(|| rest.strip_prefix("and"));
        if let Some(combined) = combined {
            rest = combined.trim_start();
            if rest.is_empty() {
                return None;
            }
        }
        sign.get_or_insert(if number < 0.0 { -1.0 } else { 1.0 });
        #[expect(clippy::cast_precision_loss, reason = "a unit is far below 2^52 seconds")]
        let seconds = number * *length as f64;
        total += seconds.abs();
    }
    Some(sign? * total)
}

/// A number with sign and fraction at the beginning of `text`, and the rest.
fn number(text: &str) -> Option<(f64, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let signed = usize::from(text.starts_with(['+', '-']));
    let mut end = signed + digits(&text[signed..]);
    if end == signed {
        return None;
    }
    if text[end..].starts_with('.') {
        let fraction = digits(&text[end + 1..]);
        if fraction > 0 {
            end += 1 + fraction;
        }
    }
    Some((text[..end].parse().ok()?, &text[end..]))
}

fn iso_seconds(text: &str) -> Option<f64> {
    let (days, time) = match text.split_once('T') {
        Some((days, time)) => (days, Some(time)),
        None => (text, None),
    };
    // `PT` alone is zero in Python, `P` alone is an error.
    if text.is_empty() {
        return None;
    }
    Some(iso_parts(days, &ISO_DAYS)? + time.map_or(Some(0.0), |time| iso_parts(time, &ISO_TIME))?)
}

/// Numbers with designators, which have to come in the order of `units`.
fn iso_parts(mut rest: &str, mut units: &[(char, u64)]) -> Option<f64> {
    let mut total = 0.0;
    while !rest.is_empty() {
        let length = rest.find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, '.' | ',')))?;
        let (digits, tail) = rest.split_at(length);
        let digits = digits.replace(',', ".");
        if !digits.starts_with(|digit: char| digit.is_ascii_digit()) || digits.ends_with('.') {
            return None;
        }
        let designator = tail.chars().next()?;
        let index = units.iter().position(|(name, _)| *name == designator)?;
        #[expect(clippy::cast_precision_loss, reason = "a unit is far below 2^52 seconds")]
        let unit = units[index].1 as f64;
        total += digits.parse::<f64>().ok()? * unit;
        units = &units[index + 1..];
        rest = &tail[designator.len_utf8()..];
    }
    Some(total)
}

/// Appends `duration` without quotes. Fractions of a second are cut; below one second, and for a negative
/// duration, it is `0s` as in the Python worker.
pub fn write(out: &mut Vec<u8>, duration: SignedDuration) {
    let mut seconds = u64::try_from(duration.as_secs()).unwrap_or(0);
    if seconds == 0 {
        out.extend_from_slice(b"0s");
        return;
    }
    for (unit, length) in WRITTEN {
        let count = seconds / length;
        seconds %= length;
        if count > 0 {
            append(out, format_args!("{count}{unit}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Option<String> {
        let mut out = Vec::new();
        write(&mut out, parse(text)?);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn durations_are_those_of_the_python_worker() {
        let vectors = [
            ("3d2h", "3d2h"),
            ("1.5h", "1h30min"),
            ("1h, 2min and 3s", "1h2min3s"),
            (" 3 days", "3d"),
            ("1y2M", "1yr2mo"),
            ("PT1H30M", "1h30min"),
            ("P1Y2M", "1yr2mo"),
            ("P1W", "7d"),
            ("P1,5D", "1d12h"),
            ("P1YT5S", "1yr5s"),
            ("PT0.9999999S", "1s"),
            ("PT", "0s"),
            ("-PT5S", "0s"),
            ("1d-2h", "1d2h"),
            ("-1d2h", "0s"),
            ("0.5s", "0s"),
        ];
        for (text, expected) in vectors {
            assert_eq!(normal(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for text in ["5 secs", "P", "1d,", "1d and", "d", "1.d", ".5d", "1e3s", "p1d", "", " ", "5", "P1D2Y"]
        {
            assert_eq!(normal(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_round_to_microseconds() {
        let mut out = Vec::new();
        write(&mut out, from_seconds(59.999_999_9).unwrap());
        assert_eq!(out, b"1min");
        assert_eq!(from_seconds(f64::NAN), None);
        assert_eq!(from_seconds(1e30), None);
    }
}
