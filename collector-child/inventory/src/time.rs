//! Points in time: read as Python reads them, written as fixcore stores them (`2026-01-31T23:59:59Z`).
//!
//! They are held as date and time in UTC, because `jiff::Timestamp` ends a day before the last day of the year
//! 9999, which clouds like to write for `never`.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};

/// Which of two Python parsers is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// `dateutil.parser.isoparse`: also a year, a month or a day of the year alone, and 24:00.
    IsoParse,
    /// `datetime.fromisoformat`.
    FromIsoFormat,
}

/// Reads an ISO 8601 time as it comes from an API. Without offset it is UTC. `None` if it is no time.
pub fn parse(text: &str) -> Option<DateTime> {
    parse_as(text, Dialect::IsoParse)
}

/// Reads a time that a user wrote into a tag. Like [`parse`], but a date has to be complete.
pub fn parse_tag(text: &str) -> Option<DateTime> {
    parse_as(text, Dialect::FromIsoFormat)
}

/// Reads a day: `2026-01-31`, `20260131`, `2026-W05-6`.
pub fn parse_date(text: &str) -> Option<Date> {
    let mut rest = Cursor(text.as_bytes());
    let date = rest.date(Dialect::FromIsoFormat)?;
    rest.0.is_empty().then_some(date)
}

/// Appends a time in UTC, fraction cut, without quotes. `false`, and nothing appended, outside of the years 1 to
/// 9999, which fixcore cannot represent.
#[must_use]
pub fn write(out: &mut Vec<u8>, time: DateTime) -> bool {
    if !write_date(out, time.date()) {
        return false;
    }
    for (mark, number) in [(b'T', time.hour()), (b':', time.minute()), (b':', time.second())] {
        out.push(mark);
        push_two(out, number.unsigned_abs());
    }
    out.push(b'Z');
    true
}

/// Appends a day without quotes. `false`, and nothing appended, outside of the years 1 to 9999.
#[must_use]
pub fn write_date(out: &mut Vec<u8>, date: Date) -> bool {
    let Some(year) = u16::try_from(date.year()).ok().filter(|year| *year >= 1) else { return false };
    for part in [year / 100, year % 100] {
        push_two(out, u8::try_from(part).unwrap_or_default());
    }
    for number in [date.month(), date.day()] {
        out.push(b'-');
        push_two(out, number.unsigned_abs());
    }
    true
}

fn push_two(out: &mut Vec<u8>, number: u8) {
    out.extend_from_slice(&[b'0' + number / 10, b'0' + number % 10]);
}

fn parse_as(text: &str, dialect: Dialect) -> Option<DateTime> {
    if dialect == Dialect::IsoParse && !text.is_ascii() {
        return None;
    }
    let mut rest = Cursor(text.as_bytes());
    let date = rest.date(dialect)?;
    let mut civil = date.to_datetime(Time::midnight());
    if !rest.0.is_empty() {
        // Any one character may stand between date and time.
        let separator = std::str::from_utf8(rest.0).ok()?.chars().next()?;
        rest.0 = &rest.0[separator.len_utf8()..];
        civil = rest.time_of(date, dialect)?;
    }
    // Python has no year 0.
    (civil.year() >= 1).then_some(civil)
}

