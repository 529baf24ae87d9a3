//! The settings in use, as one value that never changes: a new document makes a new one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use ipc_proto::job::Described;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::document::with_defaults;
use crate::environment::Environment;
use crate::overrides::Overrides;
use crate::placeholders;
use crate::problem::{Problem, SettingPath, What};
use crate::sections::{Section, Sections};
use crate::supervisor::{self, SupervisorSettings};
use crate::worker::{self, WorkerSettings};

/// What settings are made of.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What this worker knows.
    pub sections: &'a Sections,
    /// The document that counts: [`crate::document::Fetched::effective`], or the config file.
    pub document: &'a Map<String, Value>,
    /// The overrides of the command line.
    pub overrides: &'a Overrides,
    /// For placeholders.
    pub environment: &'a Environment,
}

/// The settings in use. Cloning is cheap; `Debug` shows no values.
#[derive(Clone)]
pub struct Running(Arc<Inner>);

struct Inner {
    worker: WorkerSettings,
    supervisor: SupervisorSettings,
    /// The values of all sections that can be used.
    sections: IndexMap<String, Map<String, Value>>,
    problems: Vec<Problem>,
    used: BTreeMap<String, String>,
}

/// The values of one section, and whether all settings were fine.
struct Loaded {
    values: Map<String, Value>,
    problems: Vec<Problem>,
    /// Variables that were put in, with their values.
    used: BTreeMap<String, String>,
}

impl Running {
    /// Settings from a document: defaults, placeholders and overrides in it, checked.
    ///
    /// Nothing makes this fail; [`Running::problems`] says what is wrong, and the one-shot ends over it. A
    /// setting of ours that cannot be used keeps the value of `previous`, or has its default. A collector's
    /// section with such a setting is taken whole from `previous`, and without one is not there: to collect
    /// with half a section could reach accounts that nobody asked for.
    pub fn load(inputs: Inputs<'_>, previous: Option<&Self>) -> Self {
        let unknown = inputs.document.keys().filter(|name| inputs.sections.get(name).is_none());
        let mut problems: Vec<_> = unknown
            .map(|name| {
                let what = What::UnknownSection(inputs.sections.close_to(name));
                Problem::document(SettingPath::section(name), what)
            })
            .collect();
        problems.extend(inputs.overrides.problems(inputs.sections));
        let (mut sections, mut used) = (IndexMap::new(), BTreeMap::new());
        for section in inputs.sections.all() {
            let last = previous.and_then(|previous| previous.0.sections.get(&section.name));
            let mut loaded = load_section(section, &inputs);
            if let Some(values) = usable(section, &mut loaded, last) {
                sections.insert(section.name.clone(), values);
            }
            problems.append(&mut loaded.problems);
            used.append(&mut loaded.used);
        }
        problems.extend(settle_shard(&mut sections));
        let worker = typed(&sections, worker::SECTION);
        let supervisor = typed(&sections, supervisor::SECTION);
        Self(Arc::new(Inner { worker, supervisor, sections, problems, used }))
    }

    /// The section `fixworker`.
    pub fn worker(&self) -> &WorkerSettings {
        &self.0.worker
    }

    /// The section `supervisor`.
    pub fn supervisor(&self) -> &SupervisorSettings {
        &self.0.supervisor
    }

    /// The values of a section, complete and checked. `None` if no such section was described, or if it cannot
    /// be used: then [`Running::problems_of`] says why.
    pub fn section(&self, name: &str) -> Option<&Map<String, Value>> {
        self.0.sections.get(name)
    }

    /// Everything that is wrong with the document and the overrides.
    pub fn problems(&self) -> &[Problem] {
        &self.0.problems
    }

    /// Variables of the environment that the document has put into settings, with their values: they may be
    /// credentials, and are to be shown to nobody.
    pub fn used_variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.used.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What is wrong with one section.
    pub fn problems_of(&self, section: &str) -> impl Iterator<Item = &Problem> {
        let section = SettingPath::section(section);
        self.0.problems.iter().filter(move |problem| problem.path.is_within(&section))
    }

    /// Problems that `previous` did not have, so that each is logged once.
    pub fn new_problems<'a>(&'a self, previous: &'a Self) -> impl Iterator<Item = &'a Problem> {
        self.0.problems.iter().filter(|problem| !previous.0.problems.contains(problem))
    }

