//! Text that others wrote, made harmless for a terminal; and numbers for people.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` without anything that moves the cursor or ends the line: control characters are written as escapes.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unprintable(c) { clean.extend(c.escape_default()) } else { clean.push(c) }
    }
    Cow::Owned(clean)
}

// Besides control characters: those that change the direction of the text around them.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `count` with commas, for example `1,234,567`.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size for people, for example `42 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1 << 10 {
        return format!("{bytes} B");
    }
    // In tenths of the unit, rounded, so that no floating point is needed.
    let mut tenths = bytes.saturating_mul(10) >> 10;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths >>= 10;
        unit += 1;
    }
    let name = UNITS[unit];
    if tenths < 100 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

/// A duration for people: `0.4s`, `12.3s`, `3m12s`, `2h05m`.
pub(crate) fn duration(duration: Duration) -> String {
    let secs = duration.as_secs();
    match secs {
        0..60 => format!("{secs}.{}s", duration.subsec_millis() / 100),
        60..3600 => format!("{}m{:02}s", secs / 60, secs % 60),
        _ => format!("{}h{:02}m", secs / 3600, secs / 60 % 60),
    }
}

/// `count` of `noun`, with the plural made by an `s`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let mut text = thousands(count);
    // Writing into a string cannot fail.
    write!(text, " {noun}{}", if count == 1 { "" } else { "s" }).unwrap_or_default();
    text
}

/// How people see an account: `cloud/id`, and the name where it says more than the id.
pub(crate) fn account_title(cloud: &str, id: &str, name: &str) -> String {
    if name.is_empty() || name == id { format!("{cloud}/{id}") } else { format!("{cloud}/{id} {name}") }
}

/// `text` in at most `columns` columns of a terminal; what was cut off is replaced by two dots.
pub(crate) fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(columns);
    let mut used = 2;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(c);
    }
    kept.push_str("..");
    Cow::Owned(kept)
}

/// [`fit`], filled up with blanks.
pub(crate) fn column(text: &str, columns: usize) -> String {
    let mut text = fit(text, columns).into_owned();
    text.extend(std::iter::repeat_n(' ', columns.saturating_sub(text.width())));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1023, 1024, 1536, 10 << 10, 48 << 20, 1 << 30, 5 << 40, u64::MAX].map(size),
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 KiB", "48 MiB", "1.0 GiB", "5.0 TiB", "1677721 TiB"]
        );
        let times = [0, 999, 1_000, 59_999, 60_000, 192_000, 3_599_999, 7_500_000];
        assert_eq!(
            times.map(|ms| duration(Duration::from_millis(ms))),
            ["0.0s", "0.9s", "1.0s", "59.9s", "1m00s", "3m12s", "59m59s", "2h05m"]
        );
        assert_eq!(counted(1, "node"), "1 node");
        assert_eq!(counted(3121, "node"), "3,121 nodes");
    }

    #[test]
    fn columns_count_what_a_terminal_shows() {
        assert_eq!(fit("12345678", 8), "12345678");
        assert_eq!(fit("123456789", 8), "123456..");
        assert_eq!(fit("東京東京東", 8), "東京東..");
        assert_eq!(fit("a東京東京", 8), "a東京..");
        assert_eq!(column("東京", 6), "東京  ");
        assert_eq!(column("a東京東京", 8), "a東京.. ");
        assert_eq!(column("", 2), "  ");
    }

    #[test]
    fn foreign_text_cannot_take_over_the_terminal() {
        assert_eq!(one_line("Prod – Zürich 東京"), "Prod – Zürich 東京");
        assert_eq!(one_line("a\nb\r\x1b[2Jc\u{202e}d\u{9b}"), "a\\nb\\r\\u{1b}[2Jc\\u{202e}d\\u{9b}");
    }
}
