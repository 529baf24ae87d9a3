//! What collectors that change their cloud are asked, and how they answer: cleanup, tags, commands.
//!
//! The machinery reads the nodes and refuses what must not be touched (protected, not marked, of another
//! account, of a kind that cannot be changed); a collector gets what is left, one resource at a time.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ipc_proto::clean::CleanEvent;
use ipc_proto::fault::{Fault, FaultKind, FaultSource};
use ipc_proto::graph::EdgeType;
use ipc_proto::job::Account;
use ipc_proto::limits::MAX_LOG;
use serde_json::{Value, json};

use crate::config::ConfigSection;
use crate::fault::{FaultExt, fault};
use crate::node::{StoredNode, TagChange};

/// Whether a collector can do something with resources of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// It can.
    Yes,
    /// It can do that with other kinds, not with this one.
    No,
    /// Never: a phantom is not a thing of the cloud that could be changed (clouds, regions, types, quotas).
    Phantom,
    /// The collector does not know the kind.
    Unknown,
    /// The collector cannot do that at all.
    Unsupported,
}

/// What can be done with a resource, for sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Delete it.
    Clean,
    /// Change its tags.
    Tag,
}

impl Ability {
    /// Why `collector` cannot do `change` with resources of `kind`; `None` if it can.
    pub fn refusal(self, change: Change, collector: &str, kind: &str) -> Option<String> {
        match self {
            Self::Yes => None,
            Self::No => Some(match change {
                Change::Clean => format!("resources of kind {kind} cannot be deleted by fixworker"),
                Change::Tag => format!("resources of kind {kind} have no tags that can be changed"),
            }),
            Self::Phantom => Some(match change {
                Change::Clean => format!("resources of kind {kind} are not things that can be deleted"),
                Change::Tag => format!("resources of kind {kind} are not things that have tags"),
            }),
            Self::Unknown => Some(format!("the collector {collector} does not know the kind {kind}")),
            Self::Unsupported => Some(match change {
                Change::Clean => format!("the collector {collector} cannot delete resources"),
                Change::Tag => format!("the collector {collector} cannot change tags"),
            }),
        }
    }
}

/// One account in which resources are deleted.
#[derive(Debug)]
pub struct CleanRequest {
    /// The collector's config section.
    pub config: ConfigSection,
    /// The account; its scope is empty.
    pub account: Account,
    /// Nothing may be changed: say in the log what would be done.
    pub dry_run: bool,
    /// Time left for the job when it started; `None` is no limit. Whoever waits for a resource to change its
    /// state should give up in time and answer Later.
    pub remaining: Option<Duration>,
}

/// A resource to delete.
#[derive(Debug)]
pub struct CleanTarget {
    /// The node; its ancestors are complete as far as the search had them (the account with role, profile...).
    pub node: StoredNode,
    /// Its neighbours over default and delete edges as of the last collect, to be deleted or not.
    pub related: Vec<RelatedNode>,
    /// There are more neighbours than these.
    pub related_cut: bool,
}

/// A neighbour of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct RelatedNode {
    /// The type of the edge between them: default or delete.
    pub edge: EdgeType,
    /// The edge leads from the resource to the neighbour.
    pub outgoing: bool,
    /// The neighbour.
    pub node: StoredNode,
}

/// Where the log of one deletion goes: one sentence for each step that changed something, or would in a dry run.
pub trait Journal: Send + Sync {
    /// Something was done.
    fn done(&self, message: String);
    /// Something failed, and the deletion goes on.
    fn failed(&self, message: String);
}

/// The event log of one resource while it is deleted; ends up in `metadata.event_log`, where people read it.
///
/// One entry for each step that changed something (or would, in a dry run), in the past tense, without the
/// name of the resource: "detached from vpc-1". The reason of the outcome is added by others.
#[derive(Default)]
pub struct CleanLog {
    events: Mutex<Vec<CleanEvent>>,
    left_out: Mutex<usize>,
}

impl CleanLog {
    /// Something was done.
    pub fn done(&self, message: impl Into<String>) {
        self.add(CleanEvent::done(message));
    }