    /// The bound of one attempt.
    pub fn account_timeout(&self) -> Duration {
        self.0.supervisor.account_timeout.unwrap_or(self.0.worker.timeout)
    }

    /// How many accounts of a collector run at once: by its own pool setting, else `fixworker.pool_size`;
    /// at least one.
    pub fn account_pool_size(&self, collector: &Described) -> usize {
        let section = collector.section.as_ref().and_then(|section| self.section(&section.name));
        let own = section.zip(collector.pool_setting.as_ref()).and_then(|(section, key)| section.get(key));
        let own = own.and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        own.unwrap_or(self.0.worker.pool_size).max(1)
    }

    pub(crate) fn sections(&self) -> &IndexMap<String, Map<String, Value>> {
        &self.0.sections
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections: Vec<_> = self.0.sections.keys().collect();
        f.debug_struct("Running").field("sections", &sections).field("problems", &self.0.problems).finish()
    }
}

fn load_section(section: &Section, inputs: &Inputs<'_>) -> Loaded {
    let nothing = Map::new();
    let mut problems = Vec::new();
    let given = match inputs.document.get(&section.name) {
        Some(Value::Object(given)) => given,
        None | Some(Value::Null) => &nothing,
        Some(_) => {
            let (expected, found) = ("an object".to_owned(), "something else".to_owned());
            problems.push(Problem::document(section.path(), What::WrongType { expected, found }));
            &nothing
        }
    };
    let (values, resolved) = placeholders::resolve(given, &section.path(), inputs.environment);
    let mut values = with_defaults(values, &section.defaults);
    let (overridden, mut failed) = inputs.overrides.apply(section, &mut values);
    problems.append(&mut failed);
    let unresolved = resolved.unresolved.into_iter();
    problems.extend(unresolved.filter(|(path, _)| !overridden.iter().any(|over| path.is_within(over))).map(
        |(path, variable)| {
            let withheld = placeholders::is_withheld(&variable);
            let what = if withheld { What::Withheld(variable) } else { What::Unresolved(variable) };
            Problem::document(path, what)
        },
    ));
    let mut checked = section.check(&values, &resolved.filled);
    problems.append(&mut checked.problems);
    Loaded { values: checked.values, problems, used: resolved.used }
}

/// The values to use, with what was right before in place of what is wrong now.
fn usable(
    section: &Section,
    loaded: &mut Loaded,
    last: Option<&Map<String, Value>>,
) -> Option<Map<String, Value>> {
    let spoiled = loaded.problems.iter().any(Problem::spoils_value);
    if section.own {
        let mut values = std::mem::take(&mut loaded.values);
        for (key, default) in &section.defaults {
            let fallback = || last.and_then(|last| last.get(key)).unwrap_or(default).clone();
            values.entry(key.clone()).or_insert_with(fallback);
        }
        return Some(values);
    }
    if spoiled { last.cloned() } else { Some(std::mem::take(&mut loaded.values)) }
}

/// A worker that sees only a part of the accounts must not replace whole clouds.
fn settle_shard(sections: &mut IndexMap<String, Map<String, Value>>) -> Option<Problem> {
    let sharded = sections.get(supervisor::SECTION)?.get("shard").is_some_and(|shard| !shard.is_null());
    let kind = sections.get_mut(worker::SECTION)?.get_mut("graph_merge_kind")?;
    if !sharded || *kind != "cloud" {
        return None;
    }
    *kind = "account".into();
    let path = SettingPath::section(worker::SECTION).key("graph_merge_kind");
    let text = "a worker with supervisor.shard sees only a part of each cloud and cannot replace it as a whole; \
                accounts are replaced one by one: set graph_merge_kind to account";
    Some(Problem::document(path, What::Conflict(text.to_owned())))
}

/// A section of ours in its type. The checks have made sure that it fits.
fn typed<T: DeserializeOwned>(sections: &IndexMap<String, Map<String, Value>>, name: &str) -> T {
    let values = sections.get(name).cloned().unwrap_or_default();
    serde_json::from_value(Value::Object(values))
        .unwrap_or_else(|error| unreachable!("checked values of section {name} do not fit: {error}"))
}
