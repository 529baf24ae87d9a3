//! Answers that are nearly XML or JSON. Services pass on what users put into names and tags, and some of it may not
//! stand there: the value is repaired, and the rest of the page can be read. Only what could not be read comes here.

use std::iter::Peekable;
use std::str::Chars;

/// Stands where there was something that no text can have.
const REPLACEMENT: char = '\u{fffd}';

/// XML without characters that XML does not know, and without references to them; ampersands that begin no
/// reference are texts. `None` if there was nothing of that kind.
pub(super) fn xml(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        content(&rest[..at], &mut out);
        rest = markup(&rest[at..], &mut out);
    }
    content(rest, &mut out);
    (out != text).then_some(out)
}

/// Copies what begins with `<`, and gives what comes behind it.
fn markup<'t>(text: &'t str, out: &mut String) -> &'t str {
    for (begin, end) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")] {
        if let Some(inside) = text.strip_prefix(begin) {
            let end = inside.find(end).map_or(text.len(), |at| begin.len() + at + end.len());
            out.extend(text[..end].chars().map(|c| if is_xml(c) { c } else { REPLACEMENT }));
            return &text[end..];
        }
    }
    let names = |c: char| c.is_alphabetic() || matches!(c, '_' | ':' | '/' | '!');
    if text[1..].starts_with(names) {
        return tag(text, out);
    }
    out.push_str("&lt;");
    &text[1..]
}

/// Copies a tag; the values of its attributes are texts.
fn tag<'t>(text: &'t str, out: &mut String) -> &'t str {
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '>']) {
        let (before, quoted) = rest.split_at(at);
        out.push_str(before);
        if let Some(rest) = quoted.strip_prefix('>') {
            out.push('>');
            return rest;
        }
        let quote = if quoted.starts_with('"') { '"' } else { '\'' };
        out.push(quote);
        let Some((value, behind)) = quoted[1..].split_once(quote) else {
            out.push_str(&quoted[1..]);
            return "";
        };
        content(&value.replace('<', "&lt;"), out);
        out.push(quote);
        rest = behind;
    }
    out.push_str(rest);
    ""
}

/// Copies text: of an element, or of an attribute.
fn content(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '&' => {
                rest = reference(rest, out);
                continue;
            }
            '>' if out.ends_with("]]") => out.push_str("&gt;"),
            c if is_xml(c) => out.push(c),
            _ => out.push(REPLACEMENT),
        }
        rest = &rest[c.len_utf8()..];
    }
}

/// Copies a reference, and gives what comes behind it.
fn reference<'t>(text: &'t str, out: &mut String) -> &'t str {
    if let Some((number, behind)) = numbered(text) {
        let character = char::from_u32(number);
        if let Some((low, behind)) = numbered(behind)
            && character.is_none()
            && let Some(c) = pair(number, low)
        {
            out.push(c);
            return behind;
        }
        match character.filter(|c| is_xml(*c)) {
            Some(_) => out.push_str(&text[..text.len() - behind.len()]),
            None => out.push(REPLACEMENT),
        }
        return behind;
    }
    for known in ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"] {
        if let Some(behind) = text.strip_prefix(known) {
            out.push_str(known);
            return behind;
        }
    }
    out.push_str("&amp;");
    &text[1..]
}

/// The number of a reference like `&#7;` or `&#x7;`, and what comes behind it.
fn numbered(text: &str) -> Option<(u32, &str)> {
    let (digits, behind) = text.strip_prefix("&#")?.split_once(';')?;
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    Some((number.ok()?, behind))
}

/// The character that two halves stand for.
fn pair(high: u32, low: u32) -> Option<char> {
    if !(0xd800..0xdc00).contains(&high) || !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
}

/// Whether XML 1.0 has the character.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{1_0000}'..)
}

/// JSON without halves of surrogate pairs, with all control characters escaped, and with texts in place of numbers
/// that JSON does not know (`NaN`, `Infinity`, those without end). `None` if there was nothing of that kind.
pub(super) fn json(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    let mut out = String::with_capacity(text.len() + 64);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => string(&mut chars, &mut out),
            ',' => comma(&mut chars, &mut out),
            '-' | '+' | '.' | '0'..='9' | 'a'..='z' | 'A'..='Z' => word(c, &mut chars, &mut out),
            c => out.push(c),
        }
    }
    (out.as_bytes() != body).then_some(out)
}

/// Copies a string, behind its first quote.
fn string(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('"');
    while let Some(c) = chars.next() {
        match c {
            '"' => return out.push('"'),
            '\\' => escape(chars, out),
            c if c < ' ' => escaped(u32::from(c), out),
            c => out.push(c),
        }
    }
}

fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    match chars.next() {
        Some('u') => unit(chars, out),
        Some(c @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => out.extend(['\\', c]),
        Some('\'') => out.push('\''),
        // No escape that JSON knows, so the backslash means itself.
        Some(c) => {
            out.push_str("\\\\");
            if c < ' ' { escaped(u32::from(c), out) } else { out.push(c) }
        }
        None => out.push('\\'),
    }
}

/// Copies what stands behind `\u`: a character, or the half of one.
fn unit(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    let Some(first) = hex(chars) else { return out.push_str("\\\\u") };
    if !(0xd800..0xe000).contains(&first) {
        return escaped(first, out);
    }
    let mut behind = chars.clone();
    let second =
        (behind.next() == Some('\\') && behind.next() == Some('u')).then(|| hex(&mut behind)).flatten();
    match second.and_then(|second| pair(first, second)) {
        Some(c) => {
            out.push(c);
            *chars = behind;
        }
        None => out.push(REPLACEMENT),
    }
}

