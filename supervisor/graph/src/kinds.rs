//! Which place in the hierarchy a kind has, taken from the model that the collectors describe.
//!
//! A child says the role of each node; the model says what the kind allows. Only together can they be trusted:
//! a node of an account kind that poses as a resource would become an ancestor of its own.

use std::collections::{HashMap, HashSet};

use ipc_proto::graph::Role;
use serde::Deserialize;
use thiserror::Error;

use crate::index::Finds;

/// A model that cannot be read.
#[derive(Debug, Error)]
#[error("the kinds of a collector are not a JSON list of kinds: {0}")]
pub struct KindTableError(#[from] serde_json::Error);

/// Why a node's role is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoleError {
    /// fixcore would not know it, and refuse the whole merge.
    #[error("its kind is not in the model that the collectors describe")]
    UnknownKind,
    /// The role and the kind do not fit.
    #[error("it poses as {claimed:?}, but its kind makes it {actual:?}")]
    Mismatch {
        /// What the child says.
        claimed: Role,
        /// What the model says.
        actual: Role,
    },
}

#[derive(Deserialize)]
struct Kind {
    fqn: String,
    #[serde(default)]
    bases: Vec<String>,
}

/// The place of each kind.
#[derive(Debug, Clone, Default)]
pub struct KindTable {
    roles: HashMap<Box<str>, Role>,
    /// Kinds that a node above the resources may be, too: a search for one of them finds more than resources.
    wide: HashSet<Box<str>>,
    open: bool,
}

impl KindTable {
    /// A table that takes any kind at the child's word, but for `graph_root`.
    ///
    /// For exports without a model; a run against fixcore uses [`KindTable::from_kinds`].
    pub fn open() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Reads the lists in `Described::kinds_json` of all collectors of the run.
    pub fn from_kinds<'a>(lists: impl IntoIterator<Item = &'a str>) -> Result<Self, KindTableError> {
        let mut bases: HashMap<Box<str>, Vec<String>> = HashMap::new();
        for list in lists {
            let kinds: Vec<Kind> = serde_json::from_str(list)?;
            bases.extend(kinds.into_iter().map(|kind| (kind.fqn.into_boxed_str(), kind.bases)));
        }
        let roles: HashMap<_, _> = bases.keys().map(|kind| (kind.clone(), role_of(kind, &bases))).collect();
        let above = roles.iter().filter(|(_, role)| !matches!(role, Role::Resource | Role::Region));
        let wide = above.flat_map(|(kind, _)| hierarchy(kind, &bases)).map(Box::from).collect();
        Ok(Self { roles, wide, open: false })
    }

    /// The same table, but kinds that it lacks are taken at the child's word: for collectors whose input decides
    /// on the kinds. Whether fixcore knows them, fixcore says.
    #[must_use]
    pub fn trusting(mut self) -> Self {
        self.open = true;
        self
    }

    /// The role of a node of `kind` whose child claims `claimed`.
    ///
    /// Regions and resources may be confused: the role only counts in the cost of a merge, and the model wins.
    pub fn admit(&self, kind: &str, claimed: Role) -> Result<Role, RoleError> {
        let actual = match kind {
            "graph_root" => Role::Root,
            "cloud" => Role::Cloud,
            _ => match self.roles.get(kind) {
                Some(role) => *role,
                None if !self.open => return Err(RoleError::UnknownKind),
                None if matches!(claimed, Role::Root) => Role::Resource,
                None => claimed,
            },
        };
        let same = |role| if matches!(role, Role::Region) { Role::Resource } else { role };
        if same(actual) == same(claimed) { Ok(actual) } else { Err(RoleError::Mismatch { claimed, actual }) }
    }

    /// What a search for nodes of `kind` may find.
    pub(crate) fn finds(&self, kind: &str) -> Finds {
        match self.roles.get(kind) {
            Some(Role::Account) => Finds::Accounts,
            _ if self.wide.contains(kind) || EVERYTHING.contains(&kind) => Finds::Anything,
            Some(Role::Root | Role::Cloud | Role::Organization) => Finds::Anything,
            None if PLACES.iter().any(|(place, _)| kind.ends_with(place)) => Finds::Anything,
            Some(Role::Region | Role::Resource) | None => Finds::Resources,
        }
    }

    /// How many kinds are known.
    pub fn len(&self) -> usize {
        self.roles.len()
    }

    /// Whether no kind is known.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty()
    }
}

/// The first of these kinds among `kind` and its bases decides.
const PLACES: [(&str, Role); 7] = [
    ("graph_root", Role::Root),
    ("cloud", Role::Cloud),
    ("account", Role::Account),
    ("organizational_root", Role::Organization),
    ("organizational_unit", Role::Organization),
    ("region", Role::Region),
    ("zone", Role::Region),
];

