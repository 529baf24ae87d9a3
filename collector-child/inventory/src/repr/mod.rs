//! Python's `repr` of strings, which node ids are made of.

mod nonprintable;

use crate::json::{all, append};
use nonprintable::NON_PRINTABLE;

/// Appends what Python's `repr` prints for `text`: single quotes, but double quotes if it holds a single quote
/// and no double quote; backslash, quote, `\n`, `\r`, `\t` and all that is not printable escaped.
pub(crate) fn write_repr(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    // Nearly every part of every key: nothing to escape, and no quote to choose the other quote for.
    if all(bytes, |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'\'')) {
        out.push(b'\'');
        out.extend_from_slice(bytes);
        return out.push(b'\'');
    }
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    out.push(quote);
    for character in text.chars() {
        write_character(out, character, quote);
    }
    out.push(quote);
}

fn write_character(out: &mut Vec<u8>, character: char, quote: u8) {
    match character {
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        _ if u32::from(character) == u32::from(quote) => out.extend_from_slice(&[b'\\', quote]),
        _ if is_printable(character) => {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        _ => match u32::from(character) {
            point @ 0..=0xff => append(out, format_args!("\\x{point:02x}")),
            point @ 0x100..=0xffff => append(out, format_args!("\\u{point:04x}")),
            point => append(out, format_args!("\\U{point:08x}")),
        },
    }
}

/// `str.isprintable` of Python 3.12 for one character.
fn is_printable(character: char) -> bool {
    let point = u32::from(character);
    if point < 0x80 {
        return (0x20..0x7f).contains(&point);
    }
    NON_PRINTABLE
        .binary_search_by(|(first, last)| {
            if *last < point {
                std::cmp::Ordering::Less
            } else if *first > point {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Equal
            }
        })
        .is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repr(text: &str) -> String {
        let mut out = Vec::new();
        write_repr(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_follow_python() {
        assert_eq!(repr("plain"), "'plain'");
        assert_eq!(repr("it's"), "\"it's\"");
        assert_eq!(repr("say \"hi\""), "'say \"hi\"'");
        assert_eq!(repr("it's \"both\""), "'it\\'s \"both\"'");
    }

    #[test]
    fn escapes_grow_with_the_code_point() {
        assert_eq!(repr("\0\u{7f}\u{a0}\u{ad}"), "'\\x00\\x7f\\xa0\\xad'");
        assert_eq!(repr("\u{2028}\u{feff}"), "'\\u2028\\ufeff'");
        assert_eq!(repr("\u{1f600}\u{e0001}"), "'\u{1f600}\\U000e0001'");
        assert_eq!(repr("a\\b\r\n\t"), "'a\\\\b\\r\\n\\t'");
    }

    #[test]
    fn vectors_of_python() {
        let vectors: Vec<(String, String)> =
            serde_json::from_str(include_str!("../../tests/vectors/repr.json")).unwrap();
        assert!(vectors.len() > 400);
        for (text, expected) in vectors {
            assert_eq!(repr(&text), expected);
        }
    }

    #[test]
    fn the_table_is_sorted_and_disjoint() {
        assert!(NON_PRINTABLE.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
