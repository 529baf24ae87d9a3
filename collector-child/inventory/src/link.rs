//! Deep links into the console of a cloud.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Fills the placeholders of `template` (`{name}`) with what `lookup` gives for their names, encoded for a query
/// as Python's `quote_plus` does. `None` as soon as one has no value: a half link is worse than none.
pub fn fill<'a>(template: &str, mut lookup: impl FnMut(&str) -> Option<Cow<'a, str>>) -> Option<String> {
    let mut link = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once('{') {
        link.push_str(before);
        let Some((name, after)) = tail.split_once('}') else {
            link.push('{');
            rest = tail;
            break;
        };
        quote_plus(&mut link, &lookup(name)?);
        rest = after;
    }
    link.push_str(rest);
    Some(link)
}

/// Appends `text` with everything escaped but letters, digits and `_.-~`; a blank becomes `+`.
pub fn quote_plus(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            // Writing to a string grows it and cannot fail.
            other => write!(out, "%{other:02X}").unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(name: &str) -> Option<Cow<'static, str>> {
        match name {
            "region" => Some("eu-west-1".into()),
            "name" => Some("a b/c&é~".into()),
            _ => None,
        }
    }

    #[test]
    fn placeholders_are_quoted() {
        let link = fill("https://{region}.example.com/?n={name}#{name}", values);
        assert_eq!(link.unwrap(), "https://eu-west-1.example.com/?n=a+b%2Fc%26%C3%A9~#a+b%2Fc%26%C3%A9~");
    }

    #[test]
    fn a_missing_value_means_no_link() {
        assert_eq!(fill("https://{region}/{unknown}", values), None);
        assert_eq!(fill("https://plain/", values).unwrap(), "https://plain/");
        assert_eq!(fill("https://{open", values).unwrap(), "https://{open");
    }
}
