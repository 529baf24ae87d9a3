//! Cleanup, tags and commands: the jobs that change a cloud, and what a child answers.
//!
//! Nodes travel as fixcore gave them: JSON text that the supervisor does not look into beyond ids, edges and
//! metadata. The kind of a node (`reported.kind`) decides what is done with it, whoever wrote it.

use std::mem;

use bincode::{Decode, Encode};

use crate::account::Account;
use crate::graph::EdgeType;
use crate::limits::{CLEAN_TARGET, MAX_FRAME, MAX_NODE_JSON, START_RESERVE};
use crate::secret::Secret;

/// What to delete in one account in one pass. No resource of a job depends on another one.
///
/// A run of cleanup gives a child one job for each pass (more where [`CleanJob::split`] had to cut), one after
/// the other, so that sessions and caches live through all passes. The child begins with the resources in
/// their order, [`CleanJob::parallel`] at once, and answers one
/// [`Cleaned`](crate::message::Report::Cleaned) for each as soon as that is done, then Done. What it has not
/// answered when it ends is unknown, and is asked for again: a resource that is not found counts as deleted.
/// Fatal means that nothing can be done in this account now (credentials, config).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CleanJob {
    /// Name of the collector.
    pub collector: String,
    /// The collector's config section, a JSON object; it may hold credentials.
    pub config: Secret<String>,
    /// The account; the scope is empty, because fixcore does not know it. Role, profile and the like are
    /// properties of the account node in [`Self::ancestors_json`].
    pub account: Account,
    /// The complete nodes of the account and of the regions and zones that the resources are in, as far as the
    /// search had them, each once. The `ancestors` inside of the resources have only ids and names after a
    /// search.
    pub ancestors_json: Vec<String>,
    /// What to delete.
    pub resources: Vec<CleanResource>,
    /// Nothing may be changed: each resource is answered with [`CleanOutcome::Planned`], or refused as it
    /// would be.
    pub dry_run: bool,
    /// How many resources may be worked on at once; 0 counts as 1.
    pub parallel: u32,
}

/// One resource to delete.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CleanResource {
    /// The node as fixcore's search gives it: id, type, revision, reported, metadata, desired, ancestors. At
    /// most [`MAX_NODE_JSON`] bytes. A node that is protected, not marked (`desired.clean`), or whose
    /// `ancestors.account.reported.id` is not the id of the account is refused.
    pub node_json: String,
    /// Its neighbours over default and delete edges, as far as the search had them, whether they are to be
    /// deleted or not: deleting a resource may need them (the groups of a user). They show how it was when the
    /// account was collected; what must be certain is asked of the cloud.
    pub related_json: Vec<Related>,
    /// Neighbours were left out, because all of them would not fit.
    pub related_cut: bool,
}

/// A neighbour of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Related {
    /// The type of the edge between them: default or delete.
    pub edge: EdgeType,
    /// The edge leads from the resource to the neighbour.
    pub outgoing: bool,
    /// The neighbour, like [`CleanResource::node_json`].
    pub node_json: String,
}

/// Changes tags of one resource. The child answers [`Tagged`](crate::message::Report::Tagged) and Done, or
/// Fatal with a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TagJob {
    /// Name of the collector.
    pub collector: String,
    /// The collector's config section, a JSON object; it may hold credentials.
    pub config: Secret<String>,
    /// The node as the task brings it, with complete ancestors. At most [`MAX_NODE_JSON`] bytes.
    pub node_json: String,
    /// Tags to set, in this order, after the others are removed.
    pub set: Vec<(String, String)>,
    /// Tags to remove, in this order. One that is not there is an error for the user.
    pub remove: Vec<String>,
}

/// Executes a command of the collector. The child answers [`Output`](crate::message::Report::Output) and
/// Done, or Fatal with a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CommandJob {
    /// Name of the collector.
    pub collector: String,
    /// The collector's config section, a JSON object; it may hold credentials.
    pub config: Secret<String>,
    /// Name of the command, as in `tasks_json` of Describe.
    pub name: String,
    /// Its arguments, in the words of the user.
    pub args: Vec<String>,
    /// The node it is about, if any, with complete ancestors. At most [`MAX_NODE_JSON`] bytes.
    pub node_json: Option<String>,
}

/// What became of one resource of a [`CleanJob`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cleaned {
    /// The node id, as in the JSON of the resource.
    pub node_id: String,
    /// How it ended.
    pub outcome: CleanOutcome,
    /// What was done, in the order it happened; at most [`MAX_LOG`](crate::limits::MAX_LOG) entries. It does
    /// not repeat the reason of the outcome. The supervisor adds the time, and the reason as last entry, and
    /// appends them to `metadata.event_log` of the node.
    pub log: Vec<CleanEvent>,
}