    /// Something failed, but the deletion goes on.
    pub fn failed(&self, message: impl Into<String>) {
        self.add(CleanEvent::failed(message));
    }

    fn add(&self, event: CleanEvent) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        tracing::info!(failed = event.failed, "{}", event.message);
        if events.len() >= MAX_LOG - 1 {
            // The first and the last say most; what is dropped is counted.
            events.remove(MAX_LOG / 2);
            *self.left_out.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        events.push(event);
    }

    /// All entries.
    pub fn take(&self) -> Vec<CleanEvent> {
        let mut events = std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        let left_out = *self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        if left_out > 0 {
            events.insert(MAX_LOG / 2, CleanEvent::done(format!("({left_out} more entries)")));
        }
        events
    }
}

impl Journal for CleanLog {
    fn done(&self, message: String) {
        self.add(CleanEvent::done(message));
    }

    fn failed(&self, message: String) {
        self.add(CleanEvent::failed(message));
    }
}

impl fmt::Debug for CleanLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CleanLog").finish_non_exhaustive()
    }
}

/// Tags of one resource to change. What makes no sense for the node was refused before.
#[derive(Debug)]
pub struct TagRequest {
    /// The collector's config section.
    pub config: ConfigSection,
    /// The node, with complete ancestors.
    pub node: StoredNode,
    /// What to remove, then what to set.
    pub change: TagChange,
    /// Time left for the job when it started.
    pub remaining: Option<Duration>,
}

/// A command to execute.
#[derive(Debug)]
pub struct CommandRequest {
    /// The collector's config section.
    pub config: ConfigSection,
    /// Name of the command, as in the collector's definitions.
    pub name: String,
    /// The words behind it.
    pub args: Vec<String>,
    /// The node it is about, if any, with complete ancestors.
    pub node: Option<StoredNode>,
    /// Time left for the job when it started.
    pub remaining: Option<Duration>,
}

impl CommandRequest {
    /// The fault of a command that `collector` does not have.
    pub fn unknown_to(&self, collector: &str) -> Fault {
        refused(format!("the collector {collector} has no command {:?}", self.name))
    }
}

/// The fault of a task that asks for something impossible. The user reads it in fixcore's shell.
pub fn refused(message: impl Into<String>) -> Fault {
    fault(FaultKind::Config, message).with_source(FaultSource::User)
}

/// The task handler of a collector whose resources have tags, as `/work/queue` takes it. fixcore brings the command
/// `tag` and its help itself; the definition says only which clouds we serve.
pub fn tag_handler(cloud: &str) -> Value {
    json!({
        "name": "tag",
        "info": "change tags of resources",
        "description": "change tags of resources in their cloud",
        "filter": {"cloud": [cloud]},
        "expect_node_result": true,
        "args_description": {},
        "allowed_on_kind": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_keeps_its_beginning_and_its_end() {
        let log = CleanLog::default();
        for n in 0..MAX_LOG * 3 {
            log.done(n.to_string());
        }
        log.failed("last");
        let events = log.take();
        assert_eq!(events.len(), MAX_LOG);
        assert_eq!(events[0].message, "0");
        assert_eq!(events[MAX_LOG - 1], CleanEvent::failed("last"));
        assert_eq!(events[MAX_LOG / 2].message, format!("({} more entries)", MAX_LOG * 2 + 2));
    }

    #[test]
    fn every_ability_but_yes_says_why() {
        let refusal = |ability: Ability| ability.refusal(Change::Clean, "sky", "sky_region");
        assert_eq!(refusal(Ability::Yes), None);
        assert_eq!(
            refusal(Ability::Phantom).as_deref(),
            Some("resources of kind sky_region are not things that can be deleted")
        );
        let mut all: Vec<_> = [Ability::No, Ability::Phantom, Ability::Unknown, Ability::Unsupported]
            .into_iter()
            .flat_map(|ability| [Change::Clean, Change::Tag].map(|change| ability.refusal(change, "c", "k")))
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!((all.len(), all.contains(&None)), (7, false), "unknown is the same for both");
    }
}
