//! The kinds of some collectors, by name.

use std::collections::HashMap;
use std::sync::OnceLock;

use foldhash::fast::RandomState;
use serde_json::value::RawValue;

use super::kind::{Kind, Role};
use super::model::ModelProperty;

/// The data files by name. `base` is what every collector shares.
const FILES: [(&str, &str); 15] = [
    ("aws", include_str!("../../data/aws.json")),
    ("azure", include_str!("../../data/azure.json")),
    ("base", include_str!("../../data/base.json")),
    ("digitalocean", include_str!("../../data/digitalocean.json")),
    ("dockerhub", include_str!("../../data/dockerhub.json")),
    ("example", include_str!("../../data/example.json")),
    ("gcp", include_str!("../../data/gcp.json")),
    ("github", include_str!("../../data/github.json")),
    ("hetzner", include_str!("../../data/hetzner.json")),
    ("k8s", include_str!("../../data/k8s.json")),
    ("onelogin", include_str!("../../data/onelogin.json")),
    ("posthog", include_str!("../../data/posthog.json")),
    ("random", include_str!("../../data/random.json")),
    ("scarf", include_str!("../../data/scarf.json")),
    ("slack", include_str!("../../data/slack.json")),
];

/// The kinds of some collectors. Loading finds the lines of the kinds; a kind is parsed when it is first used. Every node and
/// every object in it looks for its kind, so the map has a fast hash.
#[derive(Debug)]
pub struct KindTable {
    kinds: HashMap<&'static str, Entry, RandomState>,
    /// In the order of the files.
    names: Vec<&'static str>,
}

#[derive(Debug)]
struct Entry {
    raw: &'static RawValue,
    kind: OnceLock<Result<Kind, String>>,
    /// Its bases at any distance.
    above: OnceLock<Vec<&'static str>>,
}

impl Entry {
    fn new(raw: &'static RawValue) -> Self {
        Self { raw, kind: OnceLock::new(), above: OnceLock::new() }
    }
}

/// A kind or data file that is missing or broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindTableError {
    /// There is no such data file.
    #[error("there are no kinds called `{0}`; known are {known}", known = KindTable::available().collect::<Vec<_>>().join(", "))]
    NoFile(String),
    /// A data file is not what it should be. Tests read all of them, so this build is broken.
    #[error("the kinds of `{file}` in this build are broken: {reason}")]
    BrokenFile {
        /// Name of the data file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The table has no such kind.
    #[error("there is no kind `{0}`")]
    NoKind(String),
    /// The line of a kind is not what it should be. Tests read all of them, so this build is broken.
    #[error("the kind `{kind}` in this build is broken: {reason}")]
    BrokenKind {
        /// Name of the kind.
        kind: String,
        /// What is wrong.
        reason: String,
    },
}

impl KindTable {
    /// The kinds of these data files. All but `base` extend `base`, which has to be named too.
    pub fn load(files: &[&str]) -> Result<Self, KindTableError> {
        let mut table = Self { kinds: HashMap::default(), names: Vec::new() };
        for file in files {
            let (_, text) = FILES
                .iter()
                .find(|(name, _)| name == file)
                .ok_or_else(|| KindTableError::NoFile((*file).to_owned()))?;
            table.add(file, text)?;
        }
        Ok(table)
    }

    /// The names of all data files.
    pub fn available() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(name, _)| *name)
    }

    /// Adds the kinds of a data file that is not built in; `file` names it in errors. Kinds that the table has
    /// already stay as they are.
    pub fn add(&mut self, file: &str, text: &'static str) -> Result<(), KindTableError> {
        let lines: HashMap<&'static str, &'static RawValue> =
            serde_json::from_str(text).map_err(|error| KindTableError::BrokenFile {
                file: file.to_owned(),
                reason: error.to_string(),
            })?;
        let mut names: Vec<_> = lines.keys().copied().collect();
        names.sort_unstable();
        self.names.extend(names.iter().filter(|name| !self.kinds.contains_key(*name)));
        for (name, raw) in lines {
            self.kinds.entry(name).or_insert_with(|| Entry::new(raw));
        }
        // What is new may be a base of what was there.
        self.kinds.values_mut().for_each(|entry| entry.above = OnceLock::new());
        Ok(())
    }

    /// The kind called `fqn`.
    pub fn kind(&self, fqn: &str) -> Result<&Kind, KindTableError> {
        let entry = self.kinds.get(fqn).ok_or_else(|| KindTableError::NoKind(fqn.to_owned()))?;
        entry
            .kind
            .get_or_init(|| Kind::parse(entry.raw))
            .as_ref()
            .map_err(|reason| KindTableError::BrokenKind { kind: fqn.to_owned(), reason: reason.clone() })
    }

    /// Whether there is a kind called `fqn`.
    pub fn contains(&self, fqn: &str) -> bool {
        self.kinds.contains_key(fqn)
    }

    /// The names of all kinds, file by file, sorted within a file.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.names.iter().copied()
    }

    /// Whether `fqn` is the kind `base` or has it among its bases, at any distance. Kinds that the table lacks
    /// have no bases.
    pub fn is_a(&self, fqn: &str, base: &str) -> bool {
        fqn == base || self.above(fqn).contains(&base)
    }

    fn above(&self, fqn: &str) -> &[&'static str] {
        let Some(entry) = self.kinds.get(fqn) else { return &[] };
        entry.above.get_or_init(|| {
            let bases = self.kind(fqn).map_or(&[][..], |kind| kind.model().bases.as_slice());
            let mut above: Vec<&'static str> = bases.to_vec();
            above.extend(bases.iter().flat_map(|base| self.above(base)));
            above.sort_unstable();
            above.dedup();
            above
        })
    }

    /// The place of `kind` in the hierarchy of the graph.
    pub fn role(&self, kind: &Kind) -> Role {
        *kind.role.get_or_init(|| {
            let found = Role::BASES.iter().find(|(base, _)| self.is_a(kind.fqn(), base));
            found.map_or(Role::Resource, |(_, role)| *role)
        })
    }

    /// All properties of the kind called `fqn` in fixcore's data model, those of the bases first, a property
    /// that is declared again once at its first place with its last declaration.
    pub fn model_properties(&self, fqn: &str) -> Result<Vec<&ModelProperty>, KindTableError> {
        let kind = self.kind(fqn)?;
        let mut properties: Vec<&ModelProperty> = Vec::new();
        for base in &kind.model().bases {
            for property in self.model_properties(base)? {
                put(&mut properties, property);
            }
        }
        for property in &kind.model().properties {
            put(&mut properties, property);
        }
        Ok(properties)
    }

    /// All kinds of the table as a JSON list, the way fixcore's data model takes it. This is what the Python
    /// worker uploads for the same collectors: the whole of `base`, whether used or not, and what a collector
    /// adds.
    pub fn export_model(&self) -> Result<String, KindTableError> {
        let mut text = String::from("[");
        for name in &self.names {
            let Some(entry) = self.kinds.get(name) else { continue };
            let model = Kind::model_text(entry.raw)
                .map_err(|reason| KindTableError::BrokenKind { kind: (*name).to_owned(), reason })?;
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(model);
        }
        text.push(']');
        Ok(text)
    }
}

fn put<'a>(properties: &mut Vec<&'a ModelProperty>, property: &'a ModelProperty) {
    match properties.iter_mut().find(|known| known.name == property.name) {
        Some(known) => *known = property,
        None => properties.push(property),
    }
}