/// Kinds of every node.
const EVERYTHING: [&str; 2] = ["resource", "phantom_resource"];

fn role_of(kind: &str, bases: &HashMap<Box<str>, Vec<String>>) -> Role {
    let hierarchy = hierarchy(kind, bases);
    let place = PLACES.iter().find(|(place, _)| hierarchy.contains(place));
    place.map_or(Role::Resource, |(_, role)| *role)
}

/// A kind and all its bases.
fn hierarchy<'a>(kind: &'a str, bases: &'a HashMap<Box<str>, Vec<String>>) -> Vec<&'a str> {
    let mut hierarchy = vec![kind];
    let mut next = 0;
    while let Some(base) = hierarchy.get(next).copied() {
        next += 1;
        for base in bases.get(base).into_iter().flatten() {
            if !hierarchy.contains(&base.as_str()) {
                hierarchy.push(base);
            }
        }
    }
    hierarchy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> KindTable {
        let base = r#"[{"fqn": "graph_root", "bases": ["resource"]}, {"fqn": "cloud", "bases": ["base_cloud"]},
            {"fqn": "account"}, {"fqn": "region"}, {"fqn": "zone"}, {"fqn": "organizational_unit"},
            {"fqn": "loop", "bases": ["loop2"]}, {"fqn": "loop2", "bases": ["loop"]},
            {"fqn": "color", "runtime_kind": "string", "enum": ["red"]}]"#;
        let own = r#"[{"fqn": "x_account", "bases": ["account", "x_resource"]}, {"fqn": "x_resource"},
            {"fqn": "x_region", "bases": ["region"], "properties": [{"name": "a", "kind": "string"}]},
            {"fqn": "x_ou", "bases": ["organizational_unit"]}]"#;
        KindTable::from_kinds([base, own]).unwrap()
    }

    #[test]
    fn roles_follow_the_bases() {
        let table = table();
        assert_eq!(table.admit("x_account", Role::Account), Ok(Role::Account));
        assert_eq!(table.admit("x_ou", Role::Organization), Ok(Role::Organization));
        assert_eq!(table.admit("x_resource", Role::Resource), Ok(Role::Resource));
        assert_eq!(table.admit("loop", Role::Resource), Ok(Role::Resource));
        assert_eq!(table.admit("cloud", Role::Cloud), Ok(Role::Cloud));
    }

    #[test]
    fn a_region_that_hides_as_resource_still_counts() {
        assert_eq!(table().admit("x_region", Role::Resource), Ok(Role::Region));
        assert_eq!(table().admit("x_resource", Role::Region), Ok(Role::Resource));
    }

    #[test]
    fn a_role_that_the_kind_does_not_have_is_refused() {
        let table = table();
        for (kind, claimed) in [
            ("x_account", Role::Resource),
            ("x_resource", Role::Account),
            ("x_resource", Role::Organization),
            ("cloud", Role::Resource),
            ("graph_root", Role::Resource),
            ("x_resource", Role::Root),
        ] {
            assert!(
                matches!(table.admit(kind, claimed), Err(RoleError::Mismatch { .. })),
                "{kind} as {claimed:?}"
            );
            assert!(KindTable::open().admit("x_any", Role::Root).is_err());
        }
        assert_eq!(table.admit("nope", Role::Resource), Err(RoleError::UnknownKind));
        assert_eq!(KindTable::open().admit("nope", Role::Resource), Ok(Role::Resource));
        assert!(KindTable::open().admit("cloud", Role::Resource).is_err());
    }

    #[test]
    fn a_search_finds_only_resources_if_no_account_is_of_its_kind() {
        let table = KindTable::from_kinds([r#"[{"fqn": "account", "bases": ["resource"]}, {"fqn": "resource"},
            {"fqn": "x_resource", "bases": ["resource"]}, {"fqn": "x_account", "bases": ["account", "x_resource"]},
            {"fqn": "x_volume", "bases": ["x_resource"]}]"#])
        .unwrap();
        for (kind, finds) in [
            ("x_volume", Finds::Resources),
            ("x_account", Finds::Accounts),
            ("account", Finds::Accounts),
            ("x_resource", Finds::Anything),
            ("resource", Finds::Anything),
            ("cloud", Finds::Anything),
            ("y_account", Finds::Anything),
            ("y_volume", Finds::Resources),
        ] {
            assert_eq!(table.finds(kind), finds, "{kind}");
        }
    }

    #[test]
    fn a_broken_model_is_an_error() {
        assert!(KindTable::from_kinds(["{}"]).is_err());
        assert!(KindTable::from_kinds(["[{\"bases\": []}]"]).is_err());
    }
}
