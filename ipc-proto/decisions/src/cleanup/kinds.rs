//! What the kinds of nodes say about deleting them.

use std::collections::{HashMap, HashSet};

/// These and everything that is made of them exist only in the graph, or hold everything else.
const NEVER_DELETED: [&str; 9] = [
    "phantom_resource",
    "graph_root",
    "base_cloud",
    "cloud",
    "organizational_root",
    "organizational_unit",
    "account",
    "region",
    "zone",
];
/// The levels of the hierarchy, from above: the name of each among the ancestors of a node, and its base kind.
const LEVELS: [(&str, &str); 4] =
    [("cloud", "base_cloud"), ("account", "account"), ("region", "region"), ("zone", "zone")];

/// The kinds that collectors describe, with their bases.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    bases: HashMap<String, Vec<String>>,
}

impl Kinds {
    /// Kinds with their bases.
    pub fn new(kinds: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        Self { bases: kinds.into_iter().collect() }
    }

    /// Whether a node of this kind is nothing that a cloud could delete: a region, a type, a quota.
    pub fn is_phantom(&self, kind: &str) -> bool {
        self.is_one_of(kind, &NEVER_DELETED)
    }

    /// Whether it is an account.
    pub fn is_account(&self, kind: &str) -> bool {
        self.is_one_of(kind, &["account"])
    }

    /// Whether it is a place that resources are in: cloud, account, region or zone.
    pub fn is_place(&self, kind: &str) -> bool {
        self.level(kind).is_some()
    }

    /// Which place it is, if it is one, as the ancestors of nodes call it.
    pub fn level(&self, kind: &str) -> Option<&'static str> {
        LEVELS.into_iter().find(|(_, base)| self.is_one_of(kind, &[base])).map(|(level, _)| level)
    }

    fn is_one_of(&self, kind: &str, wanted: &[&str]) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![kind];
        while let Some(kind) = open.pop() {
            if wanted.contains(&kind) {
                return true;
            }
            if seen.insert(kind) {
                open.extend(self.bases.get(kind).into_iter().flatten().map(String::as_str));
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phantoms_and_places_are_told_by_their_bases() {
        let bases: [(&str, &[&str]); 9] = [
            ("quota", &["phantom_resource"]),
            ("type", &["quota"]),
            ("instance_type", &["type"]),
            ("x_type", &["x", "instance_type"]),
            ("x_account", &["account"]),
            ("x_region", &["region"]),
            ("x", &["x_loop"]),
            ("x_loop", &["x"]),
            ("x_volume", &["x", "volume"]),
        ];
        let owned = |(kind, bases): (&str, &[&str])| {
            (kind.to_owned(), bases.iter().map(|&base| base.to_owned()).collect())
        };
        let kinds = Kinds::new(bases.into_iter().map(owned));
        for phantom in ["x_type", "x_account", "x_region", "cloud", "quota", "graph_root"] {
            assert!(kinds.is_phantom(phantom), "{phantom}");
        }
        for real in ["x_volume", "x", "unheard_of", "color"] {
            assert!(!kinds.is_phantom(real) && !kinds.is_place(real), "{real}");
        }
        assert!(kinds.is_account("x_account") && !kinds.is_account("x_region"));
        assert!(kinds.is_place("x_region") && kinds.is_place("x_account") && !kinds.is_place("x_type"));
        let levels = ["x_account", "x_region", "base_cloud", "x_volume"].map(|kind| kinds.level(kind));
        assert_eq!(levels, [Some("account"), Some("region"), Some("cloud"), None]);
    }
}
