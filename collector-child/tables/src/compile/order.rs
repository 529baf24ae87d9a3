//! The order in which properties are made.

use std::collections::HashSet;

use inventory::Kind;

use super::mistake::Log;
use crate::plan::{Property, Root, Template};

/// Properties that refer to others come behind them.
pub(crate) fn in_order(properties: Vec<Property>, kind: &Kind, log: &Log, at: usize) -> Vec<Property> {
    let needs = |property: &Property| -> Vec<String> {
        let paths = property.value.paths.iter().chain(property.value.text.iter().flat_map(Template::paths));
        paths
            .filter_map(|path| match &path.root {
                Root::Property(name) => Some(name.clone()),
                _ => None,
            })
            .collect()
    };
    let mut waiting = properties;
    let all: HashSet<String> = waiting.iter().map(|property| property.name.clone()).collect();
    let mut ordered: Vec<Property> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let done: HashSet<&str> = ordered.iter().map(|property| property.name.as_str()).collect();
        let ready = |property: &Property| {
            needs(property).iter().all(|name| done.contains(name.as_str()) || !all.contains(name))
        };
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(ready);
        if now.is_empty() {
            let names: Vec<&str> = later.iter().map(|property| property.name.as_str()).collect();
            log.say(at, format!("{}: {} need each other", kind.fqn(), names.join(", ")));
            break;
        }
        ordered.extend(now);
        waiting = later;
    }
    ordered
}
