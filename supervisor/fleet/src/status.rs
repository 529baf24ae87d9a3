//! What runs now, for `/children`, metrics and the naming of stragglers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::child::outcome::Subject;

/// One child, at the moment of asking.
#[derive(Debug, Clone)]
pub struct ChildStatus {
    /// Counts the children of this fleet, from 1.
    pub id: u64,
    /// The label in `ps`.
    pub label: String,
    /// Whom the process serves; without account if it serves several.
    pub subject: Subject,
    /// The process, once there is one.
    pub pid: Option<i32>,
    /// Where it is in its life.
    pub state: &'static str,
    /// Since when it exists.
    pub started: Instant,
    /// The last known resident memory, in bytes.
    pub rss: Option<u64>,
    /// What it works on.
    pub jobs: Vec<JobStatus>,
}

impl ChildStatus {
    /// How long it has been there.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Names the child and what it does, for a list of stragglers.
    pub fn describe(&self) -> String {
        let pid = self.pid.map_or_else(|| "no pid yet".to_owned(), |pid| format!("pid {pid}"));
        let steps: Vec<_> = self.jobs.iter().filter_map(|job| job.step.as_deref()).collect();
        let steps = if steps.is_empty() { String::new() } else { format!(", at {}", steps.join(", ")) };
        format!("{} ({pid}, {}, {} s{steps})", self.subject, self.state, self.age().as_secs())
    }
}

/// One job of a child.
#[derive(Debug, Clone)]
pub struct JobStatus {
    /// Whom it is about.
    pub subject: Subject,
    /// Counts from 1.
    pub attempt: u32,
    /// Since when it runs.
    pub started: Instant,
    /// What the last heartbeat named as the current step.
    pub step: Option<String>,
    /// Nodes that were received.
    pub nodes: u64,
}

/// All children of a fleet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    children: BTreeMap<u64, ChildStatus>,
}

impl Registry {
    /// A snapshot, oldest first.
    pub(crate) fn snapshot(&self) -> Vec<ChildStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).children.values().cloned().collect()
    }

    /// Enters a child; it leaves when the entry is dropped.
    pub(crate) fn enter(&self, label: String, subject: Subject) -> Entry {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last += 1;
        let id = inner.last;
        let status = ChildStatus {
            id,
            label,
            subject,
            pid: None,
            state: "spawning",
            started: Instant::now(),
            rss: None,
            jobs: Vec::new(),
        };
        inner.children.insert(id, status);
        Entry { registry: self.clone(), id }
    }
}

/// The place of one child in the registry.
#[derive(Debug)]
pub(crate) struct Entry {
    registry: Registry,
    id: u64,
}

impl Entry {
    /// Changes what is known.
    pub(crate) fn update(&self, change: impl FnOnce(&mut ChildStatus)) {
        let mut inner = self.registry.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = inner.children.get_mut(&self.id) {
            change(status);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.registry.0.lock().unwrap_or_else(PoisonError::into_inner).children.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc_proto::account::AccountName;

    #[test]
    fn children_enter_change_and_leave() {
        let registry = Registry::default();
        let account = AccountName { cloud: "rogue".into(), id: "1".into(), name: "prod".into() };
        let subject = Subject { collector: Some("aws".into()), account: Some(account) };
        let first = registry.enter("aws/1".into(), subject.clone());
        let second = registry.enter("aws/2".into(), Subject::default());
        first.update(|status| {
            status.pid = Some(7);
            status.state = "collecting";
            let started = Instant::now();
            let step = Some("eu-west-1".to_owned());
            status.jobs.push(JobStatus { subject, attempt: 1, started, step, nodes: 3 });
        });
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.len(), 2);
        assert_eq!(
            snapshot[0].describe(),
            "account prod (1) of collector aws (pid 7, collecting, 0 s, at eu-west-1)"
        );
        assert_eq!(snapshot[1].describe(), "the collectors (no pid yet, spawning, 0 s)");
        drop((first, second));
        assert!(registry.snapshot().is_empty());
    }
}
