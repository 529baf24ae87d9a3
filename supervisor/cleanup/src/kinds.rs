//! What the kinds of nodes say about deleting them.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

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
/// Kinds of places that resources are in.
const PLACES: [&str; 4] = ["base_cloud", "account", "region", "zone"];

#[derive(Deserialize)]
struct Kind {
    fqn: String,
    #[serde(default)]
    bases: Option<Vec<String>>,
}

/// The kinds that the collectors describe, with their bases.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    bases: HashMap<String, Vec<String>>,
}

impl Kinds {
    /// Reads the lists in `Described::kinds_json` of all collectors.
    pub fn from_lists<'a>(lists: impl IntoIterator<Item = &'a str>) -> Result<Self, serde_json::Error> {
        let mut bases = HashMap::new();
        for list in lists {
            let kinds: Vec<Kind> = serde_json::from_str(list)?;
            bases.extend(kinds.into_iter().map(|kind| (kind.fqn, kind.bases.unwrap_or_default())));
        }
        Ok(Self { bases })
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
        self.is_one_of(kind, &PLACES)
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
        let kinds = Kinds::from_lists([
            r#"[{"fqn": "quota", "bases": ["phantom_resource"]}, {"fqn": "type", "bases": ["quota"]},
                {"fqn": "instance_type", "bases": ["type"]}, {"fqn": "color", "runtime_kind": "string"}]"#,
            r#"[{"fqn": "x_type", "bases": ["x", "instance_type"]}, {"fqn": "x_account", "bases": ["account"]},
                {"fqn": "x_region", "bases": ["region"]}, {"fqn": "x", "bases": ["x_loop"]},
                {"fqn": "x_loop", "bases": ["x"]}, {"fqn": "x_volume", "bases": ["x", "volume"]}]"#,
        ])
        .unwrap();
        for phantom in ["x_type", "x_account", "x_region", "cloud", "quota", "graph_root"] {
            assert!(kinds.is_phantom(phantom), "{phantom}");
        }
        for real in ["x_volume", "x", "unheard_of", "color"] {
            assert!(!kinds.is_phantom(real) && !kinds.is_place(real), "{real}");
        }
        assert!(kinds.is_account("x_account") && !kinds.is_account("x_region"));
        assert!(kinds.is_place("x_region") && kinds.is_place("x_account") && !kinds.is_place("x_type"));
        assert!(Kinds::from_lists(["junk"]).is_err());
    }
}
