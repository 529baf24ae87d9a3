//! Names close to one that does not exist.

use strsim::osa_distance;

/// A sentence that names the closest of `known`, or all of them.
pub fn hint<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let close = closest(wrong, known.iter().copied());
    if known.is_empty() {
        "there are none".to_owned()
    } else if close.is_empty() {
        format!("there are: {}", known.join(", "))
    } else {
        format!("did you mean {}?", close.join(" or "))
    }
}

/// The names that differ least, if that little can be a slip. Case does not count.
pub fn closest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let allowed = 1 + wrong.chars().count() / 4;
    let wrong = wrong.to_lowercase();
    let distances = known.map(|name| (osa_distance(&wrong, &name.to_lowercase()), name));
    let near: Vec<(usize, &str)> = distances.filter(|(distance, _)| *distance <= allowed).collect();
    let least = near.iter().map(|(distance, _)| *distance).min();
    near.into_iter().filter(|(distance, _)| Some(*distance) == least).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let known = ["seed", "size", "accounts"];
        for (wrong, expected) in [
            ("sede", "did you mean seed?"),
            ("Size", "did you mean size?"),
            ("account", "did you mean accounts?"),
            ("sized", "did you mean size?"),
            ("colour", "there are: seed, size, accounts"),
        ] {
            assert_eq!(hint(wrong, known.into_iter()), expected, "{wrong}");
        }
        assert_eq!(hint("x", std::iter::empty()), "there are none");
    }
}
