//! A strict JSON scanner that builds nothing: one pass over the bytes of a line.
//!
//! It accepts what both Python's `json` and orjson read the same way, and less: no control byte anywhere (a
//! carriage return between two tokens would end the line where fixcore reads the upload back from a file), no
//! `NaN` or number that overflows to infinity, no lone surrogate, bounded nesting.

use std::borrow::Cow;

use thiserror::Error;

/// How deep objects and arrays may nest. fixcore walks the values recursively with up to three Python frames per
/// level, and Python stops at 1000.
pub const MAX_DEPTH: u32 = 100;
/// The longest number literal in bytes. Python refuses integers above 4300 digits.
pub const MAX_NUMBER: usize = 512;

/// Where and why a text is not the JSON we accept. Small, because every token returns one or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{problem} at byte {at}")]
pub struct JsonError {
    /// Offset in bytes.
    pub at: u32,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the sentences say it all")]
pub enum Problem {
    #[error("not UTF-8")]
    Encoding,
    #[error("an object is expected")]
    Object,
    #[error("a string is expected")]
    String,
    #[error("a value is expected")]
    Value,
    #[error("a digit is expected")]
    Digit,
    #[error("a colon is expected")]
    Colon,
    #[error("a comma or the end of the object is expected")]
    ObjectEnd,
    #[error("a comma or the end of the array is expected")]
    ArrayEnd,
    #[error("more after the end of the object")]
    Trailing,
    #[error("nested too deep")]
    Depth,
    #[error("a control character in a string")]
    Control,
    #[error("a string without end")]
    OpenString,
    #[error("an unknown escape in a string")]
    Escape,
    #[error("half of a surrogate pair")]
    Surrogate,
    #[error("a number is too long")]
    LongNumber,
    #[error("a number is too large")]
    LargeNumber,
}

/// A string as it stands between its quotes. Nothing but the slice, so that results stay in registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn is_escaped(self) -> bool {
        self.0.as_bytes().contains(&b'\\')
    }

    /// The text with escapes resolved.
    pub(crate) fn decoded(self) -> Cow<'a, str> {
        if self.is_escaped() { Cow::Owned(unescape(self.0)) } else { Cow::Borrowed(self.0) }
    }

    /// Whether the decoded text is `other`.
    pub(crate) fn is(self, other: &str) -> bool {
        if self.is_escaped() { unescape(self.0) == other } else { self.0 == other }
    }
}

/// Resolves the escapes of a text that the scanner has accepted.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let (first, tail) = after.split_at(1);
        rest = tail;
        match first {
            "b" => out.push('\u{8}'),
            "f" => out.push('\u{c}'),
            "n" => out.push('\n'),
            "r" => out.push('\r'),
            "t" => out.push('\t'),
            "u" => rest = unescape_unicode(tail, &mut out),
            other => out.push_str(other),
        }
    }
    out.push_str(rest);
    out
}

fn unescape_unicode<'a>(digits: &'a str, out: &mut String) -> &'a str {
    let unit = |text: &str| u16::from_str_radix(text.get(..4).unwrap_or_default(), 16).unwrap_or_default();
    let first = unit(digits);
    let (units, used) = if (0xD800..0xDC00).contains(&first) {
        // The scanner has seen `\uXXXX` behind it.
        ([first, unit(digits.get(6..).unwrap_or_default())], 10)
    } else {
        ([first, 0], 4)
    };
    let count = if used == 4 { 1 } else { 2 };
    out.extend(
        char::decode_utf16(units.into_iter().take(count)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)),
    );
    digits.get(used..).unwrap_or_default()
}

