//! Points in time: as services write them, as nodes want them.

use jiff::fmt::rfc2822;
use jiff::{Timestamp, civil, tz};

use crate::shape::TimestampFormat;

/// Reads seconds since 1970, ISO 8601 or the form of HTTP headers. Without a zone, UTC is meant.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return from_seconds(seconds);
    }
    let zoned = text.parse::<Timestamp>().ok();
    let civil =
        || text.parse::<civil::DateTime>().ok()?.to_zoned(tz::TimeZone::UTC).ok().map(|at| at.timestamp());
    zoned.or_else(civil).or_else(|| rfc2822::DateTimeParser::new().parse_timestamp(text).ok())
}

/// Seconds since 1970, to the microsecond.
pub(crate) fn from_seconds(seconds: f64) -> Option<Timestamp> {
    // Beyond this there is no date, and a conversion to integers would not be exact.
    if !(-1e11..1e12).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    let micros = (seconds * 1e6).round() as i64;
    Timestamp::from_microsecond(micros).ok()
}

/// `2026-11-22T18:40:01Z`; the fraction is cut.
pub(crate) fn shown(at: Timestamp) -> String {
    let floored = Timestamp::from_second(at.as_microsecond().div_euclid(1_000_000)).unwrap_or(at);
    floored.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The form for nodes of a timestamp's text; `None` if it is none.
pub(crate) fn normalised(text: &str) -> Option<String> {
    if has_second_form(text) {
        let mut shown = String::with_capacity(20);
        shown.push_str(&text[..19]);
        shown.push('Z');
        return Some(shown);
    }
    parse(text).map(shown)
}

/// `2026-11-22T18:40:01Z` or `...01.000Z`: nearly all timestamps of the XML protocols, and nothing to calculate.
fn has_second_form(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((date, rest)) = bytes.split_at_checked(19) else { return false };
    let form = b"0000-00-00T00:00:00";
    let fits = date
        .iter()
        .zip(form)
        .all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form });
    let fraction = match rest {
        [b'Z'] => true,
        [b'.', digits @ .., b'Z'] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let two = |at: usize| (date[at] - b'0') * 10 + (date[at + 1] - b'0');
    // The last days of a month are left to the calendar.
    fits && fraction
        && (1..=12).contains(&two(5))
        && (1..=28).contains(&two(8))
        && two(11) < 24
        && two(14) < 60
        && two(17) < 60
}

/// As a request wants it, to the microsecond where the form has fractions.
pub(crate) fn written(at: Timestamp, format: TimestampFormat) -> String {
    let micros = at.as_microsecond();
    let fraction = micros.rem_euclid(1_000_000);
    match format {
        TimestampFormat::Iso8601 if fraction > 0 => at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        TimestampFormat::Iso8601 => shown(at),
        TimestampFormat::Unix => unix(at).to_string(),
        TimestampFormat::Rfc822 => rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&at)
            .unwrap_or_else(|_| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()),
    }
}

/// Seconds since 1970 as a number, whole where they are.
pub(crate) fn unix(at: Timestamp) -> serde_json::Number {
    let micros = at.as_microsecond();
    let whole = micros.div_euclid(1_000_000);
    if micros.rem_euclid(1_000_000) == 0 {
        return whole.into();
    }
    #[expect(clippy::cast_precision_loss, reason = "microseconds of our times fit into 53 bits")]
    let seconds = micros as f64 / 1e6;
    serde_json::Number::from_f64(seconds).unwrap_or_else(|| whole.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_timestamp_becomes_the_same_text() {
        for text in [
            "1700000000",
            "1700000000.5",
            "1.7E9",
            "2023-11-14T22:13:20Z",
            "2023-11-14T22:13:20.999Z",
            "2023-11-14T22:13:20.999999+00:00",
            "2023-11-14T23:13:20+01:00",
            "2023-11-14T23:13:20+0100",
            "2023-11-14 22:13:20",
            "2023-11-14T22:13:20",
            "Tue, 14 Nov 2023 22:13:20 GMT",
        ] {
            assert_eq!(normalised(text).as_deref(), Some("2023-11-14T22:13:20Z"), "{text}");
        }
        assert_eq!(normalised("2024-02-29T00:00:00Z").as_deref(), Some("2024-02-29T00:00:00Z"));
        assert_eq!(normalised("1969-12-31T23:59:58.5Z").as_deref(), Some("1969-12-31T23:59:58Z"));
        assert_eq!(normalised("-0.5").as_deref(), Some("1969-12-31T23:59:59Z"));
        assert_eq!(normalised("2023-11-14").as_deref(), Some("2023-11-14T00:00:00Z"));
    }

    #[test]
    fn what_is_no_time_stays_none() {
        for text in [
            "",
            "never",
            "2023-13-14T22:13:20Z",
            "2023-02-30T00:00:00Z",
            "1e300",
            "nan",
            "inf",
            "2023-11-14T22:13:20.Z",
        ] {
            assert_eq!(normalised(text), None, "{text}");
        }
    }

    #[test]
    fn requests_get_the_form_they_want() {
        let at = parse("2023-11-14T22:13:20.25Z").expect("a time");
        assert_eq!(written(at, TimestampFormat::Iso8601), "2023-11-14T22:13:20.250000Z");
        assert_eq!(written(at, TimestampFormat::Unix), "1700000000.25");
        assert_eq!(written(at, TimestampFormat::Rfc822), "Tue, 14 Nov 2023 22:13:20 GMT");
        let whole = parse("1700000000").expect("a time");
        assert_eq!(written(whole, TimestampFormat::Iso8601), "2023-11-14T22:13:20Z");
        assert_eq!(written(whole, TimestampFormat::Unix), "1700000000");
    }
}