/// Four hexadecimal digits; if there are less, nothing is read.
fn hex(chars: &mut Peekable<Chars<'_>>) -> Option<u32> {
    let mut behind = chars.clone();
    let number = (0..4).try_fold(0, |number, _| Some(number << 4 | behind.next()?.to_digit(16)?))?;
    *chars = behind;
    Some(number)
}

fn escaped(unit: u32, out: &mut String) {
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        out.extend(char::from_digit(unit >> shift & 0xf, 16));
    }
}

/// Copies a comma, unless nothing comes behind it.
fn comma(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    let behind = chars.clone().find(|c| !c.is_ascii_whitespace());
    if !matches!(behind, Some(']' | '}')) {
        out.push(',');
    }
}

/// Copies a number or a name; as a text if JSON does not know it.
fn word(first: char, chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    let mut word = String::from(first);
    while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')) {
        word.push(c);
    }
    let bare = word.trim_start_matches(['-', '+']).to_ascii_lowercase();
    let is_number = bare.starts_with(|c: char| c == '.' || c.is_ascii_digit());
    match word.as_str() {
        "True" => out.push_str("true"),
        "False" => out.push_str("false"),
        "None" | "undefined" => out.push_str("null"),
        word if is_number && serde_json::from_str::<f64>(word).is_ok() => out.push_str(word),
        word if is_number || matches!(bare.as_str(), "nan" | "inf" | "infinity") => {
            out.extend(["\"", word, "\""]);
        }
        // Known to JSON, or nothing of which anything could be made.
        word => out.push_str(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_that_is_sound_stays() {
        for text in [
            "<a b=\"1 &gt; 0\"><c>x &amp; y &#65; &#x1F600;</c><!-- & --><![CDATA[a & b < c]]><?x & ?></a>",
            "<a xmlns='http://x/'/>",
            "",
        ] {
            assert_eq!(xml(text), None, "{text}");
        }
    }

    #[test]
    fn what_xml_does_not_know_is_replaced() {
        for (given, repaired) in [
            ("<a>bell &#x7; here</a>", "<a>bell \u{fffd} here</a>"),
            ("<a>bell \u{7} here</a>", "<a>bell \u{fffd} here</a>"),
            ("<a>&#0;&#x0;&#xFFFF;&#xD800;&#x110000;</a>", "<a>\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}</a>"),
            ("<a>\u{ffff}&#x41;</a>", "<a>\u{fffd}&#x41;</a>"),
            ("<a>&#xD83D;&#xDE00;</a>", "<a>\u{1f600}</a>"),
            ("<a b=\"x\u{1}&#x2;\" c='&#3;'/>", "<a b=\"x\u{fffd}\u{fffd}\" c='\u{fffd}'/>"),
            ("<a b=\"1 < 2\"/>", "<a b=\"1 &lt; 2\"/>"),
            ("<a>AT&T &nbsp; &;</a>", "<a>AT&amp;T &amp;nbsp; &amp;;</a>"),
            ("<a>1 < 2 ]]> 3</a>", "<a>1 &lt; 2 ]]&gt; 3</a>"),
            ("<a><![CDATA[\u{2}&#x2;]]></a>", "<a><![CDATA[\u{fffd}&#x2;]]></a>"),
            ("<a>&#xZZ; &# &#99999999999;</a>", "<a>&amp;#xZZ; &amp;# &amp;#99999999999;</a>"),
        ] {
            assert_eq!(xml(given).as_deref(), Some(repaired), "{given:?}");
        }
    }

    #[test]
    fn json_that_is_sound_stays() {
        for text in [r#"{"a": [1, -2.5e3, true, null, "\"\\\/\b\f\n\r\t"]}"#, "[]", "0", r#""A&<ä""#] {
            assert_eq!(json(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_json_does_not_know_is_replaced() {
        for (given, repaired) in [
            (r#""a\ud800b\udc00""#, "\"a\u{fffd}b\u{fffd}\""),
            (r#""\ud83d\ude00\ud83d\u0041""#, "\"\u{1f600}\u{fffd}\\u0041\""),
            (r#""\uD83Dx\u12""#, "\"\u{fffd}x\\\\u12\""),
            ("\"a\u{7}\nb\"", r#""a\u0007\u000ab""#),
            (r#""\x41\'""#, r#""\\x41'""#),
            ("[NaN, Infinity, -Infinity, 1e999, 007]", r#"["NaN", "Infinity", "-Infinity", "1e999", "007"]"#),
            ("[True, None,]", "[true, null]"),
            ("[+1, .5, nan, blocked]", "[\"+1\", \".5\", \"nan\", blocked]"),
            ("\u{feff}{}", "{}"),
        ] {
            assert_eq!(json(given.as_bytes()).as_deref(), Some(repaired), "{given:?}");
        }
        assert_eq!(json(b"\"\xff\"").as_deref(), Some("\"\u{fffd}\""));
    }

    #[test]
    fn what_is_cut_off_stays_cut_off() {
        for text in ["{\"a\": \"b", "{\"a\": \"b\\", "{\"a\": \"\\u00", "[1, "] {
            let repaired = json(text.as_bytes()).unwrap_or_else(|| text.to_owned());
            let error = serde_json::from_str::<serde_json::Value>(&repaired).expect_err("it has no end");
            assert!(error.is_eof(), "{text}");
        }
        for text in ["<a><b", "<a b=\"", "<a><!-- ", "<a>&#x"] {
            assert!(!xml(text).unwrap_or_else(|| text.to_owned()).ends_with('>'), "{text}");
        }
    }
}