/// Scans one text from front to back.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Whether there was an escape since this was last cleared.
    escaped: bool,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of `bytes`, which must be UTF-8.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text =
            std::str::from_utf8(bytes).map_err(|error| error_at(error.valid_up_to(), Problem::Encoding))?;
        Ok(Self { text, bytes, at: 0, escaped: false })
    }

    /// The offset of the next byte.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    #[cold]
    fn error<T>(&self, problem: Problem) -> Result<T, JsonError> {
        Err(error_at(self.at, problem))
    }

    /// The next byte that is not a space.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Takes `byte`, which must come next.
    fn take(&mut self, byte: u8, problem: Problem) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        self.error(problem)
    }

    /// Nothing but spaces may be left.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { self.error(Problem::Trailing) }
    }

    /// Scans an object; `member` is called with each key, behind its colon, and must scan the value.
    pub(crate) fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.take(b'{', Problem::Object)?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            // The scan knows whether there is anything to decode: a second look at each key would be a tenth of
            // the whole check.
            self.escaped = false;
            let Text(raw) = self.string()?;
            let key = if self.escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) };
            self.take(b':', Problem::Colon)?;
            member(self, &key)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Ok(self.error(Problem::ObjectEnd)?),
            }
        }
    }

    /// Like [`Scanner::object`] for objects whose keys nobody looks at.
    fn skip_object(&mut self, depth: u32) -> Result<(), JsonError> {
        self.take(b'{', Problem::Object)?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.skip_string()?;
            self.take(b':', Problem::Colon)?;
            self.value(depth)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.error(Problem::ObjectEnd),
            }
        }
    }

    fn array(&mut self, depth: u32) -> Result<(), JsonError> {
        self.take(b'[', Problem::Value)?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.error(Problem::ArrayEnd),
            }
        }
    }

    /// Scans any value; `depth` objects and arrays are open around it.
    pub(crate) fn value(&mut self, depth: u32) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.skip_string(),
            Some(b'{' | b'[') if depth >= MAX_DEPTH => self.error(Problem::Depth),
            Some(b'{') => self.skip_object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.error(Problem::Value),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        self.error(Problem::Value)
    }

    /// Scans a string.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, JsonError> {
        self.peek();
        let start = self.at + 1;
        self.skip_string()?;
        Ok(Text(&self.text[start..self.at - 1]))
    }

    fn skip_string(&mut self) -> Result<(), JsonError> {
        self.take(b'"', Problem::String)?;
        loop {
            self.at = plain_end(self.bytes, self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return self.error(Problem::Control),
                None => return self.error(Problem::OpenString),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.escaped = true;
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let first = self.unicode_escape()?;
                let is_high = (0xD800..0xDC00).contains(&first);
                let is_lone = (0xDC00..0xE000).contains(&first);
                if is_lone || (is_high && !matches!(self.unicode_escape(), Ok(0xDC00..0xE000))) {
                    return self.error(Problem::Surrogate);
                }
            }
            _ => return self.error(Problem::Escape),
        }
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<u32, JsonError> {
        let escape = self.bytes.get(self.at..self.at + 6);
        let digits = escape.and_then(|escape| escape.strip_prefix(b"\\u"));
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
        });
        match value {
            Some(value) => {
                self.at += 6;
                Ok(value)
            }
            None => self.error(Problem::Escape),
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { self.error(Problem::Digit) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        let mut may_overflow = self.at - start > 300;
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            may_overflow = true;
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        let literal = &self.text[start..self.at];
        if literal.len() > MAX_NUMBER {
            return self.error(Problem::LongNumber);
        }
        if may_overflow && !literal.parse::<f64>().is_ok_and(f64::is_finite) {
            return self.error(Problem::LargeNumber);
        }
        Ok(())
    }
}

fn error_at(at: usize, problem: Problem) -> JsonError {
    // Lines are far below 4 GiB.
    JsonError { at: u32::try_from(at).unwrap_or(u32::MAX), problem }
}

/// The first position from `at` on that holds a quote, a backslash or a control byte: eight at a time.
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let has_zero = |value: u64| value.wrapping_sub(ONES) & !value;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = has_zero(word ^ (ONES * u64::from(b'"')));
        let backslash = has_zero(word ^ (ONES * u64::from(b'\\')));
        // A borrow may flag a byte above a true hit, never below one: the lowest flag is exact.
        let special = (quote | backslash | control) & HIGH;
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| **byte >= 0x20 && **byte != b'"' && **byte != b'\\').count()
}
