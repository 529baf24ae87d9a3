//! What a new document means for a running worker.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::problem::SettingPath;
use crate::setting::Setting;
use crate::store::Running;
use crate::{supervisor, worker};

/// Settings with another value than before, overrides counted: what an override defines never changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// These take effect after a restart only. If there are any, the worker has to restart.
    pub restart: Vec<SettingPath>,
    /// These take effect at once; those of collectors with the next run.
    pub reload: Vec<SettingPath>,
}

impl Change {
    /// Compares the settings in use with new ones.
    pub fn between(old: &Running, new: &Running) -> Self {
        let mut change = Self::default();
        let names: BTreeSet<&String> = old.sections().keys().chain(new.sections().keys()).collect();
        for name in names {
            for path in differences(name, old.sections().get(name), new.sections().get(name)) {
                if needs_restart(&path) {
                    change.restart.push(path);
                } else {
                    change.reload.push(path);
                }
            }
        }
        change
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.restart.is_empty() && self.reload.is_empty()
    }
}

fn differences(
    section: &str,
    old: Option<&Map<String, Value>>,
    new: Option<&Map<String, Value>>,
) -> Vec<SettingPath> {
    let value = |values: Option<&Map<String, Value>>, key: &str| values.and_then(|v| v.get(key)).cloned();
    let path = SettingPath::section(section);
    let keys: BTreeSet<&String> = old.into_iter().chain(new).flat_map(Map::keys).collect();
    let changed = keys.into_iter().filter(|key| !same(value(old, key).as_ref(), value(new, key).as_ref()));
    changed.map(|key| path.key(key)).collect()
}

/// 5 and 5.0 are one number.
fn same(old: Option<&Value>, new: Option<&Value>) -> bool {
    match (old, new) {
        (Some(Value::Number(old)), Some(Value::Number(new))) => old == new || old.as_f64() == new.as_f64(),
        _ => old == new,
    }
}

fn needs_restart(path: &SettingPath) -> bool {
    [(worker::SECTION, worker::SETTINGS), (supervisor::SECTION, supervisor::SETTINGS)].into_iter().any(
        |(section, settings): (&str, &[Setting])| {
            let root = SettingPath::section(section);
            settings.iter().any(|setting| setting.restart && root.key(setting.name) == *path)
        },
    )
}
