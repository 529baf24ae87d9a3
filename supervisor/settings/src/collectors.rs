//! Which collectors run.

use std::path::{Path, PathBuf};

use ipc_proto::job::{AutoEnable, Described};

use crate::environment::Environment;
use crate::suggest::{Close, close_to};

/// Where to look for signs of credentials.
#[derive(Clone, Copy)]
pub struct Probe<'a> {
    /// For variables.
    pub environment: &'a Environment,
    /// For paths that begin with `~/`; without it there are no such files.
    pub home: Option<&'a Path>,
    /// Whether a file exists.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

/// The collectors of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names that we have, in the order of the configuration, each once.
    pub active: Vec<String>,
    /// Names that we do not have. Their sections are kept; their graph is not touched.
    pub missing: Vec<MissingCollector>,
}

/// A collector that is configured and that this worker does not have; a sentence through `Display`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this worker has no collector called {name}{close}; its settings and its graph in fixcore are kept")]
pub struct MissingCollector {
    /// The name in the configuration.
    pub name: String,
    /// What may have been meant.
    pub close: Close,
}

/// Collectors that show a sign of credentials: the default of `fixworker.collector`.
pub fn auto_enabled(described: &[Described], probe: Probe<'_>) -> Vec<String> {
    let enabled = described.iter().filter(|one| one.auto_enable.iter().any(|sign| probe.shows(sign)));
    enabled.map(|one| one.collector.clone()).collect()
}

/// Sorts configured names into those that we have and those that we do not.
pub fn select(configured: &[String], described: &[Described]) -> Selection {
    let mut selection = Selection::default();
    for name in configured {
        let known = described.iter().any(|one| one.collector == *name);
        let seen = selection.active.contains(name) || selection.missing.iter().any(|one| one.name == *name);
        match (seen, known) {
            (true, _) => {}
            (false, true) => selection.active.push(name.clone()),
            (false, false) => {
                let close = close_to(name, described.iter().map(|one| one.collector.as_str()));
                selection.missing.push(MissingCollector { name: name.clone(), close });
            }
        }
    }
    selection
}

impl Probe<'_> {
    fn shows(&self, sign: &AutoEnable) -> bool {
        match sign {
            AutoEnable::Variable(name) => self.environment.get(name).is_some_and(|value| !value.is_empty()),
            AutoEnable::File(path) => self.path(path).is_some_and(|path| (self.exists)(&path)),
        }
    }

    fn path(&self, path: &str) -> Option<PathBuf> {
        match path.strip_prefix("~/") {
            Some(below) => self.home.map(|home| home.join(below)),
            None => Some(PathBuf::from(path)),
        }
    }
}

impl std::fmt::Debug for Probe<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("home", &self.home).finish_non_exhaustive()
    }
}
