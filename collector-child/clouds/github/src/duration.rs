//! Durations as the settings of the Python worker have them: `7d`, `2 weeks`, `1h30min`.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The duration that a text tells; `None` if it is none.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim().trim_start_matches('+');
    let mut seconds = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let end = tail.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(length(unit)?)?)?;
        rest = tail.trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
    }
    Some(Duration::from_secs(seconds))
}

fn length(unit: &str) -> Option<u64> {
    Some(match unit {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "h" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        "M" | "mo" | "month" | "months" => 31 * DAY,
        "y" | "yr" | "year" | "years" => 365 * DAY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let seconds = |text: &str| parse(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("7d"), Some(7 * DAY));
        assert_eq!(seconds(" 2 weeks and 1 day"), Some(15 * DAY));
        assert_eq!(seconds("1h30min"), Some(90 * MINUTE));
        assert_eq!(
            (seconds(""), seconds("7"), seconds("d"), seconds("7 lightyears")),
            (None, None, None, None)
        );
        assert_eq!(seconds("99999999999999999999y"), None);
    }
}
