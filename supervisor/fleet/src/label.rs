//! The label that tells in `ps` whom a child serves.

/// `COLLECTOR/ACCOUNT_ID`, with `-` for what does not apply. Characters outside `A-Za-z0-9._:@-` are
/// percent-encoded, byte by byte.
pub fn label(collector: Option<&str>, account: Option<&str>) -> String {
    format!("{}/{}", part(collector), part(account))
}

fn part(text: Option<&str>) -> String {
    match text {
        None | Some("") => "-".to_owned(),
        // A name that is only a dash must not read as "none".
        Some("-") => "%2D".to_owned(),
        Some(text) => text.bytes().fold(String::with_capacity(text.len()), push_encoded),
    }
}

fn push_encoded(mut out: String, byte: u8) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte) {
        out.push(char::from(byte));
    } else {
        out.push('%');
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn names_collector_and_account() {
        assert_eq!(label(Some("aws"), Some("123456789012")), "aws/123456789012");
        assert_eq!(label(Some("aws"), None), "aws/-");
        assert_eq!(label(None, None), "-/-");
        assert_eq!(label(Some("aws"), Some("")), "aws/-");
    }

    #[test]
    fn encodes_what_could_confuse() {
        assert_eq!(label(Some("a/b"), Some("x y%é\n")), "a%2Fb/x%20y%25%C3%A9%0A");
        assert_eq!(label(Some("a"), Some("A-z.0_:@")), "a/A-z.0_:@");
        assert_eq!(label(Some("a"), Some("-")), "a/%2D");
    }
}