/// The bytes that are not read yet.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn leading_digits(&self) -> usize {
        self.0.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    fn number(&mut self, digits: usize) -> Option<i16> {
        if self.leading_digits() < digits {
            return None;
        }
        let (text, rest) = self.0.split_at(digits);
        self.0 = rest;
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    fn small(&mut self, digits: usize) -> Option<i8> {
        self.number(digits)?.try_into().ok()
    }

    fn date(&mut self, dialect: Dialect) -> Option<Date> {
        let iso = dialect == Dialect::IsoParse;
        let year = self.number(4).filter(|year| *year >= 1)?;
        if iso && self.0.is_empty() {
            return Date::new(year, 1, 1).ok();
        }
        let dashed = self.take(b'-');
        if self.take(b'W') {
            return self.week_day(year, dashed);
        }
        match self.leading_digits() {
            3 if iso => {
                let day = self.number(3)?;
                let date = Date::new(year, 1, 1).ok()?;
                let date = date.checked_add(SignedDuration::from_hours(24 * (i64::from(day) - 1))).ok()?;
                (date.year() == year && day >= 1).then_some(date)
            }
            2 if dashed => {
                let month = self.small(2)?;
                let day = match (self.take(b'-'), iso) {
                    (true, _) => self.small(2)?,
                    (false, true) => 1,
                    (false, false) => return None,
                };
                Date::new(year, month, day).ok()
            }
            4 if !dashed => Date::new(year, self.small(2)?, self.small(2)?).ok(),
            _ => None,
        }
    }

    fn week_day(&mut self, year: i16, dashed: bool) -> Option<Date> {
        let week = self.small(2)?;
        let has_day = if dashed {
            self.0.get(1).is_some_and(u8::is_ascii_digit) && self.take(b'-')
        } else {
            self.leading_digits() > 0
        };
        let day = if has_day { self.small(1)? } else { 1 };
        let day = Weekday::from_monday_one_offset(day).ok()?;
        Some(ISOWeekDate::new(year, week, day).ok()?.date())
    }

    /// The rest as a time of `date`, in UTC.
    fn time_of(&mut self, date: Date, dialect: Dialect) -> Option<DateTime> {
        let zone = self.0.iter().position(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'));
        let (clock, zone) = self.0.split_at(zone.unwrap_or(self.0.len()));
        let (hour, minute, second) = Cursor(clock).clock()?;
        let offset = Cursor(zone).offset(dialect)?;
        let civil = if (hour, minute, second) == (24, 0, 0) && dialect == Dialect::IsoParse {
            date.tomorrow().ok()?.to_datetime(Time::midnight())
        } else {
            date.to_datetime(Time::new(hour, minute, second, 0).ok()?)
        };
        civil.checked_sub(SignedDuration::from_secs(offset)).ok()
    }

    /// `HH`, `HH:MM`, `HH:MM:SS`, `HH:MM:SS.fff`, all also without colons. The fraction is checked and dropped.
    fn clock(&mut self) -> Option<(i8, i8, i8)> {
        let hour = self.small(2)?;
        let colon = self.0.first() == Some(&b':');
        let mut parts = [0; 2];
        let mut seconds = false;
        for (index, part) in parts.iter_mut().enumerate() {
            if self.0.is_empty() {
                break;
            }
            if colon && !self.take(b':') {
                return None;
            }
            *part = self.small(2)?;
            seconds = index == 1;
        }
        if seconds && (self.take(b'.') || self.take(b',')) {
            let digits = self.leading_digits();
            if digits == 0 {
                return None;
            }
            self.0 = &self.0[digits..];
        }
        self.0.is_empty().then_some((hour, parts[0], parts[1]))
    }

    /// Seconds east of UTC.
    fn offset(&mut self, dialect: Dialect) -> Option<i64> {
        match self.0 {
            [] | b"Z" => return Some(0),
            b"z" if dialect == Dialect::IsoParse => return Some(0),
            _ => {}
        }
        let east = self.take(b'+');
        if !east && !self.take(b'-') {
            return None;
        }
        let has_seconds = self.0.iter().filter(|byte| byte.is_ascii_digit()).count() > 4;
        if has_seconds && dialect == Dialect::IsoParse {
            return None;
        }
        let (hours, minutes, seconds) = self.clock()?;
        if hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        let offset = i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
        Some(if east { offset } else { -offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(time: Option<DateTime>) -> Option<String> {
        let mut out = Vec::new();
        time.filter(|time| write(&mut out, *time)).map(|_| String::from_utf8(out).unwrap())
    }

    #[test]
    fn offsets_are_applied_and_fractions_cut() {
        let expected = Some("2026-01-02T01:04:05Z".to_owned());
        assert_eq!(text(parse("2026-01-02T03:04:05.999+02:00")), expected);
        assert_eq!(text(parse_tag("2026-01-02 03:04:05.999+0200")), expected);
        assert_eq!(text(parse("2026-01-02T01:04:05")), expected);
    }

    #[test]
    fn short_dates_are_for_apis_only() {
        assert_eq!(text(parse("2026")).unwrap(), "2026-01-01T00:00:00Z");
        assert_eq!(text(parse("2026-060T24:00")).unwrap(), "2026-03-02T00:00:00Z");
        assert_eq!(parse_tag("2026"), None);
        assert_eq!(parse_tag("2026-060"), None);
        assert_eq!(text(parse_tag("2026-W05-6")).unwrap(), "2026-01-31T00:00:00Z");
    }

    #[test]
    fn old_times_keep_four_digits() {
        assert_eq!(text(parse("0001-01-01T00:00:00Z")).unwrap(), "0001-01-01T00:00:00Z");
        assert_eq!(parse("0001-01-01T00:00:00+01:00"), None);
        assert_eq!(text(parse("1969-12-31T23:59:58.5Z")).unwrap(), "1969-12-31T23:59:58Z");
        assert_eq!(text(parse("9999-12-31T23:59:59.999Z")).unwrap(), "9999-12-31T23:59:59Z");
    }
}
