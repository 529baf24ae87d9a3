//! The sections of the config document: our own two, and one for each collector that has settings.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use ipc_proto::job::Described;
use serde_json::{Map, Number, Value};
use thiserror::Error;

use crate::check::Checker;
use crate::kinds::{Complex, Kinds, KindsError, Named};
use crate::problem::{Problem, SettingPath, What};
use crate::setting::{self, Facts, Range, Setting};
use crate::suggest::{Close, close_to};
use crate::{supervisor, worker};

/// All sections that this worker knows, with their types and defaults.
#[derive(Debug, Clone)]
pub struct Sections {
    sections: IndexMap<String, Section>,
    model: Vec<Value>,
}

/// One section.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) kinds: Kinds,
    pub(crate) defaults: Map<String, Value>,
    ranges: IndexMap<String, Range>,
    hidden: BTreeSet<SettingPath>,
    /// Whether it is one of our own two, which hold no credentials but for the hidden ones.
    pub(crate) own: bool,
}

/// Why the section of a collector cannot be used. The collector then runs without settings.
#[derive(Debug, Error)]
pub enum SectionError {
    /// Kinds that fixcore would refuse as well.
    #[error("the section {section} of collector {collector} cannot be used: {source}")]
    Kinds {
        /// The collector.
        collector: String,
        /// Its section.
        section: String,
        /// What is wrong.
        source: KindsError,
    },
    /// The defaults are not a JSON object.
    #[error("the defaults of section {section} of collector {collector} are not a JSON object: {source}")]
    Defaults {
        /// The collector.
        collector: String,
        /// Its section.
        section: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Somebody else has the name.
    #[error("collector {collector} wants the section {section}, which belongs to somebody else")]
    Taken {
        /// The collector.
        collector: String,
        /// Its section.
        section: String,
    },
}

/// What a check made of a section.
#[derive(Debug)]
pub(crate) struct Checked {
    /// All settings that can be used, and unknown keys as they were.
    pub(crate) values: Map<String, Value>,
    /// What was found.
    pub(crate) problems: Vec<Problem>,
}

impl Sections {
    /// Our own sections and those that the collectors described. A section that cannot be used is left out
    /// and reported; the others work.
    pub fn new(facts: &Facts, described: &[Described]) -> (Self, Vec<SectionError>) {
        let mut all = Self { sections: IndexMap::new(), model: Vec::new() };
        let mut errors = Vec::new();
        for (name, settings, kinds) in [
            (worker::SECTION, worker::SETTINGS, worker::kinds()),
            (supervisor::SECTION, supervisor::SETTINGS, supervisor::kinds()),
        ] {
            all.add_own(name, settings, kinds, facts);
        }
        for collector in described {
            if let Some(section) = &collector.section
                && let Err(error) = all.add_described(&collector.collector, section)
            {
                errors.push(error);
            }
        }
        (all, errors)
    }

    fn add_own(&mut self, name: &str, settings: &[Setting], kinds: Vec<Value>, facts: &Facts) {
        let json = Value::from(kinds.clone()).to_string();
        let parsed = Kinds::parse(&json, name).expect("our own kinds are well-formed, which a test shows");
        let root = SettingPath::section(name);
        let section = Section {
            name: name.to_owned(),
            kinds: parsed,
            defaults: setting::defaults(settings, facts),
            ranges: settings.iter().filter_map(|s| Some((s.name.to_owned(), s.range?))).collect(),
            hidden: worker::SECRET.iter().map(|key| root.key(key)).collect(),
            own: true,
        };
        self.sections.insert(name.to_owned(), section);
        self.model.extend(kinds);
    }

    fn add_described(
        &mut self,
        collector: &str,
        described: &ipc_proto::job::Section,
    ) -> Result<(), SectionError> {
        let (collector, section) = (collector.to_owned(), described.name.clone());
        if self.sections.contains_key(&section) {
            return Err(SectionError::Taken { collector, section });
        }
        let kinds = match Kinds::parse(&described.kinds_json, &section) {
            Ok(kinds) => kinds,
            Err(source) => return Err(SectionError::Kinds { collector, section, source }),
        };
        let defaults = match serde_json::from_str(&described.defaults_json) {
            Ok(defaults) => defaults,
            Err(source) => return Err(SectionError::Defaults { collector, section, source }),
        };
        let model: Vec<Value> = match serde_json::from_str(&described.kinds_json) {
            Ok(model) => model,
            Err(source) => {
                return Err(SectionError::Kinds { collector, section, source: KindsError::Syntax(source) });
            }
        };
        let known = |kind: &Value| self.model.iter().any(|other| other["fqn"] == kind["fqn"]);
        let new: Vec<_> = model.into_iter().filter(|kind| !known(kind)).collect();
        self.model.extend(new);
        let own = false;
        let (ranges, hidden) = (IndexMap::new(), BTreeSet::new());
        self.sections
            .insert(section.clone(), Section { name: section, kinds, defaults, ranges, hidden, own });
        Ok(())
    }

    /// The kinds of all sections, as `PATCH /configs/model` takes them. No metadata says which settings need
    /// a restart: the peer keeps that to itself as well.
    pub fn model(&self) -> &[Value] {
        &self.model
    }

    /// Names of all sections, ours first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Section> {
        self.sections.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Section> {
        self.sections.values()
    }

    pub(crate) fn close_to(&self, name: &str) -> Close {
        close_to(name, self.names())
    }
}

impl Section {
    /// The kind of the section itself.
    pub(crate) fn root(&self) -> &Complex {
        match self.kinds.named(&self.name) {
            Named::Complex(complex) => complex,
            Named::Enum(_) | Named::Simple(_) => unreachable!("Kinds::parse accepts a complex root only"),
        }
    }

    pub(crate) fn path(&self) -> SettingPath {
        SettingPath::section(&self.name)
    }

    /// A checker for values of this section that never shows what is `filled` from the environment.
    pub(crate) fn hidden(&self, filled: &BTreeSet<SettingPath>) -> BTreeSet<SettingPath> {
        self.hidden.union(filled).cloned().collect()
    }

    /// Checks all settings, each for itself: one that is wrong does not spoil the others.
    pub(crate) fn check(&self, values: &Map<String, Value>, filled: &BTreeSet<SettingPath>) -> Checked {
        let hidden = self.hidden(filled);
        let root = self.root();
        let mut checker = Checker::new(&self.kinds, self.own, &hidden);
        let mut good = Map::new();
        for (key, value) in values {
            let Some(value) = checker.entry(key, value, root, &self.path()) else { continue };
            match self.out_of_range(key, &value) {
                Some(what) => checker.problems.push(Problem::document(self.path().key(key), what)),
                None => _ = good.insert(key.clone(), value),
            }
        }
        let mut problems = checker.problems;
        let missing = root.properties.iter().filter(|(key, p)| p.required && !values.contains_key(*key));
        problems.extend(missing.map(|(key, _)| Problem::document(self.path().key(key), What::Missing)));
        if self.name == supervisor::SECTION {
            for problem in supervisor::check(&good) {
                good.retain(|key, _| self.path().key(key) != problem.path);
                problems.push(problem);
            }
        }
        Checked { values: good, problems }
    }

    /// Whether a value of a setting with bounds is outside of them.
    pub(crate) fn out_of_range(&self, key: &str, value: &Value) -> Option<What> {
        let range = self.ranges.get(key)?;
        let number = value.as_number().and_then(Number::as_f64)?;
        let expected = format!("a number from {} to {} ({})", range.min, range.max, range.unit);
        (number < range.min || number > range.max)
            .then(|| What::WrongType { expected, found: value.to_string() })
    }
}
