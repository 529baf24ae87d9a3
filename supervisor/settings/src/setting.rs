//! The table form of our own two sections: one row is the kind, the default, the bounds and the restart rule.

use serde_json::{Map, Value, json};

/// What the defaults depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Usable processors; the default of `fixworker.cleanup_pool_size` is twice that, at least 4.
    pub cpus: usize,
    /// Collectors that have credentials, the default of `fixworker.collector`:
    /// see [`crate::collectors::auto_enabled`].
    pub auto_collectors: Vec<String>,
}

impl Facts {
    /// The facts of this host.
    pub fn of_this_host(auto_collectors: Vec<String>) -> Self {
        let cpus = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        Self { cpus, auto_collectors }
    }
}

/// One setting of a section of ours.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// Its kind in fixcore's config model.
    pub(crate) kind: &'static str,
    /// Whether null is refused.
    pub(crate) required: bool,
    pub(crate) default: fn(&Facts) -> Value,
    pub(crate) range: Option<Range>,
    /// A changed value takes effect after a restart only.
    pub(crate) restart: bool,
    pub(crate) description: &'static str,
}

/// Bounds of a number, inclusive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) unit: &'static str,
}

impl Setting {
    pub(crate) const fn new(
        name: &'static str,
        kind: &'static str,
        default: fn(&Facts) -> Value,
        description: &'static str,
    ) -> Self {
        Self { name, kind, required: true, default, range: None, restart: false, description }
    }

    pub(crate) const fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    pub(crate) const fn within(mut self, min: f64, max: f64, unit: &'static str) -> Self {
        self.range = Some(Range { min, max, unit });
        self
    }

    pub(crate) const fn restart(mut self) -> Self {
        self.restart = true;
        self
    }

    /// The property as fixcore's model takes it. The restart rule is ours alone: the peer does not send it.
    fn property(&self) -> Value {
        json!({
            "name": self.name,
            "kind": self.kind,
            "required": self.required,
            "description": self.description,
        })
    }
}

/// A complex kind without bases, in the form of fixcore's model.
pub(crate) fn complex_kind(name: &str, properties: &[Value]) -> Value {
    json!({
        "fqn": name,
        "bases": [],
        "properties": properties,
        "allow_unknown_props": false,
        "successor_kinds": null,
        "aggregate_root": true,
        "metadata": null,
    })
}

/// An enum kind.
pub(crate) fn enum_kind(name: &str, members: &[&str]) -> Value {
    json!({"fqn": name, "runtime_kind": "string", "enum": members})
}

/// The root kind of a section.
pub(crate) fn root_kind(name: &str, settings: &[Setting]) -> Value {
    complex_kind(name, &settings.iter().map(Setting::property).collect::<Vec<_>>())
}

/// All defaults, in the order of the table.
pub(crate) fn defaults(settings: &[Setting], facts: &Facts) -> Map<String, Value> {
    settings.iter().map(|setting| (setting.name.to_owned(), (setting.default)(facts))).collect()
}
