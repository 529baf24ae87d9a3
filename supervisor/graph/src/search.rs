//! Searches of deferred edges. fixcore runs them over all accounts, so that only a plain form passes:
//! `is(KIND) and PROPERTY OPERATOR VALUE and ...`.

/// The kind that `search` is about; `None` if it has any other form.
pub(crate) fn kind_of(search: &str) -> Option<&str> {
    let (kind, mut rest) = search.strip_prefix("is(")?.split_once(')')?;
    if kind.is_empty() || !kind.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
        return None;
    }
    while !rest.is_empty() {
        rest = condition(rest.strip_prefix(" and ")?)?;
    }
    Some(kind)
}

/// What is behind a condition.
fn condition(text: &str) -> Option<&str> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "_.[]*".contains(c);
    let text = take(text, is_path)?.trim_start_matches(' ');
    let operators = ["==", "="];
    let text = operators.iter().find_map(|operator| text.strip_prefix(operator))?.trim_start_matches(' ');
    match text.strip_prefix('"') {
        Some(quoted) => end_of_string(quoted),
        None => take(text, |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c)),
    }
}

/// What is behind one character or more that fit.
fn take(text: &str, fits: impl Fn(char) -> bool) -> Option<&str> {
    let rest = text.trim_start_matches(fits);
    (rest.len() < text.len()).then_some(rest)
}

fn end_of_string(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return Some(&text[at + 1..]),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_searches_of_the_collectors_pass() {
        for (search, kind) in [
            ("is(instance) and reported.id = someInstance2", "instance"),
            ("is(aws_account) and reported.id = 100000000001", "aws_account"),
            (r#"is(aws_cloud_trail) and reported.arn=="arn:aws:x:eu:1:trail/a b""#, "aws_cloud_trail"),
            (r#"is(x) and reported.name=="a\"b) or is(y)" and reported.size == 3"#, "x"),
            ("is(x)", "x"),
        ] {
            assert_eq!(kind_of(search), Some(kind), "{search}");
        }
    }

    #[test]
    fn everything_else_does_not() {
        for search in [
            "",
            "all",
            "id=x",
            "is()",
            "is(a,b) and id=x",
            "is(x) or is(y)",
            "is(x) -->",
            "is(x) and reported.id=1 or is(y)",
            "is(x) and (reported.id=1)",
            "is(x) and reported.id==\"1",
            "is(x) and reported.id==\"1\" --> is(y)",
            "is(x) and reported.id in [1]",
            "is(x)and reported.id=1",
            "is(x) and /metadata.exported_at>3",
        ] {
            assert_eq!(kind_of(search), None, "{search}");
        }
    }
}
