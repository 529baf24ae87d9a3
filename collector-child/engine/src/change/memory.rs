//! What the process has done and been asked for, resource by resource: passes come back to what could not go yet.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::resource::Resource;

/// Services forget slowly: what was taken away may be listed for some seconds. So often a call that succeeded is left
/// out when its object is listed again; then somebody must have put it back.
const LISTED_AFTER: u32 = 2;

/// The memory of one process. Dry runs leave nothing in it.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    asked: HashSet<Who>,
    /// Calls that succeeded, with how often they are left out yet.
    done: HashMap<(Who, String), u32>,
    /// What was taken away from what is still there, in words.
    taken: HashMap<Who, Vec<String>>,
}

/// Which resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Who {
    account: String,
    region: String,
    kind: String,
    id: String,
}

impl Who {
    /// This one.
    pub fn of(resource: &Resource) -> Self {
        let place = resource.place();
        let id = resource.document()["id"].as_str().unwrap_or_default().to_owned();
        let (account, region) = (place.account().to_owned(), place.region().to_owned());
        Self { account, region, kind: resource.kind().to_owned(), id }
    }

    /// Another one of the same kind in the same place.
    #[must_use]
    pub fn other(&self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self.clone() }
    }
}

impl Memory {
    fn known<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Its deletion was asked for.
    pub fn asks(&self, who: &Who) {
        self.known(|known| known.asked.insert(who.clone()));
    }

    /// Whether its deletion was asked for.
    pub fn is_asked(&self, who: &Who) -> bool {
        self.known(|known| known.asked.contains(who))
    }

    /// Something was taken away from it.
    pub(super) fn takes(&self, who: &Who, words: String) {
        self.known(|known| known.taken.entry(who.clone()).or_default().push(words));
    }

    /// What was taken away from it so far.
    pub(super) fn taken(&self, who: &Who) -> Vec<String> {
        self.known(|known| known.taken.get(who).cloned().unwrap_or_default())
    }

    /// It is gone; of what was done for it nothing is needed any more.
    pub fn forgets(&self, who: &Who) {
        self.known(|known| {
            known.done.retain(|(of, _), _| of != who);
            known.taken.remove(who);
        });
    }
}

/// What was done for one resource.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// What the process has done.
    pub memory: &'a Memory,
    /// The resource.
    pub who: &'a Who,
}

impl Done<'_> {
    /// A call that takes something away from it succeeded.
    pub fn keeps(self, operation: &str, params: &Value) {
        let key = (self.who.clone(), format!("{operation} {params}"));
        self.memory.known(|known| known.done.insert(key, LISTED_AFTER));
    }

    /// Whether that was done a short while ago. Each answer of true counts.
    pub fn has(self, operation: &str, params: &Value) -> bool {
        let key = (self.who.clone(), format!("{operation} {params}"));
        self.memory.known(|known| match known.done.get_mut(&key) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tables::plan::Place;

    use super::*;

    #[test]
    fn what_was_done_is_not_done_again_at_once() {
        let memory = Memory::default();
        let reported = serde_json::from_value(json!({"id": "u"})).unwrap();
        let place = Place::new("1", "r", "r", "");
        let who = Who::of(&Resource::new("cloud_iam_user", reported, place, true));
        let done = Done { memory: &memory, who: &who };
        let params = json!({"UserName": "u"});
        assert!(!done.has("DeleteLoginProfile", &params));
        done.keeps("DeleteLoginProfile", &params);
        let again: Vec<bool> = (0..3).map(|_| done.has("DeleteLoginProfile", &params)).collect();
        assert_eq!(again, [true, true, false], "then somebody has put it back");
        let other = Done { memory: &memory, who: &who.other("v") };
        assert!(!other.has("DeleteLoginProfile", &params));
        memory.asks(&who);
        memory.forgets(&who);
        assert_eq!((memory.is_asked(&who), memory.is_asked(&who.other("v"))), (true, false));
    }
}