/// How the deletion of a resource ended. Append-only. Reasons are one sentence for people, without the name of
/// the resource, which the supervisor puts in front.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum CleanOutcome {
    /// It is deleted, or was not found: patched as cleaned.
    Gone,
    /// Not now: something else still depends on it, it is on its way out, or the cloud asks to try again. It
    /// is asked for again in a later pass, as long as anything makes progress and time is left.
    Later {
        /// What it waits for.
        reason: String,
    },
    /// The cloud refused. Whatever may go only after it stays as well.
    Failed {
        /// Why.
        reason: String,
    },
    /// It was not tried, because it must not or cannot be deleted: protected, a phantom, a kind that the
    /// collector cannot delete. Whatever may go only after it stays as well.
    Refused {
        /// Why.
        reason: String,
    },
    /// A dry run: the log says what would be done.
    Planned,
    /// It cannot be deleted by itself, and goes when another resource of the run goes (the first security group of
    /// a VPC). It holds that one up no longer, and its end is that of the other one: nothing is patched before.
    GoesWith {
        /// The node id of the other one.
        node_id: String,
    },
}

/// One entry of an event log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CleanEvent {
    /// One sentence; at most [`MAX_TEXT`](crate::limits::MAX_TEXT) bytes.
    pub message: String,
    /// It tells of a failure.
    pub failed: bool,
}

impl CleanEvent {
    /// Something was done.
    pub fn done(message: impl Into<String>) -> Self {
        Self { message: message.into(), failed: false }
    }

    /// Something failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), failed: true }
    }
}

impl CleanOutcome {
    /// The name for logs and tables, stable.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Later { .. } => "later",
            Self::Failed { .. } => "failed",
            Self::Refused { .. } => "refused",
            Self::Planned => "planned",
            Self::GoesWith { .. } => "goes with",
        }
    }

    /// Why it was not deleted, if it was not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Later { reason } | Self::Failed { reason } | Self::Refused { reason } => Some(reason),
            Self::Gone | Self::Planned | Self::GoesWith { .. } => None,
        }
    }
}

/// A [`CleanJob`] that was cut into parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SplitJob {
    /// The parts, in order; each fits a frame. None is empty.
    pub jobs: Vec<CleanJob>,
    /// Resources whose node alone is too large. They are the supervisor's to refuse.
    pub too_large: Vec<CleanResource>,
}

impl CleanJob {
    /// Cuts the job into parts that each fit a frame of `frame_cap` bytes (at most [`MAX_FRAME`]) together
    /// with what else Start carries ([`START_RESERVE`]). Parts aim at [`CLEAN_TARGET`] bytes; the resources
    /// stay in their order. Of a resource that does not fit alone, neighbours are left out from the end.
    pub fn split(mut self, frame_cap: usize) -> SplitJob {
        let resources = mem::take(&mut self.resources);
        let most = frame_cap.min(MAX_FRAME).saturating_sub(START_RESERVE + self.envelope());
        let target = CLEAN_TARGET.min(most);
        let mut split = SplitJob::default();
        let mut part: Vec<CleanResource> = Vec::new();
        let mut size = 0;
        for mut resource in resources {
            if !resource.cut_to(most) {
                split.too_large.push(resource);
                continue;
            }
            if size + resource.size() > target && !part.is_empty() {
                split.jobs.push(Self { resources: mem::take(&mut part), ..self.clone() });
                size = 0;
            }
            size += resource.size();
            part.push(resource);
        }
        if !part.is_empty() {
            split.jobs.push(Self { resources: part, ..self });
        }
        split
    }

    /// The bytes of everything but the resources, at most.
    fn envelope(&self) -> usize {
        let account = &self.account;
        let texts = [&self.collector, self.config.expose(), &account.cloud, &account.id, &account.name];
        let texts = texts.into_iter().chain([&account.node_id]).chain(&self.ancestors_json);
        texts.map(|text| text_size(text)).sum::<usize>() + account.scope.expose().len() + 2 * COUNT_SIZE
    }
}

impl CleanResource {
    /// The bytes it takes in a frame, at most.
    fn size(&self) -> usize {
        let related = self.related_json.iter().map(Related::size).sum::<usize>();
        text_size(&self.node_json) + related + COUNT_SIZE + 1
    }

    /// Leaves out neighbours until it takes at most `most` bytes; false if the node alone takes more.
    fn cut_to(&mut self, most: usize) -> bool {
        let mut size = self.size();
        while size > most
            && let Some(related) = self.related_json.pop()
        {
            size -= related.size();
            self.related_cut = true;
        }
        size <= most && self.node_json.len() <= MAX_NODE_JSON
    }
}

impl Related {
    fn size(&self) -> usize {
        text_size(&self.node_json) + 2
    }
}

/// The longest count or length in front of something.
const COUNT_SIZE: usize = 9;

fn text_size(text: &str) -> usize {
    text.len() + COUNT_SIZE
}

#[cfg(test)]
#[path = "clean_tests.rs"]
mod tests;
