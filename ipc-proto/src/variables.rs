//! Which variables of the environment a pattern names: what a collector declares, and what its child is given.

/// The least that stands before the `*` of a pattern: with less it would name variables of others.
pub const SHORTEST_BEGINNING: usize = 4;

/// Whether one of the patterns is of this variable; a trailing `*` stands for any rest.
pub fn names(patterns: &[String], variable: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => beginning.len() >= SHORTEST_BEGINNING && variable.starts_with(beginning),
        None => variable == pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_rest_of_a_beginning_that_is_long_enough() {
        let declared = ["SKY_*".to_owned(), "HOME".to_owned(), "X_*".to_owned()];
        for (variable, named) in [
            ("SKY_REGION", true),
            ("SKY_", true),
            ("HOME", true),
            ("SKYLINE", false),
            ("HOMER", false),
            ("X_Y", false),
        ] {
            assert_eq!(names(&declared, variable), named, "{variable}");
        }
    }
}
