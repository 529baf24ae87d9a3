//! Patterns of names: `*` is any text, `?` any character, `[abc]`, `[a-z]` and `[!abc]` one of or none of these;
//! the whole name has to match. The rules of Python's `fnmatch`.

/// Whether `name` matches `pattern`.
pub fn matches(pattern: &str, name: &str) -> bool {
    Glob::new(pattern).matches(&name.chars().collect::<Vec<char>>())
}

/// A pattern that many names are compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glob(Vec<char>);

impl Glob {
    /// A pattern, ready to be compared with many names.
    pub fn new(pattern: &str) -> Self {
        Self(pattern.chars().collect())
    }

    /// Whether the name of these characters matches.
    pub fn matches(&self, name: &[char]) -> bool {
        matches_all(&self.0, name)
    }
}

fn matches_all(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    // Where to go on when it does not fit: behind the last star, which then takes one character more.
    let mut resume: Option<(usize, usize)> = None;
    while in_name < name.len() {
        if pattern.get(at) == Some(&'*') {
            at += 1;
            resume = Some((at, in_name));
        } else if let Some(width) = one(pattern.get(at..).unwrap_or_default(), name[in_name]) {
            at += width;
            in_name += 1;
        } else if let Some((star, taken)) = resume {
            at = star;
            in_name = taken + 1;
            resume = Some((star, taken + 1));
        } else {
            return false;
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|rest| *rest == '*')
}

/// If the first element of `pattern` takes `character`: how long that element is.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern {
        [] | ['*', ..] => None,
        ['?', ..] => Some(1),
        ['[', rest @ ..] => match set(rest) {
            Some((members, width)) => in_set(members, character).then_some(width + 1),
            // Not closed: an ordinary character.
            None => (character == '[').then_some(1),
        },
        [literal, ..] => (*literal == character).then_some(1),
    }
}

/// The members of a set, which begins behind its bracket, and its length with the closing one.
fn set(rest: &[char]) -> Option<(&[char], usize)> {
    // A bracket in the first place is a member.
    let first = usize::from(rest.first() == Some(&'!'));
    let close = rest.iter().skip(first + 1).position(|c| *c == ']')? + first + 1;
    Some((&rest[..close], close + 1))
}

fn in_set(members: &[char], character: char) -> bool {
    let (inverted, mut rest) = match members {
        ['!', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut found = false;
    loop {
        rest = match rest {
            [] => return found != inverted,
            [from, '-', to, rest @ ..] => {
                found |= (*from..=*to).contains(&character);
                rest
            }
            [member, rest @ ..] => {
                found |= *member == character;
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_the_python_worker() {
        // Checked with fnmatch.fnmatch.
        for (pattern, name, expected) in [
            ("sky_ec2_*", "sky_ec2_instance", true),
            ("sky_ec2_*", "sky_rds_instance", false),
            ("*instance", "sky_ec2_instance", true),
            ("*instance", "sky_ec2_instance_type", false),
            ("sky_?ds_instance", "sky_rds_instance", true),
            ("sky_[er]*", "sky_rds_instance", true),
            ("sky_[!er]*", "sky_rds_instance", false),
            ("sky_[a-f]*", "sky_ec2_instance", true),
            ("sky_[a-f]*", "sky_rds_instance", false),
            ("sky", "sky_rds_instance", false),
            ("*", "", true),
            ("", "", true),
            ("a[b", "a[b", true),
            ("a[]]c", "a]c", true),
            ("*a*b*c", "xxaxxbxxbxxc", true),
            ("*a*b*c", "xxaxxbxxbxxcx", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_end_in_time() {
        assert!(!matches(&"*a".repeat(40), &"a".repeat(39)));
    }
}
